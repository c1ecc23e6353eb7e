"""What a client is asked for: everything at first, afterwards what a run has missed, and nothing personal."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from kamkit.analysis.existence import asked_for
from kamkit.deliver import write_deliverables
from kamkit.deliver.data_request import first_requests
from kamkit.deliver.html import render_request
from kamkit.model.kam_type_rules import load_kam_type_rules
from kamkit.model.option_rules import load_option_rules
from kamkit.model.request_items import item_for, request_items
from kamkit.telling.data_request import first_request, next_request
from kamkit.telling.language import Labels
from kamkit.telling.questions import Question, need_of, open_questions
from tests.unit.test_catalogues import FORBIDDEN
from tests.unit.test_html import Page

TODAY = dt.date(2026, 3, 1)
DE, EN = Labels("de", "de_DE", "EUR"), Labels("en", "en_GB", "EUR")
PERSONAL = r"e-?mail(?!.*(?:unverschl|without encryption))|telefon|phone|geburt|birth|iban"


def first(labels: Labels = DE):  # type: ignore[no-untyped-def]
    return first_request("Muster GmbH", load_option_rules(), load_kam_type_rules(), labels, TODAY)


def next_of(questions: list[Question], labels: Labels = DE, tables: tuple[str, ...] = ("transactions",)):  # type: ignore[no-untyped-def]
    return next_request("Muster GmbH", tables, questions, load_option_rules(), labels, TODAY)


def test_everything_that_any_rule_or_test_needs_can_be_asked_for() -> None:
    rules = load_option_rules().options.values()
    needs = {need for rule in rules for indicator in rule.indicators.values() for need in indicator.needs}
    needs |= {need for missing in asked_for(load_kam_type_rules()).values() for need in missing}
    assert {need for need in needs if item_for(need_of(need), request_items()) is None} == set()


def test_the_conditions_say_themselves_what_they_ask_for() -> None:
    assert asked_for(load_kam_type_rules()) == {
        "E1": ("customers.key_label", "privileges.type"),
        "E2": ("customers.key_label", "budgets.plan"),
        "E3a": ("customers.key_label", "sales_organisation.role", "customers.region"),
        "E3b": ("customers.key_label", "sales_organisation.role"),
        "E4": ("decisions.decision",),
        "E5": ("customers.key_label", "privileges.type", "interactions.date", "interactions.contact_id"),
    }


def test_what_cannot_be_said_without_a_thing_follows_from_the_rules() -> None:
    gains = {thing.name: thing.gain for group in first().groups for thing in group.things}
    assert gains["budgets"] == "nicht beurteilbar: eigene Budgets."
    # takeover hangs on it too and is never named
    assert gains["projects"] == "nicht beurteilbar: Marktantenne und Kundenallianz."
    assert gains["interactions"] == (
        "nicht beurteilbar: Marktantenne, Beziehungsmanagement und Bandbreite der Zusammenarbeit."
    )
    assert all(re.search(r": .+\.$", gain) for gain in gains.values())


def test_every_thing_is_asked_for_once_in_its_group() -> None:
    names = [(group.title, thing.name) for group in first(EN).groups for thing in group.things]
    assert [name for title, name in names if title == "Cannot do without"] == [
        "transactions",
        "control_totals",
        "customers",
    ]
    assert sorted(name for _, name in names) == sorted(item.name for item in request_items())


def test_indispensable_columns_are_marked() -> None:
    (things, *_), *_ = [group.things for group in first().groups]
    assert [name for name, required in things.columns if required] == [
        "Kundennummer (Auftraggeber)", "Fakturadatum", "Nettobetrag",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["de", "en"])
def test_texts_use_the_words_that_work_and_ask_for_nothing_personal(language: str) -> None:
    for item in request_items():
        texts = [item.title, item.what, *item.columns.values(), *item.where.values()]
        said = "\n".join(text[language] for text in texts)
        assert not re.search(PERSONAL, said, re.IGNORECASE), item.name
        assert not [word for word in FORBIDDEN[language] if re.search(word, said)], item.name


def test_the_next_request_stands_by_what_it_would_bring() -> None:
    gaps = [
        Question("?", "?", 40.0, "budgets", ("budgets.plan",), ("existence_short.E2",)),
        Question("?", "?", 90.0, "customers.wallet", ("customers.wallet",), ("option.takeover", "option.alliance")),
        Question("?", "Erst damit zeigt sich, welcher Umsatz etwas einbringt.", 70.0, "margin"),
        Question("?", "?", 20.0, "transactions.margin", ("transactions.margin",), ("option.partnership",)),
        Question("Zu welchem Kunden gehört die Zeile?", "?", 500.0, "no_customer"),
    ]
    (group,) = next_of(gaps).groups
    assert [(thing.name, thing.effect, thing.gain) for thing in group.things] == [
        ("demand", 90.0, "Damit wird beurteilbar: Kundenallianz."),
        (
            "costs",
            70.0,
            "Erst damit zeigt sich, welcher Umsatz etwas einbringt. Damit wird beurteilbar: Partnerschaftssystem.",
        ),
        ("budgets", 40.0, "Damit wird beurteilbar: eigene Budgets."),
    ]


def test_of_a_table_that_came_in_only_the_missing_columns_are_asked_for() -> None:
    gap = Question(
        "?", "?", 1.0, "sales_organisation", ("sales_organisation.revenue_target",), ("existence_short.E3a",)
    )
    columns = [
        [name for name, _ in next_of([gap], EN, tables).groups[0].things[0].columns]
        for tables in (("transactions", "sales_organisation"), ("transactions",))
    ]
    assert columns == [
        ["revenue target"],
        ["role (KAM, field sales)", "territory", "revenue target", "priority customer"],
    ]


def test_a_column_that_only_own_rules_know_is_asked_for_by_its_question() -> None:
    gap = Question("Bitte ergänzen Sie …", "?", 1.0, "surveys", ("surveys.score",), ("option.alliance",))
    (thing,) = next_of([gap]).groups[0].things
    assert (thing.title, thing.columns, thing.where) == ("Bitte ergänzen Sie …", (("score", True),), ())
    assert "Wie Sie es am leichtesten bekommen" in render_request(next_of([gap]))


def test_nothing_missing_is_no_request() -> None:
    assert next_of([]) is None
    assert next_of([Question("Zu welchem Kunden?", "?", 500.0, "no_customer")]) is None


def test_the_report_and_the_request_name_the_same_gaps_with_the_same_revenue(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    story = client.story()
    questions = open_questions(
        client.imported, client.facts, client.labels, client.key_accounts, client.kam_types, client.options
    )
    shown = next(section for section in story.appendix if section.key == "missing").tables[0]
    asked = {question.question: question for question in questions}
    by_item: dict[str, float] = {}
    for row in range(len(shown)):
        item = item_for(asked[shown.raw(row, "question")].about, request_items())
        if item:
            by_item[item.name] = max(by_item.get(item.name, 0.0), shown.raw(row, "effect"))
    for request in story.requests:
        assert {thing.name: thing.effect for thing in request.groups[0].things} == by_item
    assert by_item == dict.fromkeys(("contracts", "demand", "organisation", "sales_organisation"), 2020.0)


@pytest.mark.parametrize("audience", ["field", "customer_meeting"])
def test_who_may_not_see_what_is_missing_gets_no_request(told, audience: str) -> None:  # type: ignore[no-untyped-def]
    assert told().story(audience=audience).requests == ()


def test_the_request_is_written_in_both_languages_beside_the_report(told, tmp_path) -> None:  # type: ignore[no-untyped-def]
    written = write_deliverables(told().story(), tmp_path, ["html"])
    assert [path.name.removeprefix("Mueller-und-Soehne-Grosshandel-GmbH_2025_") for path in written] == [
        "report.html", "data_sign-off.html", "data-request_de.html", "data-request_en.html",
    ]  # fmt: skip
    german, english = (path.read_text(encoding="utf-8") for path in written[2:])
    assert "Datenanforderung: was noch fehlt" in german
    assert "Data request: what is still missing" in english
    assert "Übernahme durch den Kunden" not in german
    for name in told().facts.accounts["name"]:
        assert f">{name}<" not in german


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_first_request_is_a_page_of_its_own(language: str) -> None:
    pages = first_requests("<b>Müller & Söhne</b>", TODAY)
    assert list(pages) == ["Datenanforderung.html", "data-request.html"]
    text = pages["Datenanforderung.html" if language == "de" else "data-request.html"]
    page = Page(text)
    assert page.open == []
    assert page.references == []
    assert page.tags[0][1]["lang"] == language
    assert "<b>Müller & Söhne</b>" in "\n".join(page.texts)
    assert "default-src 'none'" in text
    assert re.findall(r"url\((?!data:)", text) == []
    assert "<script" not in text
    assert len(text.encode()) < 150_000


def test_the_same_request_gives_the_same_bytes() -> None:
    assert first_requests("Muster GmbH", TODAY) == first_requests("Muster GmbH", TODAY)


def test_it_says_which_period_is_wanted_by_the_rule() -> None:
    rules = load_option_rules()
    months = rules.antenna.history_months
    rules = rules.model_copy(
        update={"antenna": rules.antenna.model_copy(update={"history_months": months.model_copy(update={"value": 18})})}
    )
    request = first_request("Muster GmbH", rules, load_kam_type_rules(), EN, TODAY)
    assert dict(request.hints)["Period"].startswith("the last 18 months")

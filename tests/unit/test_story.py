from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pandas as pd
import pytest

from kamkit.analysis.decisions import standing_decisions
from kamkit.deliver.html import render_html
from kamkit.deliver.xlsx import render_xlsx
from kamkit.errors import EngagementError
from kamkit.model.results import CustomerValue, Finding
from kamkit.telling.prose import sample_sentence
from kamkit.telling.results import finding_sentence
from kamkit.telling.sections import Points, Section
from kamkit.telling.story import SECTIONS, Story, for_audience


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def everything_told(story: Story) -> str:
    """All texts that any deliverable of a story contains."""
    import io

    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(render_xlsx(story)))
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    return plain("\n".join([render_html(story), *book.sheetnames, *cells]))


def test_the_first_pages_stand_in_their_order(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    assert [section.key for section in story.main] == [
        "at_a_glance", "pareto", "margin", "recommendations", "plan", "existence", "types",
    ]  # fmt: skip
    assert [section.key for section in story.appendix] == [
        "risk", "potential", "options", "missing", "decisions", "accounts", "organisation", "method", "data", "glossary",
    ]  # fmt: skip
    assert [sheet.key for sheet in story.sheets] == [
        "pareto", "key_accounts", "recommendations", "plan", "decisions", "accounts", "types", "options", "value",
        "intensity",
        "weights", "method",
    ]  # fmt: skip


def test_former_groups_have_a_sheet_where_there_are_any(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    span = {"customer_id": "A", "account_id": "A", "account_was": "X", "start": dt.date(2024, 1, 1)}
    span |= {"end": dt.date(2024, 12, 31), "rows": 1, "revenue": 70.0, "revenue_period": 0.0}
    sheet = replace(client, imported=replace(client.imported, as_was=pd.DataFrame([span]))).story().sheets[-2]
    assert (sheet.key, sheet.table.records()[0]["account_was"]) == ("as_was", "X")


def test_few_data_stand_under_a_banner(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    assert [section.banner for section in client.story().main] == [""] * 7
    assert str(sample_sentence(client.imported, client.labels)).startswith("Kunden und Monate reichen")
    values = {"accounts": 16, "months": 12, "few_accounts": 20, "few_months": 24}
    few = replace(client.imported, findings=(Finding("small_sample", "transactions", values=values),))
    story = replace(client, imported=few).story()
    banner = story.main[0].banner
    assert plain(banner) == (
        "Nur beschreibend: Für Statistik sind es zu wenige Daten (Kunden: 16, Monate: 12; nötig sind mindestens 20 Kunden "
        "und 24 Monate). Die Auswertungen zeigen, was war; Wahrscheinlichkeiten und Tests an der Historie entfallen."
    )
    assert [section.banner for section in story.main[1:]] == [""] * 6
    assert sample_sentence(few, client.labels) == banner
    assert repr(story.main[0]).startswith(banner)
    assert f"<p><b>{banner}</b></p>" in story.main[0]._repr_html_()
    assert f"<p class=banner role=note>{banner}</p>" in render_html(story)
    assert everything_told(story).count(plain(banner)) >= 2
    (meeting,) = {replace(client, imported=few).story("customer_meeting").main[0].banner}
    assert meeting == banner


def test_the_first_page_has_three_findings_and_three_decisions(told) -> None:  # type: ignore[no-untyped-def]
    page = told().story().main[0]
    assert (
        plain(page.finding)
        == "90 € Umsatz mit hohem Abwanderungsrisiko sind zu sichern, 20 € aus weißen Flecken auch ohne unser Zutun zu erwarten."
    )
    assert [len(listed.points) for listed in page.lists] == [3, 3]
    assert [plain(point) for point in page.lists[1].points] == [
        "Bestätigen: die Liste der 5 Key Accounts – mit einem Wort zu jedem Grenzfall (2).",
        "Abstimmen: die eine Entscheidung, zu der der Außendienst noch nicht gehört wurde.",
        "Freigeben: den einen Schritt des Maßnahmenplans, mit Verantwortlichem und Termin.",
    ]
    assert [plain(tile.value) for tile in page.tiles] == ["5 / 16", "82 %", "90 €", "20 €"]


def test_a_first_page_without_risk_or_potential_shows_no_zero(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    options = client.options
    calm = replace(
        options,
        account_risk=options.account_risk.assign(level="green", revenue_at_risk=0.0),
        cross_selling=options.cross_selling.assign(gate="closed"),
    )
    page = replace(client, options=calm).story().main[0]
    assert [plain(tile.value) for tile in page.tiles] == ["5 / 16", "82 %"]
    unknown = replace(options, account_risk=options.account_risk.head(0), cross_selling=options.cross_selling.head(0))
    page = replace(client, options=unknown).story().main[0]
    assert [tile.value for tile in page.tiles[2:]] == ["nicht beurteilbar"] * 2


def test_a_list_has_numbers_and_a_single_sentence_has_none() -> None:
    assert Points("Befunde", ("Erstens.", "Zweitens.")).lines() == ("1. Erstens.", "2. Zweitens.")
    assert Points("Befunde", ("Nur dies.",)).lines() == ("Nur dies.",)
    alone = Section("pareto", "Pareto", "Befund", lists=(Points("Konzerne", ("Nur dies.",)),))
    assert repr(alone) == "Befund\n\nKonzerne\nNur dies."
    assert "<ol>" not in alone._repr_html_()


def test_no_section_is_empty(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    accounts = client.facts.accounts.assign(margin=float("nan"))
    table = client.key_accounts.pareto.table.assign(margin=float("nan"))
    options = client.options
    bare = replace(
        client,
        facts=replace(client.facts, accounts=accounts, tables={}),
        key_accounts=replace(
            client.key_accounts, pareto=replace(client.key_accounts.pareto, table=table), value=CustomerValue()
        ),
        options=replace(
            options,
            actions=options.actions.head(0),
            cross_selling=options.cross_selling.head(0),
            account_risk=options.account_risk.assign(level="green"),
        ),
    ).story()
    assert [section.key for section in bare.main] == [
        "at_a_glance", "pareto", "recommendations", "existence", "types",
    ]  # fmt: skip
    assert [section.key for section in bare.appendix] == [
        "options", "missing", "accounts", "organisation", "method", "data", "glossary",
    ]  # fmt: skip
    assert all(s.tables or s.tiles or s.chart or s.lights for s in (*bare.main, *bare.appendix))


def test_rows_that_the_main_part_leaves_out_stand_in_the_appendix(told, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("kamkit.telling.story.NAMED_IN_MAIN_PART", 3)
    advice = next(section for section in told().story().main if section.key == "recommendations").tables[0]
    assert (len(advice), plain(advice.more)) == (3, "… 2 weitere Zeilen im Anhang unter „Alle Kunden“")
    alone = told().story(sections=["recommendations"])
    assert plain(alone.main[0].tables[0].more) == "… 2 weitere Zeilen"


def test_why_there_are_probabilities_or_none_stands_beside_the_warnings(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    few = Finding("chance_few_events", "transactions", values={"fewest": 20})
    held = Finding(
        "chance_holds",
        "transactions",
        values={"task": "risk_stop", "cut_off": dt.date(2025, 9, 30), "n": 40, "n_bins": 1},
    )
    curve = pd.DataFrame(
        {"task": ["risk_stop"], "bin": 1, "n": 40, "predicted": 0.05, "observed": 0.1, "observed_low": 0.03}
    ).assign(observed_high=0.26, holds=True)
    other = Finding("cross_none", "transactions")
    for methods, reliability in (((few, other), pd.DataFrame()), ((held, other), curve)):
        changed = replace(client, options=replace(client.options, methods=methods, reliability=reliability))
        sections = {section.key: section for section in changed.story().appendix}
        said = finding_sentence(methods[0], client.labels)
        shown = [table for table in sections["risk"].tables if table.key == "reliability"]
        assert (said in sections["risk"].text, [table.more for table in shown]) == (
            (True, []) if reliability.empty else (False, [said])
        )
        used = next(
            points.points for points in sections["method"].lists if points.title == "Verfahren dieser Auswertung"
        )
        assert used == (finding_sentence(other, client.labels),)


def test_the_appendix_lists_every_key_account_at_risk(told) -> None:  # type: ignore[no-untyped-def]
    risk = next(section for section in told().story().appendix if section.key == "risk").tables[0]
    assert (len(risk), risk.more) == (2, "")


def test_accounts_whose_classes_differ_are_named(told) -> None:  # type: ignore[no-untyped-def]
    margin = next(section for section in told().story().main if section.key == "margin")
    matrix, discordant = margin.tables
    assert matrix.rows == (("A", 4, 0, 0, 1), ("B", 2, 3, 0, 0), ("C", 0, 1, 4, 0))
    assert [plain(cell) for cell in discordant.cells[0]] == ["Kunde 1", "900 €", "−40 €", "A", "Verlust"]


def test_sections_can_be_chosen_and_unknown_ones_are_refused(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    assert [s.key for s in client.story(sections=("pareto", "glossary")).main] == ["pareto"]
    with pytest.raises(EngagementError) as problem:
        client.story(sections=("pareto", "porfolio"))
    assert str(problem.value) == (
        f"engagement.yml: 1 problem found\n- sections: 'porfolio' is not known. Known are: {', '.join(SECTIONS)}"
    )


@pytest.mark.parametrize("audience", ["field", "customer_meeting"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_field_sales_and_customers_never_see_what_is_confidential(told, audience: str, language: str) -> None:  # type: ignore[no-untyped-def]
    client = told(language=language)
    text = everything_told(client.story(audience))
    labels = client.labels
    secrets = {
        "takeover": labels("option.takeover"),
        "verdict": labels("prose.verdict_partial"),
        "pseudo": labels("kam_status.pseudo"),
        "pseudo KAM": "pseudo",
        "loss": labels("margin_class.loss"),
        "margin of the loss-maker": labels.money(-40),
        "margin rate of the loss-maker": labels.percent(-40 / 900),
        "other margins": labels.money(150),
    }
    page = re.sub(r"(?s)<style>.*?</style>", "", text)
    found = [
        name for name, secret in secrets.items() if re.search(rf"(?i)(?<!\w){re.escape(plain(secret))}(?!\w)", page)
    ]
    assert found == []


def test_bonuses_and_the_way_to_the_margin_are_for_those_who_see_margins(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    steps = ("net_revenue", "terms", "net_net", "margin", "margin_after_terms")
    base = pd.DataFrame({"step": steps, "amount": [5000.0, 4711.0, 289.0, 200.0, 100.0], "coverage": 1.0})
    base = base.assign(client_name=None, missing=[()] * len(steps))
    left = Finding("terms_no_revenue", "terms", examples=("Z",), values={"amount": 815.0, "n": 1})
    findings = (*client.imported.findings, left)
    client = replace(
        client,
        facts=replace(client.facts, margin_base=base),
        imported=replace(client.imported, findings=findings),
    )
    for audience, seen in (("management", True), ("field", False), ("customer_meeting", False)):
        text = everything_told(client.story(audience))
        assert [amount in text for amount in ("4.711 €", "815 €")] == [seen, seen], audience


@pytest.mark.parametrize("audience", ["management", "sales_management"])
def test_those_who_decide_see_all_of_it(told, audience: str) -> None:  # type: ignore[no-untyped-def]
    client = told()
    text = everything_told(client.story(audience))
    labels = client.labels
    for secret in (
        labels("option.takeover"),
        labels("prose.verdict_partial"),
        labels("kam_status.pseudo"),
        "−40 €",
        "Verlust",
    ):
        assert plain(secret) in text


def test_in_a_customer_meeting_other_customers_have_no_names(told) -> None:  # type: ignore[no-untyped-def]
    client = told([f"Geheim {chr(64 + i)}" for i in range(1, 17)])
    assert "Geheim" in everything_told(client.story("field"))
    text = everything_told(client.story("customer_meeting"))
    assert "Geheim" not in text
    assert "Kunde 1" in text


def test_the_same_story_in_every_deliverable(told) -> None:  # type: ignore[no-untyped-def]
    import io

    import openpyxl

    story = told().story()
    page = plain(render_html(story))
    book = openpyxl.load_workbook(io.BytesIO(render_xlsx(story)))
    first = "\n".join(plain(str(c.value)) for row in book.worksheets[0].iter_rows() for c in row if c.value)
    for point in (*story.main[0].lists[0].points, *story.main[0].lists[1].points):
        assert plain(point) in page
        assert plain(point) in first


def comments() -> pd.DataFrame:
    rows = [
        ["Maßnahmenplan für 90 Tage", None, "Erst nach der Messe.", "Vertriebsleitung", pd.Timestamp("2026-01-10")],
        ["pareto", None, "Fusion beachten.", None, pd.NaT],
        [None, "0002", "Neuer Einkaufsleiter.", "Außendienst", pd.NaT],
        [None, None, "Stand: Entwurf.", None, pd.NaT],
    ]
    return pd.DataFrame(rows, columns=["section", "account_id", "text", "author_role", "date"])


def decided_client(told):  # type: ignore[no-untyped-def]
    """Two overrides, one confirmed and one not, a wanted account, an account that the field rep misses, and a rep who
    contradicts."""
    client = told()
    decisions = pd.DataFrame(
        [
            {"account_id": "0001", "decision": "no", "reason_code": "risk", "reason": "Insolvenz droht",
             "consulted": "Frau Weiß", "opinion": "agree", "decided_by": "VL Sommer"},
            {"account_id": "0007", "decision": "yes", "reason_code": "potential"},
            {"new_account": "Wunsch AG", "decision": "yes", "decided_by": "VL Sommer"},
        ]
    )  # fmt: skip
    said = pd.DataFrame(
        [
            {"account_id": "0007", "opinion": "disagree", "proposal": "yes", "reason": "zu klein", "addressee": "Kern"},
            {"new_account": "Vermisst GmbH", "opinion": "missing", "reason": "baut ein Werk", "addressee": "Kern"},
        ]
    )
    tables = {"decisions": decisions.assign(subject="key_account"), "consultations": said}
    facts = replace(client.facts, tables=tables)
    standing = standing_decisions(facts)[["account_id", "subject", "decision", "status"]]
    return replace(client, facts=facts, key_accounts=replace(client.key_accounts, decided=standing))


def test_decisions_stand_beside_the_proposals(told) -> None:  # type: ignore[no-untyped-def]
    story = decided_client(told).story()
    section = next(part for part in story.appendix if part.key == "decisions")
    assert section.finding == (
        "3 Entscheidungen liegen vor: 2 weichen vom Vorschlag ab, 2 sind noch nicht mit dem Außendienst abgestimmt."
    )
    assert [points.lines() for points in section.lists] == [
        ("Kunde 7 (Key Account) und Wunsch AG (Key Account)",),
        ("Zu 5 Kunden der engeren Auswahl ist noch nichts entschieden.",),
    ]
    log, conflicts, named, overrides, consulted = section.tables
    shown = ["name", "proposal", "decision", "decision_status", "decision_reason", "consulted"]
    assert [[row[name] for name in shown] for row in log.records()] == [
        ["Kunde 1", "ja", "nein", "bestätigt", "Risiko: Insolvenz droht", "Frau Weiß"],
        ["Kunde 7", "nein", "ja", "unbestätigt", "Potenzial", "–"],
        ["Wunsch AG", "–", "ja", "unbestätigt", "–", "–"],
    ]
    assert [row["against"] for row in conflicts.records()] == ["Kern"]
    assert named.records()[0]["name"] == "Vermisst GmbH"
    # 900 and 80 of 2,475 above zero
    assert plain(overrides.records()[0]["override_size"]) == "40 %"
    assert [plain(cell) for cell in consulted.cells[0]] == ["Nord", "4", "2", "1", "25 %"]
    rows = next(part for part in story.appendix if part.key == "accounts").tables[0].records()
    assert [rows[0][name] for name in ("proposal", "decision", "decision_status")] == ["ja", "nein", "bestätigt"]
    assert story.main[0].lists[1].points[1].startswith("Abstimmen: die 2 Entscheidungen")


@pytest.mark.parametrize("audience", ["field", "customer_meeting"])
def test_who_decided_what_against_whom_stays_with_those_who_decide(told, audience: str) -> None:  # type: ignore[no-untyped-def]
    client = decided_client(told)
    secrets = ("Wunsch AG", "Vermisst GmbH", "zu klein", "unbestätigt", "Abstimmen: die")
    assert all(secret in everything_told(client.story("management")) for secret in secrets)
    assert not any(secret in everything_told(client.story(audience)) for secret in secrets)


def test_comments_stand_where_they_belong(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story(comments=comments())
    assert {s.key: tuple(c.line for c in s.comments) for s in (*story.main, *story.appendix) if s.comments} == {
        "at_a_glance": ("Stand: Entwurf.",),
        "pareto": ("Fusion beachten.",),
        "recommendations": ("Kunde 2: Neuer Einkaufsleiter. (Außendienst)",),
        "plan": ("Erst nach der Messe. (Vertriebsleitung, 10.01.2026)",),
    }
    assert everything_told(story).count("Neuer Einkaufsleiter") == 3  # section, page of the account, workbook


@pytest.mark.parametrize("audience", ["field", "customer_meeting"])
def test_comments_and_loss_makers_stay_with_those_who_decide(told, audience: str) -> None:  # type: ignore[no-untyped-def]
    client = told()
    advice = client.options.recommendations.assign(reason=["loss_making", *["why"] * 15])
    client = replace(client, options=replace(client.options, recommendations=advice))
    client.labels._sentences["reason.loss_making"] = "Bringt Verlust."
    client.labels._sentences["trigger.seen"] = "Anlass Verlust"
    text = everything_told(client.story(audience, comments=comments()))
    assert "Verlust" not in text
    assert ("Das Vorgehen wird in Absprache mit der Vertriebsleitung festgelegt." in text) == (audience == "field")
    assert "Einkaufsleiter" not in text
    assert "Verlust" in everything_told(client.story("management", comments=comments()))


def test_a_report_with_codes_says_so(told) -> None:  # type: ignore[no-untyped-def]
    assert told().story().confidentiality == "Vertraulich"
    assert told().story(pseudonymise=True).confidentiality == (
        "Vertraulich · Kundennamen durch Codes ersetzt, Schlüssel bei den Rohdaten"
    )


@pytest.mark.parametrize(
    ("audience", "is_shown"), [("management", True), ("field", False), ("customer_meeting", False)]
)
def test_a_takeover_and_the_trend_of_margins_stay_with_those_who_decide(told, audience: str, is_shown: bool) -> None:  # type: ignore[no-untyped-def]
    client = told()
    conditions = pd.DataFrame({"account_id": "0001", "condition": ["margin_stable", "joint_project"], "met": False})
    exposure = pd.DataFrame({"account_id": ["0001"], "revenue_questioned": [4711.0]})
    first = client.options.options.assign(values=[{"alliance_unmet": "margin_stable"}] * len(client.options.options))
    tests = pd.concat([client.options.backtests, pd.DataFrame({"task": ["takeover"]})])
    options = replace(
        client.options,
        options=first,
        conditions=conditions,
        takeover=exposure,
        takeover_sensitivity=exposure,
        backtests=tests,
    )
    shown = for_audience(audience, client.key_accounts, client.facts, options, client.labels)[2]
    assert [len(shown.takeover), len(shown.takeover_sensitivity)] == [int(is_shown)] * 2
    assert ("margin_stable" in set(shown.conditions["condition"])) is is_shown
    assert ("takeover" in set(shown.backtests["task"])) is is_shown
    assert {v["alliance_unmet"] for v in shown.options["values"]} == {"margin_stable" if is_shown else "score"}

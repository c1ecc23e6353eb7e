from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import ClassVar

import pytest

from kamkit.deliver import ascii_name, file_name, write_deliverables
from kamkit.deliver.html import render_html
from kamkit.errors import DeliverableError
from kamkit.model.brand import Look, Palette

NASTY = [
    '=cmd|"/c calc"!A1',
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "x" * 300,
    "Bäckerei 🥨 & Söhne",
    "\u202eevil\u202c",
    "'; DROP TABLE accounts; --",
    "{{ 7 * 7 }} {n} %s $x$",
    "שלום",
]


class Page(HTMLParser):
    """Collects what a page refers to, its texts, and whether its tags are balanced; end tags that HTML can do without may
    be missing."""

    VOID = ("meta", "input", "br", "img", "link")
    CLOSED_BY: ClassVar = {
        "td": ("td", "th"),
        "th": ("td", "th"),
        "tr": ("td", "th", "tr"),
        "tbody": ("td", "th", "tr", "thead"),
        "li": ("li",),
        "dt": ("dt", "dd"),
        "dd": ("dt", "dd"),
    }
    """What the beginning of an element ends."""
    CLOSED_WITH_PARENT = ("td", "th", "tr", "thead", "tbody", "li", "dt", "dd")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):  # type: ignore[no-untyped-def]
        self.tags.append((tag, dict(attrs)))
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        while self.open and self.open[-1] in self.CLOSED_BY.get(tag, ()):
            self.open.pop()
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):  # type: ignore[no-untyped-def]
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):  # type: ignore[no-untyped-def]
        while self.open[-1] != tag and self.open[-1] in self.CLOSED_WITH_PARENT:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):  # type: ignore[no-untyped-def]
        self.texts.append(data)


@pytest.fixture
def nasty_page(told) -> str:  # type: ignore[no-untyped-def]
    return render_html(told([*NASTY, *[f"Kunde {i}" for i in range(len(NASTY), 16)]]).story())


def test_names_come_through_as_text(nasty_page: str) -> None:
    page = Page(nasty_page)
    text = "\n".join(page.texts)
    for name in NASTY:
        assert name in text
    assert "<img" not in nasty_page
    assert [attributes.get("type") for tag, attributes in page.tags if tag == "script"] == ["application/json", None]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_no_request_leaves_the_page(nasty_page: str) -> None:
    page = Page(nasty_page)
    assert {reference for reference in page.references if not reference.startswith("#")} == set()
    assert re.findall(r"url\((?!data:|#)", nasty_page) == []
    assert "@import" not in nasty_page
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "'unsafe-inline'" not in policy.split("script-src")[1]


def test_the_page_is_whole_and_small(nasty_page: str) -> None:
    page = Page(nasty_page)
    assert page.open == []
    assert len(nasty_page.encode()) < 300_000


def test_the_page_can_be_read_aloud(told) -> None:  # type: ignore[no-untyped-def]
    page = Page(render_html(told(language="en").story()))
    tags = [tag for tag, _ in page.tags]
    assert page.tags[tags.index("html")][1]["lang"] == "en"
    assert tags.count("h1") == 1
    assert tags.count("caption") == tags.count("table")
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th")
    charts = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert charts
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for reference in page.references:
        assert reference.removeprefix("#") in ids


def test_a_range_of_one_amount_is_not_shown(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    plan = client.options.actions.assign(at_stake=90e3, at_stake_low=50e3, at_stake_high=120e3)
    ranged = replace(client.options, actions=plan)
    assert "50,0\u00a0Tsd.\u00a0€ –<br>120\u00a0Tsd.\u00a0€" in render_html(replace(client, options=ranged).story())
    same = replace(client.options, actions=plan.assign(at_stake_low=90e3, at_stake_high=90e3))
    assert "90,0\u00a0Tsd.\u00a0€ –" not in render_html(replace(client, options=same).story())


def test_the_same_story_gives_the_same_bytes(told) -> None:  # type: ignore[no-untyped-def]
    assert render_html(told().story()) == render_html(told().story())


def many(client, n: int, n_key: int):  # type: ignore[no-untyped-def]
    """The client with `n` accounts, of which `n_key` are key accounts, each with as much to say as a real one."""
    import pandas as pd

    from kamkit.analysis.pareto import rank_accounts

    ids = [f"K{i:05d}" for i in range(n)]
    frame = pd.DataFrame(
        {
            "account_id": ids,
            "name": [f"Muster Maschinenbau Nr. {i} GmbH & Co. KG" for i in range(n)],
            "revenue": [1e6] * n_key + [1e6 / 4 * n_key / (n - n_key)] * (n - n_key),
            "margin": 1e5,
        }
    )
    pareto, options = rank_accounts(frame), client.options
    assert pareto.n_key_accounts == n_key
    client.labels._sentences |= {
        "evidence.seen": "9 von 11 vergleichbaren Kunden kaufen „Lagertechnik“, dieser Kunde noch nie. " * 3,
        "reason.why": "Weißer Fleck „Lagertechnik“: 9 von 11 vergleichbaren Kunden kaufen es, oft neben „Lineartechnik“; "
        "üblich wären 1,2 Mio. € im Jahr, von selbst kämen 2,9 Tsd. €.",
        "first_step.call": "Beim nächsten Termin zu „Lineartechnik“ (2,1 Mio. € im Jahr) den Bedarf an „Lagertechnik“ klären, "
        "Muster oder Auslegung anbieten.",
    }
    advice = options.recommendations.loc[[1] * n].reset_index(drop=True).assign(account_id=ids)
    scores = pd.concat(
        [options.options[options.options["account_id"] == "0002"].assign(account_id=i) for i in ids[:n_key]]
    )
    key_accounts = replace(
        client.key_accounts,
        pareto=pareto,
        membership=pd.DataFrame({"account_id": ids, "membership_probability": 1.0}),
        tiers=pd.DataFrame({"account_id": ids, "tier": "other", "proposed_tier": "other"}),
    )
    accounts = frame.assign(in_period=True, margin_coverage=0.0, region="Nord", field_rep="Frau Weiß", kam_owner=None)
    facts = replace(client.facts, accounts=accounts)
    told = replace(options, recommendations=advice, options=scores)
    return replace(client, facts=facts, key_accounts=key_accounts, options=told)


def test_three_hundred_customers_and_fifty_key_accounts_make_a_small_page(told) -> None:  # type: ignore[no-untyped-def]
    story = many(told(), 300, 50).story()
    assert len(story.pages) == 50
    page = render_html(story)
    assert len(page.encode()) < 300_000
    assert page.count("<details>") == 50
    assert page.count("Außendienst: Frau Weiß") == 15
    assert "15 Seiten sind vollständig; die übrigen nennen das Wichtigste" in page


def test_of_eight_hundred_accounts_four_hundred_are_listed(told) -> None:  # type: ignore[no-untyped-def]
    page = render_html(many(told(), 800, 100).story())
    assert "… 400 weitere Zeilen" in page.replace("\u00a0", " ")
    assert page.count("<details>") == 100


def test_managed_accounts_have_their_pages_in_full_and_in_print(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    first, *others = story.pages
    page = render_html(replace(story, pages=(replace(first, is_managed=True), *others)))
    assert page.count("<details class=managed>") == 1
    assert page.count("Außendienst: Frau Weiß") == 1
    assert "class=appendix>" in page.partition("id=account-pages")[2][:80]
    nobody = render_html(replace(story, pages=tuple(replace(each, is_managed=False) for each in story.pages)))
    assert 'class="appendix on-screen">' in nobody.partition("id=account-pages")[2][:80]


def test_the_page_wears_the_colours_and_the_logo_of_the_client(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    palette = Palette(primary="#123456", secondary="#234567", neutral="#345678", accent="#456789")
    worn = render_html(replace(story, brand=Look(palette=palette, logo=b"<svg></svg>", logo_kind="svg")))
    assert ":root{--a:#123456;--b:#234567;--c:#345678;--line:#456789}" in worn
    assert '<img class=logo src="data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=" alt="">' in worn
    assert " img-src data:;" in worn
    plain = render_html(story)
    assert ":root{--a:#0B4F8A;--b:#3F93D2;--c:#84909C;--line:#B84E00}" in plain
    assert "<img" not in plain
    assert "img-src" not in plain


def test_who_does_not_decide_gets_no_slider(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    assert "id=threshold" in render_html(client.story())
    for audience in ("field", "customer_meeting"):
        page = render_html(client.story(audience))
        assert "id=threshold" not in page
        assert '"pareto":null' in page


def test_the_typeface_holds_the_signs_of_the_page(told) -> None:  # type: ignore[no-untyped-def]
    plain, other = (len(render_html(told([name] * 16).story())) for name in ("Kunde", "Kundę"))
    assert plain < other < plain + 2_000


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("Müller & Söhne Großhandel GmbH", "Mueller-und-Soehne-Grosshandel-GmbH_2025_report.html"),
        ("../../etc: passwd|x", "etc-passwd-x_2025_report.html"),
        ("株式会社", "client_2025_report.html"),
        ("Société Générale", "Societe-Generale_2025_report.html"),
        ("x" * 300, "x" * 60 + "_2025_report.html"),
    ],
)
def test_file_names_are_plain(told, client: str, name: str) -> None:  # type: ignore[no-untyped-def]
    story = told().story(client=client)
    assert file_name(story, "report.html") == name


def test_a_path_stays_below_two_hundred_signs(told, tmp_path) -> None:  # type: ignore[no-untyped-def]
    story = told().story(client="x" * 300)
    folder = tmp_path / ("d" * (160 - len(str(tmp_path))))
    paths = write_deliverables(story, folder, ["html"])
    assert all(len(str(path)) < 200 for path in paths)
    assert paths[0].name.endswith("_2025_report.html")


def test_files_are_written_and_named_without_paths(told, tmp_path) -> None:  # type: ignore[no-untyped-def]
    written = write_deliverables(told().story(), tmp_path, ["html", "pdf", "xlsx"])
    names = [
        "Mueller-und-Soehne-Grosshandel-GmbH_2025_report.html",
        "Mueller-und-Soehne-Grosshandel-GmbH_2025_data_sign-off.html",
        "Mueller-und-Soehne-Grosshandel-GmbH_2025_data-request_de.html",
        "Mueller-und-Soehne-Grosshandel-GmbH_2025_data-request_en.html",
        "Mueller-und-Soehne-Grosshandel-GmbH_2025_report.pdf",
        "Mueller-und-Soehne-Grosshandel-GmbH_2025_workbook.xlsx",
    ]
    assert [path.name for path in written] == names
    assert repr(written) == "\n".join(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_file_that_is_open_elsewhere_stays_and_the_new_one_gets_a_number(told, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from pathlib import Path

    replace = Path.replace

    def open_in_excel(self, target):  # type: ignore[no-untyped-def]
        if Path(target).name.endswith("workbook.xlsx"):
            raise PermissionError(13, "in use")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", open_in_excel)
    written = write_deliverables(told().story(), tmp_path, ["xlsx"])
    assert [path.name for path in written] == ["Mueller-und-Soehne-Grosshandel-GmbH_2025_workbook_2.xlsx"]
    assert written.notes == (
        "Mueller-und-Soehne-Grosshandel-GmbH_2025_workbook.xlsx ist noch geöffnet; "
        "die neue Fassung heißt Mueller-und-Soehne-Grosshandel-GmbH_2025_workbook_2.xlsx.",
    )
    assert repr(written) == f"Mueller-und-Soehne-Grosshandel-GmbH_2025_workbook_2.xlsx\n{written.notes[0]}"


def test_a_folder_that_cannot_be_written_is_told(told, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_text("")
    with pytest.raises(DeliverableError) as problem:
        write_deliverables(told().story(), tmp_path / "file" / "sub", ["html"])
    assert str(problem.value) == "sub cannot be made: Not a directory"


def test_names_are_spelled_as_on_the_phone() -> None:
    assert ascii_name("Weiß & Köhler\u202e Öl AG") == "Weiss-und-Koehler-Oel-AG"

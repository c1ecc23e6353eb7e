from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import ClassVar

import pytest

from kamkit.deliver import ascii_name, file_name, write_deliverables
from kamkit.deliver.html import render_html
from kamkit.errors import DeliverableError

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


def test_eight_hundred_accounts_still_make_a_small_page(told) -> None:  # type: ignore[no-untyped-def]
    import pandas as pd

    from kamkit.analysis.pareto import rank_accounts

    client = told()
    many = pd.DataFrame(
        {
            "account_id": [f"K{i:05d}" for i in range(800)],
            "name": [f"Muster Maschinenbau Nr. {i} GmbH & Co. KG" for i in range(800)],
            "revenue": [1e6 / (i + 1) for i in range(800)],
            "margin": float("nan"),
        }
    )
    accounts = many.assign(in_period=True, margin_coverage=0.0, region="Nord", field_rep=None, kam_owner=None)
    ids = many["account_id"]
    key_accounts = replace(
        client.key_accounts,
        pareto=rank_accounts(many),
        membership=pd.DataFrame({"account_id": ids, "membership_probability": 1.0}),
        tiers=pd.DataFrame({"account_id": ids, "tier": "other", "proposed_tier": "other"}),
    )
    story = replace(client, facts=replace(client.facts, accounts=accounts), key_accounts=key_accounts).story()
    page = render_html(story)
    assert len(page.encode()) < 300_000
    assert "… 400 weitere Zeilen" in page.replace("\u00a0", " ")


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

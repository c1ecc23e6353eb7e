"""Comments belong to the figures their author saw: marked when these move, and only then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from kamkit.deliver.html import render_html
from kamkit.model.snapshots import about
from kamkit.telling.comments import account_figures, names_of_section


def with_figures(client: Any, rows: list[list[Any]], seen: dict[str, str]) -> pd.DataFrame:
    """Comments (section, account_id, text) with the fingerprints that their authors saw."""
    frame = pd.DataFrame(rows, columns=["section", "account_id", "text"])
    marks = [seen.get(about(s, a)) for s, a in zip(frame["section"], frame["account_id"], strict=True)]
    return frame.assign(author_role=None, date=pd.NaT, snapshot=marks, moved_on=pd.NaT)


def figures_seen(client: Any) -> dict[str, str]:
    story = client.story()
    sections = {name: s.figures for s in (*story.main, *story.appendix) for name in names_of_section(s.key)}
    return account_figures(client.key_accounts, client.options) | sections


ON_EVERYTHING = [
    ["Auf einen Blick", None, "A."],
    ["pareto", None, "B."],
    [None, "0002", "C."],
    ["Risk of leaving", None, "D."],
]


def test_a_comment_goes_stale_with_its_own_figures_only(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    said = with_figures(client, ON_EVERYTHING, figures_seen(client))
    same = client.story(comments=said)
    assert [c.moved for s in (*same.main, *same.appendix) for c in s.comments] == [""] * 4
    options = client.options
    risk = options.account_risk.assign(
        level=options.account_risk["level"].mask(options.account_risk["account_id"] == "0002", "green")
    )
    moved = replace(client, options=replace(options, account_risk=risk)).story(comments=said)
    mark = "Stand vor der Änderung der Zahlen (bemerkt am 15.01.2026)"
    assert {c.text: c.moved for s in (*moved.main, *moved.appendix) for c in s.comments}["C."] == mark
    earlier = said.assign(moved_on=pd.Timestamp("2026-01-02"))
    later = replace(client, options=replace(options, account_risk=risk)).story(comments=earlier)
    assert "Zahlen (bemerkt am 02.01.2026)" in render_html(later).replace("\u00a0", " ")
    sheet = next(sheet for sheet in later.sheets if sheet.key == "comments")
    assert sheet.table.cells[0][:3] == ("Empfehlung je Key Account", "Kunde 2", "C.")


def test_figures_are_the_same_in_every_language_and_order_and_for_every_decimal_of_a_sum(told) -> None:  # type: ignore[no-untyped-def]
    german, english = told(), told(language="en")
    assert figures_seen(german) == figures_seen(english)
    shuffled = german.options.account_risk.sample(frac=1, random_state=1)
    pareto = german.key_accounts.pareto
    table = pareto.table.assign(revenue=pareto.table["revenue"] + 1e-9)
    client = replace(
        german,
        options=replace(german.options, account_risk=shuffled),
        key_accounts=replace(german.key_accounts, pareto=replace(pareto, table=table)),
    )
    assert figures_seen(client) == figures_seen(german)

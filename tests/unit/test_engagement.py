from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kamkit.errors import EngagementError
from kamkit.model.codes import Basis, Level
from kamkit.model.engagement import load_engagement, unknown

SMALLEST = """
client: Muster GmbH
sources:
  transactions:
    path: umsatz.csv
    columns: {customer_id: Kunde, posting_date: Datum, net_revenue: Betrag}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "engagement.yml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, text: str, **overrides: object) -> str:
    with pytest.raises(EngagementError) as caught:
        load_engagement(written(folder, text), overrides)
    return str(caught.value)


def test_smallest_engagement_has_the_documented_defaults(tmp_path: Path) -> None:
    engagement = load_engagement(written(tmp_path, SMALLEST))
    assert engagement.client == "Muster GmbH"
    assert (engagement.language, engagement.report_locale, engagement.currency) == ("de", "de_DE", "EUR")
    assert (engagement.pareto.threshold, engagement.pareto.basis, engagement.pareto.level) == (
        0.8,
        Basis.REVENUE,
        Level.GROUP,
    )
    assert engagement.account_risk.window_months == 3
    assert engagement.folder == tmp_path.resolve()
    assert engagement.sources.transactions.patterns == ("umsatz.csv",)


def test_a_folder_means_the_file_inside(tmp_path: Path) -> None:
    written(tmp_path, SMALLEST)
    assert load_engagement(tmp_path).file == (tmp_path / "engagement.yml").resolve()


def test_overrides_replace_settings_and_none_leaves_them(tmp_path: Path) -> None:
    file = written(tmp_path, SMALLEST)
    engagement = load_engagement(
        file, {"pareto.threshold": 0.7, "pareto.level": None, "period": {"start": "2025-01-01", "end": "2025-06-30"}}
    )
    assert engagement.pareto.threshold == 0.7
    assert engagement.pareto.level is Level.GROUP
    assert engagement.period is not None
    assert engagement.period.end == dt.date(2025, 6, 30)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = """
client: X
treshold: 1
pareto: {treshold: 0.8, basis: profit}
period: {start: 2025-01-01, end: 2024-12-31}
sources:
  transactions: {path: a.csv, columns: {customer_id: K, posting_dat: D}}
"""
    assert problems(tmp_path, text) == (
        "engagement.yml: 7 problems found\n"
        "- period: start 2025-01-01 is after end 2024-12-31\n"
        "- sources: transactions.columns: unknown setting 'posting_dat'. Did you mean 'posting_date'?\n"
        "- sources: transactions.columns: net_revenue is missing: name the client's column for it\n"
        "- sources: transactions.columns: posting_date is missing: name the client's column for it\n"
        "- pareto.basis: input should be 'revenue', 'margin' or 'potential', not 'profit'\n"
        "- pareto: unknown setting 'treshold'. Did you mean 'threshold'?\n"
        "- unknown setting 'treshold'. Known are: client, language, locale, currency, exchange_rates, fiscal_year_start, "
        "period, supplier_industry, sources, control_totals, accept_difference, pareto, capacity, account_risk, options, margin_levels, "
        "inputs, decisions, previous, split_by, audience, sections, deliverables, brand, pseudonymise, sales_people, keep_runs, "
        "allow_outside"
    )


def test_a_key_given_twice_is_told(tmp_path: Path) -> None:
    text = SMALLEST.replace("{customer_id: Kunde,", "{customer_id: Kunde, customer_id: Debitor,")
    assert problems(tmp_path, text) == (
        "engagement.yml: 1 problem found\n- is not valid YAML in line 6: 'customer_id' is given twice: keep one of them"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: give at least client and sources.transactions"),
        ("a: [1", "is not valid YAML in line 1: expected ',' or ']', but got '<stream end>'"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    assert problems(tmp_path, text) == f"engagement.yml: 1 problem found\n- {message}"


def test_paths_stay_in_the_folder(tmp_path: Path) -> None:
    text = SMALLEST.replace("umsatz.csv", "../andere/umsatz.csv")
    assert problems(tmp_path, text) == (
        "engagement.yml: 1 problem found\n- sources.transactions: ../andere/umsatz.csv leaves the engagement's folder: "
        "move the file there or set allow_outside: true"
    )
    assert load_engagement(written(tmp_path, text + "allow_outside: true\n")).allow_outside


def test_a_link_out_of_the_folder_is_noticed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = tmp_path / "engagement"
    inside.mkdir()
    (inside / "raw").symlink_to(outside)
    text = SMALLEST.replace("umsatz.csv", "raw/umsatz.csv")
    assert "raw/umsatz.csv leaves the engagement's folder" in problems(inside, text)


def test_environment_fills_values_but_never_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAMKIT_TEST_CLIENT", "Aus der Umgebung AG")
    monkeypatch.setenv("KAMKIT_TEST_DB", "postgres://user:secret@host/db")
    text = """
client: ${KAMKIT_TEST_CLIENT}
sources:
  transactions:
    connection: ${KAMKIT_TEST_DB}
    table: lines
    columns: {customer_id: Kunde, posting_date: Datum, net_revenue: Betrag}
"""
    engagement = load_engagement(written(tmp_path, text))
    assert engagement.client == "Aus der Umgebung AG"
    assert "secret" not in engagement.model_dump_json()


def test_a_missing_environment_variable_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path, SMALLEST.replace("Muster GmbH", "${KAMKIT_NOT_SET}")) == (
        "engagement.yml: 1 problem found\n"
        "- the environment variable KAMKIT_NOT_SET is not set: set it or write the value"
    )


def test_what_is_accepted_but_not_acted_on_is_told(tmp_path: Path) -> None:
    engagement = load_engagement(written(tmp_path, SMALLEST + "split_by: region\n"))
    assert engagement.not_yet_effective() == ("split_by",)
    assert engagement.left_out() == ("split_by is not acted on by this version",)


def test_a_pdf_that_cannot_be_made_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = load_engagement(written(tmp_path, SMALLEST + "deliverables: [html, pdf]\n"))
    assert engagement.left_out() == ()
    monkeypatch.setattr("kamkit.model.engagement.find_spec", lambda name: None)
    assert engagement.left_out() == (
        "deliverables: pdf is left out, since typst is not installed (there is none for Windows on ARM): "
        "print the HTML report to a PDF instead",
    )
    assert load_engagement(written(tmp_path, SMALLEST + "deliverables: [html]\n")).left_out() == ()


def test_wide_lists_need_periods_only_and_no_dates(tmp_path: Path) -> None:
    wide = SMALLEST.replace(
        "columns: {customer_id: Kunde, posting_date: Datum, net_revenue: Betrag}",
        "layout: wide\n    columns: {customer_id: Kunde}\n    periods: {2024: Umsatz 2024, 2025: Umsatz 2025}",
    )
    assert dict(load_engagement(written(tmp_path, wide)).sources.transactions.periods) == {
        "2024": "Umsatz 2024",
        "2025": "Umsatz 2025",
    }
    mixed = wide.replace("2025: Umsatz 2025", "2025-03: Mrz")
    assert "periods mix years and months: use one of them" in problems(tmp_path, mixed)


def test_there_is_no_such_engagement(tmp_path: Path) -> None:
    with pytest.raises(EngagementError, match=r"there is no engagement file engagement\.yml here") as caught:
        load_engagement(tmp_path)
    assert caught.value.exit_code == 2


def test_unknown_words_get_the_nearest_known_one() -> None:
    assert unknown("curency", ["currency", "client"]) == "unknown setting 'curency'. Did you mean 'currency'?"

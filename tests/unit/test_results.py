from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kamkit.telling.results import (
    ACCOUNT_COLUMNS,
    ACTION_COLUMNS,
    ALLOCATION_COLUMNS,
    CROSS_SELLING_COLUMNS,
    OPTION_COLUMNS,
    PORTFOLIO_COLUMNS,
    RISK_COLUMNS,
    SITES_COLUMNS,
    WHITESPACE_COLUMNS,
    render_result,
    result_files,
)


def files_of(client):  # type: ignore[no-untyped-def]
    return result_files(
        client.imported, client.facts, client.labels, client.key_accounts, client.kam_types, client.options
    )


def test_each_step_adds_its_files(told) -> None:  # type: ignore[no-untyped-def]
    c = told()
    first = result_files(c.imported, c.facts, c.labels)
    second = result_files(c.imported, c.facts, c.labels, c.key_accounts)
    third = result_files(c.imported, c.facts, c.labels, c.key_accounts, c.kam_types)
    assert sorted(first) == ["import.json", "questions.csv"]
    assert sorted(second) == ["accounts.csv", "import.json", "questions.csv", "summary.json"]
    assert sorted(set(third) - set(second)) == ["existence.json"]
    assert sorted(set(files_of(c)) - set(third)) == [
        "account_risk.csv", "actions.csv", "allocation.csv", "backtests.csv", "cross_selling.csv", "investment.json",
        "options.csv", "pilot_accounts.csv", "pilots.csv", "portfolio.csv", "reliability.csv", "risk_signs.csv", "sites.csv",
        "whitespace.csv",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("accounts.csv", ACCOUNT_COLUMNS),
        ("options.csv", OPTION_COLUMNS),
        ("account_risk.csv", RISK_COLUMNS),
        ("cross_selling.csv", CROSS_SELLING_COLUMNS),
        ("actions.csv", ACTION_COLUMNS),
        ("portfolio.csv", PORTFOLIO_COLUMNS),
        ("sites.csv", SITES_COLUMNS),
        ("whitespace.csv", WHITESPACE_COLUMNS),
        ("allocation.csv", ALLOCATION_COLUMNS),
        ("questions.csv", ("rank", "question", "why", "effect")),
    ],
)
def test_the_columns_of_the_contract_come_first(told, name: str, columns: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    frame = files_of(told())[name]
    assert tuple(frame.columns[: len(columns)]) == tuple(columns)
    assert "values" not in frame
    assert frame.columns.is_unique


def test_summary_holds_the_figures_of_the_contract(told) -> None:  # type: ignore[no-untyped-def]
    summary = files_of(told())["summary.json"]
    assert list(summary)[:18] == [
        "n_customers", "n_accounts", "n_key_accounts", "revenue_total", "revenue_positive", "key_account_share",
        "top20_share", "gini", "hhi", "n_effective", "cr1", "cr3", "cr5", "cr10", "abc", "abc_computed", "period", "currency",
    ]  # fmt: skip
    assert (summary["n_customers"], summary["n_accounts"], summary["n_key_accounts"]) == (18, 16, 5)
    assert (summary["revenue_total"], summary["revenue_positive"]) == (2460.0, 2475.0)
    assert summary["key_account_share"] == pytest.approx(2020 / 2475, abs=1e-12)
    assert summary["kam_programme"] == {"verdict": "partial", "type": "technical", "source_label": "technical"}


def test_accounts_by_rank_with_those_below_zero_last(told) -> None:  # type: ignore[no-untyped-def]
    frame = files_of(told())["accounts.csv"]
    assert frame["account_id"].tolist() == [f"{i:04d}" for i in range(1, 17)]
    last = frame.iloc[-1]
    assert last[["rank", "share", "abc_class"]].isna().all()
    second = frame.iloc[1]
    assert second[["decision", "kam_type", "recommended_option", "reason", "options_assessed", "region", "tier"]].tolist() == [
        "key_account: yes", "service", "cross_selling", "Weil 25\u00a0%.", 1, "Süd", "managed",
    ]  # fmt: skip


def test_the_latest_decision_per_subject_counts(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    decisions = pd.DataFrame(
        {
            "account_id": ["0001", "0001", "0001"],
            "subject": ["tier", "tier", "option"],
            "decision": ["managed", "key", "relationship"],
            "date": pd.to_datetime(["2025-02-01", "2025-01-01", None]),
        }
    )
    client = replace(client, facts=replace(client.facts, tables={"decisions": decisions}))
    assert files_of(client)["accounts.csv"].loc[0, "decision"] == "option: relationship; tier: managed"


def test_words_are_in_the_runs_language_and_codes_stay_codes(told) -> None:  # type: ignore[no-untyped-def]
    row = files_of(told(language="en"))["options.csv"].iloc[1]
    assert (row["option"], row["gate"], row["evidence"]) == ("cross_selling", "open", "Gesehen bei 25%.")


def test_questions_stand_by_the_revenue_that_hangs_on_them(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    questions, labels = files_of(client)["questions.csv"], client.labels
    assert questions["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert questions["effect"].tolist() == [*[2020.0] * 4, 120.0, 40.0]
    assert questions["question"].tolist()[4:] == [
        "Wie kauft der Key Account, dessen KAM-Typ unklar ist: als Händler, als Anwender oder als Dienstleistungskunde?",
        "Zu welchen Kunden gehören die 10 Zeilen ohne Kundennummer?",
    ]
    by_question = questions.set_index("question")["why"]
    assert by_question[labels("question.sales_organisation")] == "Damit wird beurteilbar: Flächenvertrieb."
    assert by_question[labels("question.organisation")] == "Damit wird beurteilbar: Flächenvertrieb."
    assert not questions["why"].str.contains("Übernahme").any()


def test_margins_that_are_missing_are_asked_for_by_their_revenue(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    accounts = client.facts.accounts.assign(margin_coverage=[0.5, *[1.0] * 15])
    client = replace(client, facts=replace(client.facts, accounts=accounts))
    questions = files_of(client)["questions.csv"].set_index("question")["effect"]
    assert questions["Welche Kosten oder Deckungsbeiträge gehören zu den Rechnungszeilen?"] == 450.0


def test_results_are_written_for_machines() -> None:
    frame = pd.DataFrame(
        {
            "account_id": ["007", "=1+1"],
            "eligible": pd.array([True, pd.NA], dtype="boolean"),
            "rank": pd.array([1, pd.NA], dtype="Int64"),
            "share": [0.1, np.nan],
            "date": [pd.Timestamp("2025-01-31"), pd.NaT],
            "missing": [("a.b", "c"), ()],
        }
    )
    assert render_result(frame) == (
        'account_id,eligible,rank,share,date,missing\n007,true,1,0.1,2025-01-31,"[""a.b"", ""c""]"\n=1+1,,,,,[]\n'
    )


def test_json_has_no_nan() -> None:
    text = render_result({"a": float("nan"), "b": [np.float64(1.5), pd.NaT], "c": {"d": pd.Timestamp("2025-01-31")}})
    assert json.loads(text) == {"a": None, "b": [1.5, None], "c": {"d": "2025-01-31"}}


def test_every_file_can_be_written(told) -> None:  # type: ignore[no-untyped-def]
    for name, content in files_of(told()).items():
        text = render_result(content)
        assert text.endswith("\n")
        assert "NaN" not in text, name
        assert "nan" not in text.split(","), name

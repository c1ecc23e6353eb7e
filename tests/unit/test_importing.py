"""From raw files to canonical tables on disk: what is kept, what is told, and that nothing is half written."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import yaml

from kamkit.errors import InputError
from kamkit.intake import importing
from kamkit.intake.cleaning import RULES
from kamkit.intake.history_checks import Checks
from kamkit.intake.importing import check_engagement, import_engagement, merge_decisions
from kamkit.intake.input_sheets import HEADING_ROW
from kamkit.intake.input_writing import refresh_inputs
from kamkit.model.codes import Grain, Severity
from kamkit.model.engagement import Engagement, Period, load_engagement
from kamkit.model.kit import kit_folder
from kamkit.model.results import Imported
from kamkit.telling.language import Labels

INTAKE = Path(importing.__file__).parent

COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}
LINES = [
    "Kunde;Datum;Umsatz",
    "007;31.01.2025;100,50",
    "008;28.02.2025;200,00",
    "008;01.03.2025;-0,25",
    ";01.03.2025;9,00",
]
MASTER = ["Nr;Name;Konzern", "007;Alpha GmbH;K1", "008;Beta AG;K1"]


def engagement_of(
    folder: Path, lines: list[str], master: list[str] | None = None, columns: dict[str, str] = COLUMNS, **settings: Any
) -> Engagement:
    """An engagement over a semicolon CSV of lines and, if given, of a customer master (Nr, Name, Konzern)."""
    (folder / "sales.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sources: dict[str, Any] = {"transactions": {"path": "sales.csv", "columns": columns}}
    if master is not None:
        (folder / "master.csv").write_text("\n".join(master) + "\n", encoding="utf-8")
        names = {"customer_id": "Nr", "name": "Name", "group_id": "Konzern"}
        sources["customers"] = {"path": "master.csv", "columns": names}
    content = {"client": "Test", "sources": sources} | settings
    (folder / "engagement.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load_engagement(folder)


def codes(imported: Imported) -> list[str]:
    return [finding.code for finding in imported.findings]


def test_tables_are_written_as_they_count(tmp_path: Path) -> None:
    imported = import_engagement(engagement_of(tmp_path, LINES, MASTER), tmp_path / "work")
    assert (imported.rows_in, imported.rows_kept, imported.n_customers) == (4, 3, 2)
    assert (imported.revenue_in, imported.revenue_kept) == (309.25, 300.25)
    assert (imported.first_date, imported.last_date) == (dt.date(2025, 1, 31), dt.date(2025, 3, 1))
    assert (imported.grain, imported.tables) == (Grain.DAY, ("transactions", "customers", "decisions"))
    assert [code for code in codes(imported) if code not in Checks.model_fields] == [
        *("period_short", "partial_first_month", "partial_last_month")
    ]
    found = imported.rules[imported.rules["rows"] > 0].set_index("rule")["rows"].to_dict()
    assert found == {"no_customer": 1, "negative_line": 1, "one_off": 2}

    tables = tmp_path / "work" / "tables"
    assert sorted(path.name for path in tables.iterdir()) == [
        "customers.parquet",
        "decisions.parquet",
        "members.parquet",
        "transactions.parquet",
    ]
    lines = pd.read_parquet(tables / "transactions.parquet")
    assert list(lines.columns) == ["customer_id", "posting_date", "net_revenue"]
    assert [(row[0], str(row[2])) for row in lines.itertuples(index=False)] == [
        ("007", "100.500000"),
        ("008", "200.000000"),
        ("008", "-0.250000"),
    ]
    members = pd.read_parquet(tables / "members.parquet")
    assert members.to_numpy().tolist() == [["007", "K1", "group_id"], ["008", "K1", "group_id"]]
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["tables"]


def test_lines_are_written_in_the_order_of_their_files_whatever_rules_took_away(tmp_path: Path) -> None:
    """Cancelled and repeated lines are found by joins, which do not keep an order; 30,000 lines are several blocks."""
    booked = [f"{1 + i % 50};{1 + i % 28:02d}.{1 + i % 12:02d}.2025;{i},00;{i}" for i in range(15_000)]
    taken_back = [f"{1 + i % 50};{1 + i % 28:02d}.{1 + i % 12:02d}.2025;-{i},00;ST{i}" for i in range(1, 15_000, 100)]
    again = booked[5_002:5_100]
    for name, lines in (("b.csv", booked[7_500:] + again), ("a.csv", booked[:7_500] + taken_back)):
        (tmp_path / name).write_text("\n".join(["Kunde;Datum;Umsatz;Beleg", *lines]) + "\n", encoding="utf-8")
    engagement = engagement_of(
        tmp_path, LINES, columns=COLUMNS | {"invoice_id": "Beleg"}, period={"start": "2025-01-01", "end": "2025-12-31"}
    )
    source = engagement.sources.transactions.model_copy(update={"path": ("b.csv", "a.csv")})
    sources = engagement.sources.model_copy(update={"transactions": source})
    imported = import_engagement(engagement.model_copy(update={"sources": sources}), tmp_path / "work")

    written = pd.read_parquet(tmp_path / "work" / "tables" / "transactions.parquet")
    left = [i for i in range(15_000) if i % 100 != 1]
    assert written["invoice_id"].astype(int).tolist() == [
        *(i for i in left if i < 7_500),
        *(i for i in left if i >= 7_500),
        *range(5_002, 5_100),
    ]
    rows = imported.rules.set_index("rule")["rows"]
    assert (rows["cancelled_pair"], rows["repeated_line"]) == (300, 98)


def test_checking_finds_the_same_and_writes_nothing(tmp_path: Path) -> None:
    engagement = engagement_of(tmp_path, LINES, MASTER)
    before = sorted(path.name for path in tmp_path.iterdir())
    checked = check_engagement(engagement)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    imported = import_engagement(engagement, tmp_path / "work")
    for name, value in vars(checked).items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, getattr(imported, name))
        else:
            assert value == getattr(imported, name), name


def test_a_failed_import_leaves_the_tables_of_the_last_one(tmp_path: Path) -> None:
    work = tmp_path / "work"
    import_engagement(engagement_of(tmp_path, LINES), work)
    before = (work / "tables" / "transactions.parquet").read_bytes()
    with pytest.raises(InputError):
        import_engagement(engagement_of(tmp_path, LINES, control_totals={2025: 5.0}), work)
    assert (work / "tables" / "transactions.parquet").read_bytes() == before
    assert [path.name for path in work.iterdir()] == ["tables"]


def test_the_default_period_is_the_last_whole_year_and_later_lines_go_no_further(tmp_path: Path) -> None:
    months = [f"007;{day:%d.%m.%Y};10" for day in pd.date_range("2023-01-31", "2025-02-28", freq="ME")]
    engagement = engagement_of(tmp_path, [LINES[0], *months], control_totals={2024: 120.0, 2025: 20.1})
    imported = import_engagement(engagement, tmp_path / "work")
    assert imported.period == Period(start=dt.date(2024, 1, 1), end=dt.date(2024, 12, 31))
    rows = imported.rules.set_index("rule")
    assert rows.loc["after_period", ["rows", "revenue"]].tolist() == [2, 20.0]
    assert imported.reconciliation["imported"].tolist() == [120.0, 120.0, 20.0]
    assert len(pd.read_parquet(tmp_path / "work" / "tables" / "transactions.parquet")) == 24


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["007;31.01.2025;0", "008;31.01.2025;-5"], "no_positive_revenue"),
        (["007;31.01.2025;5", "007;28.02.2025;5"], "one_customer"),
    ],
)
def test_what_cannot_be_ranked_is_a_finding(tmp_path: Path, lines: list[str], expected: str) -> None:
    assert expected in codes(check_engagement(engagement_of(tmp_path, [LINES[0], *lines])))


@pytest.mark.parametrize(
    ("lines", "master", "settings", "message"),
    [
        (
            [LINES[0], ";31.01.2025;5"],
            None,
            {},
            "transactions: 1 problem found\n- no line has a customer, a date and an amount, and counts: "
            "check the columns and what is excluded",
        ),
        (
            LINES,
            None,
            {"period": {"start": "2020-01-01", "end": "2024-12-31"}},
            "transactions: 1 problem found\n- no line is booked in the period 2020-01-01 to 2024-12-31: "
            "check period and dates",
        ),
        (
            LINES,
            ["Nr;Name;Konzern", ";Alpha;", "007;Beta;", ";Gamma;K1"],
            {},
            "customers: 1 problem found\n- customer_id is empty in 2 rows (2, 4): fill it in or delete the row",
        ),
        (
            LINES,
            ["Nr;Name;Konzern", "007;Alpha;K1", "007;Alpha;K2"],
            {},
            "customers: 1 problem found\n- 1 customer with several rows that contradict each other in group_id "
            "(customer_id '007'): keep the row that holds",
        ),
    ],
    ids=["no_line_counts", "nothing_in_period", "customer_without_number", "contradicting_groups"],
)
def test_what_cannot_be_used_is_told(
    tmp_path: Path, lines: list[str], master: list[str] | None, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as error:
        check_engagement(engagement_of(tmp_path, lines, master, **settings))
    assert str(error.value) == message


def test_repeated_customers_that_agree_become_one_row(tmp_path: Path) -> None:
    master = ["Nr;Name;Konzern", "007;;K1", "007;Alpha GmbH;K1", "008;Beta;", "008;Anders;"]
    imported = import_engagement(engagement_of(tmp_path, LINES, master), tmp_path / "work")
    customers = pd.read_parquet(tmp_path / "work" / "tables" / "customers.parquet")
    assert customers.fillna("").to_numpy().tolist() == [["007", "Alpha GmbH", "K1"], ["008", "Anders", ""]]
    repeated = next(finding for finding in imported.findings if finding.code == "customer_repeated")
    assert (repeated.severity, repeated.rows, dict(repeated.values)) == (Severity.WARNING, 4, {"n": 2, "differing": 1})


FOREIGN = [
    "Kunde;Datum;Umsatz;W",
    "007;31.01.2025;100;EUR",
    "007;28.02.2025;10;USD",
    "008;05.02.2025;10;chf",
    "008;06.02.2025;1;",
]


def test_mixed_currencies_without_rates_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        check_engagement(engagement_of(tmp_path, FOREIGN, columns=COLUMNS | {"currency": "W"}))
    assert str(error.value) == (
        "transactions: 1 problem found\n- amounts are not all in EUR: CHF in 1 row, USD in 1 row. Give exchange_rates "
        "(a table of month, currency, rate), or set currency where all amounts are in one"
    )


@pytest.mark.parametrize("headings", ["month;currency;rate", "Monat;Währung;Kurs"])
def test_mixed_currencies_are_converted_at_the_rates_of_their_month(tmp_path: Path, headings: str) -> None:
    rates = [headings, "2025-02;USD;0,925", "01.02.2025;CHF;1,05", "2025-01;USD;7"]
    (tmp_path / "rates.csv").write_text("\n".join(rates) + "\n", encoding="utf-8")
    settings = {"columns": COLUMNS | {"currency": "W"}, "exchange_rates": {"path": "rates.csv"}}
    imported = import_engagement(engagement_of(tmp_path, FOREIGN, **settings), tmp_path / "work")
    lines = pd.read_parquet(tmp_path / "work" / "tables" / "transactions.parquet")
    assert [(c, float(v), w) for c, v, w in lines[["customer_id", "net_revenue", "currency"]].to_numpy()] == [
        ("007", 100.0, "EUR"),
        ("007", 9.25, "EUR"),
        ("008", 10.5, "EUR"),
        ("008", 1.0, "EUR"),
    ]
    assert imported.revenue_in == imported.revenue_kept == 120.75
    assert [(f.code, f.rows, dict(f.values)) for f in imported.findings if "currency" in f.code] == [
        ("currency_converted", 2, {"n": 2, "currencies": ["CHF", "USD"]}),
        ("currency_missing", 1, {"n": 1, "currency": "EUR"}),
    ]


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (
            ["2025-02;USD;0,9"],
            "exchange_rates: 1 problem found\n- no rate for 'CHF 2025-02', needed for 1 row: add it to the table",
        ),
        (
            ["Februar;USD;0,9", "2025-02;CHF;0", "2025-02;CHF;1"],
            "exchange_rates: 3 problems found\n- month cannot be read in 1 row ('Februar'): write it as 2025-03\n"
            "- rate is not above zero in 1 row\n- two rates for '2025-02 CHF'",
        ),
    ],
)
def test_rates_that_do_not_do_are_told(tmp_path: Path, rates: list[str], message: str) -> None:
    (tmp_path / "rates.csv").write_text("\n".join(["month;currency;rate", *rates]) + "\n", encoding="utf-8")
    settings = {"columns": COLUMNS | {"currency": "W"}, "exchange_rates": {"path": "rates.csv"}}
    with pytest.raises(InputError) as error:
        check_engagement(engagement_of(tmp_path, FOREIGN, **settings))
    assert str(error.value) == message


def test_what_people_entered_is_merged_into_the_tables(tmp_path: Path) -> None:
    engagement = engagement_of(tmp_path, LINES, ["Nr;Name;Konzern", "007;Alpha GmbH;", "008;Alpha GmbH;"])
    assert "group_candidates" in codes(check_engagement(engagement))
    path = tmp_path / "inputs.xlsx"
    refresh_inputs(path, "de")
    book = openpyxl.load_workbook(path)
    for x, text in {1: "K9", 2: "007", 7: "ja"}.items():
        book["Konzerne"].cell(HEADING_ROW + 1, x, text)
        book["Konzerne"].cell(HEADING_ROW + 2, x, text.replace("7", "8"))
    for x, text in {1: "008", 4: "ja", 6: "Eva Muster", 7: "Notdienst"}.items():
        book["Key Accounts heute"].cell(HEADING_ROW + 1, x, text)
    for x, text in {1: "008", 3: "Key Account", 4: "nein", 10: "01.02.2025"}.items():
        book["Entscheidungen"].cell(HEADING_ROW + 1, x, text)
    book.save(path)

    imported = import_engagement(engagement, tmp_path / "work")
    assert "group_candidates" not in codes(imported)
    tables = {file.stem: pd.read_parquet(file) for file in (tmp_path / "work" / "tables").iterdir()}
    assert tables["members"].to_numpy().tolist() == [["007", "K9", "confirmed"], ["008", "K9", "confirmed"]]
    labelled = tables["customers"][["customer_id", "key_label", "kam_owner"]]
    assert labelled.to_numpy().tolist() == [["007", pd.NA, pd.NA], ["008", True, "Eva Muster"]]
    assert tables["privileges"].to_numpy().tolist() == [["008", "Notdienst"]]
    assert tables["decisions"][["account_id", "subject", "decision"]].to_numpy().tolist() == [
        ["K9", "key_account", "no"]
    ]


def decisions_of(place: str, *rows: tuple[str, str, str | None]) -> pd.DataFrame:
    """account_id, decision, date of decisions on the tier, all entered at one place."""
    frame = pd.DataFrame(rows, columns=["account_id", "decision", "date"]).assign(subject="tier", place=place)
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_all_decisions_are_kept_the_later_ones_last() -> None:
    merged = merge_decisions(
        [
            decisions_of("a", ("A", "key", "2025-01-01"), ("B", "key", "2025-02-01"), ("C", "other", None)),
            decisions_of("b", ("A", "other", "2025-03-01"), ("B", "key", "2025-02-01"), ("C", "other", "2025-01-01")),
        ]
    )
    assert merged[["account_id", "decision", "date"]].astype(object).to_numpy().tolist() == [
        ["A", "key", pd.Timestamp("2025-01-01")],
        ["A", "other", pd.Timestamp("2025-03-01")],
        ["B", "key", pd.Timestamp("2025-02-01")],
        ["C", "other", pd.NaT],
        ["C", "other", pd.Timestamp("2025-01-01")],
    ]


def test_decisions_of_which_none_is_the_later_one_are_an_error_with_both_places() -> None:
    members = pd.DataFrame({"customer_id": ["M1", "M2"], "account_id": ["K", "K"]})
    with pytest.raises(InputError) as error:
        merge_decisions(
            [
                decisions_of("nord.csv, row 2", ("B", "other", "2025-02-01"), ("C", "key", None)),
                decisions_of(
                    "inputs.xlsx, sheet 'Entscheidungen', row 7",
                    ("B", "key", "2025-02-01"),
                    ("C", "other", "2025-05-01"),
                ),
                decisions_of("sued.csv, row 3", ("M1", "key", "2024-01-01"), ("M1", "key", "2025-01-01")),
                decisions_of("sued.csv, row 4", ("M2", "other", "2024-01-01")),
            ],
            members,
        )
    assert str(error.value) == (
        "decisions: 3 problems found\n"
        "- B (tier) is decided twice: key in inputs.xlsx, sheet 'Entscheidungen', row 7, other in nord.csv, row 2: "
        "keep one, or date the later one\n"
        "- C (tier) is decided twice: key in nord.csv, row 2, other in inputs.xlsx, sheet 'Entscheidungen', row 7: "
        "date both\n"
        "- K (tier) is decided twice: key in sued.csv, row 3, other in sued.csv, row 4: keep one, or date the later one"
    )


def test_the_template_is_an_engagement_once_path_and_columns_are_filled(tmp_path: Path) -> None:
    template = kit_folder("templates") / "engagement"
    text = (template / "engagement.yml").read_text(encoding="utf-8")
    (tmp_path / "engagement.yml").write_text(text, encoding="utf-8")
    (tmp_path / "raw").mkdir()
    lines = "Kundennr;Buchungsdatum;Nettoumsatz\n007;31.01.2025;5,00\n008;31.01.2025;5,00\n"
    (tmp_path / "raw" / "umsatz_2025.csv").write_text(lines, encoding="utf-8")
    assert check_engagement(load_engagement(tmp_path)).revenue_kept == 10.0


CODES = sorted(
    set(re.findall(r'Finding\(\s*"(\w+)"', "".join(path.read_text(encoding="utf-8") for path in INTAKE.glob("*.py"))))
)


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_finding_and_rule_has_its_sentence(language: str) -> None:
    labels = Labels(language, f"{language}_{'DE' if language == 'de' else 'GB'}", "EUR")
    assert len(CODES) > 15
    assert [code for code in CODES if f"finding.{code}" not in labels] == []
    assert [rule for rule in RULES if f"rule.{rule}" not in labels] == []
    assert [word for word in ("remove", "report") if f"treatment.{word}" not in labels] == []

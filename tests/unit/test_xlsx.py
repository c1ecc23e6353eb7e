from __future__ import annotations

import datetime as dt
import io
import zipfile

import openpyxl
import pytest

from kamkit.deliver.xlsx import render_xlsx
from kamkit.intake.inputs import read_decisions
from kamkit.telling.story import Story

NASTY = [
    '=cmd|"/c calc"!A1', "=HYPERLINK(\"http://x\",\"y\")", "+1", "-1+1", "@SUM(1)", "http://example.org", "x" * 300,
    "🥨", "\u202eevil", "\tTab", "{=1+1}", "007", "<b>", "'x", "a\x00\x07b",
]  # fmt: skip


def workbook_of(story: Story) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(render_xlsx(story)))


def test_every_text_stays_text(told) -> None:  # type: ignore[no-untyped-def]
    content = render_xlsx(told([*NASTY, "Kunde 16"]).story())
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert not [c.coordinate for sheet in book for row in sheet.iter_rows() for c in row if c.data_type == "f"]
    assert not [c.coordinate for sheet in book for row in sheet.iter_rows() for c in row if c.hyperlink]
    names = [cell.value for cell in book["Konten"]["C"]][3:]
    assert names[:5] == NASTY[:5]
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert not [name for name in parts.namelist() if "externalLink" in name or "vba" in name.lower()]


def test_ids_keep_their_zeros_and_numbers_stay_numbers(told) -> None:  # type: ignore[no-untyped-def]
    sheet = workbook_of(told().story())["Konten"]
    heads = [cell.value for cell in sheet[3]]
    first = dict(zip(heads, sheet[4], strict=True))
    assert first["Kundennummer"].value == "0001"
    assert (first["Umsatz"].value, first["Umsatz"].number_format) == (900, '#,##0"\u00a0€"')
    assert first["Anteil"].value == pytest.approx(900 / 2475)
    assert sheet.freeze_panes == "D4"
    assert sheet.auto_filter.ref == f"A3:{sheet.cell(3, len(heads)).column_letter}19"


@pytest.mark.parametrize(
    ("language", "names"),
    [
        (
            "de",
            [
                "Auf einen Blick",
                "Konten",
                "KAM-Typen",
                "Empfehlungen",
                "Optionen",
                "Maßnahmen 90 Tage",
                "Entscheidungen",
                "Methode",
            ],
        ),
        (
            "en",
            [
                "At a glance",
                "Accounts",
                "KAM types",
                "Recommendations",
                "Options",
                "Actions 90 days",
                "Decisions",
                "Method",
            ],
        ),
    ],
)
def test_sheets_speak_the_language(told, language: str, names: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert workbook_of(told(language=language).story()).sheetnames == names


@pytest.mark.parametrize("language", ["de", "en"])
def test_decisions_can_be_filled_in_and_read_in_again(told, language: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    book = workbook_of(told(language=language).story())
    sheet = book.worksheets[6]
    rows = [[cell.value for cell in row][:4] for row in sheet.iter_rows(min_row=5)]
    assert [row[0] for row in rows] == ["0001", "0002", "0003", "0004", "0005"]
    lists = [validation.formula1 for validation in sheet.data_validations.dataValidation]
    reasons = {
        "de": "strategische Bedeutung,Potenzial,Referenzkunde,Ertrag,Risiko,Kapazität,gewachsene Beziehung,"
        "Kundenkenntnis des Vertriebs,anderer Grund",
        "en": "strategic importance,potential,reference customer,margin,risk,capacity,long-standing relationship,"
        "sales knowledge of the account,other reason",
    }[language]
    assert (
        lists
        == {
            "de": [
                '"Key Account,Betreuung,KAM-Typ,Strategieoption"',
                f'"{reasons}"',
                '"stimmt zu,stimmt nicht zu,enthält sich"',
            ],
            "en": [
                '"Key account,Level of care,KAM type,Strategy option"',
                f'"{reasons}"',
                '"agrees,disagrees,abstains"',
            ],
        }[language]
    )
    # for every key account the proposal, and what was decided
    assert [row[2:4] for row in rows] == [{"de": ["ja", "Key Account"], "en": ["yes", "Key account"]}[language]] * 5
    sheet["E5"] = {"de": "nein", "en": "no"}[language]
    sheet["F5"] = reasons.split(",")[4]
    sheet["G5"], sheet["J5"] = "Zu klein", {"de": "stimmt zu", "en": "agrees"}[language]
    book.save(tmp_path / "decided.xlsx")
    decisions = read_decisions(tmp_path / "decided.xlsx")
    assert decisions[["account_id", "subject", "decision", "reason_code", "reason", "opinion"]].astype(object).where(
        decisions.notna(), None
    ).values.tolist() == [
        ["0001", "key_account", "no", "risk", "Zu klein", "agree"],
        ["0002", "key_account", "yes", None, None, None],
    ]
    assert decisions.loc[1, "date"] == dt.datetime(2025, 11, 1)


def test_the_same_story_gives_the_same_bytes_and_its_date(told) -> None:  # type: ignore[no-untyped-def]
    content = render_xlsx(told().story())
    assert content == render_xlsx(told().story())
    assert openpyxl.load_workbook(io.BytesIO(content)).properties.created == dt.datetime(2026, 1, 15)


def test_a_cell_never_holds_more_than_excel_allows(told) -> None:  # type: ignore[no-untyped-def]
    sheet = workbook_of(told(["x" * 40_000, *[f"Kunde {i}" for i in range(2, 17)]]).story())["Konten"]
    assert len(sheet["C4"].value) == 32_767

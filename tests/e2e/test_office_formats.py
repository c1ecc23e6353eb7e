"""Workbooks in the formats that offices save: written by a real office program, read as the same table."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import xlsxwriter
import yaml

from kamkit.intake.importing import check_engagement
from kamkit.model.engagement import load_engagement

pytestmark = pytest.mark.slow


@pytest.mark.skipif(shutil.which("libreoffice") is None, reason="needs libreoffice to write the formats")
@pytest.mark.parametrize("ending", ["xls", "ods"])
def test_a_workbook_of_another_format_is_the_same_table(ending: str, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "umsatz.xlsx") as book:
        sheet, day = book.add_worksheet("Umsätze"), book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.write_row(0, 0, ["Umsatzliste"])
        sheet.write_row(2, 0, ["Kunde", "Datum", "Umsatz"])
        for row, (customer, date, amount) in enumerate([("00012", 45658, 1234.5), ("00013", 45659, -0.25)], start=3):
            sheet.write_string(row, 0, customer)
            sheet.write_number(row, 1, date, day)
            sheet.write_number(row, 2, amount)
        sheet.write_row(5, 0, ["Summe", "", 1234.25])
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["libreoffice", profile, "--headless", "--convert-to", ending, "--outdir", tmp_path]
    subprocess.run([*command, tmp_path / "umsatz.xlsx"], check=True, capture_output=True)
    columns = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}
    found = []
    for name in ("umsatz.xlsx", f"umsatz.{ending}"):
        content = {"client": "Test", "sources": {"transactions": {"path": name, "columns": columns}}}
        (tmp_path / "engagement.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        found.append(check_engagement(load_engagement(tmp_path)))
    for imported in found:
        assert (imported.rows_in, imported.rows_kept, imported.revenue_kept) == (3, 2, 1234.25)
        assert (str(imported.first_date), str(imported.last_date)) == ("2025-01-01", "2025-01-02")
        assert imported.columns.set_index("column").loc["customer_id", "example"] == "00012"

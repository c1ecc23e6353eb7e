"""Workbooks in the formats that offices save: written by a real office program, read as the same table."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zipfile
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


def record(kind: int, data: bytes = b"") -> bytes:
    """A record of the binary workbook format ([MS-XLSB] 2.1.4): type, length, data."""
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    assert len(data) < 128
    return head + bytes([len(data)]) + data


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def test_a_binary_workbook_is_read(tmp_path: Path) -> None:
    rows = [("Kunde", "Datum", "Umsatz"), ("00012", "01.01.2025", 1234.5), ("00013", "02.01.2025", -0.25)]
    book = record(131) + record(143) + record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Umsatz"))
    book += record(144) + record(132)
    sheet = record(129) + record(148, struct.pack("<IIII", 0, 2, 0, 2)) + record(145)
    for r, row in enumerate(rows):
        sheet += record(0, struct.pack("<IIHBBBI", r, 0, 300, 0, 0, 0, 0))
        for c, value in enumerate(row):
            cell = struct.pack("<II", c, 0)
            text = isinstance(value, str)
            sheet += record(6, cell + wide(value)) if text else record(5, cell + struct.pack("<d", value))
    sheet += record(146) + record(130)
    types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    link = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}" Target="{}"/></Relationships>'
    )
    with zipfile.ZipFile(tmp_path / "umsatz.xlsb", "w") as packed:
        packed.writestr("[Content_Types].xml", types)
        packed.writestr("_rels/.rels", link.format("officeDocument", "xl/workbook.bin"))
        packed.writestr("xl/_rels/workbook.bin.rels", link.format("worksheet", "worksheets/sheet1.bin"))
        packed.writestr("xl/workbook.bin", book)
        packed.writestr("xl/worksheets/sheet1.bin", sheet)
    columns = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}
    content = {"client": "Test", "sources": {"transactions": {"path": "umsatz.xlsb", "columns": columns}}}
    (tmp_path / "engagement.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    imported = check_engagement(load_engagement(tmp_path))
    assert (imported.rows_kept, imported.revenue_kept, str(imported.last_date)) == (2, 1234.25, "2025-01-02")
    assert imported.columns.set_index("column").loc["customer_id", "example"] == "00012"

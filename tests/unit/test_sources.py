"""Where raw data lie: every way a path can be wrong, told at once; packed files; databases."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest
import xlsxwriter

from kamkit.errors import InputError
from kamkit.intake.readers import TypedTable, read_table
from kamkit.intake.sources import find_files
from kamkit.model.engagement import Engagement

COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}
ROWS = "Kunde;Datum;Umsatz\n007;31.12.2025;1,50\n"


def read(folder: Path, path: Any, **source: Any) -> TypedTable:
    transactions = {"path": path, "columns": COLUMNS} | source
    if transactions["path"] is None:
        del transactions["path"]
    engagement = Engagement.model_validate({"client": "Test", "sources": {"transactions": transactions}})
    engagement._file = folder / "engagement.yml"
    return read_table(
        ibis.duckdb.connect(), "transactions", engagement.sources.transactions, engagement, folder / "scratch"
    )


def problems_of(folder: Path, path: Any, **source: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(folder, path, **source)
    assert caught.value.where == "sources.transactions"
    return list(caught.value.problems)


def customers(typed: TypedTable) -> list[str]:
    return sorted(typed.table.customer_id.execute())


def password_protected() -> bytes:
    """The outline of an encrypted workbook: a compound file whose directory names an EncryptedPackage stream."""
    free, end, fat = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<I", 0)
    header += struct.pack("<I", free) * 108

    def entry(name: str, kind: int, child: int, sibling: int) -> bytes:
        text = (name.encode("utf-16-le") + b"\0\0").ljust(64, b"\0")
        links = struct.pack("<HBBIII", len(name) * 2 + 2, kind, 1, free, sibling, child)
        return text + links + bytes(36) + struct.pack("<IQ", end, 0)

    fat_sector = struct.pack("<II", fat, end) + struct.pack("<I", free) * 126
    directory = entry("Root Entry", 5, 1, free) + entry("EncryptedPackage", 2, free, 2)
    directory += entry("EncryptionInfo", 2, free, free) + bytes(128)
    return header + fat_sector + directory


def test_everything_wrong_with_the_files_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "umsatz_2025.csv").write_text(ROWS)
    (tmp_path / "leer.csv").write_bytes(b"")
    (tmp_path / "kopf.csv").write_text("Kunde;Datum;Umsatz\n")
    (tmp_path / "ordner.csv").mkdir()
    (tmp_path / "liste.pdf").write_text("x")
    (tmp_path / "kaputt.xlsx").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "geheim.xlsx").write_bytes(password_protected())
    (tmp_path / "kaputt.csv.gz").write_bytes(b"\x1f\x8b\x08 broken")
    (tmp_path / "kaputt.zip").write_bytes(b"PK broken")
    (tmp_path / "kaputt.parquet").write_bytes(b"PAR1")
    with zipfile.ZipFile(tmp_path / "bild.zip", "w") as packed:
        packed.writestr("bild.png", b"x")
    names = ["umsatz_2024.csv", "juli_*.csv", "ordner.csv", "leer.csv", "kopf.csv", "liste.pdf", "kaputt.xlsx"]
    names += ["geheim.xlsx", "kaputt.csv.gz", "kaputt.zip", "kaputt.parquet", "bild.zip"]
    assert sorted(problems_of(tmp_path, names)) == sorted(
        [
            "umsatz_2024.csv: there is no such file. Did you mean 'umsatz_2025.csv'?",
            "juli_*.csv: no file matches; files there: 'bild.zip', 'geheim.xlsx', 'kaputt.csv.gz', 'kaputt.parquet', "
            "'kaputt.xlsx', … (10 in all)",
            "ordner.csv: is a folder: name a file in it, or all of them with /*",
            "leer.csv: is empty (0 bytes): export it again",
            "kopf.csv: has a header in line 1 but no rows: export it again",
            "liste.pdf: files of type .pdf cannot be read: known are csv txt tsv xlsx xls xlsb ods xlsm parquet gz zip",
            "kaputt.xlsx: is damaged or no workbook: open it in Excel and save it again",
            "geheim.xlsx: is password-protected: save it without a password",
            "kaputt.csv.gz: is damaged and cannot be unpacked: ask for the file again",
            "kaputt.zip: is damaged and cannot be unpacked: ask for the file again",
            "kaputt.parquet: is damaged or no Parquet file: export it again",
            "bild.zip: holds no csv, workbook or parquet file",
        ]
    )


def test_a_file_in_another_folder_is_suggested_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "Umsätze.csv").write_text(ROWS)
    assert problems_of(tmp_path, "raw/umsaetze.csv") == [
        "raw/umsaetze.csv: there is no such file. Did you mean 'raw/Umsätze.csv'?"
    ]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "umsatz.csv").write_text(ROWS)
    (folder / "umsatz.csv").chmod(0o600)
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o055 != 0o055 and parent.is_relative_to("/tmp"):
            parent.chmod(0o755)
    code = (
        "import os, sys, pathlib; import kamkit.intake.sources as s; os.setgid(65534); os.setuid(65534); "
        "print(s.find_files(['umsatz.csv'], pathlib.Path(sys.argv[1]), pathlib.Path('/nowhere')))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout == '([], ["umsatz.csv: cannot be read (permission denied): check the file\'s permissions"])\n'


def test_globs_take_data_files_once_and_leave_out_lock_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "~$a.csv"):
        (tmp_path / name).write_text(ROWS)
    files, problems = find_files(["*.csv", "a.csv"], tmp_path, tmp_path / "scratch")
    assert ([file.name for file in files], problems) == (["a.csv", "b.csv"], [])


def test_packed_files_are_read_and_named(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "eins.csv.gz", "wt") as packed:
        packed.write(ROWS)
    with zipfile.ZipFile(tmp_path / "mehr.zip", "w") as archive:
        archive.writestr("jan/zwei.csv", ROWS.replace("007", "008"))
        archive.writestr("drei.txt", ROWS.replace("007", "009"))
        archive.writestr("__MACOSX/._drei.txt", "x")
        archive.writestr("liesmich.md", "x")
    typed = read(tmp_path, ["eins.csv.gz", "mehr.zip"])
    assert customers(typed) == ["007", "008", "009"]
    assert [row["file"] for row in typed.files] == ["eins.csv.gz", "mehr.zip/drei.txt", "mehr.zip/jan/zwei.csv"]


def test_content_counts_more_than_the_ending(tmp_path: Path) -> None:
    (tmp_path / "text.xls").write_text("Kunde\tDatum\tUmsatz\n1\t31.12.2025\t2,00\n", encoding="utf-16")
    with xlsxwriter.Workbook(tmp_path / "mappe.csv") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, list(COLUMNS.values()))
        sheet.write_row(1, 0, ["2", "2025-12-31", 3.5])
    typed = read(tmp_path, ["text.xls", "mappe.csv"])
    assert customers(typed) == ["1", "2"]
    assert [(row["encoding"], row["delimiter"], row["sheet"]) for row in typed.files] == [
        ("utf-16", "tab", None),
        (None, None, "Sheet1"),
    ]


def test_originals_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "umsatz.csv").write_bytes("Kunde;Datum;Umsatz\nMüller;31.12.2025;1,50\n".encode("cp1252"))
    before = (tmp_path / "umsatz.csv").read_bytes()
    read(tmp_path, "umsatz.csv")
    assert (tmp_path / "umsatz.csv").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"umsatz.csv", "scratch"}


@pytest.fixture
def database(tmp_path: Path) -> str:
    file = tmp_path / "erp.db"
    with duckdb.connect(str(file)) as con:
        con.execute("CREATE SCHEMA sales")
        con.execute(
            "CREATE TABLE sales.lines AS SELECT '007' AS kunde, DATE '2025-12-31' AS datum, 1.10::DECIMAL(9, 2) AS umsatz, 'x' AS geheim"
        )
    return str(file)


def test_a_database_table_is_read_by_its_types(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_FILE", database)
    typed = read(tmp_path, None, connection="duckdb://${ERP_FILE}", table="sales.lines")
    frame = typed.table.execute()
    assert frame[["customer_id", "source_file", "source_row"]].values.tolist() == [["007", "sales.lines", 1]]
    assert str(typed.table.net_revenue.sum().to_pyarrow()) == "1.100000"
    assert [row["source"] for row in typed.columns] == ["Kunde", "Datum", "Umsatz"]


def test_no_message_shows_the_connection(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for connection, table, problem in (
        (
            "postgres://me:${ERP_SECRET}@nowhere.invalid/x",
            "sales.lines",
            "the environment variable ERP_SECRET is not set",
        ),
        (
            "nodb://me:verysecret@host/x",
            "sales.lines",
            "the database cannot be opened (ValueError): check the connection",
        ),
        (f"duckdb://{database}", "sales.kunden", "the database has no such table"),
    ):
        with pytest.raises(InputError) as caught:
            read(tmp_path, None, connection=connection, table=table)
        assert str(caught.value) == f"table {table}: 1 problem found\n- {problem}"

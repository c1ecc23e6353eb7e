"""What no client should send: every file ends in a result or in a clear error, within bounds of memory and time."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from kamkit.errors import EngagementError, InputError
from kamkit.intake import archives
from kamkit.intake.importing import check_engagement
from kamkit.model.engagement import load_engagement

LINES = "Kunde;Datum;Umsatz\n1;31.12.2025;5,00\n2;30.11.2025;7,00\n"
COLUMNS = "{customer_id: Kunde, posting_date: Datum, net_revenue: Umsatz}"


def engagement(folder: Path, path: str, more: str = "") -> Path:
    """An engagement over one raw file."""
    file = folder / "engagement.yml"
    file.write_text(f"client: Test\nsources:\n  transactions: {{path: {path!r}, columns: {COLUMNS}}}\n{more}")
    return file


def problems_of(folder: Path, path: str, more: str = "") -> list[str]:
    with pytest.raises((InputError, EngagementError)) as caught:
        check_engagement(load_engagement(engagement(folder, path, more)))
    return list(caught.value.problems)


def test_a_gz_that_swells_is_stopped_while_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(archives, "RATIO_FROM", 1 << 20)
    (tmp_path / "u.csv.gz").write_bytes(gzip.compress(LINES.encode() + b"0" * (8 << 20)))
    assert problems_of(tmp_path, "u.csv.gz") == [
        "u.csv.gz: unpacks to more than 300 times its size, as only a decompression bomb does: ask for another file"
    ]


def test_a_zip_is_refused_by_what_it_says_and_by_what_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 30)
    monkeypatch.setattr(archives, "MOST_RATIO", 1 << 30)
    with zipfile.ZipFile(tmp_path / "u.zip", "w") as packed:
        packed.writestr("u.csv", LINES)
    raw = (tmp_path / "u.zip").read_bytes()
    central = raw.index(b"PK\x01\x02")
    lying = raw[: central + 24] + struct.pack("<I", (1 << 30) + 1) + raw[central + 28 :]
    (tmp_path / "u.zip").write_bytes(lying)
    assert problems_of(tmp_path, "u.zip") == [
        "u.zip: unpacks to more than 1 GiB: unpack it yourself and name single files"
    ]


def test_a_zip_with_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    with zipfile.ZipFile(tmp_path / "u.zip", "w") as packed:
        for n in range(4):
            packed.writestr(f"{n}.csv", LINES)
    assert problems_of(tmp_path, "u.zip") == ["u.zip: holds 4 files; at most 3 are unpacked"]


@pytest.mark.parametrize("name", ["../u.csv", "/etc/u.csv", "C:/u.csv", "a\\..\\..\\u.csv"])
def test_paths_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "u.zip", "w") as packed:
        packed.writestr("gut.csv", LINES)
        packed.writestr(name, LINES)
    (problem,) = problems_of(tmp_path, "u.zip")
    assert problem.startswith("u.zip: holds 1 member that would lie outside of it or is a link (first: ")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["engagement.yml", "u.zip"]


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("u.csv")
    member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "u.zip", "w") as packed:
        packed.writestr(member, "/etc/passwd")
    (problem,) = problems_of(tmp_path, "u.zip")
    assert "is a link (first: 'u.csv')" in problem


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "u.zip", "w") as packed:
        packed.writestr("innen.zip", b"PK\x05\x06" + bytes(18))
    assert problems_of(tmp_path, "u.zip") == ["u.zip: holds no csv, workbook or parquet file"]


def test_a_link_that_leads_out_of_the_folder_needs_leave(tmp_path: Path) -> None:
    (tmp_path / "fremd.csv").write_text(LINES)
    folder = tmp_path / "projekt"
    folder.mkdir()
    (folder / "umsatz.csv").symlink_to(tmp_path / "fremd.csv")
    assert problems_of(folder, "*.csv") == [
        "umsatz.csv: is a link that leads out of the engagement's folder: move the file there or set allow_outside: true"
    ]
    allowed = load_engagement(engagement(folder, "*.csv", "allow_outside: true\n"))
    assert check_engagement(allowed).revenue_in == 12.0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rohr.csv")
    (tmp_path / "ordner.csv").mkdir()
    assert problems_of(tmp_path, "rohr.csv") == [
        "rohr.csv: is a device or a pipe, no file: copy its content into a file"
    ]
    assert problems_of(tmp_path, "ordner.csv") == ["ordner.csv: is a folder: name a file in it, or all of them with /*"]
    (tmp_path / "u.csv").write_text(LINES)
    os.mkfifo(tmp_path / "inputs.xlsx")
    assert problems_of(tmp_path, "u.csv") == ["is no file: move it away"]


def test_a_workbook_with_a_cell_in_its_last_corner_is_not_spread_out_in_memory(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "u.xlsx") as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["Kunde", "Datum", "Umsatz"])
        page.write(1_048_575, 16_383, "x")
    assert problems_of(tmp_path, "u.xlsx") == [
        "u.xlsx: has a sheet that spans 1,048,576 rows and 16,384 columns: delete what stands far outside of the table and "
        "save it again"
    ]


def test_a_workbook_that_unpacks_past_the_limit_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "RATIO_FROM", 1 << 18)
    monkeypatch.setattr(archives, "MOST_RATIO", 50)
    for name in ("u.xlsx", "inputs.xlsx"):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            book.add_worksheet().write_string(0, 0, "x" * 30_000)
            for n in range(60):
                book.add_worksheet().write_string(0, 0, f"{n}" + "x" * 30_000)
    (tmp_path / "u.csv").write_text(LINES)
    expected = "unpacks to more than 50 times its size, as only a decompression bomb does: ask for another file"
    assert problems_of(tmp_path, "u.csv") == [expected]
    (tmp_path / "inputs.xlsx").unlink()
    assert problems_of(tmp_path, "u.xlsx") == [f"u.xlsx: {expected}"]


YAML_BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (YAML_BOMB, "is not valid YAML: it means more than 100,000 values once its aliases are written out"),
        ("client: &a [*a]\n", "is not valid YAML: it means more than 100,000 values once its aliases are written out"),
        ("client: " + "[" * 5000, "is not valid YAML: it is nested too deeply"),
        ("client: '" + "x" * 1_000_000 + "'", "is not valid YAML: it is longer than 1,000,000 characters"),
        (
            "client: x\nperiod: {start: 2025-02-31}",
            "is not valid YAML: it holds a value that cannot be read (day is out of range for month)",
        ),
    ],
)
def test_an_engagement_file_is_bounded(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "engagement.yml").write_text(text)
    with pytest.raises(EngagementError) as caught:
        load_engagement(tmp_path)
    assert list(caught.value.problems) == [problem]


def test_rules_of_an_engagement_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(LINES)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "cleaning.yml").write_text(YAML_BOMB)
    assert problems_of(tmp_path, "u.csv") == [
        "cannot be read: it means more than 100,000 values once its aliases are written out"
    ]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux")
def test_a_line_of_two_gigabytes_ends_in_bounded_memory(tmp_path: Path) -> None:
    with (tmp_path / "u.csv").open("wb") as out:
        out.write(LINES.encode())
        for _ in range(32):
            out.write(b"x" * (64 << 20))
    engagement(tmp_path, "u.csv")
    script = (
        "import re, sys\nfrom pathlib import Path\n"
        "from kamkit.errors import InputError\n"
        "from kamkit.intake.importing import check_engagement\n"
        "from kamkit.model.engagement import load_engagement\n"
        "try:\n    check_engagement(load_engagement(sys.argv[1]))\n"
        "except InputError as error:\n    print(error)\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]) // 1024)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    *_, problem, megabytes = run.stdout.splitlines()
    assert problem == "- u.csv: has a line of more than 2,000,000 characters (line 4): it is no table"
    assert int(megabytes) < 1000

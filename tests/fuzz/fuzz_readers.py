"""Fuzz the readers: any bytes as a raw file of any kind end in a result, an InputError or an EngagementError.

`python tests/fuzz/fuzz_readers.py -max_total_time=60 tests/fuzz/seeds` needs atheris; without it, `read_bytes` replays
single inputs (see test_fuzz.py). The first byte of an input says what kind of file the others are.
"""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
import zipfile
from pathlib import Path

KINDS = ("u.csv", "u.xlsx", "u.zip", "u.csv.gz", "u.parquet", "engagement.yml", "inputs.xlsx", "u.txt", "inner.csv")
ENGAGEMENT = """client: Test
sources:
  transactions:
    path: {path}
    columns: {{customer_id: Kunde, posting_date: Datum, net_revenue: Umsatz, quantity: Menge}}
"""
LINES = b"Kunde;Datum;Umsatz;Menge\n1;31.12.2025;5,00;1\n2;30.11.2025;7,00;2\n"


def read_bytes(data: bytes) -> str:
    """What becomes of an input: result, InputError or EngagementError. Everything else is raised."""
    from kamkit.errors import EngagementError, InputError
    from kamkit.intake.importing import check_engagement
    from kamkit.model.engagement import load_engagement

    kind = KINDS[data[0] % len(KINDS)] if data else KINDS[0]
    content = data[1:]
    with tempfile.TemporaryDirectory(prefix="kamkit-fuzz-") as place:
        folder = Path(place)
        path = {"engagement.yml": "u.csv", "inputs.xlsx": "u.csv", "inner.csv": "u.zip"}.get(kind, kind)
        (folder / "engagement.yml").write_text(ENGAGEMENT.format(path=path))
        (folder / "u.csv").write_bytes(LINES)
        if kind == "inner.csv":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                archive.writestr("u.csv", content)
            (folder / "u.zip").write_bytes(packed.getvalue())
        elif kind == "u.csv.gz" and content[:2] != b"\x1f\x8b":
            (folder / kind).write_bytes(gzip.compress(content, 1))
        else:
            (folder / kind).write_bytes(content)
        try:
            check_engagement(load_engagement(folder))
        except (InputError, EngagementError) as error:
            return type(error).__name__
    return "result"


def _fuzz(data: bytes) -> None:
    read_bytes(data)


if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["kamkit.intake", "kamkit.model"]):
        import kamkit.intake.importing  # noqa: F401
    atheris.Setup(sys.argv, _fuzz)
    atheris.Fuzz()

"""The README's pictures, from the deliverables that `make demo` has left: `python docs/pictures.py`.

Needs Debian's chromium, libreoffice-calc, libreoffice-impress, poppler-utils and fonts-crosextra-carlito (Calibri's widths).
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).parent / "pictures"
WIDTH = 1200
THRESHOLD_SHEET = "Order of equal"
"""What only the live Pareto's head says."""


def newest(folder: Path, kind: str) -> Path:
    """The latest deliverable of a kind below a folder."""
    found = sorted(folder.rglob(f"*{kind}"), key=lambda path: path.stat().st_mtime)
    if not found:
        sys.exit(f"no {kind} below {folder}: run `make demo` first")
    return found[-1]


def screenshot(page: Path, scratch: Path) -> Image.Image:
    """The first screen of the report in a browser."""
    picture = scratch / "page.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,1500"]
    profile = f"--user-data-dir={scratch / 'profile'}"
    command = ["chromium", *options, profile, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)
    return Image.open(io.BytesIO(picture.read_bytes()))


def page_of(file: Path, number: int, scratch: Path) -> Image.Image:
    """One page of a PDF."""
    out = scratch / f"{file.stem}-{number}"
    command = [
        "pdftoppm",
        "-png",
        "-singlefile",
        "-r",
        "150",
        "-f",
        str(number),
        "-l",
        str(number),
        str(file),
        str(out),
    ]
    subprocess.run(command, check=True)
    return Image.open(io.BytesIO(out.with_suffix(".png").read_bytes()))


def as_pdf(file: Path, scratch: Path) -> Path:
    """An office file as LibreOffice prints it."""
    command = ["libreoffice", "--headless", "--convert-to", "pdf", "--outdir", str(scratch), str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return scratch / f"{file.stem}.pdf"


def page_with(file: Path, words: str) -> int:
    """The first page of a PDF that carries these words."""
    text = subprocess.run(["pdftotext", str(file), "-"], check=True, capture_output=True, text=True).stdout
    return next(n for n, page in enumerate(text.split("\f"), start=1) if words in page)


def upper_part(picture: Image.Image) -> Image.Image:
    return picture.crop((0, 0, picture.width, picture.height * 5 // 8))


def main() -> None:
    """Write the four pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("kamkit-demo")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        workbook = as_pdf(newest(folder, "_workbook.xlsx"), scratch)
        pictures = {
            "report-html": screenshot(newest(folder, "_report.html").resolve(), scratch),
            "report-pdf": page_of(newest(folder, "_report.pdf"), 2, scratch),
            "deck": page_of(as_pdf(newest(folder, "_deck.pptx"), scratch), 2, scratch),
            "workbook": upper_part(page_of(workbook, page_with(workbook, THRESHOLD_SHEET), scratch)),
        }
        for kind, picture in pictures.items():
            small = picture.convert("RGB").resize((WIDTH, round(picture.height * WIDTH / picture.width)))
            small.quantize(128, dither=Image.Dither.NONE).save(PICTURES / f"{kind}.png", optimize=True)


if __name__ == "__main__":
    main()

"""One report story, written as files that a partner attaches to a mail."""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Self

from kamkit.deliver.html import render_html, render_plans, render_request, render_sign_off
from kamkit.deliver.pdf import render_pdf
from kamkit.deliver.pptx import render_pptx
from kamkit.deliver.xlsx import render_xlsx
from kamkit.errors import DeliverableError
from kamkit.model.engagement import pdf_is_possible
from kamkit.telling.story import Story

Render = Callable[[Story], bytes | None]

RENDERERS: dict[str, dict[str, Render]] = {
    "html": {
        "report.html": lambda story: render_html(story).encode("utf-8"),
        "account-plans.html": lambda story: render_plans(story).encode("utf-8") if story.plans.plans else None,
        "data_sign-off.html": lambda story: render_sign_off(story).encode("utf-8") if story.sign_off else None,
        "data-request_de.html": lambda story: _request(story, "de"),
        "data-request_en.html": lambda story: _request(story, "en"),
    },
    "pdf": {"report.pdf": render_pdf},
    "pptx": {"deck.pptx": render_pptx},
    "xlsx": {"workbook.xlsx": render_xlsx},
}
"""Per format its files; one that the audience may not have, or that would be empty, is None."""

LONGEST_CLIENT, LONGEST_PATH, MOST_VERSIONS = 60, 199, 99

_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "&": " und "})


class Written(tuple[Path, ...]):
    """The files of a report, and in sentences what is not as asked for; told by name only, so that outputs are the same on
    every machine."""

    notes: tuple[str, ...]

    def __new__(cls, files: Iterable[Path], notes: Iterable[str] = ()) -> Self:
        written = super().__new__(cls, files)
        written.notes = tuple(notes)
        return written

    def __repr__(self) -> str:
        return "\n".join([*(path.name for path in self), *self.notes])

    def _repr_html_(self) -> str:
        files = "".join(f"<li><code>{escape(path.name)}</code></li>" for path in self)
        return f"<ul>{files}</ul>" + "".join(f"<p>{escape(note)}</p>" for note in self.notes)


def write_deliverables(story: Story, folder: Path, formats: Iterable[str], suffix: str = "") -> Written:
    """Write the story in each format that this version can make; returns the files.

    Names are `<client>_<period>_<kind>`, ASCII, with `suffix` before the ending. A file appears whole or not at all. One
    that cannot be replaced because it is open elsewhere stays, and the new version gets a number; a format that this machine
    cannot make is left out. The notes of what is returned say so.
    Raises DeliverableError when a file cannot be rendered or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeliverableError(f"{folder.name} cannot be made: {error.strerror}") from None
    wanted_formats, written, notes = [*formats], [], []
    if "pdf" in wanted_formats and not pdf_is_possible():
        wanted_formats.remove("pdf")
        notes.append(story.labels("file.no_pdf"))
    files = [file for format_ in wanted_formats for file in RENDERERS.get(format_, {}).items()]
    for kind, render in files:
        if (content := render(story)) is None:
            continue
        wanted = folder / file_name(story, kind, suffix, LONGEST_PATH - len(str(folder)) - 1)
        path = _write_whole(wanted, content)
        if path != wanted:
            notes.append(story.labels("file.open_elsewhere", name=wanted.name, written=path.name))
        written.append(path)
    return Written(written, notes)


def _request(story: Story, language: str) -> bytes | None:
    """The next data request in one language, whatever the report's: it goes to the client."""
    found = (request for request in story.requests if request.labels.language == language)
    return next((render_request(request).encode("utf-8") for request in found), None)


def file_name(story: Story, kind: str, suffix: str = "", room: int = LONGEST_PATH) -> str:
    """The ASCII name of a deliverable, short enough for its folder.

    The client's name is shortened, never the period or the kind.
    """
    stem, _, ending = kind.partition(".")
    tail = f"_{story.period_code}_{stem}{suffix}.{ending}"
    client = ascii_name(story.client)[: max(8, min(LONGEST_CLIENT, room - len(tail) - 3))].rstrip("-")
    return f"{client}{tail}"


def ascii_name(text: str) -> str:
    """A name in plain letters, as one would spell it on the phone.

    >>> ascii_name("Müller & Söhne Großhandel GmbH")
    'Mueller-und-Soehne-Grosshandel-GmbH'
    """
    spelled = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).translate(_SPELLED))
    return re.sub(r"[^A-Za-z0-9]+", "-", spelled.encode("ascii", "ignore").decode()).strip("-") or "client"


def _write_whole(path: Path, content: bytes) -> Path:
    """Write beside the file and move into place; where the place is taken by an open file, take the next number."""
    try:
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(scratch).chmod(0o644)
    except OSError as error:
        raise DeliverableError(f"{path.name} cannot be written: {error.strerror}") from None
    for number in range(1, MOST_VERSIONS + 1):
        place = path if number == 1 else path.with_stem(f"{path.stem}_{number}")
        try:
            Path(scratch).replace(place)
        except PermissionError:
            continue
        return place
    Path(scratch).unlink()
    raise DeliverableError(
        f"{path.name} cannot be written: it is open elsewhere, and so are {MOST_VERSIONS - 1} versions"
    )

"""An executed notebook as a page to print or to send: what it says and shows, the calculation folded beneath."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from kamkit.deliver.html import NOTEBOOK_GOES_HERE, dress_page
from kamkit.errors import DeliverableError
from kamkit.model.brand import Look
from kamkit.model.kit import kit_folder
from kamkit.telling.language import Labels


def render_notebook(notebook: Path | Any, labels: Labels, brand: Look | None = None) -> str:
    """A notebook, as a file or as nbformat holds it, with its outputs as a self-contained page without prompts or scripts.

    Titled by its first heading. Raises DeliverableError when the file is not a notebook.
    """
    from nbconvert import HTMLExporter

    node = _read(notebook) if isinstance(notebook, Path) else notebook
    folder = kit_folder("templates") / "report" / "nbconvert"
    settings = {"extra_template_basedirs": [str(folder)], "exclude_anchor_links": True}
    exporter = HTMLExporter(template_name="kamkit", **settings)  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(node, resources={"how": labels("report.how")})
    return dress_page("notebook", labels, brand or Look(), {NOTEBOOK_GOES_HERE: body}, title=_title(node, labels))


def write_notebooks(folder: Path, labels: Labels, brand: Look) -> list[Path]:
    """Every notebook of a folder as a page beside it, by name; returns the pages."""
    written = []
    for notebook in sorted(folder.glob("*.ipynb")):
        page = notebook.with_suffix(".html")
        page.write_text(render_notebook(notebook, labels, brand), encoding="utf-8")
        written.append(page)
    return written


def _read(path: Path) -> Any:
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        raise DeliverableError(f"{path.name} is not a notebook: {error}") from None


def _title(node: Any, labels: Labels) -> str:
    """The first heading, or that it is how something was calculated."""
    lines = (line for cell in node.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.lstrip("# ") for line in lines if line.startswith("# ")), labels("report.how"))

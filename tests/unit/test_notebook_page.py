"""An executed notebook as a page: what it says and shows, without prompts, scripts or anything from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nbformat
import nbformat.v4 as v4
import pytest

from kamkit.deliver.notebook import render_notebook, write_notebooks
from kamkit.errors import DeliverableError
from kamkit.model.brand import Look, Palette
from kamkit.telling.language import Labels

DE, EN = Labels("de", "de_DE", "EUR"), Labels("en", "en_GB", "EUR")


def result(**data: str) -> object:
    return v4.new_output("execute_result", {kind.replace("__", "/"): text for kind, text in data.items()})


def pictures(page: str) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = []
    parser = HTMLParser()
    parser.handle_startendtag = parser.handle_starttag = (  # type: ignore[method-assign]
        lambda tag, attrs: found.append(dict(attrs)) if tag == "img" else None
    )
    parser.feed(page)
    return found


@pytest.fixture
def notebook():  # type: ignore[no-untyped-def]
    table = "<table><caption>Kunden</caption><tr><td>Müller &amp; Söhne</td></tr></table>"
    picture = v4.new_output("execute_result", {"image/png": "iVBORw0K", "text/plain": "<Chart>"})
    picture.metadata = {"image/png": {"alt": 'Balken "je" Kunde', "width": 920}}
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# 2 Key Accounts\n\nWelche Kunden **tragen** das Geschäft?"),
            v4.new_code_cell("threshold = 0.8", metadata={"tags": ["parameters"]}),
            v4.new_code_cell("import kamkit", metadata={"tags": ["setup"]}),
            v4.new_code_cell("if a < b:\n    table", outputs=[result(text__html=table, text__plain="raw table")]),
            v4.new_code_cell("chart", outputs=[picture]),
            v4.new_code_cell("print(1)", outputs=[v4.new_output("stream", name="stdout", text="<b>gedruckt</b>")]),
            v4.new_code_cell("n", outputs=[result(text__plain="<42>")]),
            v4.new_code_cell("quiet = 1"),
        ]
    )


def test_a_notebook_shows_what_it_says_and_folds_how(notebook) -> None:  # type: ignore[no-untyped-def]
    page = render_notebook(notebook, DE)
    assert "<html lang=de>" in page
    assert "<title>2 Key Accounts</title>" in page
    assert "<strong>tragen</strong>" in page
    assert "<td>Müller &amp; Söhne</td>" in page
    assert "raw table" not in page
    assert pictures(page) == [{"src": "data:image/png;base64,iVBORw0K", "alt": 'Balken "je" Kunde', "width": "920"}]
    assert "<pre>&lt;b&gt;gedruckt&lt;/b&gt;</pre>" in page
    assert "<pre>&lt;42&gt;</pre>" in page
    folded = re.findall(r"<details><summary>(.*?)</summary><pre>(.*?)</pre></details>", page, flags=re.DOTALL)
    calculated = ["if a &lt; b:\n    table", "chart", "print(1)", "n", "quiet = 1"]
    assert folded == [("Rechenweg", code) for code in calculated]
    assert "threshold" not in page
    assert "import kamkit" not in page
    assert [sign for sign in ("¶", "In\u00a0[", "Out[", "<script") if sign in page] == []


def test_nothing_is_asked_from_elsewhere(notebook) -> None:  # type: ignore[no-untyped-def]
    notebook.cells.append(v4.new_markdown_cell("<script>alert(1)</script> and $x^2$"))
    page = render_notebook(notebook, EN)
    assert re.findall(r"(?:src|href)=[\"']?(?![\"']|data:|#)", page) == []
    assert "http" not in page.partition("</style>")[2]
    policy = re.search(r"Content-Security-Policy content=\"([^\"]*)", page)
    assert policy
    assert policy[1].startswith("default-src 'none'; ")
    assert "script-src" not in policy[1]
    assert "How it was calculated" in page


def test_a_notebook_wears_the_colours_of_the_client(notebook) -> None:  # type: ignore[no-untyped-def]
    assert "--a:#123456" in render_notebook(notebook, DE, Look(palette=Palette(primary="#123456")))


def test_pages_are_written_beside_their_notebooks(notebook, tmp_path) -> None:  # type: ignore[no-untyped-def]
    for name in ("02_key_accounts", "01_import"):
        (tmp_path / f"{name}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    assert [path.name for path in write_notebooks(tmp_path, DE, Look())] == ["01_import.html", "02_key_accounts.html"]


def test_what_is_no_notebook_is_told(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "notes.ipynb").write_text("not json")
    with pytest.raises(DeliverableError) as problem:
        render_notebook(tmp_path / "notes.ipynb", DE)
    assert str(problem.value).startswith("notes.ipynb is not a notebook: ")

"""The notebooks read like a report: the style guide's rules that a machine can hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
NAMES = ["01_import", "02_key_accounts", "03_kam_types", "04_strategy_options", "05_report"]
PARAMETERS = {"engagement", "language", "work", "threshold", "basis", "level", "period"}
TAGS = {"parameters", "setup", "hide-input", "lang-de", "lang-en", "nbval-check-output", "keep_output"}
BRANCHES = (ast.FunctionDef, ast.ClassDef, ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Lambda, ast.Delete)
REBINDS = (ast.AugAssign, ast.Global, ast.NamedExpr)

notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def tags(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def code(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def words(cell: nbformat.NotebookNode) -> int:
    return len(re.findall(r"\w[\w-]*", re.sub(r"^#+ .*$", "", cell.source, flags=re.M)))


def test_the_five_steps_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == NAMES


@notebook
def test_each_notebook_is_valid_and_runs_on_any_python(path: Path) -> None:
    book = read(path)
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in book.cells}) == len(book.cells)
    assert set().union(*(tags(cell) for cell in book.cells)) <= TAGS


@notebook
def test_it_opens_with_its_title_and_question_in_both_languages(path: Path) -> None:
    de, en = read(path).cells[:2]
    number = str(int(path.stem[:2]))
    for cell, tag in ((de, "lang-de"), (en, "lang-en")):
        assert tags(cell) == {tag}
        assert cell.source.startswith(f"# {number} ")
        assert cell.source.count("?") == 1


@notebook
def test_parameters_are_few_plain_and_explained(path: Path) -> None:
    cell = code(path)[0]
    assert tags(cell) == {"parameters"}
    lines = cell.source.splitlines()
    assert [line.split(" = ")[0] for line in lines][:3] == ["engagement", "language", "work"]
    assert {line.split(" = ")[0] for line in lines} <= PARAMETERS
    assert lines[0].startswith('engagement = "machinery"  # ')
    for line in lines:
        assignment, comment = line.split("  # ")
        assert "=" not in comment
        assert ast.literal_eval(assignment.split(" = ")[1]) in ("machinery", None)
    names = {line.split(" = ")[0] for line in lines}
    opened = next(line for line in code(path)[1].source.splitlines() if line.startswith("project = open_project("))
    assert {part.strip() for part in opened[len("project = open_project(") : -1].split(",")} == names


@notebook
def test_setup_imports_by_name(path: Path) -> None:
    cell = code(path)[1]
    assert tags(cell) == {"setup"}
    tree = ast.parse(cell.source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all(isinstance(node, ast.ImportFrom) and node.names[0].name != "*" for node in imports)
    assert {node.module.split(".")[0] for node in imports if isinstance(node, ast.ImportFrom) and node.module} == {
        "kamkit"
    }
    imported = {alias.name for node in imports for alias in node.names}
    rest = "\n".join(other.source for other in code(path)[1:])
    assert [name for name in imported if len(re.findall(rf"\b{name}\b", rest)) < 2] == []
    assert cell.source.splitlines()[-1] == "labels = project.labels"


@notebook
def test_one_idea_per_cell_and_no_programming(path: Path) -> None:
    for cell in code(path)[2:]:
        assert 1 <= len(cell.source.splitlines()) <= 5, cell.id
        assert not re.search(r"^\s*[%!]|print\(|\.show\(|rcParams|warnings\.", cell.source, re.M), cell.id
        tree = ast.parse(cell.source)
        assert not [
            node for node in ast.walk(tree) if isinstance(node, BRANCHES + REBINDS + (ast.Import, ast.ImportFrom))
        ], cell.id
        assert isinstance(tree.body[-1], ast.Expr), f"{cell.id} ends without showing anything"
        assert max(map(len, cell.source.splitlines())) <= 120, cell.id


@notebook
def test_a_name_is_bound_once(path: Path) -> None:
    bound = [
        name.id
        for cell in code(path)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Assign)
        for target in node.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    ]
    assert sorted(bound) == sorted(set(bound))


@notebook
def test_prose_stands_before_every_result_in_both_languages_without_numbers(path: Path) -> None:
    cells = read(path).cells
    for i, cell in enumerate(cells):
        if cell.cell_type != "code" or tags(cell) & {"parameters", "setup"}:
            continue
        de, en = cells[i - 2], cells[i - 1]
        assert (tags(de), tags(en)) == ({"lang-de"}, {"lang-en"}), cell.id
        for prose in (de, en):
            assert 20 <= words(prose) <= 60, f"{prose.id}: {words(prose)} words"
            body = re.sub(r"^#+ .*$", "", prose.source, flags=re.M)
            assert not re.search(r"\d", body), f"{prose.id} holds a number"


@notebook
def test_limits_come_before_the_last_cell_which_saves(path: Path) -> None:
    cells = read(path).cells
    assert [cell.source.splitlines()[0] for cell in cells[-3:-1]] == ["## Grenzen", "## Limits"]
    last = cells[-1].source
    assert last.startswith("project.save(") if path.stem != "05_report" else "write_deliverables(story" in last


@notebook
def test_checked_outputs_hold_nothing_of_a_machine(path: Path) -> None:
    for cell in code(path):
        if "nbval-check-output" in tags(cell):
            assert "keep_output" in tags(cell)
        else:
            assert not cell.outputs, f"{cell.id}: only checked outputs are committed"
        text = str(cell.outputs)
        assert not re.search(r"/(?:home|root|tmp|work|Users)/|[A-Z]:\\\\|image/png|0x[0-9a-f]{6}", text), cell.id


@notebook
def test_no_forbidden_words(path: Path) -> None:
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    assert not re.search(r"\bP80\b|Mandant|Kundentyp|Rückvergleich|80/20|[Bb]uyout|T€|Lieferantenposition", text)

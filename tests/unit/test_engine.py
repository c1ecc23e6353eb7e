"""Every way a notebook can end, told as it was: in the output notebook and as a StepError."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import nbformat
import papermill
import pytest

from kamkit.errors import StepError
from kamkit.execution import kernels
from kamkit.execution.engine import ENGINE, Limits, run_notebook

PARAMETERS = "engagement = 'machinery'\nlanguage = None"
FIGURE = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots(figsize=(1, 1))\naxes.plot([1, 2])\nfigure"
IMMEDIATELY = Limits(cell=1, notebook=60)


def notebook(folder: Path, *sources: str) -> Path:
    """A notebook of code cells behind a parameters cell."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in (PARAMETERS, *sources)])
    nb.cells[0].metadata["tags"] = ["parameters"]
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, folder / "step.ipynb")
    return folder / "step.ipynb"


def statuses(path: Path) -> list[str]:
    """What became of the cells after the parameters, banners left out."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell.metadata.papermill["status"] for cell in cells if "papermill" in cell.metadata][2:]


def banner(path: Path) -> str:
    return nbformat.read(path, as_version=4).cells[0].source


def texts(path: Path, index: int = -1) -> list[str]:
    return [output.data["text/plain"] for output in nbformat.read(path, as_version=4).cells[index].outputs]


@pytest.fixture(params=["forked", pytest.param("launched", marks=pytest.mark.slow)])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to start a kernel must tell the same."""
    if request.param == "forked" and not kernels.forking_is_safe():
        pytest.skip("kernels cannot be forked here")
    monkeypatch.setenv(kernels.SWITCH, "1" if request.param == "forked" else "0")
    return str(request.param)


def test_a_notebook_runs_to_its_end(tmp_path: Path, way: str) -> None:
    seen: list[tuple[int, int]] = []
    source = notebook(tmp_path, "(engagement, language)")
    done = run_notebook(
        source, tmp_path / "out.ipynb", {"language": "de"}, watch=lambda cell, n: seen.append((cell, n))
    )
    assert (done.error, done.stopped_in) == (None, None)
    assert done.seconds > 0
    assert done.peak_mb is not None
    assert done.peak_mb > 10
    assert statuses(tmp_path / "out.ipynb") == ["completed"]
    assert texts(tmp_path / "out.ipynb") == ["('machinery', 'de')"]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_failing_cell_is_named_with_its_line(tmp_path: Path, way: str) -> None:
    source = notebook(tmp_path, "x = 1\ny = 0\nx / y  # here", "x")
    done = run_notebook(source, tmp_path / "out.ipynb", {"language": "de"})
    assert isinstance(done.error, StepError)
    assert vars(done.error) == {
        "step": "step",
        "error_type": "ZeroDivisionError",
        "message": "division by zero",
        "cell": 3,
        "line": "x / y  # here",
    }
    assert str(done.error) == "step: ZeroDivisionError in cell 3: division by zero"
    assert statuses(tmp_path / "out.ipynb") == ["failed", "not-run"]
    assert "An Exception was encountered at" in banner(tmp_path / "out.ipynb")


def test_an_error_inside_the_package_points_to_the_cell_that_called_it(tmp_path: Path, way: str) -> None:
    source = notebook(tmp_path, "import json\njson.loads('{')")
    done = run_notebook(source, tmp_path / "out.ipynb", {"language": "de"})
    assert done.error is not None
    assert done.error.line == "json.loads('{')"


@pytest.mark.parametrize("death", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_a_dead_kernel_is_a_failure(tmp_path: Path, way: str, death: str) -> None:
    source = notebook(tmp_path, f"import os\n{death}", "1")
    done = run_notebook(source, tmp_path / "out.ipynb", {"language": "de"})
    assert str(done.error) == (
        "step: DeadKernelError in cell 3: the kernel died while this cell was running: "
        "killed, out of memory, or ended by the code itself"
    )
    assert statuses(tmp_path / "out.ipynb") == ["failed", "not-run"]
    assert "An Exception was encountered at" in banner(tmp_path / "out.ipynb")
    assert nbformat.read(tmp_path / "out.ipynb", 4).metadata.papermill["exception"] is True


def test_a_cell_that_takes_too_long_is_a_failure(tmp_path: Path, way: str) -> None:
    source = notebook(tmp_path, "import os\nos.getpid()", "while True: pass", "1")
    done = run_notebook(source, tmp_path / "out.ipynb", {"language": "de"}, IMMEDIATELY)
    assert str(done.error) == "step: CellTimeoutError in cell 4: the cell ran for more than 1 s"
    assert statuses(tmp_path / "out.ipynb") == ["completed", "failed", "not-run"]
    assert not is_alive(int(texts(tmp_path / "out.ipynb", 3)[0]))


def test_a_notebook_that_takes_too_long_is_a_failure(tmp_path: Path, way: str) -> None:
    source = notebook(tmp_path, "import time\ntime.sleep(0.6)", "time.sleep(0.6)", "time.sleep(0.6)")
    done = run_notebook(source, tmp_path / "out.ipynb", {"language": "de"}, Limits(cell=60, notebook=1.5))
    assert done.error is not None
    assert (done.error.error_type, done.error.message) == ("CellTimeoutError", "the notebook ran for more than 1.5 s")
    assert statuses(tmp_path / "out.ipynb").count("failed") == 1
    assert statuses(tmp_path / "out.ipynb")[-1] in ("failed", "not-run")


@pytest.mark.parametrize("code", ["sys.exit()", "sys.exit(0)"])
def test_a_notebook_may_end_itself_early(tmp_path: Path, way: str, code: str) -> None:
    source = notebook(tmp_path, f"import sys\n{code}", "1")
    done = run_notebook(source, tmp_path / "out.ipynb", {"language": "de"})
    assert (done.error, done.stopped_in) == (None, 3)
    assert statuses(tmp_path / "out.ipynb") == ["completed", "not-run"]


def test_a_notebook_that_gives_up_has_failed(tmp_path: Path, way: str) -> None:
    source = notebook(tmp_path, "import sys\nsys.exit('no data')", "1")
    done = run_notebook(source, tmp_path / "out.ipynb", {"language": "de"})
    assert str(done.error) == "step: SystemExit in cell 3: no data"


def test_code_that_cannot_be_read_is_a_failure(tmp_path: Path, way: str) -> None:
    done = run_notebook(notebook(tmp_path, "x = ("), tmp_path / "out.ipynb", {"language": "de"})
    assert done.error is not None
    assert (done.error.error_type, done.error.cell, done.error.line) == ("SyntaxError", 3, "x = (")


def test_no_figure_is_lost(tmp_path: Path, way: str) -> None:
    source = notebook(tmp_path, "%matplotlib inline", FIGURE, "import seaborn", "axes.figure", "plt.plot([1]); None")
    done = run_notebook(source, tmp_path / "out.ipynb", {"language": "de"})
    assert done.error is None
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    images = [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in cells]
    assert images == [0, 0, 0, 2, 0, 1, 1]


def test_two_kernels_share_no_random_numbers(tmp_path: Path, way: str) -> None:
    source = notebook(tmp_path, "import numpy as np\nimport random\n(np.random.rand(), random.random())")
    drawn = set()
    for name in ("a.ipynb", "b.ipynb"):
        run_notebook(source, tmp_path / name, {"language": "de"})
        drawn.add(texts(tmp_path / name)[0])
    assert len(drawn) == 2


def test_a_kernel_has_its_surroundings(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAMKIT_TEST_WORD", "Grüße")
    source = notebook(tmp_path, "import os, sys", "os.getcwd()", "os.environ['KAMKIT_TEST_WORD']", "sys.executable")
    run_notebook(source, tmp_path / "out.ipynb", {"language": "de"}, cwd=tmp_path)
    told = [texts(tmp_path / "out.ipynb", index)[0] for index in (-3, -2, -1)]
    assert told == [repr(str(tmp_path)), "'Grüße'", repr(sys.executable)]


def test_a_notebook_file_is_there_while_it_runs(tmp_path: Path, way: str) -> None:
    out = tmp_path / "out.ipynb"
    found: list[bool] = []
    run_notebook(notebook(tmp_path, "1"), out, {"language": "de"}, watch=lambda *_: found.append(out.exists()))
    assert all(found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.ipynb", "step.ipynb"]


def test_interrupting_ends_the_kernel(tmp_path: Path, way: str) -> None:
    source = notebook(tmp_path, "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)")

    def interrupt() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run_notebook(source, tmp_path / "out.ipynb", {"language": "de"}, cwd=tmp_path)
    assert not is_alive(int((tmp_path / "pid").read_text()))
    assert statuses(tmp_path / "out.ipynb") == ["failed"]


def test_plain_papermill_knows_the_engine(tmp_path: Path, way: str) -> None:
    papermill.execute_notebook(
        notebook(tmp_path, "language"), tmp_path / "out.ipynb", {"language": "en"}, engine_name=ENGINE
    )
    assert texts(tmp_path / "out.ipynb") == ["'en'"]


def is_alive(pid: int) -> bool:
    for _ in range(40):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True

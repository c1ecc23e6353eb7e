"""Forked kernels: only where it is safe, never in the wrong Python, gone with whoever started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from kamkit.execution import kernels
from kamkit.execution.engine import run_notebook
from kamkit.execution.kernels import ForkServer, _ipykernel_arguments

forks = pytest.mark.skipif(not kernels.forking_is_safe(), reason="kernels cannot be forked here")


def notebook(folder: Path, source: str) -> Path:
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, folder / "in.ipynb")
    return folder / "in.ipynb"


def output(path: Path) -> str:
    return str(nbformat.read(path, as_version=4).cells[-1].outputs[0].data["text/plain"])


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ([sys.executable, "-m", "ipykernel_launcher", "-f", "c.json"], ["-f", "c.json"]),
        (
            [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "c.json", "--x"],
            ["-f", "c.json", "--x"],
        ),
        (["/usr/bin/other-python", "-m", "ipykernel_launcher", "-f", "c.json"], None),
        ([sys.executable, "-W", "error", "-m", "ipykernel_launcher", "-f", "c.json"], None),
        ([sys.executable, "-m", "bash_kernel", "-f", "c.json"], None),
        (["ir", "--slave", "c.json"], None),
    ],
)
def test_only_this_pythons_ipython_kernels_are_forked(command: list[str], arguments: list[str] | None) -> None:
    assert _ipykernel_arguments(command) == arguments


def test_the_provisioner_is_known_to_jupyter() -> None:
    assert "kamkit-fork" in KernelProvisionerFactory.instance().provisioners


@forks
def test_a_forked_kernel_has_imported_already(tmp_path: Path) -> None:
    source = notebook(tmp_path, "import sys\n('pandas' in sys.modules, 'kamkit.execution.project' in sys.modules)")
    assert run_notebook(source, tmp_path / "out.ipynb", {}).error is None
    assert output(tmp_path / "out.ipynb") == "(True, True)"


@forks
@pytest.mark.slow
def test_the_server_has_no_thread_of_python_and_no_socket_of_zmq() -> None:
    code = (
        "import os, threading\nfrom kamkit.execution.forkserver import preload\npreload()\nimport zmq, asyncio\n"
        "names = [open(f'/proc/self/task/{t}/comm').read().strip() for t in os.listdir('/proc/self/task')]\n"
        "print(threading.active_count(), zmq.Context._instance, sorted(set(names) - {'python', 'python3'}))"
    )
    environment = os.environ | dict.fromkeys(kernels.THREADS, "1")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    count, context, names = done.stdout.strip().split(" ", 2)
    assert (count, context) == ("1", "None")
    assert set(json.loads(names.replace("'", '"'))) <= {"jemalloc_bg_thd"} | {Path(sys.executable).name}


@forks
def test_plain_papermill_forks_when_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KernelProvisionerFactory.instance(), "default_provisioner_name", kernels.PROVISIONER)
    source = notebook(tmp_path, "import sys\n'kamkit.execution.project' in sys.modules")
    papermill.execute_notebook(source, tmp_path / "out.ipynb", progress_bar=False)
    assert output(tmp_path / "out.ipynb") == "True"


@forks
@pytest.mark.slow
def test_a_server_that_died_is_replaced(tmp_path: Path) -> None:
    kernels.warm_up()
    assert kernels._server is not None
    kernels._server._process.kill()
    kernels._server._process.wait()
    assert run_notebook(notebook(tmp_path, "1"), tmp_path / "out.ipynb", {}).error is None


@forks
def test_where_no_server_starts_kernels_are_launched_the_normal_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("no fork today")

    monkeypatch.setattr(kernels, "fork_kernel", refuse)
    source = notebook(tmp_path, "import sys\n'kamkit.execution.project' in sys.modules")
    assert run_notebook(source, tmp_path / "out.ipynb", {}).error is None
    assert output(tmp_path / "out.ipynb") == "False"


@forks
def test_changed_source_makes_a_new_server(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels.warm_up()
    before = kernels._server
    assert before is not None
    monkeypatch.setattr(before, "source", (0, 0))
    kernels.warm_up()
    assert kernels._server is not before
    assert before._process.poll() is not None


@forks
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_kernels_end_with_the_process_that_started_them(tmp_path: Path, number: int) -> None:
    code = (
        "import os, sys, time\nfrom kamkit.execution.kernels import fork_kernel\n"
        "kernel = fork_kernel(['-f', sys.argv[1]], dict(os.environ), None)\nprint(kernel.pid, flush=True)\ntime.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "kernel.json")], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    owner.send_signal(number)
    owner.wait(10)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    pytest.fail("the kernel outlived its owner")


@forks
def test_a_kernel_that_ended_is_known_to_have_ended(tmp_path: Path) -> None:
    server = ForkServer()
    try:
        kernel = server.fork(["-f", str(tmp_path / "kernel.json")], dict(os.environ), str(tmp_path))
        assert kernel.poll() is None
        kernel.kill()
        assert kernel.wait() == 0
        assert kernel.poll() == 0
        kernel.send_signal(signal.SIGTERM)
    finally:
        server.close()

"""The process that kernels are forked from. It imports, then only waits: no event loop, no ZMQ context, no shell, no
query engine, no figure, since none of these survives a fork.

Started by `kamkit.execution.kernels` with a socket and the id of its owner; it ends when the socket closes, and every
kernel ends with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
from typing import Any

PRELOADED = (
    "numpy",
    "pandas",
    "matplotlib.figure",
    "matplotlib.font_manager",
    "matplotlib.backends.backend_agg",
    "duckdb",
    "ibis",
    "ibis.backends.duckdb",
    "pyarrow.parquet",
    "pydantic",
    "babel.numbers",
    "babel.dates",
    "jinja2",
    "xlsxwriter",
    "python_calamine",
    "IPython.core.pylabtools",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "ipykernel.ipkernel",
    "kamkit.execution.project",
    "kamkit.telling.prose",
    "kamkit.telling.tables",
    "kamkit.telling.charts",
    "kamkit.telling.story",
    "kamkit.deliver",
)
_TRAPPED = ("matplotlib_inline.backend_inline",)
"""Imported before the fork it finds no shell to hook into, and every figure would be lost without an error."""


def main() -> None:
    """Preload, then fork a kernel per request until the owner is gone."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    _die_with_parent(int(sys.argv[2]))
    preload()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while request := _receive(connection):
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become_kernel(**request)
        descriptor = os.pidfd_open(pid)
        socket.send_fds(connection, [str(pid).encode()], [descriptor])
        os.close(descriptor)
        _reap()
    os._exit(0)


def preload() -> None:
    """Import what notebooks import, and lay the result where forks can share it."""
    for module in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    _load_locales()
    for module in _TRAPPED:
        sys.modules.pop(module, None)
    gc.collect()
    gc.freeze()


def _load_locales() -> None:
    from babel import Locale
    from babel.numbers import format_currency

    for locale in ("de_DE", "en_GB"):
        format_currency(1, "EUR", locale=Locale.parse(locale))


def _receive(connection: socket.socket) -> dict[str, Any] | None:
    """The next request; None once the owner has closed its end."""
    header = connection.recv(4, socket.MSG_WAITALL)
    if len(header) < 4:
        return None
    return dict(json.loads(connection.recv(int.from_bytes(header, "big"), socket.MSG_WAITALL)))


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _become_kernel(argv: list[str], env: dict[str, str], cwd: str | None) -> None:
    """Turn a fresh fork into a kernel, from what must not be shared with its siblings to the event loop."""
    server = os.getppid()
    try:
        os.setsid()
        _die_with_parent(server)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _use_surroundings(env, cwd)
        _run_kernel(argv, server)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    finally:
        import atexit

        atexit._run_exitfuncs()
        os._exit(0)


def _use_surroundings(env: dict[str, str], cwd: str | None) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    if cwd:
        os.chdir(cwd)
    import numpy as np

    np.random.seed()


def _run_kernel(argv: list[str], server: int) -> None:
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["ipykernel_launcher", *argv]
    IPKernelApp.clear_instance()
    app = IPKernelApp.instance(parent_handle=server)
    app.initialize(argv)  # type: ignore[no-untyped-call]
    app.start()  # type: ignore[no-untyped-call]


def _die_with_parent(parent: int) -> None:
    """Ask the system to end this process when its parent ends, however that happens."""
    import ctypes

    pr_set_pdeathsig = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main()

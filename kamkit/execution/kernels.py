"""Kernels that start at once: forked from a process that has already imported what notebooks import.

The fork server (`kamkit.execution.forkserver`) stands behind Jupyter's own hook for starting kernels, so Papermill,
nbclient and nbval use it unchanged: set JUPYTER_DEFAULT_PROVISIONER_NAME=kamkit-fork. Every notebook still gets a new
process of its own. Wherever forking is not safe (Windows, macOS) or the server cannot start, kernels are launched the
normal way.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, cast

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

import kamkit

PROVISIONER = "kamkit-fork"
SWITCH = "KAMKIT_FORK"
"""Environment variable; 0 launches every kernel the normal way."""

_ANSWER_SECONDS = 60


class ForkServer:
    """One warm process and the socket to ask it for forks; it ends when this process ends."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(_ANSWER_SECONDS)
        self.source = _source_state()
        environment = os.environ | {name: os.environ.get(name, "1") for name in THREADS}
        environment.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "kamkit.execution.forkserver", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
            )

    def fork(self, argv: list[str], env: dict[str, str], cwd: str | None) -> ForkedKernel:
        """Start a kernel. Raises OSError when the server does not answer."""
        request = json.dumps({"argv": argv, "env": env, "cwd": cwd}).encode()
        self._socket.sendall(len(request).to_bytes(4, "big") + request)
        answer, descriptors, _, _ = socket.recv_fds(self._socket, 64, 1)
        if not descriptors:
            raise ConnectionError("the fork server has ended")
        return ForkedKernel(int(answer), descriptors[0])

    def fits(self) -> bool:
        """Whether the server lives and has the package as it is now on disk."""
        return self._process.poll() is None and self.source == _source_state()

    def close(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()


class ForkedKernel:
    """A forked kernel with the face of subprocess.Popen. It is not a child of this process, so it is watched through a
    pidfd, which never means another process that was given the same number."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid, self._descriptor, self.returncode = pid, descriptor, None

    def poll(self) -> int | None:
        """None while it runs; its exit code is known to the server only, so an ended kernel says 0."""
        if self._descriptor >= 0 and select.select([self._descriptor], [], [], 0)[0]:
            os.close(self._descriptor)
            self._descriptor, self.returncode = -1, 0  # type: ignore[assignment]
        return self.returncode

    def wait(self) -> int | None:
        if self._descriptor >= 0:
            select.select([self._descriptor], [], [])
        return self.poll()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkProvisioner(LocalProvisioner):
    """Starts a kernel by forking where that is possible, else as Jupyter always does."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        arguments = _ipykernel_arguments(cmd)
        if arguments is None or not forking_is_safe():
            return await super().launch_kernel(cmd, **kwargs)
        try:
            env = {str(key): str(value) for key, value in (kwargs.get("env") or os.environ).items()}
            cwd = kwargs.get("cwd")
            kernel = await asyncio.to_thread(fork_kernel, arguments, env, str(cwd) if cwd else None)
        except OSError as error:
            self.log.warning("kamkit's fork server does not work here (%s): kernels start the normal way", error)
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.pid, self.pgid = cast(Any, kernel), kernel.pid, kernel.pid
        self.cwd = cwd or Path.cwd()
        return self.connection_info

    async def wait(self) -> int | None:
        while self.process and self.process.poll() is None:
            await asyncio.sleep(0.01)
        return await super().wait()

    async def send_signal(self, signum: int) -> None:
        if self.process and self.process.poll() is None:
            await super().send_signal(signum)


THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Kept at one thread: no figure depends on the number of processors, and notebooks side by side do not fight."""

_lock = threading.Lock()
_server: ForkServer | None = None


def forking_is_safe() -> bool:
    """Whether kernels can be forked on this system and nobody has switched it off."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open") and os.environ.get(SWITCH) != "0"


def warm_up() -> None:
    """Start the fork server, so that it is warm when the first notebook needs a kernel."""
    global _server
    if not forking_is_safe():
        return
    with _lock:
        if _server and not _server.fits():
            _server.close()
            _server = None
        _server = _server or ForkServer()


def start_early() -> None:
    """Warm up before the heavy imports of a process that does nothing but run notebooks. It also goes without the
    grammar of international web addresses, which jsonschema would compile for seconds and no notebook file needs."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    warm_up()


def fork_kernel(argv: list[str], env: dict[str, str], cwd: str | None) -> ForkedKernel:
    """A kernel forked from the warm server. Raises OSError when that is not possible."""
    warm_up()
    with _lock:
        if _server is None:
            raise ConnectionError("there is no fork server")
        return _server.fork(argv, env, cwd)


@atexit.register
def cool_down() -> None:
    """End the fork server; kernels that still run end with it."""
    global _server
    with _lock:
        if _server:
            _server.close()
        _server = None


def register() -> None:
    """Make the provisioner known in this process, even where kamkit's entry points are not installed."""
    known = KernelProvisionerFactory.instance().provisioners
    known.setdefault(
        PROVISIONER, EntryPoint(PROVISIONER, f"{__name__}:ForkProvisioner", "jupyter_client.kernel_provisioners")
    )


def _ipykernel_arguments(cmd: list[str]) -> list[str] | None:
    """The arguments of an IPython kernel in this very Python; None for any other kernel."""
    python, module = cmd[0], cmd.index("-m") if "-m" in cmd else 0
    if not module or cmd[module + 1] != "ipykernel_launcher" or set(cmd[1:module]) - {"-Xfrozen_modules=off"}:
        return None
    return cmd[module + 2 :] if Path(python).absolute() == Path(sys.executable).absolute() else None


def _source_state() -> tuple[int, int]:
    """A stamp of kamkit's source: number and last change of its files."""
    times = [path.stat().st_mtime_ns for path in Path(kamkit.__file__).parent.rglob("*.py")]
    return len(times), max(times)


register()

"""The servers that are measured: how each is started, on a core of its own, and when it is up."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import process

HERE = Path(__file__).parent
PEERS = HERE / "peers"
ROOT = HERE.parents[2]
UP_LIMIT = 30.0
SERVER_CORE, CLIENT_CORE = 0, 1

Command = Callable[[int, str], list[str]]


#: What mockpbx is told for calls: the client joins when all are placed, and until then none of them is to be dialled.
FOR_CALLS = ("--seed", "1", "--dialplan", str(HERE / "plan.yaml"), "--dial-delay", "600")


def _mockpbx(port: int, loop: str) -> list[str]:
    # A file, as by default; its name is one in the folder that `running` makes.
    options = ["--database", "records.db", "--event-loop", loop]
    return [sys.executable, "-m", "mockpbx", "serve", "--port", str(port), *options]


#: By name: what to run, given a port and an event loop for Python.
SERVERS: dict[str, Command] = {
    "mockpbx": _mockpbx,
    "node": lambda port, loop: ["node", str(PEERS / "socketio_node.mjs"), str(port)],
    "python-socketio": lambda port, loop: [sys.executable, str(PEERS / "socketio_python.py"), str(port), loop],
    "floor": lambda port, loop: [sys.executable, str(PEERS / "floor.py"), str(port)],
}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. `start_seconds` is from the start of its process to its first answer 200."""

    url: str
    pid: int
    start_seconds: float


def prepare(names: list[str]) -> None:
    """See that what `names` need is here, install the Node peer's packages if they are not. Raises SystemExit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # children inherit it
    if "node" in names and not (PEERS / "node_modules" / "socket.io").is_dir():
        npm = shutil.which("npm")
        done = npm and subprocess.run([npm, "ci"], cwd=PEERS, capture_output=True, text=True, check=False)
        if not done or done.returncode:
            why = done.stderr.strip() if done else "there is no npm"
            sys.exit(
                f"the Node peer needs its packages, and npm ci failed in {PEERS}: {why}; or leave it out: --servers"
            )


def environment() -> dict[str, str]:
    """Return the environment of what is measured: this checkout, compiled files kept, as an installation has it."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(ROOT), "NODE_ENV": "production"}


@contextmanager
def running(name: str, loop: str, sampler: list[str] | None = None, *, calls: bool = True) -> Iterator[Running]:
    """Run a server on its core for as long as the block lasts. Raises RuntimeError where it does not come up.

    What it writes goes to a new folder, which is deleted afterwards; TMPDIR tells on which disk.
    With `sampler`, a command of Python's that runs a module, mockpbx runs in it. Without `calls` it is told nothing but
    where to listen and where to write.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = SERVERS[name](port, loop)
    if calls and name == "mockpbx":
        command += FOR_CALLS
    if sampler is not None:
        command = [sys.executable, *sampler, *command[2:]]
    url = f"http://127.0.0.1:{port}"
    # A pipe that nobody reads would stop a server that logs.
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=folder,
            env=environment(),
        )
        process.pin(SERVER_CORE, child.pid)
        try:
            _wait(url, child, name, log)
            yield Running(url, child.pid, time.perf_counter() - began)
        finally:
            child.kill()
            child.wait()


def _wait(url: str, child: subprocess.Popen[bytes], name: str, log: IO[bytes]) -> None:
    request = urllib.request.Request(f"{url}/cdr", headers={"Authorization": "Bearer bench"})
    limit = time.perf_counter() + UP_LIMIT
    while time.perf_counter() < limit:
        if child.poll() is not None:
            log.seek(0)
            raise RuntimeError(f"{name} ended before it answered: {log.read().decode(errors='replace')[-500:]}")
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.002)
    raise RuntimeError(f"{name} did not answer within {UP_LIMIT:g} s")

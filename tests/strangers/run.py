"""Starts the strangers: servers of the same contract that share nothing with the emulator.

with stranger("node", "--callee", "music", breach="frames-drift") as url: ...
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
NODE = 18
START = 20.0  # s that a server may take to start

Kind = Literal["node", "python"]
KINDS: tuple[Kind, ...] = ("node", "python")


class Unavailable(Exception):
    """A stranger cannot be run here: one sentence says what is missing."""


@contextmanager
def stranger(kind: Kind, *flags: str, breach: str | None = None) -> Iterator[str]:
    """Run a server for as long as the block lasts, and yield its URL."""
    command = [*command_of(kind), *flags, *([] if breach is None else ["--breach", breach])]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], START)
            url = process.stdout.readline().decode().strip() if ready else ""
            if not url:
                log.seek(0)
                raise RuntimeError(f"{' '.join(command)} did not start: {log.read().decode().strip()}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def breaches(kind: Kind) -> dict[str, str]:
    """Return what a server can do wrong, by name."""
    command = [*command_of(kind), "--breaches"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def command_of(kind: Kind) -> list[str]:
    """Return what starts a server. Raises Unavailable where Node or its packages are missing."""
    if kind == "python":
        return [sys.executable, str(HERE / "python" / "server.py")]
    install()
    return ["node", str(HERE / "node" / "server.mjs")]


def install() -> None:
    """Install the Node server's packages as the lock file has them, once. Raises Unavailable."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is missing: install Node {NODE} or later")
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < NODE:
        raise Unavailable(f"node is {version}: install Node {NODE} or later")
    here = HERE / "node"
    lock, installed = here / "package-lock.json", here / "node_modules" / ".package-lock.json"
    directory = os.open(here, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)  # the workers of pytest-xdist come at once
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            npm = subprocess.run(["npm", "ci"], cwd=here, check=False, capture_output=True, text=True)
            if npm.returncode:
                raise Unavailable(f"npm ci failed in {here}: {npm.stderr.strip()}")
    finally:
        os.close(directory)

"""The packages of the programs in this folder."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE = 18


def unavailable(reason: str) -> None:
    """Skip, but never in CI: nothing that matters is skipped there."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(scope="session")
def client() -> None:
    """The client's packages, as the lock file has them. One pytest-xdist worker installs, the others wait."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            unavailable(f"{tool} is missing: install Node {NODE} or later for the tests of the JavaScript client")
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < NODE:
        unavailable(f"node is {version}: install Node {NODE} or later for the tests of the JavaScript client")
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    directory = os.open(HERE, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            npm = subprocess.run(["npm", "ci"], cwd=HERE, check=False, capture_output=True, text=True)
            if npm.returncode:
                unavailable(f"the packages of tests/js are missing, and npm ci failed: {npm.stderr.strip()}")
    finally:
        os.close(directory)

"""Runs of a test suite against mutants: each a process with a server of its own, which leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from mockpbx.runtime.mutants import Mutant
from mockpbx.runtime.mutants.table import STRUCK_FILE

Outcome = Literal["noticed", "timed out", "survived", "not reached", "unrelated"]

#: The environment variable that makes a server a mutant, be it that of `mockpbx exec` or of the pytest plugin.
MUTANT = "MOCKPBX_MUTANT"
#: The outcomes that speak for the suite.
NOTICED: tuple[Outcome, ...] = ("noticed", "timed out")
#: Wall seconds that a run gets to end after each signal; `mockpbx exec` ends its command for good at the third.
PATIENCE = 1.0
SIGNALS = 3
#: Lines of a run's output that are kept, and tests that are named.
MOST_LINES, MOST_TESTS = 40, 5
#: Lines that name a failed test: pytest's summary, and TAP, which Node's runner and others speak.
_FAILED = re.compile(r"^\s*(?:FAILED (\S+)|not ok \d+ (?:- )?(.+))")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended: its exit status, None where it took too long, and whether the contract was broken in it."""

    exit_status: int | None
    seconds: float
    struck: bool
    output: tuple[str, ...]

    @property
    def failed_tests(self) -> tuple[str, ...]:
        """The tests that its output names as failed, the first few."""
        found = (_FAILED.match(line) for line in self.output)
        names = dict.fromkeys(match[1] or match[2] for match in found if match)
        return tuple(names)[:MOST_TESTS]


@dataclass(frozen=True, slots=True)
class Result:
    """What a suite made of a mutant."""

    mutant: Mutant
    run: Run

    @property
    def outcome(self) -> Outcome:
        """Whether the suite noticed it. A run that fails though the contract was kept has failed for another reason."""
        if self.run.exit_status == 0:
            return "survived" if self.run.struck else "not reached"
        if not self.run.struck:
            return "unrelated"
        return "timed out" if self.run.exit_status is None else "noticed"


async def run(words: Sequence[str], mutant: str | None, *, seconds: float | None, settings: Mapping[str, str]) -> Run:
    """Run a command against a mutant, or against a faithful service, for so many seconds at most."""
    loop = asyncio.get_running_loop()
    with TemporaryDirectory(prefix="mockpbx-mutate-") as folder:
        struck, output = Path(folder, "struck"), Path(folder, "output")
        own = {STRUCK_FILE: str(struck), "MOCKPBX_EVIDENCE": str(Path(folder, "evidence")), **settings}
        environment = {name: value for name, value in (os.environ | own).items() if name != MUTANT}
        if mutant is not None:
            environment[MUTANT] = mutant
        began = loop.time()
        with output.open("wb") as file:  # noqa: ASYNC230 - a file of its own, that nobody else has yet
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "mockpbx", "exec", "--", *words,
                env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
            try:
                async with asyncio.timeout(seconds):
                    status: int | None = await process.wait()
            except TimeoutError:
                status = None
            finally:
                await _end(process)
        return _ended(status, loop.time() - began, struck, output)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a run with all that it started."""
    for _ in range(SIGNALS):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await process.wait()
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _ended(exit_status: int | None, seconds: float, struck: Path, output: Path) -> Run:
    """Return a run with the last lines of its output, without what a terminal would obey."""
    lines = output.read_text(errors="replace").splitlines()[-MOST_LINES:]
    return Run(exit_status, seconds, struck.exists(), tuple(_CONTROL.sub("", line) for line in lines))

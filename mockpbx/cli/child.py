"""A command in a process group of its own: signals reach all of it, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

#: What is passed on. The third one of them ends a command that listens to none.
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 2
#: Wall seconds that processes which a command left behind get to end by themselves.
GRACE = 2.0
#: Wall seconds between two looks at them.
GLANCE = 0.02
STDIN = 0
# As shells have it (POSIX, Shell Command Language, 2.8.2).
NOT_FOUND = 127
NOT_RUN = 126
BY_SIGNAL = 128


class CannotRun(Exception):
    """The command cannot be run: a sentence, and the exit status that shells have for it."""

    def __init__(self, sentence: str, exit_status: int) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


async def run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command with this process's own input and output, and return its exit status, 128 + n for signal n.

    Raises CannotRun. Must run on the main thread's loop, since it takes this process's signals meanwhile.
    """
    loop = asyncio.get_running_loop()
    group = 0  # none yet
    taken: list[signal.Signals] = []

    def pass_on(number: signal.Signals) -> None:
        taken.append(number)
        if group:
            _send(group, number if len(taken) <= PATIENCE else signal.SIGKILL)

    for number in PASSED_ON:
        loop.add_signal_handler(number, pass_on, number)
    try:
        with _terminal() as lend:
            process = _started(words, environment)
            group = process.pid
            lend(group)
            for number in taken:
                _send(group, number)
            status = await asyncio.to_thread(process.wait)
            await _clear(group)
    finally:
        for number in PASSED_ON:
            loop.remove_signal_handler(number)
    return status if status >= 0 else BY_SIGNAL - status


def _started(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(words, env=environment, process_group=0)  # noqa: S603 - what it is for
    except FileNotFoundError:
        raise CannotRun(f"cannot run {words[0]!r}: no such command, or its interpreter is missing", NOT_FOUND) from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise CannotRun(f"cannot run {words[0]!r}: {reason}", NOT_RUN) from None


def _send(group: int, number: int) -> bool:
    """Send a signal to what there is of a group. Returns whether there was any."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


async def _clear(group: int) -> None:
    """End what a command has left running."""
    until = asyncio.get_running_loop().time() + GRACE
    left = _send(group, signal.SIGTERM)
    while left and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(GLANCE)
        left = _send(group, 0)
    if left:
        _send(group, signal.SIGKILL)


class _Lender:
    """Lends the terminal, where this process has it, to another group: only so may that read, and get Ctrl-C."""

    def __init__(self) -> None:
        self.has = os.isatty(STDIN) and os.tcgetpgrp(STDIN) == os.getpgrp()

    def __call__(self, group: int) -> None:
        if self.has:
            os.tcsetpgrp(STDIN, group)
            _send(group, signal.SIGCONT)  # it may have asked for input already


@contextmanager
def _terminal() -> Iterator[_Lender]:
    lender = _Lender()
    if not lender.has:
        yield lender
        return
    # Ctrl-Z would stop the command and leave nobody to go on: for both it does nothing. SIGTTOU would stop this process
    # when it takes the terminal back.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTSTP, signal.SIGTTOU)}
    try:
        yield lender
    finally:
        with suppress(OSError):
            os.tcsetpgrp(STDIN, os.getpgrp())
        for number, handler in before.items():
            signal.signal(number, handler)

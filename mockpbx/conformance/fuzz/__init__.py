"""Fuzzing: generated call scripts against a server, and what no right server does in any of them.

Playing a script needs nothing but the client; making scripts needs hypothesis, the extra `fuzz`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from mockpbx.client.errors import ClientError
from mockpbx.conformance.desk import new_session
from mockpbx.conformance.fuzz.breach import Breach
from mockpbx.conformance.fuzz.gone import first_reply, last_of, why_silent
from mockpbx.conformance.fuzz.player import Played, play
from mockpbx.conformance.fuzz.rules import breaches
from mockpbx.conformance.fuzz.script import NoScript, Script, calls_of, lines_of, read_script
from mockpbx.conformance.run import Options
from mockpbx.conformance.ticket import Redaction, exchange_of, visible

#: A token that a server should not know.
WRONG_TOKEN = "invalid-fuzzed-token"  # noqa: S105


def replay(
    path: str,
    url: str,
    token: str,
    number: str,
    tell: Callable[[str], object] = lambda line: sys.stdout.write(f"{line}\n"),
) -> int:
    """Play a saved script once and tell what it shows: return 1 for a breach, 0 for none, 2 if it cannot be run."""
    try:
        script = read_script(path)
    except (NoScript, OSError) as error:
        sys.stderr.write(f"mockpbx: {visible(str(error))}\n")
        return 2
    options = Options(url, token, number, WRONG_TOKEN, timeout=30.0)
    try:
        played, found, silent = asyncio.run(_played(script, options))
    except (ConnectionError, ClientError) as error:
        sys.stderr.write(f"mockpbx: {visible(str(error))}\n")
        return 2
    size = f"{len(script)} steps, {calls_of(script)} calls"
    if silent is not None:
        for line in ending(played, options):
            tell(line)
        tell(f"{size}: the server has stopped answering ({Redaction.of(options).text(silent)})")
        return 1
    for line in told(found, options):
        tell(line)
    tell(f"{size}: {'broken' if found else 'nothing was broken'}")
    return 1 if found else 0


def told(found: list[Breach], options: Options) -> list[str]:
    """Return breaches in lines that may be shown anywhere: what was expected, what came, the exchange."""
    redaction = Redaction.of(options)
    lines: list[str] = []
    for breach in found:
        lines += [f"expected  {breach.rule}", f"came      {redaction.text(breach.got)}"]
        lines += [f"| {line}" for line in exchange_of(breach.items, redaction)]
    return lines


def ending(played: Played, options: Options) -> list[str]:
    """Return the last of a play that the server did not survive, in lines that may be shown anywhere."""
    return [f"| {line}" for line in exchange_of(last_of(played), Redaction.of(options))]


def steps_of(script: Script) -> list[str]:
    """Return a script's steps in lines that may be shown in a terminal, cut to sensible lengths."""
    return [line if len(line) <= 160 else f"{line[:160]}… {len(line) - 160:,} more" for line in lines_of(script)]


async def knock(options: Options) -> None:
    """Raise ConnectionError where nothing answers at the address."""
    asked = await first_reply(options)
    if asked.failure is not None:
        raise ConnectionError(f"{options.url} does not answer: {asked.failure}")
    if asked.status == 401:
        raise ConnectionError(f"{options.url} refuses the token")


async def _played(script: Script, options: Options) -> tuple[Played, list[Breach], str | None]:
    """Play a script; return what it shows, and why the server is silent ever since, None where it is not."""
    await knock(options)
    async with new_session() as http:
        played = await play(script, options, http)
    found = breaches(played)
    return played, found, await why_silent(options, within=0) if found else None

"""A call again: what its evidence says of how it came about, written and read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mockpbx.contract.errors import ConfigurationError
from mockpbx.evidence.dossier import Dossier, Replay
from mockpbx.runtime.journal_lines import line_of
from mockpbx.wire import cdr_event

#: Bytes of a header: far more than a dial plan has, far fewer than fill a memory.
LONGEST_HEADER = 4_000_000


def command_of(dossier: Dossier, file: str | Path) -> str:
    """Return the command that makes the call the same call again; `file` is that of its JSON lines."""
    return dossier.command or shlex.join(["mockpbx", "serve", "--replay", str(file)])


def lines_of(dossier: Dossier) -> Iterator[str]:
    """Yield a call's evidence as JSON lines: a header, then its journal."""
    yield json.dumps(_header(dossier)) + "\n"
    for entry in dossier.entries:
        yield json.dumps(line_of(entry)) + "\n"


def replay_from(path: Path) -> Replay:
    """Return how to replay the call of a `name.jsonl`. Raises ConfigurationError where the file does not tell."""
    header = _read_header(path)
    match header.get("replay"):
        case {"seed": int(seed), "ordinal": int(ordinal), "plan": dict() | None as plan, "settings": dict(settings)}:
            pass
        case _:
            raise _no_evidence(path, "its header does not say how to replay the call")
    if plan is None:
        raise ConfigurationError(
            f"{path}: this call cannot be replayed from its file, since its scenario is Python that only its own "
            "program knows: run its test again" + _by(header)
        )
    return Replay(seed, ordinal, plan, settings)


def _header(dossier: Dossier) -> dict[str, Any]:
    call, record = dossier.call, dossier.record
    return {
        "mockpbx": version("mockpbx"),
        "title": dossier.title,
        "command": dossier.command,
        "call": {
            "sessionId": call.session_id,
            "number": call.number,
            "direction": call.direction.value,
            "caller": call.caller,
            "scenario": call.scenario,
            "status": call.status,
            "placedAt": call.placed_at,
            "record": None if record is None else cdr_event(record, dossier.settings.cause_text).wire(),
        },
        "replay": asdict(dossier.replay),
        "truncated": dossier.truncated,
    }


def _read_header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            first = file.readline(LONGEST_HEADER)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}): expected the .jsonl that lies beside a call's page"
        ) from None
    try:
        header = json.loads(first)
    except ValueError:
        raise _no_evidence(path, "its first line is no JSON") from None
    except RecursionError:
        raise _no_evidence(path, "its first line is nested too deeply") from None
    if not isinstance(header, dict) or "mockpbx" not in header:
        raise _no_evidence(path, "its first line is not the header of a call")
    return header


def _no_evidence(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path} is no evidence of a call ({why}): expected the .jsonl that lies beside its page")


def _by(header: dict[str, Any]) -> str:
    command = header.get("command")
    return f" ({command})" if isinstance(command, str) and command.isprintable() and command else ""

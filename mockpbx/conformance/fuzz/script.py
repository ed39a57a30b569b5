"""A call script: what a client does to a server, step by step, as values and as a file of JSON lines.

In payloads and paths `$number` stands for the number to call, `$call0` for the session of the script's first call,
`$call1` for the second one's; of a call that was not placed they are unknown sessions.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

#: The version of the file's shape.
SHAPE = 1
NUMBER = "$number"
Bearer = Literal["right", "wrong", "none"]


class NoScript(ValueError):
    """The file is none, or cannot be read; the sentence says what was expected, and in which line."""


@dataclass(frozen=True, slots=True)
class Blob:
    """So many bytes of one value: a payload of audio that reads well in a file."""

    size: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. `body` is JSON; bytes go out as they are; () is none."""

    method: str
    path: str
    body: Any = ()
    bearer: Bearer = "right"


@dataclass(frozen=True, slots=True)
class Open:
    """Open a socket with this auth payload; `$right` and `$wrong` in it stand for the tokens. It is `a` to `c`."""

    socket: str
    auth: Any


@dataclass(frozen=True, slots=True)
class Emit:
    """Send an event on a socket, which is opened first where nothing has opened it."""

    socket: str
    event: str
    arguments: tuple[Any, ...]
    ack: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send websocket messages that are no Socket.IO; the server may close the connection."""

    socket: str
    messages: tuple[str | Blob, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """Close a socket."""

    socket: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for so many milliseconds."""

    ms: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Wait until the script's last call is answered, or over."""


Step = Ask | Open | Emit | Send | Close | Pause | Answered
Script = tuple[Step, ...]

_KINDS: dict[str, type[Any]] = {kind.__name__.lower(): kind for kind in get_args(Step)}


def calls_of(script: Script) -> int:
    """Return how many calls a right server places in a script: requests that bear the token and the number."""
    return sum(places_call(step) for step in script)


def places_call(step: Step) -> bool:
    """Return whether a step may place a call."""
    return (
        isinstance(step, Ask)
        and step.method == "POST"
        and step.path.rstrip("/").lower() == "/pbx/call"
        and step.bearer == "right"
        and isinstance(step.body, dict)
        and step.body.get("phoneNumber") == NUMBER
    )


# --- files ------------------------------------------------------------------------------------------------------------


def lines_of(script: Script) -> list[str]:
    """Return a line of JSON for each step."""
    return [json.dumps(_told(step)) for step in script]


def write_script(path: Path, script: Script, about: Mapping[str, Any]) -> None:
    """Write a script; `about` goes into its first line. Raises OSError."""
    head = json.dumps({"script": SHAPE, **about})
    path.write_text("\n".join([head, *lines_of(script)]) + "\n", encoding="utf-8")


def read_script(path: Path | str) -> Script:
    """Read a script. Raises NoScript, or OSError."""
    lines = Path(path).read_bytes().split(b"\n")
    head = _object(lines[0], 1, path)
    if head.get("script") != SHAPE:
        raise NoScript(f"{path} is no script of this version of mockpbx fuzz: its first line has no script: {SHAPE}")
    return tuple(_step(_object(line, at, path), at, path) for at, line in enumerate(lines[1:], 2) if line.strip())


def _told(step: Step) -> dict[str, Any]:
    fields = {name: getattr(step, name) for name in type(step).__slots__}
    if isinstance(step, Ask) and step.body == ():
        del fields["body"]
    return {"do": type(step).__name__.lower(), **{name: _encoded(value) for name, value in fields.items()}}


def _encoded(value: Any) -> Any:
    match value:
        case Blob(size, octet):
            return {"$blob": [size, octet]}
        case bytes():
            return {"$bytes": b64encode(value).decode()}
        case dict():
            return {key: _encoded(each) for key, each in value.items()}
        case list() | tuple():
            return [_encoded(each) for each in value]
        case _:
            return value


def _object(line: bytes, at: int, path: Path | str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NoScript(f"{path}, line {at}: expected an object of JSON")
    return value


def _step(fields: dict[str, Any], at: int, path: Path | str) -> Step:
    kind = _KINDS.get(str(fields.pop("do", None)))
    if kind is None:
        raise NoScript(f"{path}, line {at}: `do` is none of {', '.join(_KINDS)}")
    try:
        step: Step = kind(**{name: _decoded(value) for name, value in fields.items()})
    except (TypeError, ValueError) as error:
        raise NoScript(f"{path}, line {at}: {error}") from None
    match step:
        case Emit():
            return Emit(step.socket, step.event, tuple(step.arguments), step.ack)
        case Send():
            return Send(step.socket, tuple(step.messages))
        case _:
            return step


def _decoded(value: Any) -> Any:
    match value:
        case {"$blob": [int(size), int(octet)], **more} if not more:
            return Blob(size, octet)
        case {"$bytes": str(text), **more} if not more:
            return b64decode(text)
        case dict():
            return {key: _decoded(each) for key, each in value.items()}
        case list():
            return [_decoded(each) for each in value]
        case _:
            return value


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """Return a value with what it stands for in place of `$number` and the like, and bytes in place of blobs."""
    match value:
        case str():
            return known.get(value, value)
        case Blob(size, octet):
            return bytes([octet & 255]) * size
        case dict():
            return {filled(key, known): filled(each, known) for key, each in value.items()}
        case list() | tuple():
            return [filled(each, known) for each in value]
        case _:
            return value


def names_of(sessions: Sequence[str]) -> dict[str, str]:
    """Return what `$call0` and the like stand for."""
    return {f"$call{place}": session_id for place, session_id in enumerate(sessions)}

"""Log lines: the life of each call for a person, or JSON for a machine. No token ever appears in one."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from mockpbx.domain import events as e
from mockpbx.domain.scenario import word
from mockpbx.media import facts
from mockpbx.media.framing import RATE
from mockpbx.runtime.entries import (
    AudioRefused,
    ClientCutOff,
    EventRefused,
    HandsetPickedUp,
    HandsetPutDown,
    HandsetVoiced,
    RecordLost,
)
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.journal import Entry

_WORRYING = (
    AudioRefused,
    ClientCutOff,
    EventRefused,
    RecordLost,
    facts.MediaSlipped,
    e.ExpectationMissed,
    e.ScenarioFailed,
)
_calls = logging.getLogger("mockpbx.calls")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        session_id = getattr(record, "session_id", None)
        if session_id is not None:
            line["sessionId"] = session_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up(style: Literal["text", "json"]) -> None:
    """Send the project's log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s", datefmt="%H:%M:%S")
    handler.setFormatter(JsonFormatter() if style == "json" else text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("mockpbx").setLevel(logging.INFO)


def log_entry(entry: Entry) -> None:
    """Log a journal entry that a person would want to see go by."""
    tell = _LINES.get(type(entry.event))
    if tell is None:
        return
    line = tell(entry.event)
    level = logging.WARNING if isinstance(entry.event, _WORRYING) else logging.INFO
    call = _shown(entry.session_id)
    _calls.log(
        level, "%s  %s", call, line if line.isprintable() else repr(line), extra={"session_id": entry.session_id}
    )


def _shown(session_id: str | None) -> str:
    """Return a session id for a log line; what a client made up must not end the line or colour the terminal."""
    if session_id is None:
        return "-"
    return session_id if session_id.isprintable() and len(session_id) <= 64 else repr(session_id[:64])


def _placed(event: e.CallPlaced) -> str:
    caller = f" from {event.caller}" if event.caller else ""
    return f"{event.direction} call{caller} to {event.number} ({event.scenario})"


def _ended(event: e.CallEnded) -> str:
    record = event.record
    who = f" by {record.hangup_by}" if record.hangup_by else ""
    return f"ended{who}: {record.disposition}, cause {record.cause}, {record.duration} s"


#: What a person is told of a fact; of any other, nothing.
_LINES: dict[type, Callable[[Any], str]] = {
    e.CallPlaced: _placed,
    e.CallEnded: _ended,
    e.DialStatusChanged: lambda event: str(event.status),
    e.RoomJoined: lambda event: "a client joined",
    e.JoinRefused: lambda event: "a client asked to join, but no such call is live",
    HandsetPickedUp: lambda event: "a person picked up",
    HandsetVoiced: lambda event: f"the person {'speaks' if event.talking else 'is silent: something else speaks'}",
    HandsetPutDown: lambda event: f"the handset was put down: {event.why}",
    e.TakenOver: lambda event: f"the other end is {event.scenario} from here on",
    e.ExpectationMissed: lambda event: f"missed: {word(event.expectation)} within {event.expectation.within:g} s",
    e.ScenarioFailed: lambda event: f"the scenario failed at step {event.step}: {event.reason}",
    facts.CheckpointReached: lambda event: f"checkpoint {event.name!r} reached",
    facts.PlayoutInterrupted: lambda event: f"interrupted, {event.cleared / RATE:.2f} s cleared",
    facts.DigitReceived: lambda event: f"callee pressed {event.digit}",
    facts.DigitQueued: lambda event: f"client pressed {event.digit}",
    facts.MediaSlipped: lambda event: f"the emulator was held up: media time slipped by {event.ms} ms",
    AudioRefused: lambda event: f"refused: {event.reason}",
    EventRefused: lambda event: f"refused: {event.reason}",
    ClientCutOff: lambda event: f"a client was cut off, since it did not read: {event.why}",
    RecordLost: lambda event: f"its record was not stored, and its cdr event is not sent: {event.reason}",
    FaultStruck: lambda event: f"fault {event.fault}: {event.what}",
}

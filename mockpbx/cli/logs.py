"""Log lines: the life of each call for a person, or JSON for a machine. No token ever appears in one."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from mockpbx.domain import events as e
from mockpbx.media import facts
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.journal import Entry

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
    line = _line(entry.event)
    if line is None:
        return
    level = (
        logging.WARNING if isinstance(entry.event, AudioRefused | EventRefused | facts.MediaSlipped) else logging.INFO
    )
    call = _shown(entry.session_id)
    _calls.log(level, "%s  %s", call, line, extra={"session_id": entry.session_id})


def _shown(session_id: str | None) -> str:
    """Return a session id for a log line; what a client made up must not end the line or colour the terminal."""
    if session_id is None:
        return "-"
    return session_id if session_id.isprintable() and len(session_id) <= 64 else repr(session_id[:64])


def _line(event: object) -> str | None:
    match event:
        case e.CallPlaced(number, direction):
            return f"{direction} call to {number}"
        case e.DialStatusChanged(status):
            return str(status)
        case e.RoomJoined():
            return "a client joined"
        case e.JoinRefused():
            return "a client asked to join, but no such call is live"
        case facts.CheckpointReached(name):
            return f"checkpoint {name!r} reached"
        case facts.PlayoutInterrupted(cleared):
            return f"interrupted, {cleared / 8_000:.2f} s cleared"
        case facts.DigitReceived(digit):
            return f"callee pressed {digit}"
        case facts.DigitQueued(digit):
            return f"client pressed {digit}"
        case AudioRefused(reason, _) | EventRefused(_, reason):
            return f"refused: {reason}"
        case facts.MediaSlipped(ms):
            return f"the emulator was held up: media time slipped by {ms} ms"
        case e.CallEnded(record):
            who = f" by {record.hangup_by}" if record.hangup_by else ""
            return f"ended{who}: {record.disposition}, cause {record.cause}, {record.duration} s"
        case _:
            return None

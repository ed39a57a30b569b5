"""Writes a cassette while things pass, beside them: whoever forwards only puts what passed into a queue."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from mockpbx.cassette.lines import Closed, End, Failed, Header, Line, Opened, Packet, Request
from mockpbx.cassette.redaction import Redactor
from mockpbx.cassette.tape import header_line, line_of
from mockpbx.cassette.transcription import Passed, Transcriber

#: What is decoded and written before others on the loop get a turn: a fraction of a millisecond's work.
AT_ONCE = 4
#: Seconds until it begins, so that an answer that comes at once need not wait for it.
LATER = 0.02
POLLING = "transport=polling"


@dataclass
class Summary:
    """What has been recorded: how many of each, the bytes of sound each way, and how long, in milliseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    sound: Counter[str] = field(default_factory=Counter)
    sessions: set[str] = field(default_factory=set)
    length: float = 0.0

    def take(self, line: Line) -> None:
        """Count a line."""
        self.length = line.at
        match line:
            case Request(path=path):
                self.counts["polling" if POLLING in path else "requests"] += 1
            case Packet(type="event", sender=sender, event=event, payload=payload):
                data = payload.get("audioData") if isinstance(payload, dict) else None
                if event == "audio" and isinstance(data, bytes):
                    self.counts["audio"] += 1
                    self.sound[sender] += len(data)
                else:
                    self.counts["events"] += 1
                if event == "newSession" and isinstance(payload, dict):
                    self.sessions.add(str(payload.get("sessionId")))
            case Opened() | Failed() | Closed():
                self.counts[line.kind] += 1


class Recorder:
    """An open cassette: `async with Recorder(path, upstream, redactor) as recorder`, then `take` what passes.

    Entering raises OSError where the file cannot be made, or is there already. One that cannot be written any more is
    left alone, and `trouble` says why: recording must not end what it records.
    """

    def __init__(self, path: Path, upstream: str, redactor: Redactor, *, redacted: tuple[str, ...]) -> None:
        self.path = path
        self.summary = Summary()
        self.trouble: str | None = None
        self._header = Header(_now(), upstream, version("mockpbx"), redacted)
        self._transcriber = Transcriber(redactor)
        self._begun = time.perf_counter()
        self._passed: deque[Passed] = deque()
        self._more = asyncio.Event()

    async def __aenter__(self) -> Recorder:
        self._file = self.path.open("x", encoding="utf-8", newline="\n")
        self._file.write(header_line(self._header))
        self._file.flush()
        self._writing = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)
        while self._passed:
            self._write_some()
        self._put([End(self.now())])
        with contextlib.suppress(OSError):
            self._file.close()

    def now(self) -> float:
        """Return the milliseconds since the beginning."""
        return (time.perf_counter() - self._begun) * 1000

    def take(self, passed: Passed) -> None:
        """Queue what passed."""
        self._passed.append(passed)
        self._more.set()

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            await asyncio.sleep(LATER)
            while self._passed:
                self._write_some()
                await asyncio.sleep(0)

    def _write_some(self) -> None:
        self._put(list(self._lines()))

    def _lines(self) -> Iterator[Line]:
        for _ in range(min(AT_ONCE, len(self._passed))):
            yield from self._transcriber.lines(self._passed.popleft())

    def _put(self, lines: list[Line]) -> None:
        if self.trouble is not None:
            return
        try:
            self._file.write("".join(map(line_of, lines)))
            self._file.flush()
        except OSError as error:
            self.trouble = f"{self.path} could not be written any more: {error.strerror}"
            return
        for line in lines:
            self.summary.take(line)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

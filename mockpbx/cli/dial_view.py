"""What `mockpbx dial` shows: a live picture on a terminal, one line per event anywhere else."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import click
import numpy as np

from mockpbx.client import ConnectionDropped, ConnectionRestored, Unreadable
from mockpbx.contract import messages as m
from mockpbx.contract.vocabulary import JoinStatus
from mockpbx.media.framing import FRAME_MS

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

PICTURES = 10  # a second
NOTES_SHOWN = 12
LABELS = 11  # characters
BARS = "▁▂▃▄▅▆▇█"
METER = 40  # bars, 0.1 s each
FRAMES_PER_BAR = 5
STYLES = {"Ringing": "yellow", "Connected": "bold green", "Busy": "bold red", "ended": "bold"}
QUIETEST = -60.0  # dBFS: the bottom of the meter
FULL_SCALE = 32_768.0


class Cadence:
    """How far frames stray from one every 20 ms, in ms: gaps on the mean, and the worst of them."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._gaps = 0
        self._strayed = 0.0
        self.worst = 0.0

    def arrived(self, at: float) -> None:
        """Count a frame that arrived at a moment, in seconds."""
        if self._last is not None:
            strayed = abs((at - self._last) * 1_000 - FRAME_MS)
            self._gaps += 1
            self._strayed += strayed
            self.worst = max(self.worst, strayed)
        self._last = at

    def interrupted(self) -> None:
        """Leave out the gap that follows: it is the connection's."""
        self._last = None

    @property
    def mean(self) -> float:
        """The mean deviation."""
        return self._strayed / self._gaps if self._gaps else 0.0


class Progress:
    """The facts of the call so far. Moments are seconds since dialling."""

    def __init__(self, number: str, url: str, clock: Callable[[], float]) -> None:
        self.number = number
        self.url = url
        self.session_id = ""
        self.notes: list[tuple[float, str]] = []
        self.frames = 0
        self.cadence = Cadence()
        self.levels: deque[float] = deque(maxlen=METER)  # dBFS of the loudest frame of each five
        self.digits = ""
        self.record: m.CdrEvent | None = None
        self._loudest = QUIETEST
        self._clock = clock
        self._begun = clock()
        self._queued_until = 0.0

    def begin(self) -> None:
        """Start the count of seconds."""
        self._begun = self._clock()
        self.note(f"dialling {self.number} on {self.url}")

    @property
    def now(self) -> float:
        """Seconds since dialling."""
        return self._clock() - self._begun

    @property
    def queued(self) -> float:
        """Seconds of own sound that the callee has not heard yet, at real speed."""
        return max(0.0, self._queued_until - self.now)

    def sent(self, seconds: float) -> None:
        """Count sound that the server has taken."""
        self._queued_until = max(self._queued_until, self.now) + seconds

    def note(self, text: str) -> None:
        """Add a line to the story."""
        self.notes.append((self.now, text))

    def take(self, event: object) -> None:
        """Count an event."""
        match event:
            case m.CalleeAudio(audio_data=sound):
                self._hear(sound)
                return
            case m.DigitPressed(digit=digit):
                self.digits += digit
            case ConnectionDropped():
                self.cadence.interrupted()
        text = story_of(event)
        if text is not None:
            self.note(text)

    def _hear(self, sound: bytes) -> None:
        self.frames += 1
        self.cadence.arrived(self._clock())
        self._loudest = max(self._loudest, level_of(sound))
        if self.frames % FRAMES_PER_BAR == 0:
            self.levels.append(self._loudest)
            self._loudest = QUIETEST


def level_of(sound: bytes) -> float:
    """Return the level of pcm16 in dB against full scale, at least QUIETEST."""
    samples = np.frombuffer(sound[: len(sound) & ~1], "<i2").astype(np.float32)
    power = float(np.mean(samples**2)) if len(samples) else 0.0
    return max(QUIETEST, 10 * math.log10(power / FULL_SCALE**2)) if power else QUIETEST


def story_of(event: object) -> str | None:
    """Return an event in words, None for one that goes without saying."""
    match event:
        case m.RoomJoined(status=status):
            return "room joined" if status is JoinStatus.SUCCESS else "the server let nobody into the room"
        case m.DialStatusChange(status=status):
            return str(status)
        case m.DigitPressed(digit=digit):
            return f"callee pressed {digit}"
        case m.CheckPointReached(name=name):
            return f"checkpoint: {name}"
        case m.CallEnded():
            return "ended"
        case m.Refusal(message=message):
            return f"refused: {message}"
        case Unreadable(event=name, reason=reason):
            return f"`{name}` does not keep the contract: {reason}"
        case ConnectionDropped():
            return "connection lost, trying to restore it"
        case ConnectionRestored():
            return "connection restored"
        case _:
            return None


def facts_of(record: m.CdrEvent) -> list[tuple[str, str]]:
    """Return a record as names and values."""
    return [
        ("disposition", str(record.disposition)),
        ("cause", f"{record.hangup_cause_code}, {record.hangup_cause_text}"),
        ("hung up by", str(record.hangup_by or "nobody")),
        ("duration", f"{record.duration} s, {record.billable_seconds} s billable"),
        ("started", f"{record.start_time:%Y-%m-%d %H:%M:%S} UTC"),
        ("answered", "never" if record.answer_time is None else f"{record.answer_time:%Y-%m-%d %H:%M:%S} UTC"),
        ("ended", f"{record.end_time:%Y-%m-%d %H:%M:%S} UTC"),
    ]


def summary_of(progress: Progress) -> list[str]:
    """Return how the call went in lines for a log."""
    lines = []
    if progress.frames:
        lines.append(f"heard {sound_of(progress)}")
    record = progress.record
    if record is not None:
        who = f", hung up by {record.hangup_by}" if record.hangup_by else ""
        lines.append(
            f"record: {record.disposition}, cause {record.hangup_cause_code} ({record.hangup_cause_text}){who}, "
            f"{record.duration} s, {record.billable_seconds} s billable"
        )
    return lines


def sound_of(progress: Progress) -> str:
    """Return what was heard in figures."""
    cadence = progress.cadence
    return (
        f"{progress.frames} frames, {progress.frames * FRAME_MS / 1_000:.1f} s; "
        f"off the {FRAME_MS} ms beat by {cadence.mean:.1f} ms on the mean, {cadence.worst:.0f} at worst"
    )


class View(Protocol):
    """How a call is shown, inside `with`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def refresh(self) -> None:
        """Show how things stand; cheap enough to be called at every event."""


class PlainView:
    """A line per event as it happens, never for frames."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refresh()
        for line in summary_of(self._progress):
            click.echo(f"{'':8}  {line}")

    def refresh(self) -> None:
        """Print the lines that are new."""
        for at, text in self._progress.notes[self._shown :]:
            click.echo(f"{at:8.3f}  {text}")
        self._shown = len(self._progress.notes)


class LiveView:
    """A picture that changes in place, ten times a second; the last one stays."""

    def __init__(self, progress: Progress) -> None:
        from rich.live import Live

        self._progress = progress
        self._drawn = -math.inf
        self._live = Live(auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw()
        self._live.stop()

    def refresh(self) -> None:
        """Draw, if the last picture is old enough."""
        if self._progress.now - self._drawn >= 1 / PICTURES:
            self._draw()

    def _draw(self) -> None:
        self._drawn = self._progress.now
        self._live.update(picture_of(self._progress), refresh=True)


def picture_of(progress: Progress) -> Group:
    """Return the call as something that rich can draw."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    story = _two_columns()
    if len(progress.notes) > NOTES_SHOWN:
        story.add_row("", Text(f"{len(progress.notes) - NOTES_SHOWN} earlier lines", style="dim"))
    for at, text in progress.notes[-NOTES_SHOWN:]:
        story.add_row(f"{at:.3f}", Text(text, style=STYLES.get(text, "")))

    state = _two_columns()
    if progress.frames:
        state.add_row("level", meter_of(progress))
        state.add_row("heard", sound_of(progress))
    if progress.queued:
        state.add_row("queue", f"{progress.queued:.1f} s of own sound still to be heard")
    if progress.digits:
        state.add_row("digits", Text(progress.digits, style="bold"))

    parts: list[Any] = [story]
    if state.row_count:
        parts += ["", state]
    if progress.record is not None:
        facts = _two_columns()
        for name, value in facts_of(progress.record):
            facts.add_row(name, Text(value, style="bold" if name == "disposition" else ""))
        parts += ["", facts]
    title = Text.assemble((progress.number, "bold"), f" on {progress.url}  {clock_of(progress)}")
    return Group(Panel(Group(*parts), title=title, title_align="left", border_style="dim"))


def _two_columns() -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", min_width=LABELS)
    table.add_column()
    return table


def meter_of(progress: Progress) -> Text:
    """Return the last seconds of received sound as a strip of bars, and its level now."""
    from rich.text import Text

    levels = list(progress.levels) or [QUIETEST]
    bars = "".join(BARS[min(len(BARS) - 1, int((level - QUIETEST) / -QUIETEST * len(BARS)))] for level in levels)
    now = "silence" if levels[-1] <= QUIETEST else f"{levels[-1]:.0f} dBFS"
    return Text.assemble((bars.ljust(METER), "green"), f"  {now}")


def clock_of(progress: Progress) -> str:
    """Return the time since dialling as minutes and seconds."""
    return f"{int(progress.now) // 60}:{int(progress.now) % 60:02d}"

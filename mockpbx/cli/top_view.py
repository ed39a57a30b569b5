"""What `mockpbx top` shows: lines that fit the terminal, whatever its width."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mockpbx.cli.top_figures import CallFigures, Late, ServerFigures
from mockpbx.evidence.telling import plain

if TYPE_CHECKING:
    from rich.text import Text

UNKNOWN: Final = "–"
GAP: Final = "  "
#: Ms of lateness of one tick in a hundred from which on the server is told to be late.
LATE: Final = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to show: `calls` are the newest of so many `live` ones, None where they may not be known."""

    url: str
    server: ServerFigures
    calls: Sequence[CallFigures] | None
    live: int
    notices: Sequence[str] = ()


class Line(NamedTuple):
    """One line, and how it is painted on a terminal (a style of rich)."""

    text: str
    style: str = ""


class Column(NamedTuple):
    """A column of the table: its head, its width (negative: to the left), and what stands in it."""

    head: str
    width: int
    tell: Callable[[CallFigures], str]


#: The first that fit are shown, in this order: what everybody looks for, how late the server is, what else there is.
COLUMNS: Final = (
    Column("number", -15, lambda call: plain(call.number)),
    Column("state", -9, lambda call: plain(call.state)),
    Column("for", 8, lambda call: _clock(call.seconds)),
    Column("late p99", 8, lambda call: UNKNOWN if call.late_p99 is None else f"{call.late_p99:g} ms"),
    Column("late", 6, lambda call: UNKNOWN if call.late is None else f"{call.late:,}"),
    Column("queue ms", 9, lambda call: f"{call.queue_ms:,.0f}"),
    Column("refused", 7, lambda call: f"{call.refused:,}"),
    Column("unread", 8, lambda call: _size(call.unread)),
    Column("way", -8, lambda call: plain(call.direction)),
    Column("session", -36, lambda call: plain(call.session_id)),
)


def lines_of(picture: Picture, width: int, height: int | None = None) -> list[Line]:
    """Return a picture as lines of `width` at most, and of `height` in all where that is given."""
    lines = [Line(plain(notice)[:width], "bold yellow") for notice in picture.notices]
    lines += _head(picture.url, picture.server, width)
    if picture.calls is not None:
        room = len(picture.calls) if height is None else max(0, height - len(lines) - 3)
        lines += _table(picture.calls[:room], picture.live, width)
    return lines if height is None else lines[:height]


def line_of_json(picture: Picture) -> str:
    """Return a picture as a line of JSON."""
    return json.dumps(_rounded(asdict(picture)))


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {name: _rounded(each) for name, each in value.items()}
        case list() | tuple():
            return [_rounded(each) for each in value]
        case _:
            return value


def painted(lines: Iterable[Line]) -> Text:
    """Return lines as rich draws them, one a row."""
    from rich.text import Text

    told = Text(no_wrap=True, overflow="crop", end="")
    told.append("\n".join(line.text for line in lines))
    at = 0
    for text, style in lines:
        told.stylize(style, at, at + len(text))
        at += len(text) + 1
    return told


# --- the server -------------------------------------------------------------------------------------------------------


def _head(url: str, server: ServerFigures, width: int) -> Iterator[Line]:
    rows = (
        (f"mockpbx {server.version}", plain(url), f"up {_clock(server.uptime)}", f"clocks {_listed(server.clocks)}"),
        (
            f"calls {sum(server.calls.values()):,}{_in_brackets(server.calls)}",
            f"sockets {server.sockets:,}",
            f"records waiting {server.records_waiting:,}",
            f"refused audio {sum(server.refused.values()):,}{_in_brackets(server.refused)}",
        ),
        (
            f"frames/s {_rate(server.frames_out)} out, {_rate(server.frames_in)} in",
            f"CPU {UNKNOWN if server.cpu is None else f'{server.cpu:.0f} %'}",
            f"RSS {UNKNOWN if server.rss is None else _size(server.rss)}",
            f"files {UNKNOWN if server.fds is None else server.fds}",
            f"unread {_size(server.unread)}",
        ),
    )
    for row in rows:
        yield from map(Line, _flow(row, width))
    late = server.cadence is not None and (server.cadence.p99 is None or server.cadence.p99 > LATE)
    told = (
        f"frames late {_told(server.cadence)}",
        f"loop lag {_told(server.lag)}",
        f"slips {server.slips:,}{f' ({server.slipped:.1f} s)' if server.slips else ''}",
    )
    for text in _flow(told, width):
        yield Line(text, "bold red" if late else "bold")


def _flow(cells: Sequence[str], width: int) -> Iterator[str]:
    """Yield cells side by side, as many as fit on each line."""
    line = ""
    for cell in cells:
        longer = f"{line}{GAP}{cell}" if line else cell
        if len(longer) > width and line:
            yield _cut(line, width)
            longer = f"{GAP}{cell}"
        line = longer
    yield _cut(line, width)


def _told(late: Late | None) -> str:
    """Return how late something was in the last interval; the histogram's bounds are upper ones."""
    if late is None or not late.count:
        return UNKNOWN
    p50, p99, worst = ("> 1 s" if each is None else f"≤ {each:g} ms" for each in (late.p50, late.p99, late.worst))
    return f"p50 {p50}, p99 {p99}, worst {worst}"


# --- the calls --------------------------------------------------------------------------------------------------------


def _table(calls: Sequence[CallFigures], live: int, width: int) -> Iterator[Line]:
    columns = list(_fitting(width))
    yield Line("")
    if not live:
        yield Line("no live call of this token"[:width], "dim")
        return
    yield Line(_row(columns, [column.head for column in columns]), "reverse")
    for call in calls:
        text = _row(columns, [column.tell(call) for column in columns]).rstrip()
        yield Line(text, "red" if call.late_p99 is not None and call.late_p99 > LATE else "")
    if live > len(calls):
        yield Line(f"and {live - len(calls):,} more"[:width], "dim")


def _fitting(width: int) -> Iterator[Column]:
    taken = -len(GAP)
    for column in COLUMNS:
        taken += len(GAP) + abs(column.width)
        if taken > width and column is not COLUMNS[0]:
            return
        yield column


def _row(columns: Sequence[Column], cells: Sequence[str]) -> str:
    return GAP.join(_cell(cell, column.width) for column, cell in zip(columns, cells, strict=True))


def _cell(text: str, width: int) -> str:
    room = abs(width)
    cut = _cut(text, room)
    return cut.ljust(room) if width < 0 else cut.rjust(room)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


# --- figures in words -------------------------------------------------------------------------------------------------


def _clock(seconds: float) -> str:
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    hours, days = whole // 3_600 % 24, whole // 86_400
    return f"{days}d {hours:02d}h" if days else f"{hours}:{minutes}" if hours else minutes


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.{0 if count >= 10 * size else 1}f} {unit}"
    return f"{count} B"


def _rate(rate: float | None) -> str:
    return UNKNOWN if rate is None else f"{max(0.0, rate):,.0f}"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {plain(name)}" for name, count in counts.items()) or "none"


def _in_brackets(counts: dict[str, int]) -> str:
    return f" ({_listed(counts)})" if counts else ""

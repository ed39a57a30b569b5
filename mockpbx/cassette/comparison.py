"""Where two recordings differ in anything but time and ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from mockpbx.cassette.lines import Cassette
from mockpbx.cassette.story import TOTALS, Seconds, Sound, Story, Told, story_of

#: Seconds that a counted time may be off: it is cut to whole ones.
TOLERANCE = 1.0
#: By how much amounts of sound may differ, and by how many frames at the edges of a stretch.
CADENCE, FRAMES = 0.1, 5
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """`where` they differ, and what is there in each."""

    where: str
    a: str
    b: str


def compare(a: Cassette, b: Cassette) -> list[Difference]:
    """Return where two recordings differ, in the order of the conversation."""
    return list(_stories(story_of(a), story_of(b)))


def as_json(name_a: str, name_b: str, differences: Sequence[Difference]) -> dict[str, Any]:
    """Return the outcome of a comparison as a JSON object."""
    return {"a": name_a, "b": name_b, "same": not differences, "differences": [asdict(one) for one in differences]}


def _stories(a: Story, b: Story) -> Iterator[Difference]:
    yield from _exchanges(a.exchanges, b.exchanges)
    for socket in sorted(a.sockets.keys() | b.sockets.keys()):
        yield from _sequences(f"socket {socket}", a.sockets.get(socket, []), b.sockets.get(socket, []))
    for session, socket in sorted(a.events.keys() | b.events.keys() | a.sound.keys() | b.sound.keys()):
        where, stream = f"{session}, events on socket {socket}", (session, socket)
        yield from _sequences(where, a.events.get(stream, []), b.events.get(stream, []))
        yield from _sounds(f"{session}, sound on socket {socket}", a.sound.get(stream, {}), b.sound.get(stream, {}))
    for session, event in sorted(a.acks.keys() | b.acks.keys()):
        where = f"{session}, acks of {event}"
        yield from _sequences(where, _acks(a, session, event), _acks(b, session, event))


def _exchanges(a: list[tuple[str, Told]], b: list[tuple[str, Told]]) -> Iterator[Difference]:
    """Compare the replies to equal requests; which request comes first is the client's affair."""
    replies = _by_request(a), _by_request(b)
    for asked in dict.fromkeys([*replies[0], *replies[1]]):
        for one, other in zip_longest(replies[0].get(asked, []), replies[1].get(asked, [])):
            if one is None or other is None:
                name = "not made again" if asked in replies[0] and asked in replies[1] else "not made"
                yield Difference(f"request {asked}", one.name if one else name, other.name if other else name)
            else:
                yield from _telling(f"reply to {asked}", one, other)


def _by_request(exchanges: list[tuple[str, Told]]) -> dict[str, list[Told]]:
    replies: dict[str, list[Told]] = defaultdict(list)
    for asked, reply in exchanges:
        replies[asked].append(reply)
    return replies


def _sequences(where: str, a: list[Told], b: list[Told]) -> Iterator[Difference]:
    for before, after in _aligned([it.name for it in a], [it.name for it in b]):
        if before is not None and after is not None:
            yield from _telling(f"{where}, {a[before].name}", a[before], b[after])
        else:
            yield Difference(where, _said(a, before), _said(b, after))


def _said(told: list[Told], place: int | None) -> str:
    return NOTHING if place is None else told[place].name


def _aligned(a: list[str], b: list[str]) -> Iterator[tuple[int | None, int | None]]:
    """Yield the places of what is equal in both, and of what is in one only."""
    for kind, a_from, a_to, b_from, b_to in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from zip(range(a_from, a_to), range(b_from, b_to), strict=True)
        else:
            yield from ((place, None) for place in range(a_from, a_to))
            yield from ((None, place) for place in range(b_from, b_to))


def _telling(where: str, a: Told, b: Told) -> Iterator[Difference]:
    if a.name != b.name:
        yield Difference(where, a.name, b.name)
    if a.fields is None or b.fields is None:
        return
    yield from _values(where, "", a.fields, b.fields)


def _values(where: str, path: str, a: Any, b: Any) -> Iterator[Difference]:
    """Compare two JSON values, field by field."""
    at = f"{where}: {path}" if path else where
    if isinstance(a, dict) and isinstance(b, dict):
        for name in dict.fromkeys([*a, *b]):
            inner = f"{path}.{name}" if path else str(name)
            if name in a and name in b:
                yield from _values(where, inner, a[name], b[name])
            elif name not in TOTALS:  # left out where one of them knows of other calls
                yield Difference(f"{where}: {inner}", _field(a, name), _field(b, name))
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            yield Difference(at, f"{len(a)} of them", f"{len(b)} of them")
        for place, (one, other) in enumerate(zip(a, b, strict=False)):
            yield from _values(where, f"{path}[{place}]" if len(a) > 1 else path, one, other)
    elif isinstance(a, Seconds) and isinstance(b, Seconds):
        if not _as_long(a, b):
            yield Difference(at, _counted(a), _counted(b))
    elif type(a) is not type(b) or a != b:
        yield Difference(at, _brief(a), _brief(b))


def _field(owner: dict[str, Any], name: str) -> str:
    return _brief(owner[name]) if name in owner else "no such field"


def _as_long(a: Seconds, b: Seconds) -> bool:
    """Tell whether two counts are the same to a second, or differ as much as what they count did."""
    more = b.value - a.value
    longer = b.seen - a.seen if a.seen is not None and b.seen is not None else 0.0
    return min(abs(more), abs(more - longer)) <= TOLERANCE


def _counted(count: Seconds) -> str:
    return f"{count.value}" if count.seen is None else f"{count.value} for {count.seen:.1f} s"


def _brief(value: Any) -> str:
    text = repr(value.value) if isinstance(value, Seconds) else repr(value)
    return text if len(text) <= 120 else f"{text[:119]}…"


# --- sound ------------------------------------------------------------------------------------------------------------


def _sounds(where: str, a: dict[str, Sound], b: dict[str, Sound]) -> Iterator[Difference]:
    for phase in dict.fromkeys([*a, *b]):
        one, other = a.get(phase, Sound()), b.get(phase, Sound())
        at = f"{where}, {phase}"
        if not one.frames or not other.frames:
            if max(one.frames, other.frames) > (0 if phase != "Connected" else FRAMES):
                yield Difference(at, _amount(one), _amount(other))
        elif one.packing != other.packing:
            yield Difference(at, ", ".join(sorted(one.packing)), ", ".join(sorted(other.packing)))
        elif one.seconds and other.seconds and not _as_much(one, other):
            yield Difference(at, _amount(one), _amount(other))


def _as_much(a: Sound, b: Sound) -> bool:
    """Tell whether two stretches have about as many frames, or the same cadence where one lasted longer."""
    return any(
        abs(b.frames - due) <= max(FRAMES, CADENCE * due) for due in (a.frames, a.frames / a.seconds * b.seconds)
    )


def _amount(sound: Sound) -> str:
    if not sound.frames:
        return NOTHING
    return f"{sound.frames} frames, {sound.bytes} bytes in {sound.seconds:.1f} s"


def _acks(story: Story, session: str, event: str) -> list[Told]:
    """Return the acks of an event in a session; the last ones may have been cut off by the end."""
    acks = story.acks.get((session, event), [])
    return acks[:-1] if len(acks) > 1 and acks[-1].name == "no ack" else acks

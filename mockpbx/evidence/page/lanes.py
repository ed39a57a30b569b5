"""The lanes of the picture: what happened to a call as spans and points on its time, from the journal alone."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import NamedTuple

from mockpbx.domain import events as e
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.page.words import other_end, short, words_of
from mockpbx.evidence.telling import spoken, waited_for
from mockpbx.media import facts
from mockpbx.runtime.entries import AudioRefused, ClientReturned, EventRefused
from mockpbx.runtime.faults.rule import FaultStruck
from mockpbx.runtime.journal import Entry

#: Characters of a label; a tip has all that fits into `LONGEST`.
LABEL = 40
#: Refusals of one reason that are no further apart than this are one span, in ms.
TOGETHER = 1_000
#: What becomes of a scenario, and its class of colour.
_TURNS = {
    e.ScenarioFailed: ("failed", "bad"),
    e.ScenarioStopped: ("stopped", "warn"),
    e.ScenarioFinished: ("finished", "quiet"),
    e.TakenOver: ("taken over", "warn"),
}


class Item(NamedTuple):
    """Something in a lane: from `at` to `until` (ms since the call was placed; the same for a point).

    `tone` is a class of colour: callee, client, good, bad, warn or quiet. `entry` is the journal's number.
    """

    at: int
    until: int
    label: str
    tone: str
    tip: str
    entry: int


class Lane(NamedTuple):
    """A row of the picture."""

    name: str
    items: list[Item]


def lanes_of(dossier: Dossier, end: int) -> list[Lane]:
    """Return the lanes that hold anything; what is still open reaches to `end`, in ms since the call was placed."""
    draw = _Draughtsman(dossier.call.placed_at, end)
    for entry in dossier.entries:
        draw.read(entry)
    draw.close()
    other = other_end(dossier.call.direction)
    lanes = [
        Lane("Checkpoints", draw.checkpoints),
        Lane(f"{other}’s keys", draw.pressed),
        Lane("Client’s keys", draw.keyed),
        Lane("Client’s events", draw.client),
        Lane("Scenario", draw.says),
        Lane("Expects", draw.expects),
        Lane("Faults", draw.faults),
    ]
    return [Lane(lane.name, sorted(lane.items)) for lane in lanes if lane.items]


class _Draughtsman:
    """Reads the journal in order; remembers what has begun and not ended."""

    def __init__(self, placed: int, end: int) -> None:
        self.checkpoints: list[Item] = []
        self.pressed: list[Item] = []
        self.keyed: list[Item] = []
        self.client: list[Item] = []
        self.says: list[Item] = []
        self.expects: list[Item] = []
        self.faults: list[Item] = []
        self._placed = placed
        self._end = end
        self._marks: dict[str, deque[Item]] = defaultdict(deque)
        self._keys: dict[str, deque[Item]] = defaultdict(deque)
        self._said: Item | None = None
        self._expected: Item | None = None

    def read(self, entry: Entry) -> None:
        """Draw an entry, or take note of it."""
        match entry.event:
            case facts.CheckpointQueued(name):
                self._marks[name].append(self._point(entry, short(name, LABEL), "quiet"))
            case facts.CheckpointReached(name):
                self._mark_over(entry, name, "good", "reached")
            case facts.CheckpointCleared(name):
                self._mark_over(entry, name, "bad", "cleared, will not fire")
            case facts.DigitReceived(digit):
                self.pressed.append(self._point(entry, digit, "callee"))
            case facts.DigitQueued(digit):
                self._keys[digit].append(self._point(entry, digit, "client"))
            case facts.DigitHeard(digit):
                self._key_heard(entry, digit)
            case AudioRefused() | EventRefused() | e.JoinRefused():
                self._refused(entry)
            case facts.PlayoutInterrupted(cleared):
                self.client.append(self._point(entry, "interruption", "warn" if cleared else "client"))
            case e.RoomJoined() | e.RoomEmptied():
                joins = isinstance(entry.event, e.RoomJoined)
                self.client.append(self._point(entry, *(("joins", "client") if joins else ("leaves", "warn"))))
            case ClientReturned():
                self.client.append(self._point(entry, "is back", "client"))
            case FaultStruck(fault):
                self.faults.append(self._point(entry, short(fault, LABEL), "bad"))
            case _:
                self._other_end(entry)

    def close(self) -> None:
        """End what is still open with the picture."""
        self.checkpoints += [self._to_end(item) for marks in self._marks.values() for item in marks]
        self.keyed += [self._to_end(item) for keys in self._keys.values() for item in keys]
        if self._said is not None:
            self.says.append(self._to_end(self._said))
        if self._expected is not None:
            self.expects.append(self._to_end(self._expected))

    def _other_end(self, entry: Entry) -> None:
        match entry.event:
            case e.CallEnded():
                self._say_over(entry)
                self._expect_over(entry, "quiet", "the call ended")
            case e.CalleeSpoke(sound):
                self._say_over(entry)
                self._said = self._point(entry, short(spoken(sound), LABEL), "callee")
            case facts.CalleeSoundEnded():
                self._say_over(entry)
            case e.CalleePressed(digit, duration):
                point = self._point(entry, f"press {digit}", "callee")
                self.says.append(point._replace(until=point.at + duration))
            case e.CalleeListens(expectation):
                self._expect_over(entry, "quiet", "")
                self._expected = self._point(entry, short(waited_for(expectation), LABEL), "quiet")
            case e.ExpectationMet():
                self._expect_over(entry, "good", words_of(entry.event))
            case e.ExpectationMissed():
                self._expect_over(entry, "bad", "missed")
            case event if type(event) in _TURNS:
                self.says.append(self._point(entry, *_TURNS[type(event)]))

    def _point(self, entry: Entry, label: str, tone: str) -> Item:
        at = entry.at - self._placed
        return Item(at, at, label, tone, words_of(entry.event), entry.number)

    def _to_end(self, item: Item) -> Item:
        return item._replace(until=max(item.at, self._end))

    def _mark_over(self, entry: Entry, name: str, tone: str, what: str) -> None:
        waiting = self._marks[name]
        begun = waiting.popleft() if waiting else self._point(entry, short(name, LABEL), tone)
        at = entry.at - self._placed
        self.checkpoints.append(
            begun._replace(until=at, tone=tone, tip=f"{begun.tip}; {what} after {at - begun.at} ms", entry=entry.number)
        )

    def _key_heard(self, entry: Entry, digit: str) -> None:
        waiting = self._keys[digit]
        begun = waiting.popleft() if waiting else self._point(entry, digit, "client")
        at = entry.at - self._placed
        self.keyed.append(begun._replace(until=at, tip=f"{begun.tip}; heard after {at - begun.at} ms"))

    def _refused(self, entry: Entry) -> None:
        point = self._point(entry, "refused", "bad")
        reason = getattr(entry.event, "reason", "joinRoom failed")
        last = self.client[-1] if self.client else None
        if last is not None and last.tip.endswith(short(reason)) and point.at - last.until <= TOGETHER:
            count = int(last.label.partition("×")[2] or 1) + 1
            self.client[-1] = last._replace(until=point.at, label=f"refused ×{count}")
        else:
            self.client.append(point._replace(tip=short(f"{entry.kind}: {point.tip}")))

    def _say_over(self, entry: Entry) -> None:
        if self._said is not None:
            self.says.append(self._said._replace(until=entry.at - self._placed))
            self._said = None

    def _expect_over(self, entry: Entry, tone: str, tip: str) -> None:
        if self._expected is not None:
            until = entry.at - self._placed
            self.expects.append(self._expected._replace(until=until, tone=tone, tip=tip or self._expected.tip))
            self._expected = None

"""Checkpoints: by name, once, in order, when their sound has been heard.

Which checkpoint an event is follows from its place among them: the k-th that is told may not come before the k-th is
due. So one that comes at a wrong time is not also blamed for its name, nor one with a wrong name for its time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.checks.acks import ack_of, taken
from mockpbx.conformance.checks.shapes import STRING, field_problems, one_of, shown
from mockpbx.conformance.run import Run, Take
from mockpbx.conformance.scenes.speaking import AT_ONCE, GRACE
from mockpbx.conformance.transcript import Heard, Said

_EVENT = "checkPoint"
_BEHAVIOUR = "checkPoint, Behavior"
#: Seconds by which a checkpoint may seem early: three frames, of which a part may be on its way.
EARLY = 0.06
#: Seconds of the checker's own lateness beyond which nothing else is called late.
LAG = 0.25


@dataclass(frozen=True, slots=True)
class Due:
    """A checkpoint that was sent: `at` is the earliest moment at which its sound can have been heard.

    `since` is when the sound began that it waits for; `by` is when what was acknowledged as refused is over, too.
    """

    said: Said
    name: str
    since: float
    at: float
    by: float


def dues(take: Take) -> list[Due]:
    """Return when each checkpoint of a scene is due, in the order sent; none that an interruption has cleared."""
    lengths = {said: length for spoken in take.facts.get("spoken", ()) for said, length in spoken.lengths().items()}
    due: list[Due] = []
    since = free = all_free = 0.0
    for said in take.call.said():
        if said.at >= all_free:
            since = said.at
        free, all_free = max(free, said.at), max(all_free, said.at)
        if said.event == "audio":
            length = lengths.get(id(said), 0.0)
            free += length if taken(ack_of(take, said)) is not False else 0.0
            all_free += length
        elif said.event == "interruption":
            due = [one for one in due if one.at <= said.at]
            since = free = all_free = said.at
        elif said.event == _EVENT:
            due.append(Due(said, said.payload["name"], since, free, all_free))
    return due


def told(take: Take) -> list[Heard]:
    """Return the checkPoint events that the member got, those of no session, too."""
    call = take.call
    return [item for item in take.transcript.of(Heard) if item.event == _EVENT and item.socket == call.member]


def name_of(heard: Heard) -> str | None:
    """Return the name that an event bears, None without one that is a string."""
    name = heard.payload.get("name") if isinstance(heard.payload, dict) else None
    return name if isinstance(name, str) else None


def once_each(take: Take, due: list[Due]) -> list[Heard]:
    """Return the events but for those that come oftener than they were sent."""
    left = Counter(one.name for one in due)
    kept: list[Heard] = []
    for heard in told(take):
        name = name_of(heard)
        if name is not None and name in left:
            left[name] -= 1
            if left[name] < 0:
                continue
        kept.append(heard)
    return kept


def is_early(take: Take, due: Due, heard: Heard) -> bool:
    """Return whether an event came before its sound can have been heard, by the clock and by the server's own frames.

    A server that was held up plays in a moment what it had missed, and its frames come in a burst, too.
    """
    media = frames(take, due.since, heard.at) * 0.02
    return heard.at < due.at - EARLY and media < due.at - due.since - EARLY


def judge_lateness(run: Run, take: Take, due: Due, heard: Heard, limit: float = AT_ONCE) -> None:
    """Raise Violated where an event came much too late; Unclear where the checker or the server was held up."""
    late = heard.at - due.by
    if late <= limit:
        return
    if (lag := run.lag.p99(due.since, heard.at)) > LAG:
        raise Unclear(f"it came {late:.2f} s late, but the checker itself was {lag:.2f} s late")
    count = frames(take, due.since, heard.at)
    if count and count * 0.02 < heard.at - due.since - limit:
        raise Unclear(f"it came {late:.2f} s late, but so did the server's own sound")
    raise Violated(f"{shown(due.name)} came {late:.2f} s after it was due", due.said, heard)


def frames(take: Take, since: float, until: float) -> int:
    """Return how many frames the member got between two moments."""
    return sum(since < heard.at <= until for heard in take.call.heard("audio"))


@check(
    "checkpoint-is-told",
    _EVENT,
    "a checkPoint event comes for each checkpoint whose sound has been played",
    "speaking",
)
def is_told(run: Run) -> str:
    """Judge those that had time to come."""
    take = run.take("speaking")
    take.fact("bad")
    came = told(take)
    waiting = Counter(name_of(heard) for heard in came)
    due = [one for one in dues(take) if one.said is not take.fact("empty")]
    strangers = len(came) - sum(waiting[name] for name in {one.name for one in dues(take)})
    last = take.call.marks.get("hung_up", 0.0)
    lost = []
    for one in due:
        waiting[one.name] -= 1
        if waiting[one.name] < 0 and one.at + AT_ONCE + GRACE <= last + 0.01:
            lost.append(one)
    if len(lost) > strangers:
        others = {item.event for item in take.transcript.of(Heard) if item.event.lower() == "checkpoint"} - {_EVENT}
        instead = f"; {shown(min(others))} came instead" if others else ""
        raise Violated(f"no checkPoint event came for {shown(lost[0].name)}{instead}", *(one.said for one in lost[:3]))
    if not came:
        raise Unclear("no checkpoint was told before the call ended")
    if lost:
        raise Unclear("checkpoints came by names that were not sent")
    return f"{len(came)} of {len(due) + 1}"


@check("checkpoint-fields", "checkPoint, Payload Parameters", "a checkPoint event has sessionId and name", "speaking")
def fields(run: Run) -> None:
    """Judge every event."""
    take = run.take("speaking")
    for heard in _some(take):
        shape = {"sessionId": one_of(take.call.session_id), "name": STRING}
        if problems := field_problems(heard.payload, shape):
            raise Violated(f"the checkPoint event: {'; '.join(problems)}", heard)


@check("checkpoint-by-name", _EVENT, "a checkPoint event bears the name that was sent", "speaking")
def by_name(run: Run) -> None:
    """Judge every event that has a name."""
    take = run.take("speaking")
    sent = {one.name for one in dues(take)}
    for heard in _some(take):
        name = name_of(heard)
        if name is not None and name not in sent:
            raise Violated(f"a checkpoint {shown(name)} was told, and none of that name was sent", heard)


@check("checkpoint-once", _EVENT, "each checkpoint is told once, two of one name twice", "speaking")
def once(run: Run) -> None:
    """Judge every name that was sent."""
    take = run.take("speaking")
    sent = Counter(one.name for one in dues(take))
    came = _some(take)
    for name, times in sent.items():
        events = [heard for heard in came if name_of(heard) == name]
        if len(events) > times:
            raise Violated(f"{shown(name)} was sent {times} times and told {len(events)} times", *events[:6])


@check(
    "checkpoint-not-before-its-audio",
    _EVENT,
    "a checkpoint is told when the sound sent before it has been played, not earlier",
    "speaking",
)
def not_early(run: Run) -> str:
    """Judge each by its place."""
    take = run.take("speaking")
    due = dues(take)
    pairs = list(zip(due, once_each(take, due), strict=False))
    if len(pairs) < 2:
        raise Unclear("no checkpoint behind sound was told")
    for one, heard in pairs:
        if is_early(take, one, heard):
            early, after = one.at - heard.at, heard.at - one.since
            raise Violated(
                f"{shown(name_of(heard))} came {after:.2f} s after its sound was sent, {early:.2f} s too early",
                one.said,
                heard,
            )
    return f"nearest {min(heard.at - one.at for one, heard in pairs) * 1000:.0f} ms after its sound was due to end"


@check(
    "checkpoint-in-time",
    _EVENT,
    "a checkpoint is told within a second of the end of its sound",
    "speaking",
)
def in_time(run: Run) -> str:
    """Judge those behind sound, each by its place."""
    take = run.take("speaking")
    due = dues(take)
    came = once_each(take, due)
    names = [name_of(heard) for heard in came]
    # One that is lost would make all behind it look late; those that come behind the hang-up's moment are not told.
    pairs = zip([one for one in due if one.name in names] or due, came, strict=False)
    behind = [(one, heard) for one, heard in pairs if one.by > one.said.at]
    if not behind:
        raise Unclear("no checkpoint behind sound was told")
    for one, heard in behind:
        judge_lateness(run, take, one, heard)
    return f"at most {max(heard.at - one.by for one, heard in behind) * 1000:.0f} ms after it was due"


@check("checkpoints-in-order", _EVENT, "checkpoints that wait together are told in the order sent", "speaking")
def in_order(run: Run) -> str:
    """Judge the three behind three sounds, and the two behind the last of them."""
    take = run.take("speaking")
    sent = [said.payload["name"] for said in take.fact("together")]
    names = list(dict.fromkeys(name for heard in _some(take) if (name := name_of(heard)) in sent))
    expected = [name for name in dict.fromkeys(sent) if name in names]
    if len(names) < 2:
        raise Unclear("fewer than two of them were told by their names")
    if names != expected:
        events = [heard for heard in told(take) if name_of(heard) in sent]
        raise Violated(f"they came as {', '.join(map(shown, names))}", *events[:6])
    return ", ".join(map(shown, names))


@check(
    "checkpoint-on-empty-queue",
    _EVENT,
    "a checkpoint with no sound before it is told at once",
    "speaking",
)
def on_empty_queue(run: Run) -> str:
    """Judge the one that was sent as soon as somebody had answered."""
    take = run.take("speaking")
    said = take.fact("empty")
    due = next(one for one in dues(take) if one.said is said)
    came = _some(take)
    heard = next((one for one in came if name_of(one) == due.name), None)
    if heard is None:
        known = {one.name for one in dues(take)}
        if not any(name_of(one) in known for one in came):
            raise Unclear("no checkpoint was told by its name")
        raise Violated("it was never told, and others were", said)
    others = [h.at - d.at for d in dues(take) for h in came if d.said is not said and name_of(h) == d.name]
    if others and min(others) > AT_ONCE:
        raise Unclear("all checkpoints come late")
    judge_lateness(run, take, due, heard)
    return f"after {(heard.at - said.at) * 1000:.0f} ms"


def _some(take: Take) -> list[Heard]:
    take.fact("empty")
    came = told(take)
    if not came:
        raise Unclear("no checkpoint was told")
    return came


CHECKS: tuple[Check, ...] = (
    is_told,
    fields,
    by_name,
    once,
    not_early,
    in_time,
    in_order,
    on_empty_queue,
)

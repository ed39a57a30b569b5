"""What several areas ask of a call, as its member saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from math import ceil

from mockpbx.conformance.check import Unclear
from mockpbx.conformance.run import Call, Run
from mockpbx.conformance.transcript import Closed, Heard

#: Events that belong to one call: they reach its room and nobody else.
CALL_EVENTS = frozenset({"dialStatus", "audio", "dtmf", "checkPoint", "hangup", "cdr"})
_KNOWN = CALL_EVENTS | {"newSession", "roomJoined", "exception"}

#: Seconds from the POST to roomJoined within which a client is there before anything of the call can be missed.
PROMPT = 0.25
#: Seconds with so few looks at the clock that their 99th percentile is the worst.
_WINDOW = 0.25
#: Seconds around a moment within which frames that come late, and then together, count as one delay.
_BURST = 1.0
#: Frames that are a conversation, and no stray sound: a second of them.
_TALK = 50


def each(calls: Iterable[Call], judge: Callable[[Call], object]) -> str:
    """Judge every call and return how many told. The first violation is raised; Unclear only where no call tells."""
    told = 0
    unclear: list[Unclear] = []
    for call in calls:
        try:
            judge(call)
        except Unclear as reason:
            unclear.append(reason)
        else:
            told += 1
    if not told:
        raise unclear[0] if unclear else Unclear("no call was placed")
    return "1 call" if told == 1 else f"{told} calls"


def placed(run: Run) -> list[Call]:
    """Return all calls. Raises Unclear where none was placed."""
    found = list(run.calls())
    if not found:
        reasons = [take.trouble for take in run.takes.values() if take.trouble]
        raise Unclear(f"no call could be placed: {reasons[0] if reasons else 'none was tried'}")
    return found


def answered(run: Run) -> list[Call]:
    """Return the calls that somebody answered. Raises Unclear where there is none."""
    found = [call for call in placed(run) if was_answered(call)]
    if not found:
        reasons = [take.trouble for take in run.takes.values() if take.trouble]
        raise Unclear(f"no call was answered{f': {reasons[0]}' if reasons else ''}")
    return found


def was_answered(call: Call) -> bool:
    """Return whether somebody answered: Connected was told, however it was spelt, or there was a second of sound."""
    return "Connected" in readings(call) or len(call.heard("audio")) >= _TALK


def readings(call: Call, socket: str | None = None) -> list[str]:
    """Return the statuses that were told, as far as they can be read: in spite of their spelling, texts only."""
    told = (heard.payload.get("status") for heard in call.heard("dialStatus", socket))
    return [status.strip().capitalize() for status in told if isinstance(status, str)]


def join_confirmed(call: Call) -> Heard | None:
    """Return the event by which the member was told that it is in the room; None where it was not."""
    return call.first("roomJoined", status="success")


def is_prompt(call: Call) -> bool:
    """Return whether the member was in the room before anything could be missed."""
    confirmed = call.first("roomJoined")
    return confirmed is not None and confirmed.at - call.placed.sent_at <= PROMPT


def lost(call: Call, socket: str | None = None) -> Closed | None:
    """Return how the server closed the member's socket; None where it did not. What did not come then says nothing."""
    name = socket or call.member
    return next((item for item in call.transcript.of(Closed) if item.socket == name and item.by == "server"), None)


def strangers(run: Run, call: Call, event: str) -> list[Heard]:
    """Return the member's events of a name that name a session of nobody's, from the call's beginning on."""
    known = [other.session_id for other in run.calls()]
    return [
        heard
        for heard in call.transcript.of(Heard)
        if heard.socket == call.member
        and heard.event == event
        and heard.at >= call.placed.sent_at
        and heard.session_id not in known
    ]


def unknown_names(call: Call) -> str:
    """Return what came by names that the contract does not know, to stand behind a sentence; empty where nothing."""
    names = Counter(
        heard.event
        for heard in call.transcript.of(Heard)
        if heard.socket == call.member and heard.event not in _KNOWN and heard.at >= call.placed.sent_at
    )
    return f"; instead came {', '.join(f'{count} × {name!r}' for name, count in names.most_common(3))}" if names else ""


def early_frames(call: Call) -> tuple[list[Heard], Heard]:
    """Return the frames that came before Connected, and Connected. Raises Unclear where it was never told."""
    frames: list[Heard] = []
    for heard in call.heard():
        if heard.event == "dialStatus" and str(heard.payload.get("status")).strip().capitalize() == "Connected":
            return frames, heard
        if heard.event == "audio":
            frames.append(heard)
    raise Unclear("Connected was never told")


def is_unanswered(call: Call) -> bool:
    """Return whether nobody answered, as far as a member can tell who was told of the call's course."""
    return not was_answered(call) and bool(call.heard("dialStatus") or call.heard("hangup"))


def stall(run: Run, since: float, until: float) -> float:
    """Return the longest that the checker's own loop stood still between two moments, in seconds."""
    windows = ceil((until - since) / _WINDOW) + 1
    return max(run.lag.p99(since + n * _WINDOW, since + (n + 1) * _WINDOW) for n in range(windows))


def held_up(run: Run, call: Call, moment: float, *sockets: str) -> float:
    """Return for how long reading may have been held up around a moment, in seconds.

    That is how long the checker's own loop stood still, or how long one of the sockets brought no sound, of a second
    at most: what is silent for longer is silent.
    """
    gaps = [0.0]
    for socket in sockets:
        times = [heard.at for heard in call.heard("audio", socket)]
        gaps += [min(later - earlier, _BURST) for earlier, later in pairwise(times) if _meets(earlier, later, moment)]
        if times and times[-1] < moment:
            gaps.append(min(moment - times[-1], _BURST))
    return max(*gaps, stall(run, moment - _BURST, moment + _BURST))


def _meets(earlier: float, later: float, moment: float) -> bool:
    return earlier <= moment + _BURST and later >= moment - _BURST


def after_hangup(call: Call, *events: str) -> list[Heard]:
    """Return the member's events of these names behind its first hangup. Raises Unclear where that was never told."""
    heard = call.heard()
    first = next((number for number, item in enumerate(heard) if item.event == "hangup"), None)
    if first is None:
        raise Unclear("hangup was never told")
    return [item for item in heard[first:] if item.event in events]

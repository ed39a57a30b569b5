"""How a client conducts a call: it joins before it sends, reads what it is told, comes back, and leaves nothing behind.

What cannot be told from the journal with certainty is not told: a good client is never blamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain import events as e
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.lint.stream import arrivals_of, paced
from mockpbx.evidence.rules import broken, counted, shown, shown_by
from mockpbx.media import facts
from mockpbx.runtime.entries import AudioRefused, ClientReturned, EventRefused
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.journal import Entry

#: Ms that a client has to act on what it was told.
TO_ACT: Final = 2_000
#: Ms in which the contract's own client (five attempts, a second or more apart) is connected again or has given up.
TO_RETURN: Final = 20_000
#: Ms after its sound at which a checkpoint is late, and before other sound at which it marks the beginning of that.
LATE: Final = 1_000
#: Ms after which the acknowledgment of a message has reached its sender, and messages sent then that are no accident.
TO_LEARN: Final = 500
MOST_BLIND: Final = 4
#: Messages without a wish for an acknowledgment that make a habit.
HABIT: Final = 3

#: What shows that a client has sent something, sound that was taken apart.
_SENT = (facts.CheckpointQueued, facts.PlayoutInterrupted, facts.DigitQueued, AudioRefused, EventRefused)


def conduct(dossier: Dossier) -> list[Finding]:
    """Return what is wrong with how a client conducted its call, in no particular order."""
    return [finding for find in _FINDERS for finding in find(dossier)]


# --- before the call -------------------------------------------------------------------------------------------------


def _before_joining(dossier: Dossier) -> Iterator[Finding]:
    """Who may have missed newSession because of a fault could not know better."""
    joined = dossier.first(e.RoomJoined)
    if joined is None or dossier.truncated:
        return
    before = [entry for entry in dossier.entries if entry.number < joined.number]
    if any(isinstance(entry.event, FaultStruck) for entry in before):
        return
    sent = [entry for entry in before if isinstance(entry.event, _SENT)]
    heard = [each.at for each in arrivals_of(dossier) if each.at < joined.at]
    if sent or heard:
        first = min([*heard[:1], *(entry.at for entry in sent[:1])])
        count = len(sent) + len(heard)
        what = f"{counted(count, 'message')}, the first of them {joined.at - first:,} ms before joinRoom"
        yield broken("sent-before-joining", what, first, count)


def _before_connected(dossier: Dossier) -> Iterator[Finding]:
    """Find sound that a service took before the answer; who has turned the switch knows that its service does."""
    if dossier.settings.audio_before_answer != "refuse" or dossier.truncated:
        return
    answered = dossier.connected_at
    early = [each for each in arrivals_of(dossier) if answered is None or each.at < answered]
    if early:
        lead = "the call was never answered" if answered is None else f"the first {answered - early[0].at:,} ms early"
        yield broken("audio-before-connected", f"{counted(len(early), 'message')}, {lead}", early[0].at, len(early))


# --- acknowledgments -------------------------------------------------------------------------------------------------


def _acks_not_asked(dossier: Dossier) -> Iterator[Finding]:
    """Who asks for some, such as that of the last message of a sentence, reads them."""
    known = [each for each in arrivals_of(dossier) if each.ack_wanted is not None]
    if len(known) >= HABIT and not any(each.ack_wanted for each in known):
        what = f"none of {counted(len(known), '`audio` message')} asked for its acknowledgment"
        yield broken("acks-not-asked", what, known[0].at, len(known))


def _acks_ignored(dossier: Dossier) -> Iterator[Finding]:
    """Find a client that was told the same again and again. After the end it may be told by hangup alone."""
    end = dossier.first(e.CallEnded)
    refused = [entry for entry in dossier.all(AudioRefused) if end is None or entry.number < end.number]
    if dossier.first(FaultStruck):
        return
    for reason, group in groupby(refused, key=lambda entry: entry.event.reason):  # type: ignore[attr-defined]
        first, *others = group
        blind = [entry for entry in others if _since(dossier, first, entry) > TO_LEARN]
        # A full queue is told by each refusal anew: whoever sends again later does what that sentence asks for.
        if len(blind) >= MOST_BLIND and "queue" not in reason:
            what = f"{counted(len(blind), 'message')} more after the acknowledgment had said {shown(reason, 120)}"
            yield shown_by("acks-ignored", what, blind)
            return


# --- checkpoints -----------------------------------------------------------------------------------------------------


def _checkpoint_late(dossier: Dossier) -> Iterator[Finding]:
    """Find checkpoints for sound that was over long ago. One right before other sound marks the beginning of that."""
    if not paced(dossier):
        return
    over: Entry | None = None  # where sound that nothing marks had been heard
    marked = False  # a checkpoint, or what counts as one, goes with the sound that is heard now or next
    waiting: list[str] = []
    late: list[tuple[Entry, int]] = []
    for entry in dossier.entries:
        match entry.event:
            case facts.PlayoutStarted():
                if late and entry.at - late[-1][0].at <= LATE:
                    late.pop()
                over = None
            case facts.PlayoutDrained():
                over, marked = None if marked else entry, False
            case facts.PlayoutInterrupted() | facts.DigitQueued():
                over, marked = None, True
            case facts.CheckpointQueued(name):
                waiting.append(name)
                marked = True
            case facts.CheckpointCleared(name) | facts.CheckpointReached(name) if name in waiting:
                waiting.remove(name)
            case facts.CheckpointReached():
                if over is not None and entry.at - over.at > LATE:
                    late.append((entry, entry.at - over.at))
                over = None
    if late:
        entry, ms = late[0]
        name = shown(entry.event.name)  # type: ignore[attr-defined]
        what = f"{counted(len(late), 'checkpoint')}, the first of them {name}, {ms:,} ms after its sound had been heard"
        yield shown_by("checkpoint-late", what, [each for each, _ in late])


# --- leaving and coming back -----------------------------------------------------------------------------------------


def _deserted(dossier: Dossier) -> Iterator[Finding]:
    """Find a conversation whose room stays empty: its client came back without joining, or is gone for good."""
    emptied = next((entry for entry in reversed(dossier.all(e.RoomJoined, e.RoomEmptied))), None)
    if emptied is None or not isinstance(emptied.event, e.RoomEmptied) or dossier.truncated:
        return
    if not dossier.entries or dossier.connected_at is None or dossier.connected_at > emptied.at:
        return
    end = dossier.first(e.CallEnded) or dossier.entries[-1]
    after = [entry for entry in dossier.entries if emptied.number < entry.number <= end.number]
    returned = next((entry for entry in after if isinstance(entry.event, ClientReturned)), None)
    if returned is not None:
        yield from _not_rejoined(dossier, emptied, returned, end)
    elif isinstance(end.event, e.CallEnded) and not _client_hung_up(dossier) and not dossier.first(FaultStruck):
        gone = _since(dossier, emptied, end)
        if gone > (TO_ACT if emptied.event.goodbye else TO_RETURN):
            how = "left" if emptied.event.goodbye else "was lost and never came back"
            what = f"the client {how}, and the call went on without it for {gone / 1_000:.1f} s"
            yield shown_by("left-running", what, [emptied])


def _not_rejoined(dossier: Dossier, emptied: Entry, returned: Entry, end: Entry) -> Iterator[Finding]:
    sent = sum(returned.at < each.at <= end.at for each in arrivals_of(dossier))
    if _since(dossier, returned, end) <= TO_ACT or (_client_hung_up(dossier) and not sent):
        return
    away = (returned.at - emptied.at) / 1_000
    rest = (end.at - returned.at) / 1_000
    what = f"the client came back after {away:.1f} s and did not join again: it heard nothing for {rest:.1f} s"
    yield shown_by("not-rejoined", what + f", and sent {counted(sent, 'message')}" * bool(sent), [returned])


def _client_hung_up(dossier: Dossier) -> bool:
    client = Party.CALLER if dossier.call.direction is Direction.OUTBOUND else Party.CALLEE
    return dossier.record is not None and dossier.record.hangup_by is client


def _since(dossier: Dossier, one: Entry, other: Entry) -> int:
    """Ms that the client had from one entry to another: of wall time, where the call's clock does not run with it."""
    return other.at - one.at if paced(dossier) else other.wall - one.wall


_FINDERS: tuple[Callable[[Dossier], Iterator[Finding]], ...] = (
    _before_joining,
    _before_connected,
    _acks_not_asked,
    _acks_ignored,
    _checkpoint_late,
    _deserted,
)

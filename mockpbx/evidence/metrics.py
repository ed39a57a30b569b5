"""The voice metrics of a call, from what was on the wire: times from its sound, amounts from its ledgers.

A function of virtual time alone, but for the emulator's own pacing, which is taken over as it is: the same call gives
the same figures on any clock and machine. Where nothing was recorded, what takes sound to know is empty or 0, and the
ledgers and the first sound come from the journal.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mockpbx.evidence.activity import Span, overlaps, silences, spans
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.measures import BargeIn, Cut, Metrics, Spread, Turn, Uplink
from mockpbx.media import facts
from mockpbx.media.framing import FRAME, FRAME_MS, RATE
from mockpbx.media.recording import Sound
from mockpbx.runtime.journal import Entry

#: Ms for which the client must have spoken when the callee joins in: less, and both merely began at once.
SPEAKING: Final = 200
#: Ms for which nobody is heard that no conversation needs: longer, and the line seems dead.
DEAD: Final = 2_000
#: Ms by which a message may come too late and still belong to what was sent before it: later, and it begins anew.
PAUSE: Final = 400

_PER_MS: Final = RATE // 1_000  # samples
_Whole = NDArray[np.int64]

_PLAYOUT = (
    facts.PlayoutStarted,
    facts.PlayoutDrained,
    facts.PlayoutInterrupted,
    facts.Underrun,
    facts.MediaStopped,
)
_UNHEARD = Sound(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int16), np.empty(0, np.int16), (), True)
_UNANSWERED = Metrics(None, None, (), (), None, None, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0.0, (), None)


def measure(dossier: Dossier) -> Metrics:
    """Return what is measured of a call, ended or live; of one that nobody answered, nothing."""
    connected = _connected_at(dossier)
    if connected is None:
        return _UNANSWERED
    sound = dossier.sound or _UNHEARD
    playout = _Playout(dossier, sound)
    callee, client = spans(sound.callee, sound.times), spans(sound.client, sound.times)
    turns = tuple(_turns(callee, client))
    barge_ins = tuple(_barge_ins(callee, client, playout.interrupted))
    dead = [span.length for span in silences(_watched(connected, dossier, sound), callee, client) if span.length > DEAD]
    return Metrics(
        time_to_first_audio=_first_audio(connected, client, playout, recorded=dossier.sound is not None),
        turn_latency=spread([turn.latency for turn in turns]),
        turns=turns,
        barge_ins=barge_ins,
        barge_in_stop=spread([each.stop for each in barge_ins]),
        barge_in_reaction=spread([each.reaction for each in barge_ins if each.reaction is not None]),
        talk_over=_seconds(sum(span.length for span in overlaps(callee, client))),
        dead_air=_seconds(sum(dead)),
        longest_dead_air=_seconds(max(dead, default=0)),
        underruns=playout.underruns,
        heard=_of_samples(playout.audio.played),
        cut_by_interruption=_of_samples(playout.audio.cleared),
        cut_at_hangup=_of_samples(playout.audio.discarded),
        cuts=tuple(playout.cuts()),
        uplink=_uplink(sound, playout),
        pacing=dossier.pacing,
    )


def spread(values: Sequence[float]) -> Spread | None:
    """Return how values lie, to three decimals: the median of an even number is the mean of the two in the middle, the
    95th percentile the nearest rank. None for no values.
    """
    if not values:
        return None
    ranked = sorted(values)
    count = len(ranked)
    median = (ranked[(count - 1) // 2] + ranked[count // 2]) / 2
    return Spread(count, round(median, 3), round(ranked[-(-95 * count // 100) - 1], 3), round(ranked[-1], 3))


def _seconds(ms: float) -> float:
    return round(ms / 1_000, 3)


def _of_samples(samples: int) -> float:
    return round(samples / RATE, 3)


# --- the call's time -------------------------------------------------------------------------------------------------


def _connected_at(dossier: Dossier) -> int | None:
    """Return when it was answered; the record knows where the journal no longer does."""
    connected = dossier.connected_at
    return dossier.record.answered_at if connected is None and dossier.record else connected


def _watched(connected: int, dossier: Dossier, sound: Sound) -> Span:
    """Return the time for which silence is known to be silence: to the end, or as far as was recorded."""
    heard = int(sound.times[-1]) if len(sound.times) else connected
    end = heard if sound.truncated or dossier.ended_at is None else dossier.ended_at
    return Span(connected, max(connected, end))


def _first_audio(connected: int, client: Sequence[Span], playout: _Playout, *, recorded: bool) -> float | None:
    started = client[0].start if client else None if recorded else playout.first
    return None if started is None else _seconds(max(0, started - connected))


# --- the conversation ------------------------------------------------------------------------------------------------


def _turns(callee: Sequence[Span], client: Sequence[Span]) -> Iterator[Turn]:
    """Yield how fast the client took its turns: from the last that the callee said before it.

    What the callee says while the client speaks ("uh-huh") gives the client no turn, nor is one measured where the
    client did not wait for the end: that is talk-over.
    """
    for spoken, following in pairwise([*callee, None]):
        assert spoken is not None
        answer = bisect_left(client, spoken.end, key=lambda span: span.start)
        speaking = answer > 0 and client[answer - 1].end > spoken.end
        if speaking or answer == len(client):
            continue
        begins = client[answer].start
        if following is None or following.start >= begins:
            yield Turn(spoken.end, _seconds(begins - spoken.end))


def _barge_ins(callee: Sequence[Span], client: Sequence[Span], interrupted: Sequence[int]) -> Iterator[BargeIn]:
    """Yield each time that the callee began while the client had been speaking for 200 ms and spoke on.

    Be it a word or an "uh-huh": whether to stop is for the client to tell. The stop is the reaction and what is left
    over; where no interruption came, all of it is left over. A pause of 200 ms is a stop, too.
    """
    for spoken in callee:
        at = spoken.start
        speaking = bisect_right(client, at, key=lambda span: span.start) - 1
        if speaking < 0 or client[speaking].start > at - SPEAKING or client[speaking].end <= at:
            continue
        silent = client[speaking].end
        first = bisect_left(interrupted, at)
        # The last frame was over when it was heard; the interruption that made it the last came within the next.
        if first < len(interrupted) and interrupted[first] <= silent + FRAME_MS:
            reaction, silent = interrupted[first] - at, max(silent, interrupted[first])
            yield BargeIn(at, _seconds(reaction), _seconds(silent - at - reaction), _seconds(silent - at))
        else:
            yield BargeIn(at, None, _seconds(silent - at), _seconds(silent - at))


# --- the queue -------------------------------------------------------------------------------------------------------


class _Playout:
    """What became of what the client queued: the ledger of its sound, and what had been heard at each cut.

    `audio` is the ledger of sound alone, as far as the journal tells while the call goes on. Cuts count the queue as it
    was: keyed tones, too, and the pauses between them.
    """

    def __init__(self, dossier: Dossier, sound: Sound) -> None:
        self.first: int | None = None  # when the first of it began to be heard
        self.interrupted: list[int] = []
        self.underruns = 0
        self.audio = facts.Ledger()
        self._times = None if sound.truncated else sound.times
        self._played = 0  # samples up to the stretch that is being heard
        self._since: int | None = None  # when its first frame ended
        self._padding = 0  # samples in it that were silence
        self._cuts: list[tuple[int, int, int]] = []  # when, samples heard by then, samples cut
        self._unsettled: list[tuple[int, int, int]] = []  # those of this stretch
        self._discarded: tuple[int, int] | None = None  # when, samples cut by the hang-up
        for entry in dossier.all(*_PLAYOUT):
            self._read(entry, dossier, sound)
        if self._discarded is None:
            latest = sound.times[-1:].tolist() or [entry.at for entry in dossier.entries[-1:]]
            self._settle(self._heard_by(latest[0]) if latest else 0)
            self.audio = facts.Ledger(played=self._played, cleared=sum(cut for _, _, cut in self._cuts))

    @property
    def longest_cut(self) -> int:
        """The most samples that a cut took: so many were queued."""
        return max([cut for _, _, cut in self._cuts] + [self._discarded[1] if self._discarded else 0])

    def cuts(self) -> Iterator[Cut]:
        """Yield each interruption and, where something was queued, the hang-up. What was heard adds up."""
        before = 0
        for at, heard, cut in self._cuts:
            yield Cut(at, "interruption", _of_samples(heard - before), _of_samples(cut))
            before = heard
        if self._discarded is not None and self._discarded[1]:
            at, cut = self._discarded
            yield Cut(at, "hangup", _of_samples(self._played - before), _of_samples(cut))

    def _read(self, entry: Entry, dossier: Dossier, sound: Sound) -> None:
        match entry.event:
            case facts.PlayoutStarted():
                self._since, self._padding = entry.at, 0
                self.first = entry.at - FRAME_MS if self.first is None else self.first
            case facts.Underrun(padding):
                self._padding += padding
                self.underruns += 1
            case facts.PlayoutDrained(played):
                self._settle(self._played + played)
            case facts.PlayoutInterrupted(cleared):
                self.interrupted.append(entry.at)
                self._unsettled.append((entry.at, self._heard_by(entry.at), cleared))
            case facts.MediaStopped(audio=audio, keys=keys, underruns=underruns):
                self._settle(audio.played + keys.played)
                self.underruns = underruns
                self.audio = replace(audio, discarded=audio.discarded - _sent_early(audio, dossier, sound))
                self._discarded = entry.at, self.audio.discarded + keys.discarded

    def _heard_by(self, at: int) -> int:
        """Return the samples heard until then, were the last frame a full one: what comes later tells if it was not."""
        if self._since is None:
            return self._played
        if self._times is None:
            frames = (at - self._since) // FRAME_MS + 1
        else:
            first, last = np.searchsorted(self._times, (self._since, at + 1)).tolist()
            frames = last - first
        return self._played + frames * FRAME - self._padding

    def _settle(self, played: int) -> None:
        """A stretch is over; until then so much had been heard in all."""
        self._cuts += [(at, min(heard, played), cut) for at, heard, cut in self._unsettled]
        self._unsettled.clear()
        self._played, self._since = played, None


def _sent_early(audio: facts.Ledger, dossier: Dossier, sound: Sound) -> int:
    """Return the samples that a switch had discarded before the answer: no hang-up cut them, no recording has them."""
    if dossier.settings.audio_before_answer != "discard" or sound.truncated:
        return 0
    return audio.accepted - sum(arrival.samples for arrival in sound.arrivals)


# --- the way up ------------------------------------------------------------------------------------------------------


def _uplink(sound: Sound, playout: _Playout) -> Uplink | None:
    """Return how the client sent. All inside is in samples of 8 kHz, time too: whole numbers.

    Messages that come while there is sound, or at most 400 ms later, are one stretch; an interruption begins another.
    Pace, jitter and gaps are told within stretches: what lies between them is the client listening. A stretch counts
    for the pace up to its last message, whose own sound nothing follows. The jitter is the estimate after the last
    message, with the sound sent before as the message's timestamp (RFC 3550, section 6.4.1).
    """
    if not sound.arrivals:
        return None
    times, _, messages, lengths, _ = zip(*sound.arrivals, strict=True)
    sent, length = np.array(times), np.array(lengths)
    at = (sent - sent[0]) * _PER_MS
    turn = np.searchsorted(np.array(playout.interrupted), sent, side="right")
    late = at[1:] - _over(at, length, turn)[:-1]
    follows = (late <= PAUSE * _PER_MS) & (turn[1:] == turn[:-1])
    elapsed, said = np.diff(at)[follows], length[:-1][follows]
    time = int(elapsed.sum())
    return Uplink(
        messages=len(messages),
        bytes=sum(map(len, messages)),
        packet=round(float(np.median(length)) / _PER_MS, 3),
        pace=round(int(said.sum()) / time, 3) if time else None,
        jitter=round(_jitter(np.abs(elapsed - said)) / _PER_MS, 3),
        longest_gap=round(max(0, int(np.max(late[follows], initial=0))) / _PER_MS, 3),
        most_queued=_of_samples(max(_most_waiting(sound.queue), playout.longest_cut, *lengths)),
    )


def _over(at: _Whole, length: _Whole, turn: _Whole) -> _Whole:
    """Return when the sound up to each message is over, each turn's by itself: later of its arrival and the end of the
    sound before it, and its own length.
    """
    said = np.cumsum(length)
    apart = turn * (at[-1] + said[-1] + 1)  # keeps what a turn left out of the next one's maximum
    ends: _Whole = np.maximum.accumulate(at - (said - length) + apart) - apart + said
    return ends


def _jitter(differences: _Whole) -> float:
    """Return what J += (|D| - J) / 16 comes to. What lies further back than 600 messages weighs 1e-17 of itself."""
    recent = differences[-600:][::-1]
    return float(recent @ (15 / 16) ** np.arange(len(recent))) / 16


def _most_waiting(queue: _Whole) -> int:
    """Return the most samples that waited at a tick: the frame that was taken then, a full one, and what was left."""
    left = int(np.max(queue, initial=0))
    return left + FRAME if left else 0

"""One call of a cassette as the emulator would have kept it: its journal, and its sound as it must have been heard.

What the server told is taken from it. How the client's sound was heard it does not tell; that is reckoned as the
contract has it, 20 ms of what was queued every 20 ms, and put right by each `checkPoint` that came back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mockpbx.contract.errors import NoSuchSession, PBXError
from mockpbx.contract.vocabulary import DTMF_DIGITS, DialStatus, Direction, Disposition, Party
from mockpbx.domain import events as e
from mockpbx.domain.record import CallRecord, file_record
from mockpbx.evidence.dossier import Dossier, Replay
from mockpbx.media import facts
from mockpbx.media.codecs import UplinkDecoder
from mockpbx.media.framing import FRAME_BYTES, FRAME_MS
from mockpbx.media.playout import Playout
from mockpbx.media.recording import Arrival, Recording
from mockpbx.runtime.callbook import CallView
from mockpbx.runtime.entries import AudioRefused, ClientReturned, EventRefused
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.settings import WorkspaceSettings

#: Samples that may wait: what a server takes is not for us to bound.
_CAPACITY: Final = 1 << 31
#: Frames that a server may be behind or ahead of what was reckoned.
_TOLERANCE: Final = 10
#: A server whose audio comes so many times as fast, and so many ms ahead, keeps a time of its own.
_FASTER: Final = 1.2
_AHEAD: Final = 1_000
_SILENCE: Final = bytes(FRAME_BYTES)
NORMAL: Final = 16


class HeardCall:
    """A call while its cassette is read, in order. Times are ms since the cassette's beginning."""

    def __init__(
        self, session_id: str, number: str, *, direction: Direction, ordinal: int, at: int, record: Mapping[str, Any]
    ) -> None:
        self.session_id = session_id
        self.direction = direction
        self.ended = False
        self.members: set[int] = set()
        self.token: str | None = None
        self._view = CallView(session_id, number, direction, None, "", ordinal, at)
        self._entries: list[Entry] = []
        self._connected: int | None = None
        self._asked_to_end = False
        self._behind_the_end: list[AudioRefused | EventRefused] = []
        self._left = self._back = False  # the room has emptied; and somebody was back since
        self._statuses: set[str] = set()
        self._playout, self._decoder, self._recording = Playout(_CAPACITY), UplinkDecoder(), Recording()
        self._marks: list[str] = []
        self._said: deque[bytes] = deque()
        self._frames = 0  # that the callee has said
        self._next_frame = 0
        self._record = record  # as its `cdr` will have it
        self._write(at, [e.CallPlaced(number, direction, "", ordinal)])

    # --- what the server told -----------------------------------------------------------------------------------------

    def announced(self, at: int) -> None:
        """NewSession came, to one client or to several."""
        if not any(isinstance(entry.event, e.SessionAnnounced) for entry in self._entries):
            self._write(at, [e.SessionAnnounced(self.direction)])

    def joined(self, at: int, socket: int) -> None:
        """A client asked for the room at that moment, and got into it."""
        self.members.add(socket)
        self._left = self._back = False
        self._view.joined = True
        self._write(at, [e.RoomJoined(f"socket {socket}")])

    def dial_status(self, at: int, status: object) -> None:
        """Dialling came so far; told to several clients it counts once."""
        if not isinstance(status, str) or status in self._statuses or status not in list(DialStatus) or self.ended:
            return
        self._statuses.add(status)
        self._view.status = status
        self._write(at, [e.DialStatusChanged(DialStatus(status))])
        if status == DialStatus.CONNECTED:
            self._connected, self._next_frame = at, at + FRAME_MS

    def callee_audio(self, at: int, data: object) -> None:
        """20 ms of the callee came: the call is connected, whether its client was there to be told or not."""
        self.dial_status(at, str(DialStatus.CONNECTED))
        if isinstance(data, bytes) and len(data) == FRAME_BYTES:
            self._said.append(data)
            self._frames += 1

    def callee_pressed(self, at: int, digit: object) -> None:
        """A `dtmf` came."""
        self._write(at, [facts.DigitReceived(str(digit), in_band=False)])

    def reached(self, at: int, name: object) -> None:
        """A `checkPoint` came back: all sound before it has been heard, if it was not reckoned so already."""
        while name in self._marks:
            self._pull(at)

    def issued(self, at: int) -> None:
        """The `cdr` came; a call of which no hang-up was told ends with it."""
        self.end(at)
        if self._view.record is not None and not any(isinstance(each.event, e.RecordIssued) for each in self._entries):
            self._write(at, [e.RecordIssued(self._view.record)])

    def end(self, at: int) -> None:
        """The call is over."""
        if self.ended:
            return
        self._forgive(at)
        happened = [*self._playout.stop(), self._stopped()]
        self._view.record, self._view.status, self._view.ended = self._filed(at), "Ended", at
        self._write(at, [*happened, e.CallEnded(self._view.record), *self._behind_the_end])
        self.ended = True

    # --- what the client did ------------------------------------------------------------------------------------------

    def hung_up(self) -> None:
        """The client asked for the end."""
        self._asked_to_end = True

    def refused(self, at: int, fact: AudioRefused | EventRefused | e.JoinRefused) -> None:
        """Something that the client sent was not taken; behind its own hang-up, since the call was over then."""
        if self._asked_to_end and not self.ended and not isinstance(fact, e.JoinRefused):
            self._behind_the_end.append(replace(fact, reason=NoSuchSession.sentence))
        else:
            self._write(at, [fact])

    def audio(self, at: int, audio_format: object, data: bytes, *, ack_wanted: bool) -> None:
        """Sound was taken. What cannot be played counts as refused, though the server was not so strict."""
        try:
            samples = self._decoder.decode(str(audio_format), data)
            happened = self._playout.play(samples) if self._connected is not None else []
        except PBXError as error:
            self._write(at, [AudioRefused(str(error), len(data))])
            return
        self._recording.arrive(Arrival(at, str(audio_format), data, len(samples), ack_wanted))
        self._write(at, happened)

    def check_point(self, at: int, name: object) -> None:
        """A checkpoint was sent."""
        fact = self._playout.mark(str(name))
        if isinstance(fact, facts.CheckpointQueued):
            self._marks.append(fact.name)
        self._write(at, [fact])

    def dtmf(self, at: int, digit: object, duration: object) -> None:
        """A digit was sent; one that is none, or before the answer, is nothing."""
        ms = 200 if duration is None else duration
        if self._connected is None or not isinstance(ms, int | float) or not 1 <= ms <= 6_000:
            return
        if isinstance(digit, str) and len(digit) == 1 and digit.upper() in DTMF_DIGITS:
            happened = self._playout.press(digit, ms)
            self._write(at, [*happened, facts.DigitQueued(digit.upper(), round(ms))])

    def interruption(self, at: int) -> None:
        """The queue was emptied."""
        self._decoder.reset()
        self._write(at, self._playout.interrupt())

    def left(self, at: int, socket: int, *, goodbye: bool) -> None:
        """A client is gone from the room."""
        if socket in self.members and not self.ended:
            self.members.discard(socket)
            if not self.members:
                self._left = True
                self._write(at, [e.RoomEmptied(goodbye)])

    def back(self, at: int, socket: int) -> None:
        """A client with the call's token is connected."""
        if self._left and not self._back and not self.ended:
            self._back = True
            self._write(at, [ClientReturned(f"socket {socket}")])

    # --- time ---------------------------------------------------------------------------------------------------------

    def advance(self, at: int) -> None:
        """Let the frames be heard that were due before `at`."""
        while self._connected is not None and not self.ended and self._next_frame <= at:
            client = self._pull(self._next_frame)
            callee = self._said.popleft() if self._said else _SILENCE
            self._recording.add(self._next_frame, callee, client, self._playout.waiting)
            self._next_frame += FRAME_MS

    def dossier(self, *, whole: bool) -> Dossier:
        """Return what is known of the call. One that is up at the end of a recording may have been let go later, and
        is held to be open only where the recording is `whole` and its last client has left it.
        """
        if not self.ended and not (whole and self._left and not self._back):
            self._view.status = ""
        self._view.entries = self._entries
        sound = self._recording.sound() if self._connected is not None else None
        replay = Replay(0, self._view.ordinal, None, {})
        last = self._entries[-1].at if self._view.ended is None else self._view.ended
        settings = WorkspaceSettings(clock="auto" if self._hurried(last) else "real")
        return Dossier(self._view, tuple(self._entries), False, sound, replay, settings)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _pull(self, at: int) -> bytes:
        frame, happened = self._playout.pull()
        self._write(at, happened)
        return frame.data

    def _hurried(self, at: int) -> bool:
        """Whether the server's time did not run with the recording's, as that of an emulator may not."""
        return self._connected is not None and self._frames * FRAME_MS > _FASTER * (at - self._connected) + _AHEAD

    def _forgive(self, at: int) -> None:
        """Let the call end as late as the server may have heard of it."""
        frames = 0
        while (self._playout.waiting or self._marks) and (frames < _TOLERANCE or self._hurried(at)):
            self._pull(at)
            frames += 1

    def _write(self, at: int, happened: Any) -> None:
        for fact in happened:
            if isinstance(fact, facts.CheckpointReached | facts.CheckpointCleared) and fact.name in self._marks:
                self._marks.remove(fact.name)
            self._entries.append(Entry(len(self._entries) + 1, at, at, self.session_id, fact))

    def _stopped(self) -> facts.MediaStopped:
        playout = self._playout
        return facts.MediaStopped(playout.audio, playout.keys, playout.underruns, len(self._recording), 0, 0)

    def _filed(self, at: int) -> CallRecord:
        """Return the record as far as it is told: by the `cdr`, or by who asked for the end."""
        client = Party.CALLER if self.direction is Direction.OUTBOUND else Party.CALLEE
        by, cause = self._record.get("hangupBy"), self._record.get("hangupCauseCode")
        record = file_record(
            session_id=self.session_id,
            destination=self._view.number,
            direction=self.direction,
            started_at=self._view.placed_at,
            answered_at=self._connected,
            ended_at=at,
            by=Party(by) if by in list(Party) else client if self._asked_to_end else None,
            cause=cause if isinstance(cause, int) else NORMAL,
        )
        told = self._record.get("disposition")
        return replace(record, disposition=Disposition(told)) if told in list(Disposition) else record

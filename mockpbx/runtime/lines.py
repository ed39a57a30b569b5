"""The sound of a workspace's live calls: a line each, the way in of its client's audio, and their grid of 20 ms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mockpbx.contract.vocabulary import DTMF_DIGITS, DialStatus
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.media.ears import DigitEar
from mockpbx.media.line import Line, listen
from mockpbx.media.pcm import RATE, to_bytes
from mockpbx.runtime.callee import ear_for, source_of
from mockpbx.runtime.ticker import Ticker
from mockpbx.runtime.uplink import Uplink


class Said(NamedTuple):
    """20 ms of one line: what its callee says, as the clients get it, and what happened in them."""

    session_id: str
    line: Line
    frame: bytes
    happened: list[object]


class Lines:
    """The lines of live calls, by session id. `seed` is the workspace's; times are virtual ms."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lines: dict[str, Line] = {}
        self._uplinks: dict[str, Uplink] = {}
        self.restart()

    def restart(self) -> None:
        """Give the next call the phase of the first."""
        self._ticker = Ticker()

    def __getitem__(self, session_id: str) -> Line:
        return self._lines[session_id]

    def find(self, session_id: str | None) -> Line | None:
        """Return the line of a call, None for one that is not live."""
        return self._lines.get(session_id or "")

    def uplink(self, session_id: str) -> Uplink:
        """Return the way in of a live call's client audio."""
        return self._uplinks[session_id]

    def open(self, session_id: str, playout_limit: float, ordinal: int) -> None:
        """Begin the line of a workspace's call of that ordinal; `playout_limit` is in seconds."""
        self._lines[session_id] = Line(round(playout_limit * RATE), ordinal)
        self._uplinks[session_id] = Uplink()

    def apply(self, at: int, session_id: str, event: e.Event) -> None:
        """Let what happens to a live call take effect on its line. Raises Unplayable for a sound that cannot be had."""
        line = self._lines[session_id]
        match event:
            case e.DialStatusChanged(DialStatus.CONNECTED):
                self._ticker.add(session_id, line, at)
                line.digits = DigitEar(DTMF_DIGITS)
            case e.TakenOver():
                line.digits = DigitEar(DTMF_DIGITS)
            case e.ScenarioFinished() | e.ScenarioFailed() | e.ScenarioStopped():
                line.ear = line.digits = None
            case e.ExpectationMet() | e.ExpectationMissed():
                line.ear = None
            case e.CalleeListens(expectation):
                line.ear = ear_for(expectation)
            case e.CalleeSpoke(s.Silence()):
                line.source = line.resting
            case e.CalleeSpoke(sound):
                line.source = source_of(sound, np.random.default_rng([self._seed, line.ordinal]))
            case e.CalleePressed(digit, duration, via, bounces):
                line.press(digit, duration, via, bounces)

    def close(self, session_id: str) -> list[object]:
        """End the line of a call. Returns what happened there, the settled ledgers last."""
        self._ticker.remove(session_id)
        del self._uplinks[session_id]
        return self._lines.pop(session_id).stop()

    # --- time ---------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        """Return when the next lines are to step, None where no call is connected."""
        return self._ticker.next_deadline()

    def tick(self, at: int) -> list[Said]:
        """Let 20 ms pass on the lines whose moment this is."""
        phase = self._ticker.due(at)
        if phase is None:
            return []
        lines = list(phase.lines.items())
        steps = [line.step() for _, line in lines]
        digits = listen([line for _, line in lines], [said for said, _ in steps])
        return [
            Said(session_id, line, to_bytes(said), [*happened, *pressed])
            for (session_id, line), (said, happened), pressed in zip(lines, steps, digits, strict=True)
        ]

    def slip(self, oldest: int) -> int:
        """Give up the ticks that were due before `oldest`. Returns the most milliseconds that any line lost."""
        return self._ticker.slip(oldest)

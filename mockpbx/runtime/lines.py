"""The sound of a workspace's live calls: a line each, the way in of its client's audio, and their grid of 20 ms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mockpbx.contract.vocabulary import DialStatus
from mockpbx.domain import events as e
from mockpbx.media.framing import RATE
from mockpbx.runtime.cadence import Cadence
from mockpbx.runtime.ticker import Ticker

if TYPE_CHECKING:  # what needs numpy is loaded with the first call
    from mockpbx.media.line import Line, Step
    from mockpbx.runtime.uplink import Uplink


class Lines:
    """The lines of live calls, by session id. `seed` is the workspace's; times are virtual ms."""

    def __init__(self, seed: int) -> None:
        self.cadence = Cadence()
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
        from mockpbx.media.line import Line, step_together
        from mockpbx.runtime.uplink import Uplink

        self._step_together = step_together
        self._lines[session_id] = Line(round(playout_limit * RATE), ordinal)
        self._uplinks[session_id] = Uplink()

    def apply(self, at: int, session_id: str, event: e.Event) -> None:
        """Let what happens to a live call take effect on its line. Raises Unplayable for a sound that cannot be had."""
        from mockpbx.runtime.voices import direct

        line = self._lines[session_id]
        if isinstance(event, e.DialStatusChanged) and event.status is DialStatus.CONNECTED:
            self.cadence.begin(session_id, self._ticker.add(session_id, line, at))
        direct(line, event, self._seed)

    def close(self, session_id: str) -> list[object]:
        """End the line of a call. Returns what happened there, the settled ledgers last."""
        self._ticker.remove(session_id)
        del self._uplinks[session_id]
        return self._lines.pop(session_id).stop()

    # --- time ---------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        """Return when the next lines are to step, None where no call is connected."""
        return self._ticker.next_deadline()

    def tick(self, at: int) -> Iterator[tuple[str, Line, Step]]:
        """Let 20 ms pass on the lines whose moment this is. Returns each with its session and what it did."""
        phase = self._ticker.due(at)
        if phase is None:
            return iter(())
        lines = list(phase.lines.values())
        return zip(list(phase.lines), lines, self._step_together(lines), strict=True)

    def slip(self, oldest: int) -> int:
        """Give up the ticks that were due before `oldest`. Returns the most milliseconds that any line lost."""
        lost = self._ticker.slip(oldest)
        if lost:
            self.cadence.slip(lost)
        return lost

"""The heartbeat of one session: its pings, the pongs that answer them, and the end where one is missing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

#: By how many seconds a timer may be late in a process that runs, and how long one that was held up looks for a pong.
HELD_UP, SECOND_LOOK = 0.1, 1.0


class Heart:
    """Sends a ping every `interval` seconds; a peer that leaves one unanswered for `timeout` seconds has `died`.

    While something that it sent is being handled (`busy`), its pong may be behind that, unread: it gets another ping.
    """

    def __init__(
        self,
        interval: float,
        timeout: float,
        *,
        ping: Callable[[], None],
        busy: Callable[[], bool],
        died: Callable[[], None],
    ) -> None:
        self._interval = interval
        self._timeout = timeout
        self._ping = ping
        self._busy = busy
        self._died = died
        self._unanswered: deque[asyncio.Future[None] | None] = deque()  # in the order sent; None is the heartbeat's
        self._timer: asyncio.TimerHandle | None = None
        self.start()

    def start(self) -> None:
        """Plan the next ping."""
        self._stop_timer()
        loop = asyncio.get_running_loop()
        due = loop.time() + self._interval
        self._timer = loop.call_at(due, self._beat, due)

    def stop(self) -> None:
        """Send no more pings, and wait for no more pongs."""
        self._stop_timer()
        while self._unanswered:
            _settle(self._unanswered.popleft())

    def end(self) -> None:
        """Stop for good, and let go of the session, which is freed at once then: it refers to its heart."""
        self.stop()
        self._ping = self._died = lambda: None
        self._busy = lambda: False

    def ask(self) -> asyncio.Future[None]:
        """Send a ping beside the heartbeat. The future is done with its pong, or with `stop`."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unanswered.append(answered)
        self._ping()
        return answered

    def pong(self) -> None:
        """Take the peer's answer to the oldest ping."""
        if not self._unanswered:
            return
        asked = self._unanswered.popleft()
        if asked is None:
            self.start()
        _settle(asked)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self, due: float) -> None:
        late = asyncio.get_running_loop().time() - due
        # What a timer is late by does not put off the end: clients count from the handshake.
        self._await_pong(self._timeout - min(late, HELD_UP, self._timeout / 4))
        self._unanswered.append(None)
        self._ping()

    def _await_pong(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._give_up, loop.time() + seconds)

    def _give_up(self, due: float) -> None:
        now = asyncio.get_running_loop().time()
        if self._busy():
            self._beat(now)  # clients count on pings, too
        elif now - due > HELD_UP:
            self._await_pong(SECOND_LOOK)  # the process was held up: the pong may be here, unread
        else:
            self._died()


def _settle(asked: asyncio.Future[None] | None) -> None:
    if asked is not None and not asked.done():
        asked.set_result(None)

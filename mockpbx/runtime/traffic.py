"""Every message that passed between a workspace's clients and its service, as it was sent: for those who look.

The journal says what happened; this says what was said. Sound is folded: consecutive `audio` messages of one call and
direction are one message, which is written when another message of that call comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice

from mockpbx.runtime.passed import Direction, Passed, Run
from mockpbx.runtime.shortened import shortened

#: Messages that a workspace keeps, and the memory that they may take in bytes, about.
MOST_MESSAGES = 10_000
MOST_BYTES = 8_000_000
#: Runs of incoming sound that may grow at once: who makes up sessions fills no memory with them.
MOST_RUNS = 1_000


class Traffic:
    """The messages of one workspace in the order in which they were complete, numbered from 1.

    Bounded by count, by size and by `age` in seconds of wall time: the oldest go first. `now` returns virtual ms and
    lets nothing happen, `wall` ms since 1970. `started` tells it from the one that a reset replaced.
    """

    def __init__(self, now: Callable[[], int], wall: Callable[[], int], age: float) -> None:
        self.now = now
        self.age = age
        self.started = wall()
        self.next = 1
        self._wall = wall
        self._messages: deque[Passed] = deque()
        self._size = 0
        self._heard: dict[str | None, Run] = {}  # what clients send, by call
        self._said: dict[str, Run] = {}  # what their rooms get
        self._waiting: list[asyncio.Future[None]] = []

    # --- what passes --------------------------------------------------------------------------------------------------

    def event(
        self,
        direction: Direction,
        name: str,
        payload: object = None,
        *,
        call: str | None = None,
        client: str | None = None,
        clients: int | None = None,
        reply: object = None,
        error: str | None = None,
    ) -> Passed:
        """Write what passed on a socket. Returns it, for whoever learns only later whether it is refused."""
        now = self.now()
        message = Passed(now, now, self._wall(), direction, "socket", name, call)
        message.client, message.clients, message.error = client, clients, error
        return self._write(message, payload, reply)

    def exchange(
        self,
        name: str,
        at: int,
        ms: float,
        *,
        call: str | None,
        payload: object,
        status: int | None,
        reply: object,
        error: str | None,
    ) -> None:
        """Write a request of REST with its reply, `ms` of wall time after it came at the virtual time `at`."""
        message = Passed(at, self.now(), self._wall() - round(ms), "in", "rest", name, call)
        message.status, message.ms, message.error = status, ms, error
        self._write(message, payload, reply)

    def audio(
        self, call: str | None, client: str, payload: object, *, size: int, audio_format: object, error: str | None
    ) -> Run:
        """Count a client's `audio` with `size` bytes of sound. Returns the run that it belongs to."""
        now, run = self.now(), self._heard.get(call)
        if run is None:
            if len(self._heard) >= MOST_RUNS:
                self._end(self._heard.pop(next(iter(self._heard))))
            run = self._heard[call] = Run("in", call, now, self._wall(), client=client)
        run.add(payload, size, audio_format)
        run.until = now
        if run.client != client:
            run.client = None
        if error is not None:
            run.refused += 1
            run.error = error
        return run

    def run(self, call: str | None) -> Run | None:
        """Return the run of a call's incoming sound that grows, None where there is none."""
        return self._heard.get(call)

    def open_room(self, call: str, payload: object, size: int) -> Run:
        """Begin to count what the room of a call gets; `payload` with `size` bytes is one frame of it.

        Whoever sends the frames adds to the run's `count`, and that is all that a frame costs.
        """
        run = self._said[call] = Run("out", call, self.now(), self._wall(), each=size)
        run.payload, run.shortened = shortened(payload)
        run.formats = {"pcm16": None}
        return run

    def end_runs(self, call: str | None) -> None:
        """Write the sound of a call that has been counted so far; what follows is another run."""
        heard, said = self._heard.pop(call, None), self._said.get(call or "")
        # In the order in which they began.
        for run in sorted((run for run in (heard, said) if run is not None), key=lambda run: run.at):
            self._end(run)
        if said is not None:
            said.begin(self.now(), self._wall())

    def close_room(self, call: str) -> None:
        """The call is over: its sound is complete."""
        self.end_runs(call)
        self._said.pop(call, None)

    def restart(self) -> None:
        """Begin anew, with number 1."""
        self._messages.clear()
        self._size = 0
        self._heard.clear()
        for run in self._said.values():
            run.begin(self.now(), self._wall())
        self.started = max(self._wall(), self.started + 1)
        self.next = 1
        self._tell()

    # --- for those who look -------------------------------------------------------------------------------------------

    @property
    def first(self) -> int:
        """The number of the oldest message that is still kept; above 1 once older ones are gone."""
        self._prune()
        return self.next - len(self._messages)

    def after(self, number: int) -> list[Passed]:
        """Return what is kept of the messages after that number, in order."""
        self._prune()
        wanted = min(max(0, self.next - 1 - number), len(self._messages))
        return list(islice(reversed(self._messages), wanted))[::-1]

    def growing(self) -> list[Passed]:
        """Return the runs of sound that still grow, as they are now."""
        now = self.now()
        return [run.passed(now) for runs in (self._heard, self._said) for run in runs.values() if run.count]

    def grown(self) -> asyncio.Future[None]:
        """Return what is done once the next message from here on is written."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        future.add_done_callback(self._let_go)
        return future

    # --- inside -------------------------------------------------------------------------------------------------------

    def _write(self, message: Passed, payload: object, reply: object) -> Passed:
        self.end_runs(message.call)
        message.say(payload, reply)
        self._append(message)
        return message

    def _end(self, run: Run) -> None:
        if run.count:
            self._append(run.passed(self.now()))

    def _append(self, message: Passed) -> None:
        message.number, message.written = self.next, self._wall()
        self.next += 1
        self._messages.append(message)
        self._size += message.size
        self._prune()
        self._tell()

    def _prune(self) -> None:
        oldest = self._wall() - self.age * 1_000
        messages = self._messages
        while messages and (len(messages) > MOST_MESSAGES or self._size > MOST_BYTES or messages[0].written < oldest):
            self._size -= messages.popleft().size

    def _tell(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    def _let_go(self, future: asyncio.Future[None]) -> None:
        if future in self._waiting:
            self._waiting.remove(future)

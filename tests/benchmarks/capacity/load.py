"""The load client: full-duplex calls over raw sockets in one thread, and what they saw, as JSON.

    python -m tests.benchmarks.capacity.load http://127.0.0.1:7290 --calls 100 --uplink 2560/160ms --pid PID

Each call has a websocket of its own. Frames of the downlink are compared with prepared bytes and counted; packets of
the uplink are prepared bytes, too. An arrival is stamped when the poll that showed it returned: no stamp is early, and
how late one can be is the client's own lateness, which is reported. Any server of the contract's calls can be measured.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import math
import resource
import select
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from . import process
from .calls import Call, Digits
from .seen import Reading, figures
from .wire import connect, emit

#: Bytes and seconds of a client's packets; none listens only.
UPLINKS = {"2560/160ms": (2_560, 0.160), "320/20ms": (320, 0.020), "none": (0, math.inf)}
JOIN_EVERY = 0.0017  # seconds between calls that join: bots do not come in one instant, and 20 ms is no multiple of it
WARM_UP = 1.0  # seconds of load before the measurement
TAIL = 0.5  # seconds after it, for what is still on its way
SETUP_LIMIT = 60.0
_perf = time.perf_counter


@dataclass(frozen=True)
class Load:
    """What to do: calls, of which each `token` has `per_token`; how they speak; for how long; whom to watch."""

    url: str
    calls: int
    uplink: str = "2560/160ms"
    seconds: float = 10.0
    pid: int | None = None
    number: str = "089608675796"
    per_token: int = 50
    core: int | None = None  # of the server


class LoadClient:
    """Places the calls, lets them talk, counts. `run` returns the figures."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.calls: list[Call] = []
        self.busy = array("d")  # how long each round of the loop worked before it asked for news again
        self.uplink_late = array("d")
        self._poll = select.epoll()
        self._by_fd: dict[int, Call] = {}
        self._digits = Digits()
        address = urlsplit(load.url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 80
        self.memory: dict[str, int] = {}

    def run(self) -> dict[str, object]:
        """Run the load. Raises ConnectionError or TimeoutError where the calls do not come about."""
        self._note_memory("idle")
        self._begin(1)  # alone: what is loaded on first use is loaded
        self._note_memory("one_call")
        self._begin(self.load.calls - 1)
        seconds, (size, period) = self.load.seconds, UPLINKS[self.load.uplink]
        talking = self._talk(size, period, _perf(), WARM_UP + seconds)
        self._spin(_perf() + WARM_UP, talking)
        self._note_memory("all_calls")
        self.busy, self.uplink_late = array("d"), array("d")
        sent_before = sum(call.sent for call in self.calls)
        self._say_that("measuring")
        before = self._reading()
        self._spin(before.at + seconds, talking)
        after = self._reading()
        self._say_that("measured")
        sent = sum(call.sent for call in self.calls) - sent_before
        self._spin(_perf() + TAIL, lambda now: math.inf)
        seen = {"uplink": self.load.uplink} | figures(self, before, after, sent)
        self._leave()
        return seen

    # --- Coming and going ---------------------------------------------------------------------------------------------

    def _begin(self, count: int) -> None:
        """Place calls, open their sockets, join, and wait until all are connected."""
        begun = [self._place(len(self.calls) + number) for number in range(count)]
        self.calls += begun
        joining = iter(begun)
        next_join = _perf()

        def join(now: float) -> float:
            nonlocal next_join
            while next_join <= now:
                call = next(joining, None)
                if call is None:
                    next_join = math.inf
                else:
                    call.say(emit("joinRoom", {"sessionId": call.session_id}))
                    next_join = max(next_join + JOIN_EVERY, now - 0.05)
            return next_join

        limit = _perf() + SETUP_LIMIT
        while not all(call.connected for call in begun):
            self._spin(_perf() + 0.1, join)
            if any(call.ended for call in begun):
                raise ConnectionError("the server ended a call before it was connected")
            if _perf() > limit:
                raise TimeoutError(f"{sum(not call.connected for call in begun)} of {count} calls were not connected")

    def _place(self, number: int) -> Call:
        token = f"bench-{number // self.load.per_token}"
        sound = _tone(UPLINKS[self.load.uplink][0])
        session_id = self._post(token)
        sock, rest = connect(self._host, self._port, token)
        call = Call(sock, rest, session_id, sound, self._digits)
        self._by_fd[sock.fileno()] = call
        self._poll.register(sock, select.EPOLLIN)
        return call

    def _post(self, token: str) -> str:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request("POST", "/pbx/call", json.dumps({"phoneNumber": self.load.number}), headers)
            reply = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return str(reply["data"]["sessionId"])

    def _leave(self) -> None:
        for call in self.calls:
            call.say(emit("hangup", {"sessionId": call.session_id}))
        self._spin(_perf() + 0.05, lambda now: math.inf)
        for call in self.calls:
            call.sock.close()
        self._poll.close()

    # --- The loop -----------------------------------------------------------------------------------------------------

    def _spin(self, until: float, act: Callable[[float], float]) -> None:
        """Read until `until`; `act` gets the time, does what is due, and returns when it wants to be asked again."""
        poll, by_fd, most = self._poll.poll, self._by_fd, len(self.calls) + 1
        now = _perf()
        while now < until:
            wait = max(0.0, min(act(now), until) - _perf())
            self.busy.append(_perf() - now)
            events = poll(wait, most)
            now = _perf()
            for descriptor, _ in events:
                call = by_fd[descriptor]
                call.read(now)
                if call.ended:
                    self._poll.unregister(descriptor)

    def _talk(self, size: int, period: float, began: float, seconds: float) -> Callable[[float], float]:
        """Return what lets the calls speak in turn, evenly over the period, each at its own steady pace."""
        if not size:
            return lambda now: math.inf
        calls, late = self.calls, self
        step, last = period / len(calls), int(seconds / period) * len(calls)
        turn = 0

        def speak(now: float) -> float:
            nonlocal turn
            while turn < last and (due := began + turn * step) <= now:
                moment = _perf()
                late.uplink_late.append(moment - due)
                call = calls[turn % len(calls)]
                if not call.ended:
                    call.speak(moment)
                turn += 1
            return began + turn * step if turn < last else math.inf

        return speak

    def _say_that(self, moment: str) -> None:
        print(moment, file=sys.stderr, flush=True)

    # --- What the server used -----------------------------------------------------------------------------------------

    def _note_memory(self, moment: str) -> None:
        if self.load.pid is not None:
            self.memory[moment] = process.memory_kb(self.load.pid)

    def _reading(self) -> Reading:
        pid, core = self.load.pid, self.load.core
        server = (0.0, 0.0) if pid is None else process.cpu_seconds(pid)
        return Reading(_perf(), server, time.process_time(), 0.0 if core is None else process.busy_seconds(core))


def _tone(size: int) -> bytes:
    """Return so many bytes of 400 Hz: a period is a frame's twentieth part, so every packet fits the one before."""
    samples = np.arange(size // 2)
    return (8_000 * np.sin(2 * np.pi * 400 * samples / 8_000)).astype("<i2").tobytes()


def main() -> None:
    """Run the load client by itself."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--uplink", choices=UPLINKS, default="2560/160ms")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--pid", type=int, help="process of the server, whose CPU and memory are to be noted")
    parser.add_argument("--number", default=Load.number)
    parser.add_argument("--per-token", type=int, default=Load.per_token, help="calls of one bearer token")
    parser.add_argument("--core", type=int, default=1, help="core of this client; of no effect where there is none")
    parser.add_argument(
        "--server-core", type=int, default=None, help="core of the server, to tell who else works there"
    )
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    process.pin(options.core)
    gc.disable()  # a collection would be lateness of the client's own
    load = Load(
        options.url, options.calls, options.uplink, options.seconds, options.pid, options.number, options.per_token,
        options.server_core,
    )  # fmt: skip
    try:
        print(json.dumps(LoadClient(load).run(), allow_nan=False))
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"the load did not come about: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()

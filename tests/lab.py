"""A workspace on a clock that stands still, with no socket: for tests of what happens inside, to the millisecond."""

from collections.abc import Callable, Iterable

import numpy as np

from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.runtime.clients import Nobody
from mockpbx.runtime.clock import Clock
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.workspace import Workspace

VALID = "089608675796"


class Microphone(Nobody):
    """Clients that only note the frames they get."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.frames: list[tuple[int, str, bytes]] = []

    def emit_frame(self, session_id: str, frame: bytes) -> None:
        self.frames.append((self.now(), session_id, frame))


class Lab:
    """A workspace at time 0, what its journal says, and the frames that its callees send."""

    def __init__(self, plan: Plan | None = None, seed: int = 1, **switches):
        settings = WorkspaceSettings(**{"clock": "manual", **switches})
        self.workspace = Workspace("key", Clock(lambda: 0, base=0), settings, seed, plan=plan, wall=lambda: 0)
        self.journal: list[tuple[int, str | None, object]] = []
        self.workspace.journal.subscribe(lambda entry: self.journal.append((entry.at, entry.session_id, entry.event)))
        self.clients = Microphone(self.workspace.clock.now)
        self.workspace.clients = self.clients

    @property
    def frames(self) -> list[tuple[int, str, bytes]]:
        return self.clients.frames

    def call(self, number: str = VALID, session: str = "s") -> "Lab":
        self.workspace.place_call(session, number)
        self.workspace.announce(session)
        self.workspace.join(session, "me")
        return self

    def connected(self, number: str = VALID, session: str = "s") -> Workspace:
        self.call(number, session).advance(2_500)
        return self.workspace

    def advance(self, ms: int) -> "Lab":
        """Let time pass, with nobody to wait for."""
        target = self.workspace.clock.now() + ms
        while (due := self.workspace.next_deadline()) is not None and due <= target:
            self.workspace.clock.step_to(due)
            self.workspace.pass_moment(due)
        self.workspace.clock.step_to(target)
        return self

    def times(self, kind: type) -> list[int]:
        return [at for at, _, event in self.journal if isinstance(event, kind)]

    def events(self, *kinds: type) -> list[object]:
        return [event for _, _, event in self.journal if isinstance(event, kinds)]

    def only(self, kind: type):
        (event,) = self.events(kind)
        return event

    def sound(self, session: str = "s") -> np.ndarray:
        return np.frombuffer(b"".join(frame for _, name, frame in self.frames if name == session), "<i2")


def lab_of(scenario: Iterable | Callable, **switches) -> Lab:
    """A lab in which every number has this scenario."""
    return Lab(Plan((Rule.of("*", Named("test", scenario)),)), **switches)

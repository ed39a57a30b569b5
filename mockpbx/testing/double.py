"""The test double: a workspace of an emulator in this process, asked and waited for from a test."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mockpbx.domain.scenario import Step
from mockpbx.evidence import waiting
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding, Level
from mockpbx.evidence.findings import findings, stray
from mockpbx.runtime.callbook import CallView
from mockpbx.runtime.faults import read_fault
from mockpbx.runtime.identity import new_session_id
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.workspace import Workspace
from mockpbx.testing.call import PATIENCE, AsyncCall, Call, check_patience
from mockpbx.testing.checks import Checks, Problem, table_of
from mockpbx.testing.desk import MADE, Desk
from mockpbx.testing.errors import ExpectationFailed, Misuse, ProblemsFound
from mockpbx.testing.planning import Given, When, only_or_all, scenario_of
from mockpbx.testing.switches import server_and_workspace, settings_of, sorted_out
from mockpbx.testing.thread import ServerThread

#: Everything random in a call comes from it: a test is the same test every time.
SEED = 1
CALLER, CLIENT = "081234567890", "02150001000"
#: Seconds by which a clock may be stepped in one go: a day.
LONGEST_STEP = 86_400
#: Lines that tell of problems.
MOST_LINES = 20


class Double:
    """What MockPBX and AsyncMockPBX share: everything that needs no waiting."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def url(self) -> str:
        """Where the emulator listens: the service's URL for the client under test."""
        return self._desk.thread.url

    @property
    def token(self) -> str:
        """The bearer token of the workspace: of REST requests, and `auth.token` of the socket."""
        return self._desk.token

    def when(self, number: str) -> When:
        """Begin to say what calls to some numbers do: `when("0896*").then(Ring(2), Answer())`. Raises Misuse."""
        __tracebackhide__ = True
        frame = sys._getframe(1)
        return When(self._desk, number, f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")

    def fault(self, fault: str, **how: object) -> str:
        """Let something go wrong from here on: `fault("event_lost", event="hangup", times=1)`. Returns the rule's id.

        Fields are those of the JSON, `lasts` stands for its `for`. Raises InvalidRequest.
        """
        __tracebackhide__ = True
        named = {"for" if name == "lasts" else name: value for name, value in how.items()}
        rule = read_fault({"fault": fault, **named})
        return self._desk.ask(lambda workspace: workspace.faults.add(rule))

    def clear_faults(self) -> None:
        """Let nothing go wrong from here on."""
        self._desk.ask(lambda workspace: workspace.faults.clear())

    def configure(self, **settings: Any) -> None:
        """Turn switches of the workspace: `configure(clock="manual", record_delay=0)`. Raises Misuse."""
        __tracebackhide__ = True
        (given,) = sorted_out(settings, WorkspaceSettings)
        wanted = self._desk.ask(lambda workspace: workspace.settings).model_dump() | given
        turned = settings_of(WorkspaceSettings, wanted)
        self._desk.ask(lambda workspace: workspace.configure(turned))

    @property
    def journal(self) -> list[Entry]:
        """Everything that happened in the workspace, as journal entries."""
        return self._desk.ask(lambda workspace: list(workspace.journal))

    @property
    def findings(self) -> list[Finding]:
        """What the client's author should know of all calls, and of what belonged to none."""
        return [*(each for dossier in self._desk.dossiers() for each in findings(dossier)), *stray(self.journal)]

    def lint(self, level: Level = "warning", allow: Collection[str] = ()) -> None:
        """Fail where a client broke a rule of this level, or of a worse one: `mockpbx.lint("note", allow=["burst"])`.

        All calls so far count, and messages that belong to none. What a test has expected is no finding; rules, their
        levels and remedies are those of `mockpbx lint --list`. Raises ProblemsFound; Misuse for an unknown rule.
        """
        __tracebackhide__ = True
        self._desk.lint(self._desk.dossiers(), stray(self.journal), level, allow)

    def reset(self) -> None:
        """Go back to how the workspace started; live calls break, the journal begins anew."""
        self._desk.ask(lambda workspace: workspace.reset())
        self._desk.forget()

    # --- for both, in their own way of waiting ------------------------------------------------------------------------

    def _ring(self, what: tuple[Step | Given, ...], caller: str, number: str) -> str:
        __tracebackhide__ = True
        scenario = scenario_of(only_or_all(what), self._desk.folder) if what else None
        pattern = self._desk.ask(lambda workspace: workspace.settings.phone_pattern)
        for name, given in (("caller", caller), ("number", number)):
            if not isinstance(given, str) or not re.fullmatch(pattern, given, re.ASCII):
                raise Misuse(f"ring(): {name} is to be a phone number such as 081234567890, got {given!r}")

        def place(workspace: Workspace) -> str:
            session_id = new_session_id(workspace.settings.session_id_version)
            workspace.receive_call(session_id, number, caller, scenario)
            workspace.announce(session_id)
            return session_id

        session_id = self._desk.ask(place)
        self._desk.seen.add(session_id)
        return session_id

    def _steps(self, seconds: float) -> int:
        """Return the ms by which a clock is to be stepped. Raises Misuse for a clock that runs by itself."""
        __tracebackhide__ = True
        if not isinstance(seconds, int | float) or not 0 <= seconds < LONGEST_STEP:
            raise Misuse(f"advance() expects seconds from 0 on, got {seconds!r}")
        mode = self._desk.ask(lambda workspace: workspace.mode)
        if mode.auto or mode.rate:
            raise Misuse(
                f"The clock is {mode.name} and runs by itself; only a manual one is stepped: "
                '@pytest.mark.mockpbx(clock="manual"), or MockPBX(clock="manual")'
            )
        return round(seconds * 1_000)

    def _found(self, view: CallView | None, number: str, within: float) -> str:
        __tracebackhide__ = True
        if view is None:
            raise ExpectationFailed(self._desk.why_no_call(number, within))
        self._desk.seen.add(view.session_id)
        return view.session_id


class AsyncMockPBX(Double):
    """The test double for tests that await: `mockpbx.aio`, or `async with MockPBX() as pbx`."""

    async def wait_for_call(self, number: str = "*", within: float = PATIENCE) -> AsyncCall:
        """Await the next call to such a number that the test does not know yet. Raises ExpectationFailed."""
        __tracebackhide__ = True
        check_patience(within)
        seen = self._desk.seen
        view = await self._desk.wait(lambda workspace: waiting.next_call(workspace, number, seen, within))
        return AsyncCall(self._desk, self._found(view, number, within))

    async def advance(self, seconds: float) -> list[Entry]:
        """Step a clock that is `manual`. Returns what happened. Raises Misuse for another."""
        __tracebackhide__ = True
        ms = self._steps(seconds)
        return (await self._desk.wait(lambda workspace: workspace.advance(ms))).entries

    def ring(self, *what: Step | Given, caller: str = CALLER, number: str = CLIENT) -> AsyncCall:
        """Let somebody call the client, who does what the steps say once the client has answered."""
        __tracebackhide__ = True
        return AsyncCall(self._desk, self._ring(what, caller, number))

    @property
    def calls(self) -> list[AsyncCall]:
        """All calls of the workspace, the oldest first."""
        return [AsyncCall(self._desk, session_id) for session_id in self._desk.sessions()]


class MockPBX(Double):
    """The test double: `with MockPBX(clock="auto") as pbx`; pytest's `mockpbx` is one. `async with` gives one to await.

    Any setting of the server and the workspace may be given by its name, and `seed`. At the end of the block every call
    is checked by `levels` and `limits` (see `Checks`), if nothing else failed; if something did, pages of the calls are
    written to the folder `evidence`. Sound files are named by their path from `folder`. With `at` it is a workspace of
    an emulator that runs already. Raises Misuse for settings that cannot be, and ConfigurationError where the server
    cannot start.
    """

    def __init__(
        self,
        *,
        at: ServerThread | None = None,
        seed: int = SEED,
        folder: Path | str = ".",
        evidence: Path | str | None = None,
        levels: dict[str, str] | None = None,
        limits: dict[str, float] | None = None,
        **settings: Any,
    ) -> None:
        __tracebackhide__ = True
        server, self._settings = server_and_workspace(settings, shared=at is not None)
        if not isinstance(seed, int) or seed < 0:
            raise Misuse(f"seed: expected a whole number from 0 on, got {seed!r}")
        self._seed = seed
        checks = Checks(table_of("levels", levels or {}), table_of("limits", limits or {}))
        self._evidence = None if evidence is None else Path(evidence)
        self._owns_server = at is None
        token = server.token[0] if server.token else f"{MADE}{secrets.token_hex(8)}"
        super().__init__(Desk(at or ServerThread(server), token, Path(folder), checks))

    @property
    def aio(self) -> AsyncMockPBX:
        """The same workspace, for tests that await."""
        return AsyncMockPBX(self._desk)

    def wait_for_call(self, number: str = "*", within: float = PATIENCE) -> Call:
        """Wait for the next call to such a number that the test does not know yet. Raises ExpectationFailed.

        `within` is in seconds of wall time.
        """
        __tracebackhide__ = True
        check_patience(within)
        seen = self._desk.seen
        view = self._desk.block(
            lambda workspace: waiting.next_call(workspace, number, seen, within), "mockpbx.wait_for_call"
        )
        return Call(self._desk, self._found(view, number, within))

    def advance(self, seconds: float) -> list[Entry]:
        """Step a clock that is `manual`. Returns what happened. Raises Misuse for another."""
        __tracebackhide__ = True
        ms = self._steps(seconds)
        return self._desk.block(lambda workspace: workspace.advance(ms), "mockpbx.advance").entries

    def ring(self, *what: Step | Given, caller: str = CALLER, number: str = CLIENT) -> Call:
        """Let somebody call the client, who does what the steps say once the client has answered."""
        __tracebackhide__ = True
        return Call(self._desk, self._ring(what, caller, number))

    @property
    def calls(self) -> list[Call]:
        """All calls of the workspace, the oldest first."""
        return [Call(self._desk, session_id) for session_id in self._desk.sessions()]

    # --- its life -----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Open its workspace; start its emulator, if it is its own. Raises Misuse where it runs already."""
        __tracebackhide__ = True
        if self._owns_server:
            self._desk.thread.start()
        self._desk.open(self._settings, self._seed)
        return self

    def stop(self) -> None:
        """End every call with its record, cut the clients' sockets; stop the emulator, if it is its own."""
        if self._owns_server:
            self._desk.is_open = False
            self._desk.thread.stop()
        else:
            self._desk.close()

    def problems(self) -> list[Problem]:
        """Return what is wrong with the calls so far and nobody asserted, and each `when` without `then`."""
        __tracebackhide__ = True
        desk = self._desk
        desk.settle()
        unsaid = [
            Problem("error", "when-without-then", f"{when.where}: when({when.number!r}) says nothing: add .then(...)")
            for when in desk.open_ends
        ]
        return unsaid + desk.checks.problems(desk.dossiers(), stray(self.journal), desk.asserted)

    def dossiers(self) -> list[Dossier]:
        """Return everything that is known of every call, the oldest first."""
        return self._desk.dossiers()

    def __enter__(self) -> Self:
        __tracebackhide__ = True
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        __tracebackhide__ = True
        try:
            self._finish(error)
        finally:
            self.stop()

    async def __aenter__(self) -> AsyncMockPBX:
        await asyncio.to_thread(self.start)
        return self.aio

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        try:
            await asyncio.to_thread(self._finish, error)
        finally:
            await asyncio.to_thread(self.stop)

    def _finish(self, error: BaseException | None) -> None:
        __tracebackhide__ = True
        if not self._desk.is_open:
            return
        problems = [each for each in self.problems() if each.level == "error"]
        found = ProblemsFound(told(problems)) if problems and error is None else None
        failure = error or found
        if failure is not None and self._evidence is not None:
            failure.add_note(self._write_evidence(self._evidence))
        if found is not None:
            raise found

    def _write_evidence(self, folder: Path) -> str:
        """Write the pages of all calls. Returns the sentence that names them, or why there are none."""
        try:
            pages = [call.write_evidence(folder) for call in self.calls]
        except OSError as error:
            return f"evidence could not be written to {folder}: {error.strerror or error}"
        return "evidence: " + (", ".join(map(str, pages)) or "none, there was no call")


def told(problems: list[Problem]) -> str:
    """Return problems as text, one a line; the same more than once as one."""
    head = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    grouped = Counter(f"{each.level} {each.id}, {each.text}" for each in problems)
    lines = [f"  {text}" if times == 1 else f"  {times:,} x {text}" for text, times in grouped.items()]
    more = [f"  ... and {len(lines) - MOST_LINES:,} more"] if len(lines) > MOST_LINES else []
    return "\n".join([f"{head} that no expectation asserted:", *lines[:MOST_LINES], *more])

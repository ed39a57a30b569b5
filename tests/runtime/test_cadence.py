"""How late frames leave, on a wall's clock that the test holds in its hand: every figure is exact."""

import json
from itertools import pairwise

import pytest
from lab import VALID, Microphone

from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.measures import CallMeasured
from mockpbx.evidence.metrics import measure
from mockpbx.runtime.cadence import BOUNDS, Cadence, Pacing
from mockpbx.runtime.clock import Clock, clock_mode
from mockpbx.runtime.journal_lines import line_of, normalised
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.workspace import Workspace

STAYS = Plan((Rule.of("*", Named("stays", (s.Ring(0, setup=0), s.Answer(), s.Wait(600)))),))


class Machine:
    """A workspace whose wall clock goes as the machine lets it: each tick is woken for as late as it is told."""

    def __init__(self, clock: str = "real", **settings) -> None:
        self.wall = 0  # µs
        time = Clock(lambda: self.wall * 1_000, base=0, rate=clock_mode(clock).rate)
        settings = WorkspaceSettings(clock=clock, dial_delay=0, **settings)
        self.workspace = Workspace("key", time, settings, 1, plan=STAYS, wall=lambda: self.wall // 1_000)
        self.workspace.clients = Microphone(time.now)
        self.workspace.epilogue = lambda call: [CallMeasured(measure(dossier_of(self.workspace, call)))]

    def call(self, session: str = "s") -> None:
        self.workspace.place_call(session, VALID)
        self.workspace.announce(session)
        self.workspace.join(session, "me")

    def wake(self, late: float = 0) -> None:
        """Let the next thing that is due happen, `late` ms after the wake for it."""
        due = self.workspace.next_deadline()
        self.wall = -(-due // 4) * 4 * 1_000 + round(late * 1_000)
        self.workspace.wake()

    def pacing(self, session: str = "s") -> Pacing | None:
        return dossier_of(self.workspace, session).pacing


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.call()
    return machine


def frames(machine: Machine, session: str = "s") -> int:
    return len([name for _, name, _ in machine.workspace.clients.frames if name == session])


def test_frames_on_time_are_told_to_be(machine):
    before = frames(machine)
    for _ in range(200):
        machine.wake(late=0.05)
    pacing = machine.pacing()
    assert pacing.frames == frames(machine) == before + 200
    assert (pacing.p50, pacing.p99, pacing.max) == (0.1, 0.1, 0.1)
    assert (pacing.late, pacing.slips, pacing.slipped, pacing.noisy) == (0, 0, 0, False)


def test_each_figure_is_the_rank_that_it_says(machine):
    for late in [0.4] * 50 + [0.9] * 47 + [4.8, 19.9]:  # the first frame left with the answer
        machine.wake(late)
    pacing = machine.pacing()
    assert (pacing.frames, pacing.p50, pacing.p99, pacing.max) == (100, 0.4, 5, 20)
    assert (pacing.late, pacing.noisy) == (0, False)


def test_a_figure_is_rounded_up_by_a_third_at_most(machine):
    cadence = Cadence()
    for late in (101, 999, 12_345, 333_333, 999_999):
        cadence.begin("s", 0)
        cadence.tick(0, late)
        shown = cadence.of("s").max * 1_000
        assert late <= shown <= late * 4 / 3
    assert all(above <= below * 4 / 3 for below, above in pairwise(BOUNDS))


def test_more_than_one_frame_in_a_hundred_over_20_ms_makes_the_machine_the_suspect(machine):
    for late in [0.4] * 98 + [21] * 1:
        machine.wake(late)
    assert (machine.pacing().late, machine.pacing().noisy) == (1, False)
    machine.wake(21)
    assert (machine.pacing().late, machine.pacing().noisy) == (2, True)


def test_a_call_answers_for_its_own_frames_alone(machine):
    for _ in range(50):
        machine.wake(30)
    machine.call("after")
    while frames(machine, "after") < 50:
        machine.wake(0.1)
    assert machine.pacing("after").max == 0.1
    assert machine.pacing("s").max == 30


def test_calls_of_other_phases_are_counted_apart(machine):
    first = machine.workspace.next_deadline() % 20
    machine.call("other")
    while frames(machine, "other") < 20:
        machine.wake(3 if machine.workspace.next_deadline() % 20 == first else 0)
    assert (machine.pacing("s").max, machine.pacing("other").max) == (3, 0.1)


def test_time_that_was_given_up_is_told_with_the_call_that_lost_it(machine):
    for _ in range(10):
        machine.wake()
    machine.wall += 1_500_000
    machine.workspace.wake()
    pacing = machine.pacing()
    assert (pacing.slips, pacing.noisy) == (1, True)
    assert 0 < pacing.slipped <= 520
    machine.call("after")
    while frames(machine, "after") < 3:
        machine.wake()
    assert (machine.pacing("after").slips, machine.pacing("after").slipped) == (0, 0)


def test_time_that_was_given_up_makes_the_machine_the_suspect_by_itself():
    cadence = Cadence()
    cadence.begin("s", 0)
    for _ in range(1_000):
        cadence.tick(0, 100)
    cadence.slip(40)
    assert cadence.of("s") == Pacing(1_000, 0.1, 0.1, 0.1, late=0, slips=1, slipped=40, noisy=True)


def test_what_is_later_than_a_second_is_a_second_and_more():
    cadence = Cadence()
    cadence.begin("s", 7)
    cadence.tick(27, 4_000_000)
    assert cadence.of("s").max == 1_000


@pytest.mark.parametrize("clock", ["manual", "20x", "0.5x"])
def test_on_virtual_time_nothing_is_measured(clock):
    machine = Machine(clock)
    machine.call()
    for _ in range(100):
        due = machine.workspace.next_deadline()
        if clock == "manual":
            machine.workspace.clock.step_to(due)
        else:
            machine.wall = round((due + 40) * 1_000 / clock_mode(clock).rate)
        machine.workspace.wake()
    assert frames(machine) > 40
    assert machine.pacing() is None
    assert sum(machine.workspace.cadence.everyone.counts) == 0


def test_once_the_call_is_over_its_journal_tells(machine):
    for _ in range(50):
        machine.wake(3)
    live = machine.pacing()
    machine.workspace.hang_up("s")
    (measured,) = [entry.event for entry in machine.workspace.journal if isinstance(entry.event, CallMeasured)]
    assert measured.metrics.pacing == live == machine.pacing()
    assert (live.frames, live.p99) == (frames(machine), 3)
    assert machine.workspace.cadence.of("s") is None


def test_a_call_that_nobody_answered_has_no_pace(machine):
    machine.workspace.place_call("ringing", VALID)
    machine.wake()
    assert machine.pacing("ringing") is None
    assert measure(dossier_of(machine.workspace, "ringing")).pacing is None


def test_the_journal_says_the_same_however_late_the_machine_was():
    punctual, laggard = Machine(), Machine()
    for machine, late in ((punctual, 0), (laggard, 3)):
        machine.call()
        while frames(machine) < 30:
            machine.wake(late)
        machine.workspace.hang_up("s")
    first, second = (list(machine.workspace.journal) for machine in (punctual, laggard))
    measured = [next(entry for entry in each if isinstance(entry.event, CallMeasured)) for each in (first, second)]
    assert [line_of(entry)["data"]["metrics"]["pacing"]["p50"] for entry in measured] == [0.1, 3]
    assert all("pacing" not in line_of(entry, wall=False)["data"]["metrics"] for entry in measured)
    assert measured[0].event == measured[1].event
    assert "pacing" not in "".join(normalised(first))
    assert [json.loads(line)["kind"] for line in normalised(first)] == [entry.kind for entry in second]

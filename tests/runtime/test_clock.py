"""One formula for time, and one journal at every rate."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import VALID, Lab, Microphone

from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.media import facts as f
from mockpbx.runtime.clock import Clock, clock_mode
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.workspace import Workspace

MS = 1_000_000  # ns


@pytest.mark.parametrize(
    ("name", "rate", "auto"),
    [("real", 1, False), ("manual", 0, False), ("auto", 0, True), ("20x", 20, False), ("0.5x", 0.5, False)],
)
def test_a_mode_is_known_by_its_name(name, rate, auto):
    mode = clock_mode(name)
    assert (mode.name, mode.rate, mode.auto) == (name, rate, auto)


@pytest.mark.parametrize("name", ["", "fast", "20", "x", "-1x", "0x", "1e3x", "99999x", "REAL"])
def test_any_other_name_is_refused_and_the_sentence_lists_what_there_is(name):
    with pytest.raises(ValueError, match=r"real, manual, auto or a rate such as 20x"):
        clock_mode(name)


def test_a_clock_goes_on_from_where_it_is_when_its_rate_changes():
    wall = [0]
    clock = Clock(lambda: wall[0] * MS, base=1_000)
    wall[0] = 500
    assert clock.now() == 1_500
    clock.rate = 20
    wall[0] = 600
    assert clock.now() == 3_500
    assert clock.wall_seconds_until(5_500) == pytest.approx(0.1)
    clock.rate = 0
    wall[0] = 9_000
    assert clock.now() == 3_500
    assert clock.wall_seconds_until(5_500) is None
    clock.step_to(4_000)
    clock.step_to(3_000)
    assert clock.now() == 4_000


def callee(luck):
    yield s.Ring(1.234)
    yield s.Answer()
    yield s.Play("hello")
    heard = yield s.ExpectSpeech(within=3, otherwise="go_on")
    yield s.Press("12#") if heard else s.Noise(1)
    yield s.ExpectDigit("5", within=4, otherwise="go_on")
    yield s.Wait(0.7)
    yield s.HangUp()


#: What the client does, and at which virtual ms.


def play(workspace: Workspace) -> None:
    from mockpbx.runtime.clips import load

    workspace.play("s", load("bot-greeting"))


INPUT = [
    (0, lambda w: w.place_call("s", VALID)),
    (3, lambda w: w.announce("s")),
    (250, lambda w: w.join("s", "bot")),
    (2_600, play),
    (2_600, lambda w: w.mark("s", "greeted")),
    (5_111, lambda w: w.interrupt("s")),
    (5_300, lambda w: w.press("s", "5", 200)),
    (5_301, lambda w: w.mark("s", "keyed")),
]


def journal_at(rate: float, naps: list[float]) -> tuple[list[object], list[tuple[int, bytes]]]:
    """Run the call on a clock of that rate whose wakes come late by these naps (wall ms), in turn."""
    wall = [0]
    plan = Plan((Rule.of("*", Named("callee", callee)),))
    workspace = Workspace(
        "key", Clock(lambda: wall[0], base=0, rate=rate), WorkspaceSettings(clock=f"{rate}x"), 7, plan=plan
    )
    workspace.clients = Microphone(lambda: 0)
    entries = []
    workspace.journal.subscribe(lambda entry: entries.append((entry.number, entry.at, entry.session_id, entry.event)))
    turn = 0
    for moment, act in [*INPUT, (30_000, lambda w: None)]:
        due = round(moment / rate * MS)
        while wall[0] < due:
            wall[0] = min(due, wall[0] + round(naps[turn % len(naps)] * MS))
            turn += 1
            workspace.wake()
        act(workspace)
    return entries, [(n, frame) for n, (_, _, frame) in enumerate(workspace.clients.frames)]


def test_the_same_call_gives_the_same_journal_and_the_same_frames_at_every_rate():
    real = journal_at(1, [1])
    assert [type(event).__name__ for _, _, _, event in real[0]].count("RecordIssued") == 1
    assert journal_at(20, [1]) == real
    assert journal_at(500, [0.04]) == real


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([0.5, 1, 20, 500]), st.lists(st.floats(0.5, 400), min_size=1, max_size=8))
def test_a_loop_that_wakes_late_changes_nothing_in_the_journal(rate, naps):
    assert journal_at(rate, naps) == journal_at(1, [20])


def stepped() -> list[object]:
    lab = Lab(Plan((Rule.of("*", Named("callee", callee)),)), seed=7)
    for moment, act in INPUT:
        lab.advance(moment - lab.workspace.clock.now())
        act(lab.workspace)
    lab.advance(30_000 - lab.workspace.clock.now())
    return lab.journal


def test_a_clock_that_is_stepped_by_hand_gives_that_journal_too():
    assert stepped() == [(at, name, event) for _, at, name, event in journal_at(1, [1])[0]]


def test_a_reset_workspace_replays_what_it_did():
    lab = Lab(seed=3)
    stories = []
    for _ in range(2):
        start, first = lab.workspace.clock.now(), len(lab.journal)
        lab.connected("08000001006")
        lab.advance(500)
        stories.append([(at - start, event) for at, _, event in lab.journal[first:]])
        frames = [frame for _, _, frame in lab.frames]
        lab.frames.clear()
        lab.workspace.reset()
    assert stories[0] == stories[1][: len(stories[0])]
    assert frames
    assert lab.workspace.journal.first == 1


def test_switching_the_clock_in_mid_call_loses_no_frame():
    lab = Lab()
    workspace = lab.connected()
    workspace.set_clock("auto")  # nobody is connected, so it is real; and the wall stands still here
    assert workspace.clock.rate == 1
    workspace.set_clock("manual")
    lab.advance(1_000)
    assert len(lab.frames) == 51
    assert lab.times(f.MediaSlipped) == []

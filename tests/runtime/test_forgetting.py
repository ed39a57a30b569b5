"""What a workspace keeps, and for how long."""

from lab import VALID, Lab

from mockpbx.domain import events as e
from mockpbx.runtime.clock import Clock
from mockpbx.runtime.journal import Journal
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.switchboard import Switchboard
from mockpbx.runtime.workspace import Workspace


def test_the_journal_is_bounded_by_age_of_wall_time_and_says_what_it_lacks():
    wall = [0]
    journal = Journal(capacity=100, age=60, wall=lambda: wall[0])
    for second in range(100):
        wall[0] = second * 1_000
        journal.append(0, "s", f"fact {second}")
    assert journal.first == 40
    assert not journal.after(39).truncated
    assert [entry.number for entry in journal.after(98).entries] == [99, 100]
    late = journal.after(10)
    assert late.truncated
    assert late.entries[0].number == 40
    wall[0] += 3_600_000
    assert journal.after(100).entries == []
    assert journal.after(99).truncated


def test_a_question_about_another_journal_is_answered_from_the_beginning_and_marked():
    journal = Journal(capacity=10, age=60, wall=lambda: 5)
    journal.append(0, "s", "first")
    other = journal.after(7)
    assert other.truncated
    assert [entry.event for entry in other.entries] == ["first"]
    journal.restart()
    assert journal.started > 5
    assert journal.next == 1


def test_ended_calls_and_their_recordings_go_with_age_and_live_ones_stay():
    wall = [0]
    lab = Lab(journal_age=60)
    lab.workspace.calls._wall = lab.workspace.recordings._wall = lab.workspace.journal._wall = lambda: wall[0]
    lab.connected("08000001001", session="ended")
    lab.advance(1_000)
    lab.workspace.hang_up("ended")
    lab.connected("08000001001", session="live")
    lab.advance(1_000)
    assert [call.session_id for call in lab.workspace.calls.calls()] == ["live", "ended"]
    wall[0] = 61_000
    assert [call.session_id for call in lab.workspace.calls.calls()] == ["live"]
    assert lab.workspace.recordings.find("ended") is None
    assert lab.workspace.recordings.find("live") is not None


def test_the_oldest_recordings_make_room_for_live_ones():
    lab = Lab(recording_limit=80_000)
    for session in ("first", "second", "third"):
        lab.connected("08000001001", session=session)
        lab.advance(2_000)
        lab.workspace.hang_up(session)
    kept = {session: lab.workspace.recordings.find(session) for session in ("first", "second", "third")}
    assert kept["first"] is None
    assert not kept["third"].truncated
    assert len(kept["third"]) == 100


def switchboard(wall: list[int]) -> Switchboard:
    def opened(key: str) -> Workspace:
        settings = WorkspaceSettings(clock="manual")
        return Workspace(key, Clock(lambda: 0, base=0), settings, 1, wall=lambda: wall[0])

    return Switchboard((), opened)


def test_a_workspace_is_forgotten_when_nobody_has_used_it_and_nobody_would_miss_it(monkeypatch):
    wall = [0]
    monkeypatch.setattr("mockpbx.runtime.switchboard.wall_ms", lambda: wall[0])
    board = switchboard(wall)
    idle, busy, used = (board.workspace(token) for token in ("idle", "busy", "used"))
    busy.place_call("s", VALID)
    wall[0] = 3_000_000
    board.workspace("used")
    wall[0] = 3_700_000
    assert board.forget_idle(3_600) == [idle]
    assert board.workspace("idle") is not idle
    assert board.workspace("busy") is busy
    busy.stop()
    wall[0] = 9_000_000
    assert set(board.forget_idle(3_600)) >= {busy, used}


def test_a_reset_goes_back_to_how_the_workspace_started_not_to_nothing():
    lab = Lab(callee="tone", dial_delay=3)
    workspace = lab.workspace
    workspace.configure(workspace.settings.model_copy(update={"callee": "silence", "clock": "20x"}))
    lab.call()
    workspace.reset()
    assert (workspace.settings.callee, workspace.settings.dial_delay) == ("tone", 3)
    assert (workspace.mode.name, workspace.clock.rate) == ("manual", 0)
    assert workspace.live_calls() == []
    assert workspace.calls.calls() == []
    assert lab.only(e.CallEnded).record.cause == 127
    assert [type(entry.event).__name__ for entry in workspace.journal] == ["WorkspaceReset"]

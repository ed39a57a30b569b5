"""A whole call on a clock that stands still until it is stepped: exact to the millisecond."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import VALID, Lab, Microphone, lab_of

from mockpbx.contract.errors import NoSuchSession, NotConnected, PBXError
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.magic import MAGIC_NUMBERS
from mockpbx.media import facts as f
from mockpbx.media.framing import FRAME
from mockpbx.runtime.clients import Nobody
from mockpbx.runtime.clock import GRID, Clock
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.workspace import Workspace

SECOND = np.arange(1, 8_001, dtype=np.int16)


def test_frames_come_every_20_ms_from_the_answer_to_the_hangup_and_echo_what_was_sent():
    lab = Lab()
    workspace = lab.connected()
    workspace.play("s", SECOND)
    workspace.mark("s", "heard")
    lab.advance(2_000)
    workspace.hang_up("s")
    lab.advance(10_000)
    moments = [at for at, _, _ in lab.frames]
    assert moments == list(range(2_500, 4_501, 20))
    assert {len(frame) for _, _, frame in lab.frames} == {320}
    # Queued at 2,500 after that tick's frame: heard from 2,520, back from 2,540, bit-exact.
    sound = np.frombuffer(b"".join(frame for _, _, frame in lab.frames), "<i2")
    assert np.array_equal(sound[320 : 320 + 8_000], SECOND)
    assert lab.times(f.CheckpointReached) == [3_520]
    ended = lab.only(e.CallEnded).record
    assert (ended.answered_at, ended.ended_at, ended.billable_seconds) == (2_500, 4_500, 2)
    assert lab.times(e.RecordIssued) == [6_500]


def test_calls_that_are_answered_at_one_instant_leave_on_different_phases_each_exactly_20_ms_apart():
    lab = Lab()
    for number in range(10):
        lab.call(session=str(number))
    lab.advance(2_700)
    per_call = {session: [at for at, name, _ in lab.frames if name == session] for _, session, _ in lab.frames}
    assert len(per_call) == 10
    assert {at % 20 for at, _, _ in lab.frames} == {0, 4, 8, 12, 16}
    for moments in per_call.values():
        assert set(np.diff(moments)) == {20}
        assert 2_500 <= moments[0] < 2_520


def test_a_call_that_is_answered_in_the_moment_of_others_frames_leaves_their_cadence_alone():
    lab = lab_of((s.Ring(0, setup=0), s.Answer(), s.Wait(600)))
    for number in range(11):  # each is answered at once, most of them after a frame of the same moment has left
        lab.call(session=str(number))
    lab.advance(500)
    for number in range(11):
        moments = [at for at, name, _ in lab.frames if name == str(number)]
        assert set(np.diff(moments)) == {20}


def test_audio_before_the_answer_is_refused_queued_or_discarded_as_the_switch_says():
    refusing, queueing, discarding = (Lab(audio_before_answer=way) for way in ("refuse", "queue", "discard"))
    for lab in (refusing, queueing, discarding):
        lab.call().advance(1_000)
    with pytest.raises(NotConnected, match="Call is not connected"):
        refusing.workspace.play("s", SECOND)
    for lab in (queueing, discarding):
        lab.workspace.play("s", SECOND)
        lab.advance(1_800)
        lab.workspace.hang_up("s")
    assert queueing.only(f.MediaStopped).audio == f.Ledger(accepted=8_000, played=16 * 160, discarded=8_000 - 16 * 160)
    assert discarding.only(f.MediaStopped).audio == f.Ledger(accepted=8_000, discarded=8_000)


def test_an_interruption_empties_the_queue_and_by_the_switch_fires_what_it_cleared():
    for switch in (False, True):
        lab = Lab(interruption_fires_checkpoints=switch)
        workspace = lab.connected()
        workspace.play("s", SECOND)
        workspace.mark("s", "goodbye")
        lab.advance(200)
        workspace.interrupt("s")
        assert lab.only(f.PlayoutInterrupted).cleared == 8_000 - 10 * 160
        assert lab.only(f.CheckpointCleared) == f.CheckpointCleared("goodbye")
        lab.advance(2_000)
        assert lab.times(f.CheckpointReached) == ([2_700] if switch else [])


def test_a_checkpoint_before_the_answer_fires_at_once_since_nothing_is_queued():
    lab = Lab()
    lab.call().workspace.mark("s", "early")
    assert lab.times(f.CheckpointReached) == [0]


def test_keyed_digits_come_back_from_the_echo_once_each():
    lab = Lab()
    workspace = lab.connected()
    for digit in "12#":
        workspace.press("s", digit, 200)
    lab.advance(2_000)
    assert [event.digit for _, _, event in lab.journal if isinstance(event, f.DigitReceived)] == [
        "1",
        "2",
        "#",
    ]


def test_magic_number_4_presses_every_key_once():
    lab = Lab()
    lab.connected("08000001004")
    lab.advance(12_000)
    assert "".join(event.digit for _, _, event in lab.journal if isinstance(event, f.DigitReceived)) == "123456789*0#"


@pytest.mark.parametrize(("number", "loud"), [("08000001001", True), ("08000001002", False), ("08000001003", True),
                                              ("08000001005", True), ("08000001006", True)])  # fmt: skip
def test_the_other_callees_are_heard_or_not_and_press_nothing(number: str, loud: bool):
    lab = Lab()
    lab.connected(number)
    lab.advance(3_000)
    sound = np.frombuffer(b"".join(frame for _, _, frame in lab.frames), "<i2")
    assert bool(np.abs(sound.astype(int)).max() > 3_000) is loud
    assert lab.times(f.DigitReceived) == []


def test_the_same_seed_gives_the_same_journal_and_the_same_sound():
    labs = [Lab(), Lab()]
    for lab in labs:
        lab.connected("08000001006")
        lab.advance(500)
    assert labs[0].journal == labs[1].journal
    assert labs[0].frames == labs[1].frames


def test_stopping_ends_every_call_with_127_and_issues_every_record_now():
    lab = Lab()
    lab.connected(session="answered")
    lab.call(session="ringing")
    lab.workspace.hang_up("answered")
    lab.call(session="new")
    lab.workspace.stop()
    records = [event.record for _, _, event in lab.journal if isinstance(event, e.RecordIssued)]
    assert sorted((r.session_id, r.disposition.value, r.cause, r.hangup_by) for r in records) == [
        ("answered", "ANSWERED", 16, "CALLER"),
        ("new", "FAILED", 127, None),
        ("ringing", "FAILED", 127, None),
    ]
    assert lab.times(e.RecordIssued) == [2_500] * 3


def test_a_loop_that_was_held_up_catches_up_a_second_and_slips_beyond_it():
    wall = [0]
    workspace = Workspace("key", Clock(lambda: wall[0] * 1_000_000, base=0), WorkspaceSettings(), seed=1)
    entries = []
    workspace.clients = Microphone(workspace.clock.now)
    frames = workspace.clients.frames
    workspace.journal.subscribe(entries.append)
    workspace.place_call("s", VALID)
    workspace.join("s", "me")
    wall[0] = 2_500
    workspace.wake()
    wall[0] = 3_300
    workspace.wake()
    assert len(frames) == 1 + 40
    assert workspace.slipped == 0
    wall[0] = 13_300
    workspace.wake()
    assert len(frames) == 1 + 40 + 51
    assert workspace.slipped == 10_000 - 1_020
    assert [entry.event for entry in entries if isinstance(entry.event, f.MediaSlipped)] == [f.MediaSlipped(8_980)]


def test_journal_numbers_are_contiguous_and_its_bound_shows():
    lab = Lab(journal_limit=1_000)
    for _ in range(1_200):
        lab.workspace.join("nobody", "me")
    numbers = [entry.number for entry in lab.workspace.journal]
    assert numbers == list(range(201, 1_201))
    assert lab.workspace.journal.first == 201


SESSIONS = st.sampled_from(["a", "b"])
ACTIONS = st.one_of(
    st.tuples(st.just("call"), SESSIONS, st.sampled_from([VALID, *(magic.number for magic in MAGIC_NUMBERS)])),
    st.tuples(st.just("play"), SESSIONS, st.integers(0, 4_000)),
    st.tuples(st.just("press"), SESSIONS, st.floats(1, 6_000)),
    st.tuples(st.sampled_from(["mark", "interrupt", "hang_up", "join", "leave", "announce"]), SESSIONS, st.none()),
    st.tuples(st.just("pass"), SESSIONS, st.integers(0, 5_000)),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(ACTIONS, max_size=25), st.sampled_from(["refuse", "queue", "discard"]))
def test_any_order_of_any_events_leaves_one_record_a_settled_ledger_and_silence_after_the_end(actions, policy):
    lab = Lab(audio_before_answer=policy)
    placed: set[str] = set()
    for action, session, argument in actions:
        try:
            match action:
                case "call":
                    if session not in placed:
                        placed.add(session)
                        lab.workspace.place_call(session, argument)
                case "play":
                    lab.workspace.play(session, np.ones(argument, dtype=np.int16))
                case "press":
                    lab.workspace.press(session, "7", argument)
                case "mark":
                    lab.workspace.mark(session, "m")
                case "join":
                    lab.workspace.join(session, "me")
                case "pass":
                    lab.advance(argument)
                case _:
                    getattr(lab.workspace, action)(session)
        except PBXError as error:
            assert isinstance(error, NoSuchSession | NotConnected)
    lab.workspace.stop()
    for session in placed:
        story = [(at, event) for at, name, event in lab.journal if name == session]
        (end,) = [i for i, (_, event) in enumerate(story) if isinstance(event, e.CallEnded)]
        assert [type(event) for _, event in story[end:]].count(e.RecordIssued) == 1
        assert not {f.CheckpointReached, f.DigitReceived, e.DialStatusChanged} & {type(ev) for _, ev in story[end:]}
        (stopped,) = [event for _, event in story if isinstance(event, f.MediaStopped)]
        assert stopped.audio.queued == stopped.keys.queued == 0
        ended_at = story[end][0]
        assert all(at <= ended_at for at, name, _ in lab.frames if name == session)


def test_what_comes_between_a_tick_and_the_wake_that_it_shares_happens_before_it():
    wall = [1]  # ms
    clock = Clock(lambda: wall[0] * 1_000_000, base=1)
    workspace = Workspace("key", clock, WorkspaceSettings(), seed=1, wall=lambda: wall[0])
    clients = workspace.clients = Microphone(clock.now)
    workspace.place_call("s", VALID)
    workspace.announce("s")
    workspace.join("s", "me")
    for wall[0] in range(1, 2_605):  # the tick of 2,601 shares the wake of 2,604
        workspace.catch_up()
    ticks = len(clients.frames)

    wall[0] = 2_623  # the tick of 2,621 shares the wake of 2,624
    assert workspace.wake() == 2_621
    workspace.play("s", SECOND)
    assert len(clients.frames) == ticks
    assert workspace.recordings.find("s").sound().arrivals[0].at == 2_621
    wall[0] = 2_624
    assert workspace.catch_up() == 2_624
    assert len(clients.frames) == ticks + 1
    assert workspace.line("s").playout.waiting == len(SECOND) - FRAME  # the tick has played what came before it


def test_a_tick_keeps_its_wake_however_late_the_one_before_it_is():
    wall = [1]
    clock = Clock(lambda: wall[0] * 1_000_000, base=1)
    workspace = Workspace("key", clock, WorkspaceSettings(), seed=1, wall=lambda: wall[0])
    clients = workspace.clients = Microphone(clock.now)
    for session in ("one", "other"):  # they step at 2,621 and 2,625, by the wakes of 2,624 and 2,628
        workspace.place_call(session, VALID)
        workspace.announce(session)
        workspace.join(session, "me")
    for wall[0] in range(1, 2_610):
        workspace.catch_up()

    def steps_at(moment: int) -> list[str]:
        wall[0] = moment
        before = len(clients.frames)
        workspace.catch_up(early=1)
        return [session for _, session, _ in clients.frames[before:]]

    assert steps_at(2_626) == ["one"]
    assert steps_at(2_627) == ["other"]  # timers ring 1 ms early
    assert steps_at(2_642) == []
    assert steps_at(2_643) == ["one"]
    assert steps_at(2_668) == ["other", "one", "other"]


def test_what_is_due_but_a_tick_waits_for_nobody():
    wall = [1]
    clock = Clock(lambda: wall[0] * 1_000_000, base=1)
    workspace = Workspace("key", clock, WorkspaceSettings(call_limit=0.121), seed=1, wall=lambda: wall[0])
    workspace.place_call("s", VALID)
    workspace.announce("s")
    workspace.join("s", "me")
    for wall[0] in range(1, 2_605):  # the tick of 2,601 shares the wake of 2,604
        workspace.catch_up()
    assert workspace.live_calls()
    wall[0] = 2_623  # the call ends at 2,622, behind the tick of 2,621
    assert workspace.wake() == 2_623
    assert not workspace.live_calls()


def test_who_is_far_behind_catches_up_by_and_by_and_what_comes_in_between_is_in_order():
    """At 500x ten calls are a second late, and each frame takes 1 ms of it."""
    wall = [0.0]  # ms
    clock = Clock(lambda: round(wall[0] * 1_000_000), base=0, rate=500)
    workspace = Workspace("key", clock, WorkspaceSettings(clock="500x"), seed=1)
    journal = []
    workspace.journal.subscribe(journal.append)
    sessions = [f"s{n}" for n in range(10)]
    for session in sessions:
        workspace.place_call(session, VALID)
        workspace.join(session, "me")
    wall[0] = 2_900 / 500  # all are connected and have said something
    workspace.catch_up()
    frames: list[tuple[str, bytes]] = []
    cost = [1.0]

    class Slow(Nobody):
        def emit_frame(self, session_id: str, frame: bytes) -> None:
            wall[0] += cost[0]
            frames.append((session_id, frame))

    workspace.clients = Slow()
    late = wall[0] = wall[0] + 40  # 20 s of virtual time: 10,000 frames are due
    stood = workspace.catch_up()
    assert wall[0] - late <= 5 + 10  # a wake's worth, and the tick that it was at
    assert stood < clock.now()
    worked = len(frames)
    workspace.mark("s3", "here")  # what comes now comes at the moment that time stands at, and does no work
    assert (len(frames), journal[-1].at) == (worked, stood)
    cost[0] = 0.001  # fast enough from here on
    while workspace.catch_up() < clock.now() - GRID:
        pass
    assert workspace.slipped == 0
    assert [entry.at for entry in journal] == sorted(entry.at for entry in journal)
    counted = [sum(name == session for name, _ in frames) for session in sessions]
    assert max(counted) - min(counted) <= 1


def test_who_cannot_keep_up_at_all_gives_up_media_time_now_and_then():
    wall = [0.0]  # ms
    clock = Clock(lambda: round(wall[0] * 1_000_000), base=0, rate=1_000)
    workspace = Workspace("key", clock, WorkspaceSettings(clock="1000x", call_limit=86_400), seed=1)
    workspace.place_call("s", VALID)
    workspace.join("s", "me")
    wall[0] = 2.9
    workspace.catch_up()

    class Slow(Nobody):
        def emit_frame(self, session_id: str, frame: bytes) -> None:
            wall[0] += 0.1  # five times too slow

    workspace.clients = Slow()
    while wall[0] < 10_000:
        wall[0] += 0.01
        workspace.catch_up()
    assert [entry.at for entry in workspace.journal] == sorted(entry.at for entry in workspace.journal)
    slips = [entry.event for entry in workspace.journal if isinstance(entry.event, f.MediaSlipped)]
    assert 10 <= len(slips) <= 20  # of half a second each: four fifths of ten seconds
    assert workspace.slipped == sum(slip.ms for slip in slips)
    assert 6_000_000 < workspace.slipped < 7_000_000  # of ten million, two have been said and one and a half wait


def test_what_is_due_in_a_stall_comes_behind_the_slip_that_it_costs():
    wall = [0]
    clock = Clock(lambda: wall[0] * 1_000_000, base=0)
    workspace = Workspace("key", clock, WorkspaceSettings(), seed=1)
    workspace.place_call("s", VALID)
    workspace.join("s", "me")
    for wall[0] in range(1, 4_000):
        workspace.catch_up()
    workspace.later(500, lambda: workspace.note("s", f.DigitHeard("1")))
    wall[0] += 3_000
    workspace.catch_up()
    slip, digit = list(workspace.journal)[-2:]
    assert (slip.event, digit.event) == (f.MediaSlipped(workspace.slipped), f.DigitHeard("1"))
    assert slip.at <= digit.at == 4_499


@pytest.mark.parametrize("end", [Workspace.stop, Workspace.reset])
def test_who_stops_while_calls_are_about_to_end_by_themselves_gives_each_its_record(end):
    wall = [0]
    clock = Clock(lambda: wall[0] * 1_000_000, base=0)
    workspace = Workspace("key", clock, WorkspaceSettings(call_limit=10), seed=1)
    records = []
    workspace.journal.subscribe(lambda entry: records.append(entry) if isinstance(entry.event, e.RecordIssued) else ...)
    for session in ("one", "other"):
        workspace.place_call(session, VALID)
        workspace.join(session, "me")
    for wall[0] in range(1, 12_400):
        workspace.catch_up()
    assert len(workspace.live_calls()) == 2
    wall[0] += 200  # both are over their limit, and nobody has seen it yet
    end(workspace)
    assert [entry.session_id for entry in records] == ["one", "other"]

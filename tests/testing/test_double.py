"""The test double as a user's test has it: embedded, blocking and awaiting."""

import asyncio
import unittest

import pytest

from mockpbx.testing import (
    Answer,
    AudioRefused,
    Call,
    CheckpointReached,
    Connected,
    Digit,
    Ended,
    ExpectationFailed,
    ExpectSpeech,
    HangUp,
    Joined,
    Misuse,
    MockPBX,
    Play,
    Press,
    ProblemsFound,
    RecordIssued,
    Ring,
    Ringing,
    Silence,
    Wait,
)

from .bot import SECONDS, Bot

NUMBER = "089608675796"


def test_a_whole_call_reads_like_one():
    with MockPBX() as pbx:
        pbx.when("0896*").then(Ring(2), Answer(), Play("hello"), ExpectSpeech(within=5), Press("1"))
        bot = Bot(pbx.url, pbx.token)
        bot.start(NUMBER)
        call = pbx.wait_for_call("0896*")
        call.expect(Ringing, Connected, Digit("1"), CheckpointReached("goodbye"), Ended(by="CALLER", cause=16))
        assert call.heard.seconds == SECONDS
        assert call.discarded.seconds == 0
        record = call.wait()
        assert (record.disposition, record.billable_seconds) == ("ANSWERED", call.record.billable_seconds)
        assert bot.digits == ["1"]


async def test_a_test_that_awaits_shares_its_loop_with_the_bot():
    async with MockPBX() as pbx:
        pbx.when("*").then(Ring(1), Answer())
        calling = asyncio.create_task(Bot(pbx.url, pbx.token).call(NUMBER))
        call = await pbx.wait_for_call()
        await call.expect(Joined, Connected, CheckpointReached("goodbye"), Ended(by="CALLER"))
        assert (await call.wait()).hangup_cause_code == 16
        await calling


async def test_blocking_on_the_bots_own_loop_is_refused_with_what_to_write_instead():
    pbx = MockPBX()
    async with pbx:
        with pytest.raises(Misuse, match=r"await .*mockpbx\.aio"):
            pbx.wait_for_call()


class TestUnittest(unittest.TestCase):
    def test_it_is_a_context_manager_like_any_other(self):
        pbx = self.enterContext(MockPBX())
        pbx.when("*").then("busy")
        bot = Bot(pbx.url, pbx.token)
        bot.start(NUMBER)
        assert pbx.wait_for_call().wait().disposition == "BUSY"


def test_a_failed_expectation_shows_the_call_and_a_likely_cause():
    with MockPBX(levels={"audio-refused": "ignore", "event-refused": "ignore"}) as pbx:
        pbx.when("*").then(Ring(2), Answer(), Silence())
        Bot(pbx.url, pbx.token, early=True).start(NUMBER)
        call = pbx.wait_for_call()
        with pytest.raises(ExpectationFailed) as failed:
            call.expect(Connected, CheckpointReached("thanks"))
    text = str(failed.value)
    assert 'expected CheckpointReached("thanks")' in text
    assert "goodbye" in text  # what came instead
    assert "before Connected" in text


def test_what_nobody_asserted_fails_at_the_end():
    def early(**settings) -> None:
        with MockPBX(**settings) as pbx:
            pbx.when("*").then(Ring(2), Answer())
            Bot(pbx.url, pbx.token, early=True).start(NUMBER)
            pbx.wait_for_call().wait()

    with pytest.raises(ProblemsFound, match="audio-refused"):
        early()
    early(levels={"audio-refused": "warning"})


def test_what_was_asserted_is_no_problem():
    with MockPBX() as pbx:
        pbx.when("*").then(Ring(2), Answer())
        Bot(pbx.url, pbx.token, early=True).start(NUMBER)
        call = pbx.wait_for_call()
        call.wait()
        refused = len([entry for entry in call.entries if entry.kind == "AudioRefused"])
        call.expect(*[AudioRefused("not connected")] * refused, Connected, Ended)


def test_metrics_may_have_limits():
    def hurried() -> None:
        with MockPBX(limits={"uplink.most_queued": 0.5, "time_to_first_audio": 1}) as pbx:
            pbx.when("*").then(Ring(1), Answer())
            Bot(pbx.url, pbx.token).start(NUMBER)
            pbx.wait_for_call().wait()

    with pytest.raises(ProblemsFound, match=r"uplink\.most_queued is \d.*, and the limit is 0\.5"):
        hurried()


def test_calls_in_turn_by_chance_and_by_a_generator():
    def menu(luck):
        yield Ring(1)
        yield Answer()
        yield HangUp()

    with MockPBX(seed=3) as pbx:
        pbx.when("0811*").then_in_turn("busy", [Ring(1), Answer(), HangUp()])
        pbx.when("0812*").then(menu)
        pbx.when("0813*").then_by_chance({"busy": 1, "no-answer": 1})
        seen = []
        for number in ("08111111111", "08111111111", "08121111111", "08131111111"):
            Bot(pbx.url, pbx.token).start(number)
            seen.append(pbx.wait_for_call(number).wait().disposition)
    assert seen[:3] == ["BUSY", "ANSWERED", "ANSWERED"]
    assert seen[3] in ("BUSY", "NO ANSWER")


def test_somebody_calls_the_bot_and_the_test_is_at_the_other_end():
    with MockPBX(clock="manual") as pbx:
        call = pbx.ring(Wait(60), caller="08123456789")
        assert call.status in ("Dialing", "Ringing", "Created")
        pbx.advance(1)
        call.answer()
        call.expect(Connected)
        call.press("5", seconds=0.3)
        pbx.advance(2)
        call.expect(Digit("5"))
        call.hang_up()
        pbx.advance(3)
        assert call.wait().disposition == "ANSWERED"


def test_faults_and_switches_are_at_hand():
    with MockPBX() as pbx:
        pbx.configure(record_delay=0)
        pbx.fault("event_lost", event="dtmf")
        pbx.when("*").then(Ring(1), Answer(), ExpectSpeech(), Press("7"))
        bot = Bot(pbx.url, pbx.token)
        bot.start(NUMBER)
        call = pbx.wait_for_call()
        call.expect(Digit("7"), RecordIssued)
        assert bot.digits == []
        with pytest.raises(Misuse, match="did you mean record_delay"):
            pbx.configure(record_dellay=0)


def test_a_call_with_another_token_is_told_of():
    with MockPBX() as pbx:
        pbx._desk.thread.server  # noqa: B018
        Bot(pbx.url, "another").start("08000000017")
        with pytest.raises(ExpectationFailed, match="1 came with another token"):
            pbx.wait_for_call(within=2)


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda pbx: pbx.when("abc("), "expected digits"),
        (lambda pbx: pbx.when("08*").then(Answer), r"write Answer\(\)"),
        (lambda pbx: pbx.when("08*").then("humann"), "did you mean human"),
        (lambda pbx: pbx.when("08*").then(Ring(-1)), "Ring: seconds: expected"),
        (lambda pbx: pbx.when("08*").then(Play("no-such-clip")), "Play: .*no-such-clip"),
        (lambda pbx: pbx.when("08*").then(7), "Expected steps"),
        (lambda pbx: pbx.when("08*").then_in_turn(), "expects scenarios"),
        (lambda pbx: pbx.when("08*").then_by_chance({"busy": 0}), "weight"),
        (lambda pbx: pbx.when("08*").then(), "expects what the other end does"),
        (lambda pbx: pbx.when("08*").then(Connected), "is a fact to expect"),
        (lambda pbx: pbx.when("08*").then(lambda: [Ring(2)]), "one argument, the call's luck"),
        (lambda pbx: pbx.when("anybody"), "expected digits"),
        (lambda pbx: pbx.ring(number="xx"), "number is to be a phone number"),
        (lambda pbx: pbx.advance(1), 'mockpbx\\(clock="manual"\\)'),
        (lambda pbx: pbx.advance("5"), "expects seconds"),
        (lambda pbx: pbx.wait_for_call(within=float("nan")), "within: expected seconds"),
        (lambda pbx: pbx.start(), "runs already"),
    ],
)
def test_misuse_is_told_with_what_to_write_instead(use, says):
    with MockPBX() as pbx, pytest.raises(Misuse, match=says):
        use(pbx)


def test_an_unknown_fact_is_told_with_the_nearest():
    import mockpbx.testing as t

    with pytest.raises(ImportError, match="did you mean Connected"):
        t.Conected  # noqa: B018
    with MockPBX() as pbx:
        call = pbx.ring(caller="08123456789")
        with pytest.raises(Misuse, match="did you mean Connected"):
            call.expect("Conected")
        with pytest.raises(Misuse, match="Nothing is expected"):
            call.expect()
        call.hang_up()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"clok": "auto"}, "did you mean clock"),
        ({"clock": "fast"}, "clock: expected"),
        ({"levels": {"audio-refuse": "error"}}, "did you mean audio-refused"),
        ({"levels": {"audio-refused": "bad"}}, "is to be 'bad'"),
        ({"limits": {"turn_latency": 1}}, "did you mean turn_latency"),
        ({"limits": {"heard": "abc"}}, "heard is to be a number"),
        ({"levels": ["x"]}, "expected a mapping"),
        ({"seed": "abc"}, "seed: expected"),
    ],
)
def test_settings_that_cannot_be_are_refused_when_they_are_given(settings, says):
    with pytest.raises(Misuse, match=says):
        MockPBX(**settings)


def test_it_is_not_to_be_used_before_it_runs():
    pbx = MockPBX()
    with pytest.raises(Misuse, match="not running"):
        pbx.when("*").then("busy")


def test_a_failing_block_leaves_its_evidence(tmp_path):
    def failing() -> None:
        with MockPBX(evidence=tmp_path) as pbx:
            pbx.when("*").then("busy")
            Bot(pbx.url, pbx.token).start(NUMBER)
            pbx.wait_for_call().wait()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failed:
        failing()
    (page,) = tmp_path.glob("*.html")
    assert str(page) in failed.value.__notes__[0]


def test_a_block_that_fails_keeps_its_own_error_where_no_evidence_can_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")

    def failing() -> None:
        with MockPBX(evidence=tmp_path / "file") as pbx:
            Bot(pbx.url, pbx.token).start("08000000017")
            pbx.wait_for_call().wait()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failed:
        failing()
    assert "evidence could not be written" in failed.value.__notes__[0]


def test_a_when_that_says_nothing_is_a_problem_at_its_line():
    def unfinished() -> None:
        with MockPBX() as pbx:
            pbx.when("0896*")

    with pytest.raises(ProblemsFound, match=r"test_double\.py:\d+: when\('0896\*'\) says nothing"):
        unfinished()


def test_a_limited_answer_time_is_no_excuse_to_say_nothing():
    def mute() -> None:
        with MockPBX(limits={"time_to_first_audio": 1}) as pbx:
            call = pbx.ring(Silence(1), HangUp(), caller="08123456789")
            call.answer()
            call.wait()

    with pytest.raises(ProblemsFound, match="the client was never heard"):
        mute()


def test_a_cause_that_is_none_is_refused():
    with MockPBX() as pbx:
        call = pbx.ring(caller="08123456789")
        with pytest.raises(Misuse, match="one of the contract's causes"):
            call.hang_up(99)
        call.hang_up()


def test_a_call_that_was_reset_is_forgotten():
    with MockPBX() as pbx:
        call = pbx.ring(caller="08123456789")
        pbx.reset()
        with pytest.raises(Misuse, match="forgotten"):
            call.expect(Connected, within=0)


def test_stopping_early_is_harmless_and_using_it_then_is_not():
    with MockPBX() as pbx:
        pbx.stop()
        with pytest.raises(Misuse, match="not running"):
            pbx.wait_for_call()


def test_asserting_one_refusal_does_not_settle_the_others():
    def early() -> None:
        with MockPBX() as pbx:
            pbx.when("*").then(Ring(2), Answer())
            Bot(pbx.url, pbx.token, early=True).start(NUMBER)
            call = pbx.wait_for_call()
            call.expect(AudioRefused, Connected)
            call.wait()

    with pytest.raises(ProblemsFound, match="audio-refused"):
        early()


def test_a_call_is_waited_for_by_the_pattern_that_its_rule_has():
    with MockPBX() as pbx:
        pbx.when("62*").then("busy")
        Bot(pbx.url, pbx.token).start("+6281234567890")
        assert pbx.wait_for_call("62*").wait().disposition == "BUSY"
        pbx.reset()
        Bot(pbx.url, pbx.token).start("+6281234567890")
        assert pbx.wait_for_call("62812345678??").number == "+6281234567890"


# --- rules -----------------------------------------------------------------------------------------------------------


def talked(pbx: MockPBX) -> Call:
    """A bot that asks for no acknowledgments, and is good otherwise."""
    pbx.when("*").then(Ring(1), Answer(), Silence())
    bot = Bot(pbx.url, pbx.token).start(NUMBER)
    call = pbx.wait_for_call()
    call.wait()
    bot.join(10)
    return call


def test_lint_fails_with_the_rules_that_were_broken_and_their_remedies():
    with MockPBX() as pbx, pytest.raises(ProblemsFound) as failure:
        talked(pbx).lint()
    head, name, rule, what, remedy = str(failure.value).splitlines()
    assert (head, name) == ("1 warning in what the client did:", f"outbound call to {NUMBER}")
    assert rule.split()[1:] == ["s", "warning", "acks-not-asked", "×", "27"]
    assert what.strip() == "none of 27 `audio` messages asked for its acknowledgment"
    assert remedy.endswith("[audio, Acknowledgment Response]")


def test_lint_passes_what_is_allowed_what_is_less_and_what_is_ignored():
    with MockPBX() as pbx:
        call = talked(pbx)
        call.lint(allow=["acks-not-asked"])
        call.lint("error")
        pbx.lint("error")
        pbx.aio.lint("note", allow=["acks-not-asked", "burst"])
    with MockPBX(levels={"acks-not-asked": "ignore"}) as pbx:
        talked(pbx).lint()
    with MockPBX(levels={"acks-not-asked": "note"}) as pbx:
        talked(pbx).lint()


def test_lint_of_all_calls_holds_what_belongs_to_none_against_the_client():
    with MockPBX(levels={"unknown-session": "warning"}) as pbx:
        pbx._desk.ask(lambda workspace: workspace.refuse_audio("nobody", 320, "No live call"))
        with pytest.raises(ProblemsFound, match=r"(?s)1 warning .*no call.*unknown-session"):
            pbx.lint()
        pbx.lint("error")


def test_what_was_expected_is_no_finding():
    with MockPBX() as pbx:
        pbx.when("*").then(Ring(1), Answer(), Silence())
        Bot(pbx.url, pbx.token, early=True).start(NUMBER)
        call = pbx.wait_for_call()
        call.wait()
        with pytest.raises(ProblemsFound, match="audio-refused"):
            call.lint("error")
        call.expect(*[AudioRefused] * len([entry for entry in call.entries if entry.kind == "AudioRefused"]))
        call.lint("error")


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"level": "bad"}, "error, warning or note, got 'bad'"),
        ({"allow": ["brust"]}, "there is no rule 'brust'; did you mean burst?"),
        ({"allow": "burst"}, "allow is to be a list of rules"),
    ],
)
def test_lint_is_told_what_it_does_not_know(how, sentence):
    with MockPBX() as pbx, pytest.raises(Misuse, match=sentence):
        pbx.lint(**how)

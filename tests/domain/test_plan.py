"""The dial plan as a conversation: dial a number, see who answers, dial again."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.domain.plan import Dialplan, Drawn, InTurn, Named, Plan, Rule
from mockpbx.domain.scenario import Answer, Busy, Ring

HUMAN = Named("human", (Ring(), Answer()))
BUSY = Named("busy", (Busy(),))
VOICEMAIL = Named("voicemail", (Ring(seconds=20), Answer()))


class Dice:
    """Luck that falls as it is told to."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = list(numbers)

    def random(self) -> float:
        return self.numbers.pop(0)


class Phone:
    """Dials numbers and tells the names of those who answer."""

    def __init__(self, *rules: Rule, luck=None) -> None:
        self.dialplan = Dialplan(Plan(rules))
        self.luck = luck or Dice()

    def dial(self, *numbers: str) -> list[str | None]:
        chosen = [self.dialplan.choose(number, self.luck) for number in numbers]
        return [None if named is None else named.name for named in chosen]


def test_the_first_rule_that_fits_decides_and_no_rule_is_no_scenario():
    phone = Phone(Rule.of("0896*", HUMAN), Rule.of("08*", BUSY), Rule.of("0896999*", VOICEMAIL))
    assert phone.dial("089612345678", "0896999", "081234567890", "62812") == ["human", "human", "busy", None]
    assert phone.dialplan.choose("0896", phone.luck) == HUMAN


def test_an_empty_plan_rules_nothing():
    assert Dialplan(Plan()).choose("089608675796", Dice()) is None


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("08131234567", ["08131234567", "+08131234567"], ["081312345678", "108131234567", ""]),
        ("0813*", ["0813", "08131234567"], ["081", "10813"]),
        ("*67", ["67", "08967", "+6267"], ["670"]),
        ("0813?", ["08130", "08139"], ["0813", "081301"]),
        ("0?1*5", ["0115", "0815", "08199995"], ["0125", "081"]),
        ("*", ["0", "08131234567", "+62"], []),
        ("62812*", ["62812345", "+62812345"], ["062812345"]),
        ("+62*", ["+62812345"], ["62812345", "062812345"]),
        ("08.*", ["08.1"], ["0812", "08"]),
    ],
)
def test_a_pattern_is_held_against_the_whole_number_and_a_plus_may_be_left_out(pattern, fitting, others):
    rule = Rule.of(pattern, HUMAN)
    assert [number for number in fitting + others if rule.fits(number)] == fitting


def test_a_pattern_full_of_stars_is_soon_decided():
    assert not Rule.of("*1" * 30 + "x", HUMAN).fits("1" * 5_000)


@pytest.mark.parametrize("pattern", ["", "08(12)", "08[0-9]+", r"08\d", "0812 3456", "^08$", "08|09", "0" * 65])
def test_what_is_no_pattern_is_refused_with_an_example(pattern):
    with pytest.raises(ValueError, match=r"expected digits, with \* for any and \? for one, such as 0896\*"):
        Rule.of(pattern, HUMAN)


def test_a_sequence_gives_each_call_the_next_and_all_further_calls_the_last():
    phone = Phone(Rule("0896*", InTurn((BUSY, BUSY, HUMAN))))
    assert phone.dial("08961", "08961", "08961", "08961", "08961") == ["busy", "busy", "human", "human", "human"]


def test_a_sequence_that_repeats_begins_anew():
    phone = Phone(Rule("0896*", InTurn((BUSY, HUMAN), repeat=True)))
    assert phone.dial(*["08961"] * 5) == ["busy", "human", "busy", "human", "busy"]


def test_a_sequence_counts_the_calls_of_its_rule_whatever_their_number_and_no_others():
    phone = Phone(Rule("0896*", InTurn((BUSY, HUMAN))), Rule("0813*", InTurn((VOICEMAIL, BUSY))))
    assert phone.dial("0813", "08961", "08962", "0813", "7") == ["voicemail", "busy", "human", "busy", None]


def test_rules_that_are_put_first_leave_the_sequences_of_the_others_alone():
    phone = Phone(Rule("*", InTurn((BUSY, BUSY, HUMAN))))
    assert phone.dial("1", "1") == ["busy", "busy"]
    phone.dialplan.put_first(Plan((Rule.of("0999*", VOICEMAIL),)))
    assert phone.dial("0999123", "1") == ["voicemail", "human"]


def test_a_plan_that_is_replaced_begins_its_sequences_with_their_first():
    phone = Phone(Rule("*", InTurn((BUSY, HUMAN))))
    assert phone.dial("1", "1") == ["busy", "human"]
    phone.dialplan.replace(phone.dialplan.plan)
    assert phone.dial("1", "1") == ["busy", "human"]
    phone.dialplan.replace(Plan((Rule.of("*", VOICEMAIL),)))
    assert phone.dial("1") == ["voicemail"]


def test_two_workspaces_with_one_plan_count_for_themselves():
    plan = Plan((Rule("*", InTurn((BUSY, HUMAN))),))
    one, other = Dialplan(plan), Dialplan(plan)
    assert [one.choose("1", Dice()), other.choose("1", Dice()), one.choose("1", Dice())] == [BUSY, BUSY, HUMAN]


def test_weights_share_out_what_luck_says():
    weighted = Rule("*", Drawn(((HUMAN, 7), (VOICEMAIL, 2), (BUSY, 1))))
    phone = Phone(weighted, luck=Dice(0.0, 0.699, 0.701, 0.899, 0.901, 0.9999999999999999))
    assert phone.dial(*["1"] * 6) == ["human", "human", "voicemail", "voicemail", "busy", "busy"]


def test_one_seed_is_one_fate():
    weighted = Rule("*", Drawn(((HUMAN, 7), (VOICEMAIL, 2), (BUSY, 1))))
    fates = [Phone(weighted, luck=Random(seed)).dial(*["1"] * 200) for seed in (1, 1, 2)]
    assert fates[0] == fates[1] != fates[2]
    assert 120 < fates[0].count("human") < 160


@given(st.lists(st.floats(1e-9, 1e6), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
def test_every_draw_is_one_of_the_weighted(weights, point):
    named = [Named(str(index), (Busy(),)) for index in range(len(weights))]
    assert Drawn(tuple(zip(named, weights, strict=True))).pick(0, Dice(point)) in named


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), 1_000_001])
def test_a_weight_that_means_nothing_is_refused(weight):
    with pytest.raises(ValueError, match="expected a weight above 0 and up to 1,000,000 for 'busy'"):
        Drawn(((HUMAN, 1), (BUSY, weight)))


@pytest.mark.parametrize("kind", [InTurn, Drawn])
def test_a_choice_among_none_is_refused(kind):
    with pytest.raises(ValueError, match="expected at least one scenario, got none"):
        kind(())

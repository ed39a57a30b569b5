"""Numbers with a fraction on the command line."""

import click
import pytest
from click.testing import CliRunner

from mockpbx.cli import COMMANDS, mockpbx
from mockpbx.cli.finite import Finite

FRACTIONS = [
    (name, option.opts[0])
    for name in COMMANDS
    for option in mockpbx.get_command(click.Context(mockpbx), name).params
    if isinstance(option.type, (click.FloatRange, type(click.FLOAT)))
]


def said(*arguments: str) -> str:
    ran = CliRunner().invoke(mockpbx, arguments)
    assert ran.exit_code == 2, ran.output
    return ran.stderr


def test_the_options_are_found():
    assert {("replay", "--speed"), ("check", "--timeout"), ("mutate", "--min-score")} <= set(FRACTIONS)


@pytest.mark.parametrize(("command", "flag"), FRACTIONS)
@pytest.mark.parametrize("value", ["nan", "NaN", "inf"])
def test_what_is_not_finite_is_refused_in_a_sentence(command, flag, value):
    sentence = said(command, flag, value)
    assert f"Invalid value for '{flag}'" in sentence
    assert "is not a finite number; expected one like 2.5" in sentence or "is not in the range" in sentence


def test_bounds_hold_as_ever():
    seconds = Finite(min=0, min_open=True, max=10)
    assert seconds.convert("2.5", None, None) == 2.5
    for value, words in (("0", "not in the range"), ("10.1", "not in the range"), ("x", "not a valid float range")):
        with pytest.raises(click.BadParameter, match=words):
            seconds.convert(value, None, None)

"""What is told of numbers that the server refuses."""

from typing import Any

import pytest

from mockpbx.conformance.hints import hints
from mockpbx.conformance.run import Options, Run, Take
from mockpbx.conformance.transcript import NO_JSON, Exchange

REFUSED = {"status": 400, "errors": "Invalid phone number format", "data": None}
PLACED = {"status": 200, "errors": "", "data": {"phoneNumber": "0", "sessionId": "a"}}


def asked(number: object, status: int = 400, token: str | None = "dev", json: Any = None) -> Exchange:
    json = json or (PLACED if status == 200 else REFUSED | {"status": status})
    return Exchange(0, 0, "POST", "/pbx/call", token, {"phoneNumber": number}, status, "application/json", "{}", json)


def told(*exchanges: Exchange, **numbers: str) -> list[str]:
    take = Take("listening")
    take.transcript.items.extend(exchanges)
    return list(hints(Run(Options("http://127.0.0.1:1", "dev", "08 12", "invalid-1", **numbers), {"listening": take})))


def test_a_number_that_is_refused_is_told_with_its_flag_and_what_to_do():
    assert told(asked("08 12"), asked("08 12"), asked("0817"), busy_number="0817", echo_number="08 12") == [
        "the server refused --number and --echo-number '08 12': "
        "POST /pbx/call was answered 400: Invalid phone number format; give a number that it calls",
        "the server refused --busy-number '0817': "
        "POST /pbx/call was answered 400: Invalid phone number format; give a number that it calls",
    ]


@pytest.mark.parametrize(
    "exchanges",
    [
        (),
        (asked("08 12", 200),),
        (asked("08 12", 200), asked("08 12", 500)),  # it is called, as a rule
        (asked("08 12", token="invalid-1"), asked("08 12", 401, token=None), asked("08 12", 200)),
        (asked("not-a-number"), asked(None), asked(8), asked("08 12", 200)),  # what the checker makes up to be refused
        (asked("08 12", 401), asked("08 12", 200)),
    ],
)
def test_a_number_that_is_called_needs_no_word(exchanges):
    assert told(*exchanges) == []


def test_a_refused_token_or_a_web_site_is_not_laid_to_the_number():
    assert told(asked("08 12", 401)) == []
    assert not any("refused" in hint for hint in told(asked("08 12", 404, json=NO_JSON)))

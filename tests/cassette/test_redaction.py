"""What must not be in a cassette is nowhere in it, and what must be told apart still is."""

import re
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.cassette.lines import Body, Packet, Raw, Reply, Request
from mockpbx.cassette.redaction import Redactor, redact
from mockpbx.cassette.tape import line_of

TOKEN = 'eyJhbGciOi"JIUzI1/NiIs+InR5c='
NUMBER = "089608675796"

numbers = st.from_regex(r"\A\+?[0-9]{8,15}\Z")


def event(name: str, *data, at: float = 1.0) -> Packet:
    return Packet(at, 1, "client", "event", list(data), event=name)


def test_a_token_is_found_in_a_header_and_gone_from_everywhere():
    redactor = Redactor()
    assert redactor.credentials(f"Bearer {TOKEN}") == ("t1", "Bearer t1")
    lines = [
        Request(1, 1, "GET", f"/cdr?x={quote(TOKEN, safe='')}", "t1", {"origin": f"http://{TOKEN}"}),
        Reply(2, 1, 200, {}, Body({"errors": f"unknown token {TOKEN}!", TOKEN: [TOKEN]})),
        Reply(3, 2, 200, {}, Body(raw=TOKEN.encode() * 2)),
        event("joinRoom", {"sessionId": TOKEN}, TOKEN.encode()),
        Raw(4, 1, "client", f"junk{TOKEN}junk"),
    ]
    written = "".join(line_of(redactor.line(line)) for line in lines)
    assert TOKEN not in written
    assert quote(TOKEN, safe="") not in written
    assert "unknown token t1!" in written


@pytest.mark.parametrize(
    "line",
    [
        Packet(1, 1, "client", "connect", [{"token": f"Bearer {TOKEN}"}]),
        Request(1, 1, "POST", "/login", None, {}, Body({"user": {"accessToken": TOKEN}})),
        Request(1, 1, "GET", f"/cdr?page=1&access_token={quote(TOKEN, safe='')}", None),
        Request(1, 1, "POST", "/socket.io/", None, {}, Body(raw='40{"token":"eyJhbGciOi\\"JIUzI1\\/NiIs+InR5c="}')),
        Raw(1, 1, "client", '{"api_key": "eyJhbGciOi\\"JIUzI1\\/NiIs+InR5c="'),
    ],
)
def test_a_token_is_found_wherever_it_is_called_so(line):
    redactor = Redactor()
    written = line_of(redactor.line(line)) + line_of(redactor.line(event("x", TOKEN)))
    assert "JIUzI1" not in written
    assert '"data": ["t1"]' in written


def test_tokens_are_named_in_order_of_appearance_and_a_short_one_leaves_words_alone():
    redactor = Redactor()
    redactor.line(Packet(1, 1, "client", "connect", [{"token": "dev"}]))
    redactor.line(Packet(2, 2, "client", "connect", [{"token": "device-7"}]))
    told = redactor.line(event("x", "dev, device, device-7, Bearer dev"))
    assert told.data == ["t1, device, t2, Bearer t1"]


def test_a_short_token_is_found_behind_what_an_address_or_json_escapes():
    redactor = Redactor(known=["dev"])
    request = Request(1, 1, "GET", "/cdr?a=Bearer%20dev&b=devil", None, {}, Body(raw=r'{"a": "x\ndev", "b": "udev"'))
    redacted = redactor.line(request)
    assert redacted.path == "/cdr?a=Bearer%20t1&b=devil"
    assert redacted.body.raw == r'{"a": "x\nt1", "b": "udev"'


def test_what_is_odd_about_a_header_is_told_without_the_token():
    redactor = Redactor()
    assert redactor.credentials("Basic dXNlcjpwYXNz") == ("t1", "Basic t1")
    assert redactor.credentials("just-a-token") == ("t2", "t2")
    assert redactor.credentials("Bearer ") == (None, "Bearer ")
    assert redactor.credentials("") == (None, "")


@given(numbers)
def test_a_number_keeps_its_length_and_its_beginning_and_loses_the_rest(number):
    redactor = Redactor(numbers=True)
    told = redactor.line(event("x", {"phoneNumber": number}, number, f"$eq:{number}"))
    replaced = told.data[1]
    digits = number.removeprefix("+")
    assert replaced.startswith(number[: len(number) - len(digits) + 4])
    assert len(replaced) == len(number)
    assert all(old != new for old, new in zip(digits[4:], replaced.removeprefix("+")[4:], strict=True))
    assert told.data == [{"phoneNumber": replaced}, replaced, f"$eq:{replaced}"]


@given(st.lists(st.from_regex(r"\A08[0-9]{6,13}\Z"), unique=True, max_size=20))
def test_different_numbers_stay_different(several):
    redactor = Redactor(numbers=True)
    assert len(set(redactor.line(event("x", several)).data[0])) == len(several)


def test_numbers_are_replaced_wherever_they_stand_and_the_same_way_everywhere():
    redactor = Redactor(numbers=True)
    lines = [
        Request(1, 1, "POST", "/pbx/call", "t1", {}, Body({"phoneNumber": NUMBER})),
        Request(1, 2, "GET", f"/cdr?filter.destination=$eq:{NUMBER}&page=1", "t1"),
        Request(1, 3, "GET", f"/cdr?filter.destination=%24eq%3A{NUMBER}", "t1"),
        Request(1, 4, "POST", "/pbx/call", "t1", {}, Body(raw=f"phoneNumber={NUMBER}")),
        event("cdr", {"destination": NUMBER, "hangupCauseText": f"no answer from {NUMBER}"}),
        event("checkPoint", {"name": f"said {NUMBER}"}),
        Raw(1, 1, "client", f'42["x","{NUMBER}"'),
    ]
    written = "".join(line_of(redactor.line(line)) for line in lines)
    assert NUMBER not in written
    assert len(set(re.findall(r"(?<!\d)0896\d{8}(?!\d)", written))) == 1
    assert len(re.findall(r"(?<!\d)0896\d{8}(?!\d)", written)) == 8


def test_the_beginning_of_a_number_in_a_filter_stays_the_beginning_of_that_number():
    redactor = Redactor(numbers=True)
    path = redactor.line(Request(1, 1, "GET", "/cdr?filter.destination=$contains:089608&page=1", None)).path
    number = redactor.line(event("x", {"destination": NUMBER})).data[0]["destination"]
    part = path.removeprefix("/cdr?filter.destination=$contains:").removesuffix("&page=1")
    assert number.startswith(part)
    assert part != "089608"


def test_what_only_stands_for_a_number_is_replaced_too_and_other_digits_are_not():
    redactor = Redactor(numbers=True)
    told = redactor.line(
        event("x", {"phoneNumber": "0896-0867-5796"}, "call 0896-0867-5796!", {"phoneNumber": 89608675})
    )
    assert "0867" not in str(told.data)
    assert told.data[0]["phoneNumber"] in told.data[1]
    assert isinstance(told.data[2]["phoneNumber"], int)
    kept = ["0198355b-f324-718b-95a4-123456789012", "2025-07-23T03:37:56.000Z", "1234567"]
    assert redactor.line(event("x", *kept)).data == kept


def test_redacting_again_takes_more_out_and_keeps_the_names(two_calls):
    whole = "".join(map(line_of, two_calls.lines))
    again = redact(two_calls, numbers=True, known=["greeting heard"])
    written = "".join(map(line_of, again.lines))

    assert "089608675796" in whole
    assert "089608675796" not in written
    assert "greeting" not in written
    assert re.findall(r'"token": "?[\w ]+', written) == re.findall(r'"token": "?[\w ]+', whole)
    assert again.header.redacted == ("tokens", "numbers")
    assert redact(again, numbers=False).lines == again.lines
    assert replace(redact(two_calls, numbers=False), header=two_calls.header) == two_calls

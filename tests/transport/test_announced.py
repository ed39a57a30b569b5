"""The fast path in reads what the strict path reads, as the strict path reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.transport import packets
from mockpbx.transport.announced import LONGEST, MOST_KNOWN, Announcements
from mockpbx.transport.packets import ProtocolError

ONE = '{"_placeholder":true,"num":0}'
AUDIO = f'["audio",{{"sessionId":"a","audioData":{ONE}}}]'


def by_both(text: str, attachment: bytes = b"sound"):
    """Return what either path makes of an event, its acknowledgment's number first; None where it is not taken."""
    announced = Announcements().read(text)
    fast = announced and (announced.number, announced.event.complete(attachment))
    try:
        packet = packets.read(text)
        strict = (packet.number, packet.data) if packet.missing and packet.attach(attachment) else None
    except ProtocolError:
        strict = None
    return fast, strict


@pytest.mark.parametrize("number", ["", "0", "7", "007", "999999999999999"])
def test_the_events_that_come_most_often_are_announced(number):
    fast, strict = by_both(f"51-{number}{AUDIO}")
    assert fast == strict == (int(number) if number else None, ["audio", {"sessionId": "a", "audioData": b"sound"}])


PIECES = st.sampled_from([
    ONE, '{"_placeholder":1,"num":0}', '{"_placeholder":true,"num":0.0}', '{"_placeholder":true,"num":false}',
    '{"_placeholder":true,"num":1}', '{"_placeholder":true,"num":0,"more":1}', f"[{ONE}]", "NaN", "-Infinity", "1e400",
    "null", "true", "1", '"text"', "{}", "[]", "[",
])  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from("abc"), PIECES, max_size=2).map(
    lambda pieces: "{" + ",".join(f'"{key}":{piece}' for key, piece in pieces.items()) + "}"
)
NAMES = st.sampled_from(['"audio"', '"connect"', "1", "true", "null"])
NUMBERS = st.sampled_from(["", "1", "²", "٣", "x", "-1", "1" * 16, "/other,", "/other,1"])


@given(NUMBERS, NAMES, st.lists(PIECES | OBJECTS, max_size=3))
def test_nothing_is_announced_that_the_strict_path_refuses_or_reads_otherwise(number, name, arguments):
    fast, strict = by_both(f"51-{number}[{','.join([name, *arguments])}]")
    assert fast in (None, strict)


def test_a_handler_that_changes_what_it_was_given_changes_nothing_for_the_next():
    known = Announcements()
    for _ in range(2):
        announced = known.read(f"51-{AUDIO}")
        assert announced is not None
        _, payload = announced.event.complete(b"x")
        assert payload == {"sessionId": "a", "audioData": b"x"}
        payload.clear()
    assert known.read(f'51-["audio",{{"data":{ONE}}},{{}}]') is None  # which would be shared


def test_what_a_client_announces_takes_no_endless_memory():
    known = Announcements()
    for number in range(2 * MOST_KNOWN // len(AUDIO)):
        known.read(f'51-["audio",{{"sessionId":"{number}","audioData":{ONE}}}]')
    assert 0 < sum(map(len, known._known)) <= MOST_KNOWN
    assert known.read(f'51-["audio",{{"sessionId":{json.dumps("x" * LONGEST)},"audioData":{ONE}}}]') is None

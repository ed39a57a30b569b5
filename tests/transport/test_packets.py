"""Socket.IO packets are written as python-socketio writes them, and read back as they were."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from socketio import packet as library

from mockpbx.transport import packets
from mockpbx.transport.packets import ProtocolError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.none() | st.integers(0, 10**15)


@given(st.lists(VALUES, max_size=3), st.sampled_from(["/", "/other"]), NUMBERS)
def test_events_are_written_as_the_library_writes_them_and_read_back(arguments, namespace, number):
    data = ["event", *arguments]
    messages = packets.write(packets.EVENT, namespace, number, data)
    encoded = library.Packet(library.EVENT, data=data, namespace=namespace, id=number).encode()
    assert messages == (encoded if isinstance(encoded, list) else [encoded])
    text, *attachments = messages
    assume(len(attachments) <= packets.MOST_ATTACHMENTS)  # what a client sends may have no more
    packet = packets.read(text)
    assert packet.missing == len(attachments)
    for place, attachment in enumerate(attachments, 1):
        assert packet.attach(attachment) is (place == len(attachments))
    assert (packet.kind, packet.namespace, packet.number, packet.data) == (packets.EVENT, namespace, number, data)


@given(st.text(alphabet='0123456789-/,[]{}"_placeholder:true num', max_size=30))
def test_whatever_is_read_is_a_packet_or_breaks_the_protocol(text):
    try:
        packet = packets.read(text)
    except ProtocolError:
        return
    assert packet.kind in range(5)
    assert packet.namespace.startswith("/")


def test_every_kind_of_binary_leaves_as_bytes_and_what_is_no_json_is_named():
    _, *attachments = packets.write(packets.ACK, number=1, data=[bytearray(b"a"), (memoryview(b"b"), {"c": b"c"})])
    assert attachments == [b"a", b"b", b"c"]
    data = ["event", math.inf, {"deep": [math.nan, 1.5, b"a"]}]
    assert packets.write(packets.EVENT, data=data) == [
        '51-["event",null,{"deep":[null,1.5,{"_placeholder":true,"num":0}]}]', b"a"
    ]  # fmt: skip
    with pytest.raises(TypeError, match="cannot send set as JSON"):
        packets.write(packets.EVENT, data=["e", {1}])

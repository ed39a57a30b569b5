"""The fast path writes what the libraries would have written, byte for byte."""

import asyncio

import pytest
from aiohttp._websocket.writer import WebSocketWriter
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st
from socketio import packet as sio

from mockpbx.transport import PreparedAck, PreparedEvent
from mockpbx.transport.wire import Wire


class Sink(asyncio.Transport):
    """A transport that keeps what is written, `waiting` bytes of it unsent."""

    def __init__(self, waiting: int = 0) -> None:
        super().__init__()
        self.written = b""
        self.waiting = waiting
        self.aborted = False

    def write(self, data) -> None:
        self.written += bytes(data)

    def writelines(self, pieces) -> None:
        self.write(b"".join(pieces))

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.aborted = True


def library_bytes(event: str, payload: dict) -> bytes:
    """What python-socketio and aiohttp put on the wire for an event."""
    sink = Sink()

    writer = WebSocketWriter(BaseProtocol(None), sink)
    text, *attachments = sio.Packet(sio.EVENT, data=[event, payload]).encode()
    for data, opcode in [(b"4" + text.encode(), 0x1), *((attachment, 0x2) for attachment in attachments)]:
        with pytest.raises(StopIteration):  # it has nothing to wait for
            writer.send_frame(data, opcode).send(None)
    return sink.written


@pytest.mark.parametrize("size", [0, 1, 125, 126, 320, 65_535, 65_536])
def test_a_prepared_event_equals_the_libraries_encoding(size):
    attachment = bytes(range(256)) * (size // 256) + bytes(size % 256)
    payload = {"sessionId": "0198355b-f324-718b-95a4-625c43c654bc", "audioData": b"", "audioFormat": "pcm16"}
    prepared = PreparedEvent("audio", payload, "audioData", size)
    assert prepared.websocket(attachment) == library_bytes("audio", payload | {"audioData": attachment})


@given(st.text(max_size=200), st.binary(max_size=200))
def test_whatever_the_payload_says(name, attachment):
    payload = {"name": name, "data": b"", "n": 1}
    prepared = PreparedEvent("e", payload, "data", len(attachment))
    assert prepared.websocket(attachment) == library_bytes("e", payload | {"data": attachment})


@given(st.integers(0, 10**15), st.lists(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=20)))
def test_a_prepared_acknowledgment_equals_the_librarys_encoding(number, arguments):
    assert PreparedAck(*arguments).text(number) == sio.Packet(sio.ACK, data=arguments, id=number).encode()


def test_a_peer_that_stops_reading_is_cut_off_and_nothing_more_is_written():
    sink = Sink(waiting=1_001)
    wire = Wire(sink, backlog=1_000, patience=10)
    wire.send("hello")
    assert sink.aborted
    wire.send("more")
    assert sink.written == b"\x81\x05hello"

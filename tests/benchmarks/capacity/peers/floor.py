"""The floor of the machine: the same bytes by plain `send()`, and nothing else that could be left out.

    python floor.py PORT

One thread, one epoll, one prepared message a call, sent every 20 ms in five phases. Packets of the uplink are taken
apart as far as their acknowledgment needs. It speaks to the load client of this suite and would do for no other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import select
import socket
import sys
import time
import uuid
from contextlib import suppress

FRAME = 0.020
PHASES = 5
SOUND = bytes(320)
REQUEST_END = b"\r\n\r\n"
ACK = b"\x81" + bytes((8 + len('[{"success":true,"error":null}]'),)) + b'43%s[{"success":true,"error":null}]'


def text(message: str) -> bytes:
    """Return a websocket text message of a server."""
    payload = message.encode()
    size = len(payload)
    header = bytes((0x81, size)) if size < 126 else bytes((0x81, 126)) + size.to_bytes(2, "big")
    return header + payload


class Client:
    """A connection: HTTP at first, then a websocket, then a call."""

    def __init__(self, sock: socket.socket, floor: Floor) -> None:
        self.sock, self.floor = sock, floor
        self.rest = b""
        self.upgraded = False
        self.ack = b""

    def read(self) -> bool:
        """Take what has come. Returns whether the connection goes on."""
        try:
            data = self.sock.recv(65_536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        data = self.rest + data if self.rest else data
        if self.upgraded:
            self.rest = data[self.frames(data) :]
            return True
        return self.request(data)

    def request(self, data: bytes) -> bool:
        head, end, body = data.partition(REQUEST_END)
        if not end or (head.startswith(b"POST") and not body.endswith(b"}")):
            self.rest = data
            return True
        if head.startswith(b"GET /socket.io"):
            key = next(line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
            proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
            opened = {
                "sid": "floor",
                "upgrades": [],
                "pingInterval": 25_000,
                "pingTimeout": 20_000,
                "maxPayload": 10**6,
            }
            self.sock.send(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + f"Sec-WebSocket-Accept: {proof}\r\n\r\n".encode()
                + text("0" + json.dumps(opened))
            )
            self.upgraded, self.rest = True, b""
            return True
        reply = json.dumps({"status": 200, "errors": "", "data": {"sessionId": str(uuid.uuid4())}}).encode()
        self.sock.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(reply) + reply)
        return False

    def frames(self, data: bytes) -> int:
        """Take whole frames. Returns where the first one begins that is not whole."""
        at, size = 0, len(data)
        while at + 4 <= size:
            length, key = data[at + 1] & 0x7F, at + 2
            if length == 126:
                length, key = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            end = key + 4 + length
            if end > size:
                break
            if data[at] == 0x82:
                self.sock.send(self.ack)
            else:
                self.event(data[key : key + 4], data[key + 4 : end])
            at = end
        return at

    def event(self, key: bytes, masked: bytes) -> None:
        if masked[2] ^ key[2] == 0x31:  # 451-: an audio event whose sound is still to come
            number = (int.from_bytes(masked[4:10], "big") ^ int.from_bytes(key + key[:2], "big")).to_bytes(6, "big")
            self.ack = ACK % number
            return
        message = bytes(byte ^ key[n % 4] for n, byte in enumerate(masked)).decode()
        if message.startswith("40"):
            self.sock.send(text('40{"sid":"floor"}'))
        elif message.startswith('42["joinRoom"'):
            session_id = json.loads(message[2:])[1]["sessionId"]
            self.sock.send(text("42" + json.dumps(["dialStatus", {"sessionId": session_id, "status": "Connected"}])))
            fields = {"sessionId": session_id, "audioData": {"_placeholder": True, "num": 0}, "audioFormat": "pcm16"}
            event = text("451-" + json.dumps(["audio", fields], separators=(",", ":")))
            self.floor.add(self, event + b"\x82\x7e\x01\x40" + SOUND)


class Floor:
    """The loop."""

    def __init__(self, port: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.listener.setblocking(False)
        self.epoll = select.epoll()
        self.epoll.register(self.listener, select.EPOLLIN)
        self.clients: dict[int, Client] = {}
        self.phases: list[dict[Client, bytes]] = [{} for _ in range(PHASES)]
        self.turn = 0

    def add(self, client: Client, message: bytes) -> None:
        """Let a call have its message every 20 ms."""
        self.phases[self.turn % PHASES][client] = message
        self.turn += 1

    def run(self) -> None:
        """Serve for ever."""
        due, tick = time.perf_counter(), 0
        while True:
            now = time.perf_counter()
            while due <= now:
                for client, message in self.phases[tick % PHASES].items():
                    with suppress(OSError):  # it reads too slowly, or has gone: the read will tell
                        client.sock.send(message)
                tick += 1
                due += FRAME / PHASES
            for descriptor, _ in self.epoll.poll(max(0.0, due - time.perf_counter()), 4096):
                if descriptor == self.listener.fileno():
                    self.accept()
                elif not self.clients[descriptor].read():
                    self.drop(descriptor)

    def accept(self) -> None:
        """Take all connections that wait."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.clients[sock.fileno()] = Client(sock, self)
            self.epoll.register(sock, select.EPOLLIN)

    def drop(self, descriptor: int) -> None:
        """Forget a connection."""
        client = self.clients.pop(descriptor)
        self.epoll.unregister(descriptor)
        client.sock.close()
        for phase in self.phases:
            phase.pop(client, None)


if __name__ == "__main__":
    Floor(int(sys.argv[1])).run()

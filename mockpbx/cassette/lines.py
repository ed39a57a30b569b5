"""What a cassette says: one value a line, in the order things happened. Times are milliseconds since its beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Side = Literal["client", "server"]
PacketType = Literal["connect", "connect_error", "disconnect", "event", "ack"]


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: when (ISO 8601), of which server and by which mockpbx it was made, and what was taken out."""

    recorded: str
    upstream: str
    mockpbx: str
    redacted: tuple[str, ...] = ("tokens",)


@dataclass(frozen=True, slots=True)
class Body:
    """What an HTTP message carried: a JSON value, or `raw` where it was no JSON object or list; neither where it was
    empty."""

    json: Any = None
    raw: str | bytes | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; `path` is below the base address, with its query. `at` is in milliseconds, as in every line."""

    kind: ClassVar[str] = "request"
    at: float
    id: int
    method: str
    path: str
    token: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = Body()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered to the request of the same id."""

    kind: ClassVar[str] = "reply"
    at: float
    id: int
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = Body()


@dataclass(frozen=True, slots=True)
class Failed:
    """The server gave no reply to the request of this id."""

    kind: ClassVar[str] = "failed"
    at: float
    id: int
    error: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A websocket, from the client's CONNECT on; `token` is what that showed."""

    kind: ClassVar[str] = "opened"
    at: float
    socket: int
    token: str | None


@dataclass(frozen=True, slots=True)
class Packet:
    """A Socket.IO packet. `data` are the arguments, binary ones as bytes."""

    kind: ClassVar[str] = "packet"
    at: float
    socket: int
    sender: Side
    type: PacketType
    data: list[Any]
    id: int | None = None
    event: str | None = None
    namespace: str = "/"

    @property
    def payload(self) -> Any:
        """The first argument, None where there is none."""
        return self.data[0] if self.data else None


@dataclass(frozen=True, slots=True)
class Raw:
    """A websocket message that is no Socket.IO."""

    kind: ClassVar[str] = "raw"
    at: float
    socket: int
    sender: Side
    content: str | bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of a websocket: who began it, and the code (RFC 6455, 7.4; 1005: none was given, 1006: it was lost)."""

    kind: ClassVar[str] = "closed"
    at: float
    socket: int
    by: Side
    code: int


@dataclass(frozen=True, slots=True)
class End:
    """A whole recording ends so."""

    kind: ClassVar[str] = "end"
    at: float


Line = Request | Reply | Failed | Opened | Packet | Raw | Closed | End


@dataclass(frozen=True, slots=True)
class Cassette:
    """A cassette as far as it is whole. `cut` says where and why it stops early, None where it does not."""

    header: Header
    lines: tuple[Line, ...]
    cut: str | None = None

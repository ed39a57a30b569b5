"""Every switch and knob, declared once. `--some-flag`, `MOCKPBX_SOME_FLAG` and `some_flag` in a file are one name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from mockpbx.contract.vocabulary import PHONE_NUMBER_PATTERN
from mockpbx.domain.exchange import Timing
from mockpbx.runtime.clock import clock_mode

MS_PER_SECOND = 1_000


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    return pattern


def _usable(tokens: tuple[str, ...]) -> tuple[str, ...]:
    for token in tokens:
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ValueError("tokens of printable ASCII characters without spaces")
        if token.startswith(("invalid", "expired")):
            raise ValueError("tokens that do not begin with invalid or expired: those are always refused")
    return tokens


def _listed(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name != "*" and not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", name):
            raise ValueError("names of hosts without scheme and port, such as mockpbx or pbx.test; or *")
    return tuple(name.lower() for name in names)


def _clock(name: str) -> str:
    return clock_mode(name).name


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _mutant(name: str | None) -> str | None:
    if name is None:
        return None
    from mockpbx.runtime.mutants.table import checked

    return checked(name)


Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Age = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Heartbeat = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class WorkspaceSettings(BaseModel):
    """What one workspace may have its own way. A switch whose help says so leaves the contract when turned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    callee: str = Field(
        "echo", description="who answers ordinary numbers: echo, tone, silence, noise or a WAV/MP3 file"
    )
    phone_pattern: Annotated[str, AfterValidator(_compiled)] = Field(
        PHONE_NUMBER_PATTERN, description="regular expression of a valid phone number"
    )
    success_status: Annotated[Literal[200, 201], BeforeValidator(_whole)] = Field(
        200, description="HTTP status of a successful POST (201 leaves the contract)"
    )
    idempotent_hangup: bool = Field(
        False, description="answer 200 to the hang-up of an unknown or ended session (leaves the contract)"
    )
    session_id_version: Annotated[Literal[4, 7], BeforeValidator(_whole)] = Field(
        7, description="UUID version of session ids"
    )
    page_limit: int = Field(100, ge=1, le=10_000, description="records on a page where the request names no limit")
    page_limit_max: int = Field(100, ge=1, le=10_000, description="most records on a page")
    page_links: bool = Field(False, description="add nestjs-paginate's `links` to pages of records")
    exceptions: bool = Field(True, description="report a refused event to its client as an `exception` event")
    audio_before_answer: Literal["refuse", "queue", "discard"] = Field(
        "refuse", description="what becomes of client audio before Connected"
    )
    interruption_fires_checkpoints: bool = Field(
        False, description="fire cleared checkpoints at once, as Twilio does (leaves the contract)"
    )
    cause_text: Literal["contract", "asterisk"] = Field("contract", description="whose names hangup causes bear")
    cancel_is_no_answer: bool = Field(
        False,
        description="file a call given up by the client before the answer as NO ANSWER, hung up by nobody",
    )
    hangup_when_left: Seconds | None = Field(
        None, description="seconds after which a call whose room has emptied is hung up (default: it goes on)"
    )
    announce_delay: Seconds = Field(0, description="seconds from the POST to newSession")
    dial_delay: Seconds = Field(1, description="seconds after which dialling starts even if nobody has joined")
    record_delay: Seconds = Field(2, description="seconds from the end of a call to its cdr event")
    call_limit: Seconds = Field(14_400, description="seconds after which an answered call ends by itself")
    playout_limit: Annotated[float, Field(ge=1, le=3_600)] = Field(
        600, description="seconds of client audio that may wait"
    )
    ring_limit: Seconds = Field(60, description="seconds after which a call that nobody answers ends")
    inbound_answer: Literal["join", "control"] = Field(
        "join", description="what answers an inbound call: the client's joinRoom, or only the control API"
    )
    clock: Annotated[str, AfterValidator(_clock)] = Field(
        "real", description="how time passes: real, a rate such as 20x, manual (by steps) or auto (jumps)"
    )
    clock_start: AwareDatetime | None = Field(
        None, description="virtual time at which a workspace begins, ISO 8601 with a zone (default: now)"
    )
    grace: Annotated[float, Field(ge=0, le=10)] = Field(
        0.005, description="wall seconds that a clock that jumps or is stepped leaves to HTTP requests after each event"
    )
    audio_lead: Annotated[float, Field(ge=0.02, le=60)] = Field(
        1, description="seconds of audio that such a clock runs ahead of what its clients have read"
    )
    first_call: int = Field(
        1, ge=1, description="ordinal of a workspace's first call, to give it the luck of a later one"
    )
    journal_limit: int = Field(100_000, ge=1_000, le=10_000_000, description="entries that a workspace's journal keeps")
    journal_age: Age = Field(86_400, description="wall seconds that journal, ended calls and recordings are kept")
    recording_limit: int = Field(
        32_000_000, ge=0, description="bytes of recordings that a workspace keeps in memory; 0 records nothing"
    )

    def timing(self) -> Timing:
        """Return what the exchange needs of these, in milliseconds."""
        return Timing(
            announce_delay=_ms(self.announce_delay),
            dial_delay=_ms(self.dial_delay),
            record_delay=_ms(self.record_delay),
            ring_limit=_ms(self.ring_limit),
            call_limit=_ms(self.call_limit),
            hangup_when_left=None if self.hangup_when_left is None else _ms(self.hangup_when_left),
            cancel_is_no_answer=self.cancel_is_no_answer,
            joining_answers=self.inbound_answer == "join",
        )


class ServerSettings(BaseModel):
    """What acts before a token is known, and so belongs to the server as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(
        7290, ge=0, le=65_535, description="port to listen on (P-B-X on a phone's keypad); 0 picks a free one"
    )
    token: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_usable)] = Field(
        (),
        description="bearer token to accept, each its own workspace; repeatable. Without it any token works",
    )
    database: Path | Literal[":memory:"] | None = Field(
        None, description="file of the call records (default: in the user's data directory), or :memory:"
    )
    seed: int | None = Field(
        None, ge=0, description="seed of everything random in a call (default: drawn, and printed)"
    )
    dialplan: Path | None = Field(None, description="YAML or JSON file of rules: what other numbers do")
    trace_dir: Path | None = Field(None, description="folder in which the evidence of every call is written")
    replay: Path | None = Field(
        None, description="JSON lines of a call's evidence: the first call of each workspace is that call again"
    )
    clips: Path | None = Field(None, description="folder whose sound files requests to the control API may name")
    watch: bool = Field(False, description="read the dial plan again when one of its files changes")
    admin_token: str | None = Field(
        None, min_length=1, description="secret that the control API asks for, in the header X-Admin-Token"
    )
    allowed_host: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_hosts)] = Field(
        (),
        description="name by which console and control API may be reached, beside those of this machine and any "
        "address; repeatable; * for any name",
    )
    tls: bool = Field(False, description="serve https, with a certificate made on the spot (needs mockpbx[tls])")
    tls_cert: Path | None = Field(None, description="PEM file of a certificate, and of its chain, to serve https with")
    tls_key: Path | None = Field(None, description="PEM file of that certificate's private key, without passphrase")
    tls_ca: Path | None = Field(
        None,
        description="file for the authority of a certificate made on the spot, which clients are to trust "
        "(default: in the user's data directory)",
    )
    workspace_idle: Age = Field(
        3_600, description="seconds after which a workspace with no socket and no call is forgotten; its records stay"
    )
    event_loop: Literal["auto", "asyncio", "uvloop"] = Field(
        "auto", description="what runs the server; auto is uvloop where it is installed, asyncio elsewhere"
    )
    log_format: Literal["text", "json"] = Field("text", description="how log lines look")
    cors_origin: str | None = Field("*", description="origin that browsers may call from; empty switches CORS off")
    body_limit: int = Field(102_400, ge=1, le=2**30, description="largest request body in bytes")
    message_limit: int = Field(1_000_000, ge=1_000, le=2**30, description="largest Socket.IO frame in bytes")
    request_timeout: Heartbeat = Field(
        60, description="seconds in which a request must have come, its body too; idle connections are closed then"
    )
    slow_reader_timeout: Heartbeat = Field(
        10, description="seconds after which a client is cut off that takes nothing of what waits for it"
    )
    most_connections: Count = Field(10_000, description="most connections of all clients together")
    most_workspaces: Count = Field(5_000, description="most workspaces that are open at a time")
    most_calls: Count = Field(5_000, description="most live calls of each workspace")
    most_sockets: Count = Field(2_000, description="most sockets of each workspace")
    most_rooms: Count = Field(5_000, description="most rooms that one socket is in at a time")
    ping_interval: Heartbeat = Field(25, description="seconds between heartbeats")
    ping_timeout: Heartbeat = Field(20, description="seconds that a heartbeat may go unanswered")
    mutant: Annotated[str | None, AfterValidator(_mutant)] = Field(
        None, description="break the contract on purpose, in the way of this name (see mockpbx mutate --list)"
    )


def _ms(seconds: float) -> int:
    return round(seconds * MS_PER_SECOND)

"""Query and reply of the messages between clients and service (see `messages`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from mockpbx.adapters.control.messages import LONGEST_WAIT, MOST_ENTRIES, After, Iso, Limit, Query
from mockpbx.contract.messages import Message

#: Messages on a page where the request names no limit.
USUAL_LIMIT = 200


class MessagesQuery(Query):
    """Which messages: those `after` a position; or the `latest`, and from there back `before` a number.

    A page always has its messages in order. `latest=200`, then `before=PREVIOUS` for what came earlier and
    `after=NEXT&wait=30` for what comes later tells everything once.
    """

    after: After = None
    before: Annotated[
        int | None,
        Field(ge=1, description="the last messages before this number: the `previous` of a reply, all the way back"),
    ] = None
    latest: Annotated[
        int | None, Field(ge=1, le=MOST_ENTRIES, description="so many of the last messages that there are")
    ] = None
    limit: Limit = USUAL_LIMIT
    call: Annotated[str | None, Field(description="messages that name this session alone")] = None
    via: Annotated[Literal["rest", "socket"] | None, Field(description="messages of this kind alone")] = None
    direction: Annotated[Literal["in", "out"] | None, Field(description="messages of this direction alone")] = None
    q: Annotated[
        str,
        Field(max_length=200, description="messages with these characters in name, payload, reply, error or an id"),
    ] = ""
    wait: Annotated[
        float,
        Field(
            ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="wall seconds to wait where there is no message yet"
        ),
    ] = 0


class MessageAbout(Message):
    """A message of a socket, a request of REST with its reply, or a run of sound: messages that only continue it."""

    number: Annotated[int | None, Field(description="null as long as the run grows")]
    at: Annotated[int, Field(description="virtual ms since 1970 when it came, left or began")]
    time: Annotated[Iso, Field(description="the same moment")]
    until: Annotated[int, Field(description="virtual ms when its reply left, or its last sound came")]
    wall: Annotated[int, Field(description="wall ms since 1970 when it came, left or began")]
    direction: Annotated[Literal["in", "out"], Field(description="from the client, or to it")]
    via: Literal["rest", "socket"]
    name: Annotated[str, Field(description="an event, or a method and a path")]
    call: Annotated[str | None, Field(description="the session that it names")]
    client: Annotated[str | None, Field(description="the socket that sent or got it; null for several, and for REST")]
    clients: Annotated[int | None, Field(description="how many sockets got it")]
    payload: Annotated[
        JsonValue, Field(description='what was sent, binary as {"bytes": its size}; of a run the first payload')
    ]
    status: Annotated[int | None, Field(description="HTTP status; null for a socket's, and where no reply left")]
    reply: Annotated[JsonValue, Field(description="body of the reply, or the acknowledgment; of a run the last one")]
    shortened: Annotated[bool, Field(description="whether parts of payload or reply were left out")]
    ms: Annotated[float | None, Field(description="wall ms until the reply")]
    count: Annotated[int, Field(description="how many messages this stands for")]
    bytes: Annotated[int, Field(description="size of their sound")]
    formats: Annotated[list[str], Field(description="audio formats that they name")]
    refused: Annotated[int, Field(description="how many of a run were refused")]
    acks: Annotated[int | None, Field(description="how many of a client's run were acknowledged while it grew")]
    error: Annotated[str | None, Field(description="why it was refused; of a run the last refusal")]


class MessagesPage(Message):
    """Messages in the order in which they were complete, at most `limit` of them and about a megabyte."""

    messages: list[MessageAbout]
    open: Annotated[list[MessageAbout], Field(description="runs of sound that still grow, as they are now")]
    next: Annotated[str, Field(description="the `after` to ask with for what comes later")]
    previous: Annotated[
        int | None, Field(description="the `before` to ask with for what came earlier; null where nothing is kept")
    ]
    first: Annotated[int, Field(description="number of the oldest message that is still kept")]
    started: Annotated[int, Field(description="tells these messages from those before a reset")]
    truncated: Annotated[bool, Field(description="whether messages after the position are gone")]

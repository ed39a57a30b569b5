"""What can go wrong between a client and a server. Each error's text is one sentence for a person."""

from __future__ import annotations


class ClientError(Exception):
    """Base of the family."""


class RequestFailed(ClientError):
    """The server answered a request with an error envelope; `errors` is the server's own sentence."""

    def __init__(self, status: int, errors: str) -> None:
        super().__init__(f"{errors or 'no reason given'} ({status})")
        self.status = status
        self.errors = errors


class UnexpectedReply(ClientError):
    """The server answered something that is not in the contract: HTML, nothing, other fields."""


class ConnectionFailed(ClientError):
    """The server cannot be reached, or the connection was lost for good."""


class ConnectionRefused(ConnectionFailed):
    """The server refused the socket, normally because of its token; the text is the server's own sentence."""


class TimedOut(ClientError, TimeoutError):
    """What was awaited did not come in time."""

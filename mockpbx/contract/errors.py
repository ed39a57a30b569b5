"""Declared errors. Each names its HTTP status, and the sentence that reaches the client, where it is declared."""

from __future__ import annotations

from typing import ClassVar


class PBXError(Exception):
    """Base of every error that a client or a user may cause. Its text is one clear sentence for that person."""

    status: ClassVar[int] = 400
    sentence: ClassVar[str] = "Bad request"

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class InvalidRequest(PBXError):
    """A body, field or query that does not keep the contract (section "Error Handling")."""


class InvalidPhoneNumber(InvalidRequest):
    """The contract's own sentence, section "Common Error Responses"."""

    sentence = "Invalid phone number format"


class Unauthorized(PBXError):
    """No usable token. The default is the contract's own sentence, section "Common Error Responses"."""

    status = 401
    sentence = "Authentication token is required"


class InvalidToken(Unauthorized):
    """A token that this server does not know, or one that begins with `invalid`."""

    sentence = "Authentication token is invalid"


class ExpiredToken(Unauthorized):
    """A token that begins with `expired`: so clients can try that path."""

    sentence = "Authentication token has expired"


class NotFound(PBXError):
    """No such route."""

    status = 404
    sentence = "Not found"


class NoSuchSession(NotFound):
    """The session is unknown here, has ended, or belongs to another token: the three look alike on purpose."""

    sentence = "No live call has this sessionId: it is unknown or the call has ended"


class NoSuchRecord(NotFound):
    """No call record is visible under this session id."""

    sentence = "No call record has this sessionId"


class BodyTooLarge(PBXError):
    """The request body exceeds the limit."""

    status = 413


class UnsupportedBody(PBXError):
    """A charset or content encoding that the service does not read."""

    status = 415


class ServiceFailure(PBXError):
    """The service's own failure."""

    status = 500
    sentence = "Internal server error"


class Stopping(ServiceFailure):
    """The emulator is on its way out; a call placed now would have no end."""

    sentence = "The service is stopping"


class LimitReached(PBXError):
    """There are as many of something as the server allows at a time; the sentence names the setting."""

    status = 503

    def __init__(self, what: str, most: int, setting: str) -> None:
        super().__init__(f"{what}: there are {most} of them already, and {setting} allows no more")


class CallNotInitiated(ServiceFailure):
    """What `POST /pbx/call` answers to the magic number 08000000500."""

    sentence = "Failed to initiate call"


class AudioRefused(PBXError):
    """Client audio that was not taken; the sentence is the acknowledgment's `error`."""


class NotConnected(AudioRefused):
    """Sound or keys for a call that nobody has answered yet."""

    sentence = "Call is not connected"


class BadAudio(AudioRefused):
    """The audio of one message cannot be played."""


class QueueFull(AudioRefused):
    """The playback queue has no room for the whole message; what was queued before stays queued."""


class ConfigurationError(PBXError):
    """A flag, environment variable or file that cannot be used: one line on stderr, exit status 2."""

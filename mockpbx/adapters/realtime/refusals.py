"""Why client audio was refused, in a word: few enough to count by."""

from __future__ import annotations

from typing import Final

from mockpbx.contract.errors import BadAudio, InvalidRequest, NoSuchSession, NotConnected, QueueFull

OTHER: Final = "other"
#: The word of each error, the first that fits.
WORDS: Final[dict[type[Exception], str]] = {
    NotConnected: "not_connected",
    NoSuchSession: "no_such_session",
    QueueFull: "queue_full",
    InvalidRequest: "malformed",
    BadAudio: "bad_audio",
}


def why(refusal: Exception) -> str:
    """Return the word of a refusal."""
    return next((word for error, word in WORDS.items() if isinstance(refusal, error)), OTHER)

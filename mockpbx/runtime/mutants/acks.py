"""Mutants of the acknowledgment of `audio`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mockpbx.contract.errors import NotConnected
from mockpbx.runtime.mutants.mutation import Mutant, Mutation, Payload
from mockpbx.runtime.mutants.telling import without

_TAKEN: Payload = {"success": True, "error": None}
_FAILED: Payload = {"success": False, "error": "Internal server error"}


@dataclass
class AckChanged(Mutation):
    """An acknowledgment is another one; none where `change` makes None of it."""

    change: Callable[[Payload], object]

    def ack(self, ack: Payload) -> object:
        """Change it."""
        return self.change(ack)


class TakenAfterTheEnd(Mutation):
    """Audio for a call that has ended is acknowledged as taken."""

    def __init__(self) -> None:
        self._ended: set[object] = set()
        self._is_over = False

    def events(self, event: str, payload: Payload) -> Sequence[tuple[str, Payload]]:
        """Note which calls are over."""
        if event == "hangup":
            self._ended.add(payload["sessionId"])
        return [(event, payload)]

    def incoming(self, event: str, payload: object) -> Sequence[tuple[int, object]]:
        """Note whether audio is for a call that is over."""
        named = payload.get("sessionId") if isinstance(payload, dict) else None
        self._is_over = event == "audio" and isinstance(named, str) and named in self._ended
        return [(0, payload)]

    def ack(self, ack: Payload) -> object:
        """Say that it was taken."""
        return _TAKEN if self._is_over else ack


def _accepts_early(ack: Payload) -> Payload:
    return _TAKEN if ack["error"] == NotConnected.sentence else ack


_SECTION = "Acknowledgment Response"

ACKS = (
    Mutant(
        "ack-missing", "acks", _SECTION, "audio is never acknowledged",
        "assert that your client waits for acknowledgments, and not for ever", AckChanged(lambda ack: None),
    ),
    Mutant(
        "ack-success-as-string", "acks", _SECTION, 'success is "true" or "false", a text',
        "send audio that is refused and assert that your client takes it for refused",
        AckChanged(lambda ack: ack | {"success": str(ack["success"]).lower()}),
    ),
    Mutant(
        "ack-error-empty", "acks", _SECTION, 'error is "" instead of null where audio was taken',
        "assert that error is null", AckChanged(lambda ack: ack | {"error": ack["error"] or ""}),
    ),
    Mutant(
        "ack-without-error", "acks", _SECTION, "the field error is missing",
        "assert that error is there", AckChanged(lambda ack: without(ack, "error")),
    ),
    Mutant(
        "ack-error-null", "acks", _SECTION, "audio is refused without an error message",
        "send audio that is refused and assert that your client reports why",
        AckChanged(lambda ack: ack | {"error": None}),
    ),
    Mutant(
        "ack-says-refused", "acks", _SECTION, "audio is played and acknowledged as refused",
        "assert that each chunk is acknowledged with success", AckChanged(lambda ack: _FAILED),
    ),
    Mutant(
        "ack-hides-refusal", "acks", _SECTION, "audio that was refused is acknowledged with success",
        "send audio that is refused and assert that your client notices", AckChanged(lambda ack: _TAKEN),
    ),
    Mutant(
        "ack-hides-the-end", "acks", _SECTION, "audio for a call that has ended is acknowledged with success",
        "speak when hangup has come and assert that your client notices", TakenAfterTheEnd(),
    ),
    Mutant(
        "audio-before-connected-accepted", "acks", _SECTION, "audio before Connected is acknowledged, and lost",
        "assert that your client does not speak before Connected", AckChanged(_accepts_early),
    ),
)  # fmt: skip

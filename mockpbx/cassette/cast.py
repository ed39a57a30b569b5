"""Whom a live conversation has in the places of the recorded tokens, numbers and sessions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from mockpbx.cassette.lines import Opened, Packet, Request
from mockpbx.cassette.redaction import Redactor
from mockpbx.cassette.score import Score, session_in


class NotEnough(ValueError):
    """What was given does not suffice to play this cassette; the text is one sentence for a person."""


class Cast:
    """Live tokens by their recorded names, numbers by the recorded ones, and session ids as they become known.

    `tokens` stand for those that the recorded server took, in order of appearance; wrong ones are made up. Raises
    NotEnough where there are fewer.
    """

    def __init__(self, score: Score, tokens: Sequence[str], numbers: Mapping[str, str]) -> None:
        self.sessions: dict[str, str] = {}
        self._score = score
        self._numbers = dict(numbers)
        taken = score.tokens
        if len(tokens) < len(taken):
            many = "a token" if len(taken) == 1 else f"{len(taken)} tokens"
            raise NotEnough(f"the recorded client had {many} that the server took; give as many, each with --token")
        self.tokens = dict(zip(taken, tokens, strict=False))
        for line in score.lines:
            if isinstance(line, (Request, Opened)) and line.token is not None and line.token not in self.tokens:
                self.tokens[line.token] = f"invalid-{secrets.token_hex(8)}"

    def redactor(self) -> Redactor:
        """Return a redactor that calls the live tokens what they are called in the recording."""
        redactor = Redactor()
        for name, token in self.tokens.items():
            redactor.name(token, name)
        return redactor

    def live(self, text: str) -> str:
        """Return a recorded text with the live session ids, tokens and numbers in it."""
        for recorded, live in (*self.sessions.items(), *self._numbers.items()):
            text = text.replace(recorded, live)
        scheme, space, name = text.rpartition(" ")
        return f"{scheme}{space}{self.tokens[name]}" if name in self.tokens else text

    def recorded(self, text: str) -> str:
        """Return a live text with the recorded numbers in it; ids stay what they are."""
        for recorded, live in self._numbers.items():
            text = text.replace(live, recorded)
        return text

    def session(self, packet: Packet) -> str | None:
        """Return the recorded session that a live packet is about, None where it is not known (yet)."""
        live = session_in(packet.payload)
        if live is None:
            return None
        for recorded, known in self.sessions.items():
            if known == live:
                return recorded
        made_up = live in self._score.about and live not in self._score.sessions
        return live if made_up else None

    def next_inbound(self) -> str | None:
        """Return the next recorded session that no request placed and that has no live one yet."""
        inbound = (session for session in self._score.sessions if session not in self._score.placed)
        return next((session for session in inbound if session not in self.sessions), None)

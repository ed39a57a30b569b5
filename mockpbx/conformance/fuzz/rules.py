"""What holds in every conversation with a right server, however odd the client is."""

from __future__ import annotations

from mockpbx.conformance.fuzz import course, requests, sockets
from mockpbx.conformance.fuzz.breach import Breach
from mockpbx.conformance.fuzz.player import Played

RULES = (*requests.RULES, *sockets.RULES, *course.RULES, *sockets.LAST, *requests.LAST)


def breaches(played: Played) -> list[Breach]:
    """Return what was broken in a conversation; what shows most comes first."""
    return [breach for rule in RULES for breach in rule(played)]

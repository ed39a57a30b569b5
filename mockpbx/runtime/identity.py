"""Session ids: random, never seeded, since workspaces must not collide."""

from __future__ import annotations

import uuid
from typing import Literal


def new_session_id(version: Literal[4, 7]) -> str:
    """Return a new UUID of that version ; 7 is what the service mints at the POST."""
    if version == 4:
        return str(uuid.uuid4())
    from uuid_utils import uuid7

    return str(uuid7())

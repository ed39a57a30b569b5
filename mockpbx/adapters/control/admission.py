"""The admin token: what a request must show where the server was started with one."""

from __future__ import annotations

import hmac

from mockpbx.contract.errors import Unauthorized

ADMIN_HEADER = "X-Admin-Token"


class AdminTokenRequired(Unauthorized):
    """The server has an admin token, and this request does not show it."""

    sentence = f"This control API asks for the server's admin token: send it in the header {ADMIN_HEADER}"


def admit(secret: str | None, shown: str) -> None:
    """Let in who shows the secret, where there is one. Raises AdminTokenRequired."""
    if secret is not None and not hmac.compare_digest(_bytes(shown), _bytes(secret)):
        raise AdminTokenRequired


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")

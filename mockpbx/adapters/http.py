"""What both HTTP APIs of the emulator have in common."""

from __future__ import annotations

from aiohttp import web


def envelope(status: int, errors: str, data: object) -> web.Response:
    """Return a reply in the contract's envelope; the HTTP status is `status`, `errors` is empty where all went well."""
    return web.json_response({"status": status, "errors": errors, "data": data}, status=status)

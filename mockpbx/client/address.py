"""The address of a server."""

from __future__ import annotations

from urllib.parse import urlsplit

from mockpbx.client.errors import ConnectionFailed


def base_of(url: str) -> str:
    """Return `url` without a trailing slash or query. Raises ConnectionFailed where it cannot be an address."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConnectionFailed(f"{url!r} is no address of a server; expected one like http://127.0.0.1:7290")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def socket_path(base: str) -> str:
    """Return the path of the Socket.IO endpoint below the base address."""
    return f"{urlsplit(base).path}/socket.io".lstrip("/")

"""Who may come to the console and the control API: programs by any address, and pages of this server alone.

A page of somebody else's can send requests to this machine from its reader's browser, and with a name that it lets
point here (DNS rebinding) even read the answers. The contract's own routes stay open to every page, as the service's.
"""

from __future__ import annotations

import ipaddress
import re

from aiohttp import web

from mockpbx.contract.errors import PBXError

#: Stands for any name.
ANY = "*"
#: What a browser says of requests by this server's own page, and of those that its user made.
_OWN = frozenset({"same-origin", "none"})
_SAFE = frozenset({"GET", "HEAD"})
_IN_BRACKETS = re.compile(r"\[([^]]*)\](?::\d*)?")


class OtherHost(PBXError):
    """The server was asked by a name that it does not know to be its own."""

    status = 403

    def __init__(self, host: str) -> None:
        name = _name(host)[:200]
        super().__init__(
            f"The console and the control API are not served under the name {name!r}: use http://localhost or an "
            f"address, or start the server with --allowed-host {name if name.isascii() and name else 'NAME'}"
        )


class OtherSite(PBXError):
    """A page of somebody else's sent this."""

    status = 403

    def __init__(self, origin: str | None, host: str) -> None:
        of = "another site" if origin is None else f"another site ({origin[:200]})"
        super().__init__(
            f"This request comes from a page of {of}: open this server's own at {host[:200]}/__console/, "
            "or send it from a program"
        )


class Guard:
    """Knows the names of a server: those of its machine, any IP address, its `host` and the `allowed` ones."""

    def __init__(self, host: str = "localhost", allowed: tuple[str, ...] = ()) -> None:
        self._any = ANY in allowed
        self._names = {"localhost", _name(host), *map(_name, allowed)}

    def check(self, request: web.Request) -> None:
        """Let a request pass, or raise OtherHost or OtherSite. Programs need not say where they come from."""
        for host in request.headers.getall("Host", ()):
            if not self._knows(_name(host)):
                raise OtherHost(host)
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if not _opened(request) and (site not in _OWN or not _same(origin, request.host)):
            raise OtherSite(origin, request.host)

    def _knows(self, name: str) -> bool:
        # No name leads to an address that is asked for as such: it cannot be let point elsewhere.
        return self._any or name in self._names or name.endswith(".localhost") or _is_address(name)


def _opened(request: web.Request) -> bool:
    """Whether a browser opens a page: whoever linked to it, only its user sees it."""
    headers = request.headers
    modes = headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")
    return request.method in _SAFE and modes == ("navigate", "document")


def _same(origin: str | None, host: str) -> bool:
    return origin is None or origin.partition("://")[2].lower() == host.lower()


def _name(host: str) -> str:
    """Return the name in `name:port`, in small letters; an address without its brackets.

    Brackets with more behind them than a port make no address: they are part of a name that nobody has.
    """
    name = host.strip().lower()
    if name.startswith("["):
        address = _IN_BRACKETS.fullmatch(name)
        return address[1] if address else name
    return name.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""The server that a command acts on: its address, its token, and whether it is on this machine."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from urllib.parse import urlsplit

import click

from mockpbx.cli import refuse
from mockpbx.client.address import base_of
from mockpbx.client.errors import ConnectionFailed


def target(command: str, url: str | None, token: str | None, number: str | None) -> tuple[str, str, str]:
    """Return the server's address, the token and the number; leave where one is missing or cannot be used."""
    if url and token and number:
        return _address(url), sendable(token), number
    names = {"URL": url, "--token": token, "--number": number}
    missing = " and ".join(name for name, given in names.items() if not given)
    example = f"mockpbx {command} http://127.0.0.1:7290 --token dev --number 089608675796"
    raise click.UsageError(f"{missing} missing, for instance: {example}")


def _address(url: str) -> str:
    try:
        base = base_of(url)
    except ConnectionFailed as error:
        refuse(str(error))
    if "@" in urlsplit(base).netloc:
        refuse("the address holds a user's name; the API knows only tokens: give --token")
    return base


def sendable(token: str) -> str:
    """Return a token; leave where no header can hold it."""
    if not all("\x21" <= each <= "\x7e" for each in token):
        refuse("the token cannot be sent: expected printable ASCII characters without spaces")
    return token


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine: 127.0.0.0/8, ::1 or localhost."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def confirm(calls: int) -> None:
    """Ask whether calls may be placed, and leave where they may not, or where nobody can be asked."""
    if not sys.stdin.isatty():
        refuse("this would place calls outside of this machine, and nobody can be asked here: give --yes to place them")
    if not click.confirm(f"Place {'this call' if calls == 1 else 'these calls'}?", err=True):
        refuse("no call was placed")

"""The certificate that https is served with: from files, or made on the spot by an authority that lives as long."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from mockpbx.contract.errors import ConfigurationError

#: Hosts that a certificate made on the spot is always good for.
OWN = ("localhost", "127.0.0.1", "::1")
#: What stands for all addresses of a machine, and is none that anybody asks for.
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - not to bind
_BEGIN = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class Certificate:
    """How to serve https; `authority` is the PEM of what signed it, where that was made here."""

    context: ssl.SSLContext
    authority: bytes | None = None

    def publish(self, file: Path) -> None:
        """Write the authority to a file for clients to trust. Raises ConfigurationError."""
        assert self.authority is not None, "one from files has an authority of its own"
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(self.authority)
            draft.replace(file)  # at once: a client that starts now reads a whole one
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise ConfigurationError(f"--tls-ca: cannot write {file}: {error.strerror or error}") from None


def from_files(cert: Path, key: Path) -> Certificate:
    """Return the certificate of two PEM files. Raises ConfigurationError that says what is wrong with which."""
    for flag, file, what in (("--tls-cert", cert, b"CERTIFICATE-----"), ("--tls-key", key, b"PRIVATE KEY-----")):
        if not _holds(flag, file, what):
            kind = what.decode().strip("-").lower()
            raise ConfigurationError(f"{flag}: {file} holds no {kind}; expected a PEM file, whose lines are text")
    context = _context()
    try:
        context.load_cert_chain(cert, key, password=_nobody_asks)
    except _Passphrase:
        raise ConfigurationError(
            f"--tls-key: {key} has a passphrase: write it without one by openssl pkey -in {key} -out FILE"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigurationError(f"--tls-key: {key} is not the key of the certificate in {cert}") from None
        reason = error.reason.replace("_", " ").lower() if error.reason else "one of them is damaged"
        raise ConfigurationError(f"--tls-cert: {cert} and {key} cannot be used: {reason}") from None
    return Certificate(context)


def made(hosts: Iterable[str]) -> Certificate:
    """Return a certificate for this machine and those hosts. Raises ConfigurationError where the extra is missing.

    Its authority signs nothing else ever: whoever trusts it need not fear for its key, which is gone.
    """
    try:
        import trustme
    except ImportError:
        raise ConfigurationError(
            "--tls makes a certificate with trustme, which is not installed: pip install 'mockpbx[tls]', "
            "or name one by --tls-cert and --tls-key"
        ) from None
    names = dict.fromkeys((*OWN, *(host.strip("[]") for host in hosts if host not in ("*", *_EVERYWHERE))))
    authority = trustme.CA(organization_name="mockpbx", organization_unit_name="made on the spot, for tests")
    context = _context()
    try:
        authority.issue_cert(*names).configure_cert(context)
    except ValueError as error:
        raise ConfigurationError(f"--tls: no certificate can be made for {', '.join(names)}: {error}") from None
    return Certificate(context, authority.cert_pem.bytes())


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _holds(flag: str, file: Path, what: bytes) -> bool:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{flag}: cannot read {file}: {error.strerror or error}") from None
    return any(line.startswith(_BEGIN) and line.rstrip().endswith(what) for line in content.splitlines())


class _Passphrase(Exception):
    """A key asks for a passphrase, and nobody is there to type it."""


def _nobody_asks() -> NoReturn:
    raise _Passphrase

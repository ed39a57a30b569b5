"""The documents as files: what each is called and what it holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType

from mockpbx.contract.documents.asyncapi import asyncapi
from mockpbx.contract.documents.openapi import openapi
from mockpbx.contract.documents.reference import reference

#: By name: the file, and what writes its text.
DOCUMENTS: MappingProxyType[str, tuple[str, Callable[[], str]]] = MappingProxyType(
    {
        "openapi": ("openapi.json", lambda: _json(openapi())),
        "asyncapi": ("asyncapi.json", lambda: _json(asyncapi())),
        "reference": ("reference.html", lambda: reference() + "\n"),
    }
)


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

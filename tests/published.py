"""Reading a published document: what it refers to, and whether values keep its schemas."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

from mockpbx.contract.documents.examples import BUFFER


def references(part: Any) -> Iterator[str]:
    """Yield every reference within a document."""
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(each)
    if isinstance(part, dict) and isinstance(part.get("$ref"), str):
        yield part["$ref"]


def found(document: dict, reference: str) -> Any:
    """Return what a reference names. Raises KeyError where it dangles."""
    part: Any = document
    for step in reference.removeprefix("#/").split("/"):
        part = part[step.replace("~1", "/").replace("~0", "~")]
    return part


def complaints(document: dict, schema: dict, value: object) -> list[str]:
    """Return what is wrong with a value by a schema of a document, in the dialect that the document speaks."""
    dialect = Draft202012Validator if "openapi" in document else Draft7Validator
    whole = {"components": document["components"], "allOf": [schema]}
    return [error.message for error in dialect(whole, format_checker=FormatChecker()).iter_errors(value)]


def with_bytes(value: dict) -> dict:
    """Return an example as it travels: with bytes where it shows a Buffer."""
    return {name: b"\x33\x29\x12\x94" if each == BUFFER else each for name, each in value.items()}


def with_text(value: dict) -> dict:
    """Return what has travelled with text in place of its bytes, as `format: binary` describes them."""
    return {name: each.decode("latin-1") if isinstance(each, bytes) else each for name, each in value.items()}

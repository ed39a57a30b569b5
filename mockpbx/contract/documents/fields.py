"""JSON Schemas as tables for people: each member with its type, whether it must be there, and what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

#: Values of an enumeration that a cell has room for.
_MOST_VALUES = 6
_BOUNDS = {"minimum": "from {}", "maximum": "to {}", "default": "default {}"}


@dataclass(frozen=True, slots=True)
class Field:
    """One member of an object: `name` is its path, `data.sessionId`; `type` and `about` may have code in backticks."""

    name: str
    type: str
    required: bool
    about: str


class Schemas:
    """The schemas of a document, in which references are resolved."""

    def __init__(self, document: Object) -> None:
        self._document = document

    def resolved(self, schema: Object) -> Object:
        """Return a schema without a reference at its top, and with what stands beside it."""
        if "allOf" in schema:
            parts = [self.resolved(each) for each in schema["allOf"]]
            return {**{key: each[key] for each in parts for key in each}, **_without(schema, "allOf")}
        if "$ref" not in schema:
            return schema
        found: Object = self._document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return {**self.resolved(found), **_without(schema, "$ref")}

    def fields(self, schema: Object, path: str = "") -> Iterator[Field]:
        """Yield the members of an object and of those inside it."""
        whole = self.resolved(schema)
        for name, member in whole.get("properties", {}).items():
            inside = self.resolved(member)
            here = f"{path}{name}"
            required = name in whole.get("required", ())
            yield Field(here, self.type_of(member), required, _about(inside))
            if "items" in inside:
                yield from self.fields(inside["items"], f"{here}[].")
            else:
                yield from self.fields(inside, f"{here}.")

    def type_of(self, schema: Object) -> str:
        """Return a schema's type in a word or two."""
        whole = self.resolved(schema)
        if "const" in whole:
            return f"`{whole['const']!r}`".replace("'", '"')
        values = whole.get("enum", ())
        if 0 < len(values) <= _MOST_VALUES:
            return ", ".join(f"`{each}`" for each in values)
        if "anyOf" in whole:
            return " or ".join(self.type_of(each) for each in whole["anyOf"])
        if whole.get("format") == "binary":
            return "Buffer"
        if whole.get("format") == "date-time":
            return "date-time"
        if "prefixItems" in whole:
            return f"[{', '.join(self.type_of(each) for each in whole['prefixItems'])}]"
        if whole.get("type") == "array":
            return f"list of {self.type_of(whole['items'])}"
        return str(whole.get("type", "any"))


def _about(schema: Object) -> str:
    about = str(schema.get("description", "")).strip()
    bounds = " ".join(words.format(schema[key]) for key, words in _BOUNDS.items() if schema.get(key))
    return f"{about} ({bounds})" if bounds and "const" not in schema else about


def _without(schema: Object, name: str) -> Object:
    return {key: value for key, value in schema.items() if key != name}

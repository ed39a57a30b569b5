"""JSON Schemas of the contract's messages, as both documents show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from mockpbx.contract.documents.examples import EXAMPLES
from mockpbx.contract.messages import Message

Object = dict[str, Any]

_REF = "#/components/schemas/{model}"


class _Plain(GenerateJsonSchema):
    """Schemas without what the wire does not show: titles made from names, and members that default to null."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Object:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made


def schemas(received: Iterable[type[Message]], sent: Iterable[type[Message]]) -> Object:
    """Return the schemas by the models' names: of what the service receives and what it sends, with examples."""
    modes: list[tuple[type[Message], JsonSchemaMode]] = [
        *((model, "validation") for model in received),
        *((model, "serialization") for model in sent),
    ]
    _, made = models_json_schema(modes, ref_template=_REF, schema_generator=_Plain)
    definitions: Object = made["$defs"]
    for model, examples in EXAMPLES.items():
        if model.__name__ in definitions:
            definitions[model.__name__]["examples"] = list(examples)
    return definitions


def ref(model: type[Message]) -> Object:
    """Return a reference to a message's schema."""
    return {"$ref": _REF.format(model=model.__name__)}


def lone_references(schema: Any) -> Any:
    """Return a schema in which nothing stands beside a `$ref`: before draft 2019-09 it would not count."""
    if isinstance(schema, list):
        return [lone_references(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    inside = {name: lone_references(each) for name, each in schema.items()}
    if "$ref" in inside and len(inside) > 1:
        return {"allOf": [{"$ref": inside.pop("$ref")}], **inside}
    return inside

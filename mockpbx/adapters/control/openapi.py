"""The OpenAPI 3.1 document of the control API, written from the table of its routes."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from mockpbx.adapters.control.routes import JSON, ROUTES, WEBSOCKET, Route

Object = dict[str, Any]
Refs = dict[Any, dict[str, Any]]  # by model and mode

_REF = "#/components/schemas/{model}"
_ERROR = {"$ref": "#/components/responses/error"}
_REQUEST: JsonSchemaMode = "validation"
_REPLY: JsonSchemaMode = "serialization"
_ABOUT = """See and steer a workspace of mockpbx from outside its calls: time, scenarios, faults, the journal.

Every JSON reply is the envelope {"status", "errors", "data"}; errors are one sentence each."""


@cache
def document(version: str) -> Object:
    """Return the document; `version` is mockpbx's own."""
    models = [
        *((route.request, _REQUEST) for route in ROUTES if route.request is not None),
        *((route.reply, _REPLY) for route in ROUTES if route.reply is not None),
    ]
    references, definitions = models_json_schema(list(dict.fromkeys(models)), by_alias=True, ref_template=_REF)
    refs: Refs = dict(references)
    paths: Object = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mockpbx control API", "version": version, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "responses": {"error": {"description": "One sentence in `errors` says why", **_json(_envelope({}))}},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "names the workspace"},
                "adminToken": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Admin-Token",
                    "description": "where the server was started with --admin-token",
                },
            },
        },
    }


def _operation(route: Route, refs: Refs) -> Object:
    operation: Object = {
        "operationId": route.id,
        "summary": route.summary,
        "security": [] if route.public else [{"token": []}, {"token": [], "adminToken": []}],
        "parameters": [*_of_path(route), *_of_query(route)],
        "responses": {**_good(route, refs), "default": _ERROR},
    }
    if route.request is not None:
        operation["requestBody"] = _json(refs[route.request, _REQUEST])
    return operation


def _good(route: Route, refs: Refs) -> Object:
    if route.media == WEBSOCKET:
        return {"101": {"description": route.summary}}
    return {"200": _reply(route, refs)}


def _reply(route: Route, refs: Refs) -> Object:
    if route.reply is None:
        return {"description": route.summary, "content": {route.media: {}}}
    return {"description": _about(route.reply), **_json(_envelope(refs[route.reply, _REPLY]))}


def _envelope(data: Object) -> Object:
    properties = {"status": {"type": "integer"}, "errors": {"type": "string"}, "data": data}
    return {"type": "object", "required": list(properties), "properties": properties}


def _json(schema: Object) -> Object:
    return {"content": {JSON: {"schema": schema}}}


def _of_path(route: Route) -> list[Object]:
    names = re.findall(r"\{(\w+)\}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _of_query(route: Route) -> list[Object]:
    schema = route.query.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": about}
        for name, about in schema.get("properties", {}).items()
    ]


def _about(model: type[BaseModel]) -> str:
    return inspect.getdoc(model) or ""

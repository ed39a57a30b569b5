"""The OpenAPI 3.1 document of the REST operations, written from their table."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from mockpbx.contract.documents import prose, samples
from mockpbx.contract.documents.examples import EXAMPLES
from mockpbx.contract.documents.schemas import ref, schemas
from mockpbx.contract.errors import ServiceFailure
from mockpbx.contract.messages import CallDetailRecord, Message, PageMeta
from mockpbx.contract.operations import (
    FILTER_FIELDS,
    OPERATIONS,
    PARAMETERS,
    Failure,
    FilterField,
    Operation,
    Parameter,
)

Object = dict[str, Any]

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_TAGS = {
    "Calls": ("Place calls and end them.", ("place_call", "hang_up")),
    "Call records": ("Read what became of calls.", ("list_records", "get_record")),
}
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_MEANS = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    413: "Too large",
    415: "Not supported",
    500: "Failed",
}


def openapi(url: str | None = None) -> Object:
    """Return the document: the published contract, whatever switches a server has.

    `url` is a server that serves it, which is named before the hosted one, so that tools do not call that by mistake.
    """
    models = [operation.request for operation in OPERATIONS if operation.request is not None]
    replies: list[type[Message]] = [*(operation.reply for operation in OPERATIONS), PageMeta]
    paths: Object = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": prose.TITLE,
            "version": prose.VERSION,
            "summary": "Outbound calls and their records over HTTP",
            "description": prose.of_rest(),
        },
        "servers": [
            *([{"url": url, "description": "this server"}] if url is not None else []),
            {"url": prose.HOSTED, "description": "the hosted service"},
        ],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": about} for name, (about, _) in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas(models, replies) | {"RecordPage": _page(), "Error": _error()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <token>`"}
            },
        },
    }


def _operation(operation: Operation) -> Object:
    made: Object = {
        "operationId": operation.id,
        "tags": [name for name, (_, ids) in _TAGS.items() if operation.id in ids],
        "summary": operation.summary,
        "description": operation.about + prose.silent(operation.silent),
        "x-section": operation.section,
    }
    parameters = [_parameter(each) for each in PARAMETERS.get(operation.id, ())]
    if operation.id == "list_records":
        parameters += [_filter(field) for field in FILTER_FIELDS]
    if parameters:
        made["parameters"] = parameters
    if operation.request is not None:
        content = {"schema": ref(operation.request), "examples": _examples(EXAMPLES[operation.request])}
        made["requestBody"] = {"required": True, "content": {_JSON: content, _FORM: content}}
    by_status = groupby(sorted(operation.failures, key=_status), _status)
    made["responses"] = {
        "200": _success(operation),
        **{str(code): _failure(code, list(all_)) for code, all_ in by_status},
    }
    made["x-codeSamples"] = [samples.curl(operation)]
    return made


def _status(failure: Failure) -> int:
    return failure.error.status


def _success(operation: Operation) -> Object:
    example = dict(EXAMPLES[operation.reply][0])
    if operation.enveloped:
        properties = {
            "status": {"const": 200, "description": "HTTP status code"},
            "errors": {"const": "", "description": "empty: there is no error"},
            "data": ref(operation.reply),
        }
        schema: Object = {"type": "object", "required": list(properties), "properties": properties}
        shown: Object = {"status": 200, "errors": "", "data": example}
    else:
        schema = {"$ref": "#/components/schemas/RecordPage"}
        shown = {"data": [example], "meta": EXAMPLES[PageMeta][0]}
    reply: Object = {
        "description": operation.summary,
        "content": {_JSON: {"schema": schema, "examples": {"published": {"value": shown}}}},
    }
    if operation.id == "place_call":
        reply["links"] = _links()
    return reply


def _links() -> Object:
    session = "$response.body#/data/sessionId"
    return {
        "hangUp": {"operationId": "hang_up", "requestBody": {"sessionId": session}, "description": "End this call"},
        "record": {
            "operationId": "get_record",
            "parameters": {"sessionId": session},
            "description": "Its record, later",
        },
    }


def _failure(status: int, failures: list[Failure]) -> Object:
    examples = {
        f"{failure.error.__name__}{number}" if len(failures) > 1 else failure.error.__name__: {
            "summary": failure.when,
            "value": {"status": status, "errors": failure.sentence, "data": None},
        }
        for number, failure in enumerate(failures, 1)
    }
    schema = {"allOf": [{"$ref": "#/components/schemas/Error"}, {"properties": {"status": {"const": status}}}]}
    return {
        "description": f"{_MEANS[status]}: {'; '.join(dict.fromkeys(failure.when for failure in failures))}",
        "content": {_JSON: {"schema": schema, "examples": examples}},
    }


def _parameter(parameter: Parameter) -> Object:
    schema: Object = {"type": parameter.kind}
    for name, value in (("default", parameter.default), ("minimum", parameter.least)):
        if value is not None:
            schema[name] = value
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.about,
        "schema": schema,
        "example": parameter.example,
    }


def _filter(field: FilterField) -> Object:
    """Return the parameter of a field: statements of an operator and a value, as often as wanted."""
    operators = ", ".join(f"`{each}`" for each in sorted(field.operators))
    return {
        "name": f"filter.{field.name}",
        "in": "query",
        "description": f"Only records whose `{field.name}` is so. Operators: {operators}.",
        "style": "form",
        "explode": True,
        "schema": {"type": "array", "items": {"type": "string", "pattern": _statement(field)}},
        "examples": {each: {"value": [each]} for each in field.examples},
    }


def _statement(field: FilterField) -> str:
    operators = "|".join(each.removeprefix("$") for each in sorted(field.operators))
    value = _NUMBER if field.numeric else ".*"
    return rf"^(\$or:)?(\$({operators}):)?{value}$"


def _page() -> Object:
    properties = {
        "data": {"type": "array", "items": ref(CallDetailRecord), "description": "The records of this page"},
        "meta": ref(PageMeta),
    }
    return {
        "type": "object",
        "description": "Records, newest first, and where this page stands.",
        "required": list(properties),
        "properties": properties,
    }


def _error() -> Object:
    properties = {
        "status": {"type": "integer", "description": "HTTP status code"},
        "errors": {"type": "string", "minLength": 1, "description": "One sentence for people"},
        "data": {"type": "null"},
    }
    return {
        "type": "object",
        "description": "The envelope of every error.",
        "required": list(properties),
        "properties": properties,
        "examples": [{"status": ServiceFailure.status, "errors": ServiceFailure.sentence, "data": None}],
    }


def _examples(examples: tuple[Object, ...]) -> Object:
    return {"published": {"value": dict(examples[0])}}

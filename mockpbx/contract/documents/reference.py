"""The contract as one page for people: made from the two documents alone, so that it cannot say anything else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from mockpbx.contract.documents.asyncapi import asyncapi
from mockpbx.contract.documents.fields import Field, Schemas
from mockpbx.contract.documents.markup import Markup, inline, joined, markdown, sections, table, tag, text
from mockpbx.contract.documents.openapi import openapi
from mockpbx.contract.documents.prose import SILENT

Object = dict[str, Any]

#: Where the sections of the documents' descriptions stand; those that are not named stand at the end.
_FIRST = ("Authentication",)
_AFTER_REST = ("Errors", "Call records")
_BEFORE_EVENTS = ("Connection", "Directions and binary", "Order")
_WAYS = {"send": "Server to client", "receive": "Client to server"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page and its line in the navigation."""

    name: str
    label: Markup
    body: Markup


def reference() -> str:
    """Return the page as one HTML document, which asks for nothing else."""
    rest, events = openapi(), asyncapi()
    prose = {**dict(sections(rest["info"]["description"])), **dict(sections(events["info"]["description"]))}
    intro = prose.pop("")
    groups: dict[str, list[Part]] = {
        "": _prose(prose, _FIRST),
        "REST": [*_operations(rest), *_prose(prose, _AFTER_REST)],
        "Socket.IO": _prose(prose, _BEFORE_EVENTS),
        **{way: list(_events(events, action)) for action, way in _WAYS.items()},
        "Tables": _prose(prose, tuple(prose)),
    }
    style = files(__package__).joinpath("reference.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    title = f"{rest['info']['title']} {rest['info']['version']}"
    return "<!DOCTYPE html>\n" + tag(
        "html",
        tag(
            "head",
            Markup('<meta charset="utf-8">\n'),
            Markup(
                '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
                f"style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">\n"
            ),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">\n'),
            Markup('<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'),
            tag("title", title),
            tag("style", Markup(style)),
        ),
        "\n",
        tag(
            "body",
            tag("a", "Skip to the text", href="#top", class_="skip"),
            _navigation(title, groups),
            tag(
                "main",
                tag(
                    "header",
                    tag("h1", title),
                    tag("p", tag("code", rest["servers"][-1]["url"])),
                    markdown(intro),
                    id="top",
                ),
                *(part for name, parts in groups.items() for part in _group(name, parts)),
            ),
        ),
        lang="en",
    )


def _navigation(title: str, groups: dict[str, list[Part]]) -> Markup:
    lists = [
        joined((tag("h2", name) if name else "", tag("ul", *(_link(part) for part in parts))))
        for name, parts in groups.items()
    ]
    return tag(
        "nav",
        tag("details", tag("summary", "Contents"), *lists, class_="narrow"),
        tag("div", tag("p", tag("a", title, href="#top"), class_="title"), *lists, class_="wide"),
        aria_label="Contents",
    )


def _link(part: Part) -> Markup:
    return tag("li", tag("a", part.label, href=f"#{part.name}"))


def _group(name: str, parts: Iterable[Part]) -> Iterator[Markup]:
    if name and name != "Tables":
        yield tag("h2", name, class_="group")
    for part in parts:
        yield tag("section", part.body, id=part.name)


def _prose(prose: dict[str, str], names: tuple[str, ...]) -> list[Part]:
    """Return sections of prose as parts, and take them away."""
    return [Part(_slug(name), text(name), joined((tag("h3", name), markdown(prose.pop(name))))) for name in names]


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower())


# --- REST ------------------------------------------------------------------------------------------------------------


def _operations(document: Object) -> Iterator[Part]:
    schemas = Schemas(document)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            verb = tag("span", method.upper(), class_=f"verb {method}")
            yield Part(operation["operationId"], joined((verb, " ", path)), _operation(verb, path, operation, schemas))


def _operation(verb: Markup, path: str, operation: Object, schemas: Schemas) -> Markup:
    success = operation["responses"]["200"]["content"]["application/json"]
    words, beyond = _told(operation)
    codes = [_sample(operation["x-codeSamples"][0])]
    if "parameters" in operation:
        words += [tag("h4", "Parameters"), _parameters(operation["parameters"], schemas)]
    if "requestBody" in operation:
        kinds = operation["requestBody"]["content"]
        body = next(iter(kinds.values()))
        words += [tag("h4", "Request ", tag("small", " or ".join(kinds))), _fields(schemas.fields(body["schema"]))]
    words += [tag("h4", "Reply ", tag("small", "200")), _fields(schemas.fields(success["schema"]))]
    codes += [_json("200", example["value"]) for example in success["examples"].values()]
    words += [tag("h4", "Errors"), _errors(operation["responses"]), beyond]
    return joined((tag("h3", verb, " ", tag("code", path)), _columns(words, codes)))


def _parameters(parameters: list[Object], schemas: Schemas) -> Markup:
    rows = (
        (
            tag("code", each["name"]),
            inline(schemas.type_of(each["schema"])),
            joined((inline(each["description"]), _default(each["schema"]), _values(each))),
        )
        for each in parameters
    )
    return table(("name", "type", "description"), rows)


def _default(schema: Object) -> Markup:
    return inline(f" Default `{schema['default']}`.") if "default" in schema else Markup("")


def _values(parameter: Object) -> Markup:
    examples = [value for each in parameter.get("examples", {}).values() for value in each["value"]]
    shown = ", ".join(f"`{value}`" for value in examples)
    return inline(f" For instance {shown}.") if examples else Markup("")


def _errors(responses: Object) -> Markup:
    rows = (
        (tag("code", status), inline(example["summary"]), example["value"]["errors"])
        for status, response in responses.items()
        if status != "200"
        for example in response["content"]["application/json"]["examples"].values()
    )
    return table(("status", "when", "errors, for instance"), rows, class_="errors")


# --- Socket.IO -------------------------------------------------------------------------------------------------------


def _events(document: Object, action: str) -> Iterator[Part]:
    schemas = Schemas(document)
    for name, operation in document["operations"].items():
        if operation["action"] == action:
            event = schemas.resolved(operation["channel"])["address"]
            yield Part(name, text(event), _event(event, operation, schemas))


def _event(event: str, operation: Object, schemas: Schemas) -> Markup:
    message = schemas.resolved(schemas.resolved(operation["messages"][0]))
    words, beyond = _told(operation)
    words += [tag("h4", "Payload ", tag("small", message["x-packet"])), _fields(schemas.fields(message["payload"]))]
    if operation.get("x-acknowledged"):
        acknowledgment = schemas.resolved(operation["reply"]["messages"][0])
        words += [tag("h4", "Acknowledgment"), _fields(schemas.fields(acknowledgment["payload"]))]
    words.append(beyond)
    return joined((tag("h3", tag("code", event)), _columns(words, [_sample(operation["x-codeSamples"][0])])))


# --- pieces ----------------------------------------------------------------------------------------------------------


def _told(operation: Object) -> tuple[list[Markup], Markup]:
    """Return what an operation's published text says, and what was measured beyond it."""
    about, _, beyond = operation["description"].partition(SILENT)
    section = tag("small", f"section “{operation['x-section']}”") if "x-section" in operation else ""
    words = [tag("p", operation["summary"], " ", section, class_="summary"), markdown(about)]
    return words, joined((tag("h4", SILENT.rstrip(":")), markdown(beyond))) if beyond else Markup("")


def _fields(fields: Iterable[Field]) -> Markup:
    rows = (
        (tag("code", each.name), inline(each.type), joined((inline(each.about), "" if each.required else _optional())))
        for each in fields
    )
    return table(("field", "type", "description"), rows)


def _optional() -> Markup:
    return tag("span", "optional", class_="optional")


def _columns(words: Iterable[Markup], codes: Iterable[Markup]) -> Markup:
    return tag("div", tag("div", *words), tag("div", *codes, class_="codes"), class_="columns")


def _sample(sample: Object) -> Markup:
    return _code(sample["label"], sample["source"])


def _json(label: str, value: object) -> Markup:
    return _code(label, json.dumps(value, indent=2))


def _code(label: str, source: str) -> Markup:
    return tag("figure", tag("figcaption", label), tag("pre", source, tabindex=0))

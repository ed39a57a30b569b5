"""The AsyncAPI 3.0 document of the Socket.IO events, written from their table."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from mockpbx.contract.channels import INCOMING, OUTGOING, Incoming, Outgoing
from mockpbx.contract.documents import prose, samples
from mockpbx.contract.documents.examples import EXAMPLES
from mockpbx.contract.documents.schemas import lone_references, ref, schemas
from mockpbx.contract.messages import Message

Object = dict[str, Any]

#: The names of all events, once each, in the order of the published document.
_EVENTS = tuple(dict.fromkeys(channel.event for channel in (*OUTGOING, *INCOMING)))
_ACKS = {channel.event: channel.ack for channel in INCOMING if channel.ack is not None}
_SECTIONS = {"Server to Client Events": OUTGOING, "Client to Server Events": INCOMING}


def asyncapi(url: str | None = None) -> Object:
    """Return the document: the published contract, whatever switches a server has.

    `url` is that of a server that serves it, which is named before the hosted one.
    """
    sent = [*(channel.payload for channel in OUTGOING), *_ACKS.values()]
    received = [channel.payload for channel in INCOMING]
    return {
        "asyncapi": "3.0.0",
        "id": "urn:mockpbx:outgoing-call-service",
        "info": {
            "title": f"{prose.TITLE}: events",
            "version": prose.VERSION,
            "description": prose.of_events(),
            "contact": {"name": "Your API provider", "url": prose.HOSTED},
            "tags": [{"name": name} for name in _SECTIONS],
        },
        "defaultContentType": "application/json",
        "servers": {
            **({"here": _server(url, "This server")} if url is not None else {}),
            "hosted": _server(prose.HOSTED, "The hosted service"),
        },
        "channels": {event: _channel(event) for event in _EVENTS},
        "operations": {
            **{_id("send", channel): _sending(channel) for channel in OUTGOING},
            **{_id("receive", channel): _receiving(channel) for channel in INCOMING},
        },
        "components": {
            "messages": {
                **{channel.payload.__name__: _message(channel) for channel in (*OUTGOING, *INCOMING)},
                **{ack.__name__: _ack(event, ack) for event, ack in _ACKS.items()},
            },
            "schemas": lone_references(schemas(received, sent)),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": 'The token of the REST operations, as `{"token": "…"}` in the CONNECT packet: '
                    "`io(url, {auth: {token}})`.",
                }
            },
            "correlationIds": {
                "session": {"description": "The call that it is about", "location": "$message.payload#/sessionId"}
            },
        },
    }


def _server(url: str, name: str) -> Object:
    parts = urlsplit(url)
    return {
        "host": parts.netloc,
        "pathname": "/socket.io/",
        "protocol": "wss" if parts.scheme == "https" else "ws",
        "protocolVersion": "13",
        "description": f"{name}. Socket.IO protocol 5 on Engine.IO protocol 4, over websocket.",
        "security": [{"$ref": "#/components/securitySchemes/token"}],
        "x-socketio": {
            "protocol": 5,
            "engineProtocol": 4,
            "namespace": "/",
            "path": "/socket.io/",
            "transports": ["websocket"],
            "auth": {
                "type": "object",
                "required": ["token"],
                "properties": {"token": {"type": "string", "description": "The bearer token"}},
            },
            "connectError": {"message": "Authentication token is required"},
        },
    }


def _id(action: str, channel: Outgoing | Incoming) -> str:
    return action + channel.event[:1].upper() + channel.event[1:]


def _channel(event: str) -> Object:
    there = [channel for channel in (*OUTGOING, *INCOMING) if channel.event == event]
    models = [channel.payload for channel in there]
    if event in _ACKS:
        models.append(_ACKS[event])
    ways = [
        f"{'server to client' if isinstance(each, Outgoing) else 'client to server'}: {each.summary}" for each in there
    ]
    return {
        "address": event,
        "title": event,
        "description": "; ".join(ways),
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in models},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "required": ["EIO", "transport"],
                    "properties": {"EIO": {"const": "4"}, "transport": {"const": "websocket"}},
                },
            }
        },
    }


def _sending(channel: Outgoing) -> Object:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel.event}"},
        "title": f"{channel.event} (server to client)",
        "summary": channel.summary,
        "description": f"{channel.about} Sent to {channel.audience}.{prose.silent(channel.silent)}",
        "tags": [{"name": "Server to Client Events"}],
        "messages": [_of(channel.event, channel.payload)],
        "x-audience": channel.audience,
        "x-codeSamples": [samples.on(channel)],
    }


def _receiving(channel: Incoming) -> Object:
    acknowledged = "Acknowledged." if channel.ack is not None else "Never acknowledged."
    if channel.answer is not None:
        acknowledged += f" Answered by `{channel.answer}`."
    made: Object = {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel.event}"},
        "title": f"{channel.event} (client to server)",
        "summary": channel.summary,
        "description": f"{channel.about} {acknowledged}{prose.silent(channel.silent)}",
        "tags": [{"name": "Client to Server Events"}],
        "messages": [_of(channel.event, channel.payload)],
        "x-acknowledged": channel.ack is not None,
        "x-codeSamples": [samples.emit(channel)],
    }
    if channel.ack is not None:
        made["reply"] = _reply(channel.event, channel.ack)
    elif channel.answer is not None:
        (answer,) = (each for each in OUTGOING if each.event == channel.answer)
        made["reply"] = _reply(answer.event, answer.payload)
    return made


def _reply(event: str, model: type[Message]) -> Object:
    return {"channel": {"$ref": f"#/channels/{event}"}, "messages": [_of(event, model)]}


def _of(event: str, model: type[Message]) -> Object:
    return {"$ref": f"#/channels/{event}/messages/{model.__name__}"}


def _message(channel: Outgoing | Incoming) -> Object:
    model = channel.payload
    message: Object = {
        "name": channel.event,
        "title": model.__name__,
        "summary": channel.summary,
        "contentType": "application/json",
        "payload": ref(model),
        "examples": _examples(model),
        "x-packet": "BINARY_EVENT" if "audio_data" in model.model_fields else "EVENT",
    }
    if "session_id" in model.model_fields:
        message["correlationId"] = {"$ref": "#/components/correlationIds/session"}
    return message


def _ack(event: str, model: type[Message]) -> Object:
    return {
        "name": f"{event} acknowledgment",
        "title": model.__name__,
        "summary": f"The acknowledgment of `{event}`: the one argument of the client's callback",
        "contentType": "application/json",
        "payload": ref(model),
        "examples": _examples(model),
        "x-packet": "ACK",
    }


def _examples(model: type[Message]) -> list[Object]:
    return [{"payload": dict(example)} for example in EXAMPLES[model]]

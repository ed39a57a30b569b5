"""The AsyncAPI document: complete, its examples true, and what a real server sends is what it says."""

import asyncio

import pytest
import socketio
from conftest import Api
from published import complaints, found, references, with_bytes, with_text

from mockpbx.contract import messages as m
from mockpbx.contract.channels import INCOMING, OUTGOING
from mockpbx.contract.documents.asyncapi import asyncapi
from mockpbx.contract.documents.examples import EXAMPLES
from mockpbx.contract.documents.prose import ORDER
from mockpbx.contract.vocabulary import AUDIO_PACKETS, HANGUP_CAUSES, DialStatus
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule

DOCUMENT = asyncapi()
MESSAGES = DOCUMENT["components"]["messages"]
CHANNELS = [*OUTGOING, *INCOMING]
ACKS = {channel.ack for channel in INCOMING if channel.ack is not None}


def operation_of(channel) -> dict:
    action = "send" if channel in OUTGOING else "receive"
    return DOCUMENT["operations"][f"{action}{channel.event[0].upper()}{channel.event[1:]}"]


def test_no_reference_dangles():
    named = set(references(DOCUMENT))
    assert len(named) > 40
    for reference in named:
        found(DOCUMENT, reference)


def test_it_has_every_channel_of_the_table_and_no_other():
    assert set(DOCUMENT["channels"]) == {channel.event for channel in CHANNELS}
    assert all(name == channel["address"] for name, channel in DOCUMENT["channels"].items())
    assert len(DOCUMENT["operations"]) == len(CHANNELS)


def test_every_schema_and_every_message_is_used():
    used = set(references(DOCUMENT))
    for kind in ("schemas", "messages", "securitySchemes", "correlationIds"):
        assert {f"#/components/{kind}/{name}" for name in DOCUMENT["components"][kind]} <= used


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: f"{type(channel).__name__} {channel.event}")
def test_every_event_has_its_direction_its_payload_and_its_audience(channel):
    operation = operation_of(channel)
    assert operation["action"] == ("send" if channel in OUTGOING else "receive")
    assert operation["channel"] == {"$ref": f"#/channels/{channel.event}"}
    (reference,) = operation["messages"]
    assert found(DOCUMENT, reference["$ref"]) == {"$ref": f"#/components/messages/{channel.payload.__name__}"}
    message = MESSAGES[channel.payload.__name__]
    assert message["name"] == channel.event
    assert message["payload"] == {"$ref": f"#/components/schemas/{channel.payload.__name__}"}
    assert (message["x-packet"] == "BINARY_EVENT") == (channel.event == "audio")
    for sentence in (channel.about, *channel.silent):
        assert sentence in operation["description"]
    if channel in OUTGOING:
        assert channel.audience in operation["description"]


def test_audio_alone_is_acknowledged_and_join_room_is_answered():
    acknowledged = [channel.event for channel in INCOMING if operation_of(channel)["x-acknowledged"]]
    assert acknowledged == ["audio"]
    replies = {channel.event: operation_of(channel).get("reply") for channel in INCOMING}
    assert {event for event, reply in replies.items() if reply} == {"audio", "joinRoom"}
    assert replies["audio"]["messages"] == [{"$ref": "#/channels/audio/messages/AudioAck"}]
    assert replies["joinRoom"]["messages"] == [{"$ref": "#/channels/roomJoined/messages/RoomJoined"}]


@pytest.mark.parametrize("model", [*(channel.payload for channel in CHANNELS), *ACKS], ids=lambda model: model.__name__)
def test_every_field_is_described_and_every_example_keeps_schema_and_model(model):
    schema = DOCUMENT["components"]["schemas"][model.__name__]
    assert list(schema["properties"]) == [field.alias or name for name, field in model.model_fields.items()]
    examples = MESSAGES[model.__name__]["examples"]
    assert [each["payload"] for each in examples] == list(EXAMPLES[model])
    for name, member in schema["properties"].items():
        assert member.get("description") or "const" in member, name
    for each in examples:
        assert complaints(DOCUMENT, schema, each["payload"]) == []
        read = model.model_validate(with_bytes(each["payload"]))
        assert read.model_dump(mode="json", by_alias=True, exclude={"audio_data"}).items() >= {
            (name, value) for name, value in each["payload"].items() if name != "audioData"
        }


@pytest.mark.parametrize(
    ("name", "spoilt"),
    [
        ("NewSession", {"type": "internal"}),
        ("RoomJoined", {"status": "ok"}),
        ("DialStatusChange", {"status": "DIALING"}),
        ("DigitPressed", {"digit": "a"}),
        ("CalleeAudio", {"audioFormat": "ulaw"}),
        ("ClientAudio", {"audioFormat": "wav"}),
        ("ClientAudio", {"audioData": ""}),
        ("AudioAck", {"success": "true"}),
        ("PressDigit", {"digit": "12"}),
        ("PressDigit", {"duration": 6_001}),
        ("CheckPoint", {"name": 1}),
        ("JoinRoom", {"sessionId": 1}),
        ("CdrEvent", {"answerTime": "05:17"}),
        ("Refusal", {"status": "failed"}),
    ],
)
def test_schemas_refuse_what_is_wrong(name, spoilt):
    schema = DOCUMENT["components"]["schemas"][name]
    assert complaints(DOCUMENT, schema, schema["examples"][0] | spoilt)


def test_the_prose_has_every_rule_of_order_every_packet_and_every_cause():
    prose = DOCUMENT["info"]["description"]
    for rule, section in ORDER:
        assert f"{rule} ({f'section “{section}”' if section else 'measured'})" in prose
    for packet in AUDIO_PACKETS:
        assert f"| {packet.size} | {packet.frames}× | {packet.ms} ms | {packet.efficiency} |" in prose
        assert packet.size == 320 * packet.frames == 16 * packet.ms
    for code, cause in HANGUP_CAUSES.items():
        assert f"| {code} | {cause.contract} | {cause.meaning} |" in prose


def test_a_server_that_serves_it_comes_before_the_hosted_one():
    served = asyncapi("https://[::1]:7290")
    assert list(served["servers"]) == ["here", "hosted"]
    here = served["servers"]["here"]
    assert (here["protocol"], here["host"], here["pathname"]) == ("wss", "[::1]:7290", "/socket.io/")
    assert asyncapi("http://127.0.0.1:7290")["servers"]["here"]["protocol"] == "ws"
    assert served | {"servers": DOCUMENT["servers"]} == DOCUMENT


# --- what a server sends ----------------------------------------------------------------------------------------------


class Witness:
    """A client that keeps every event as it came."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.came: list[tuple[str, dict]] = []
        self._news = asyncio.Event()
        self.client.on("*", self._keep)

    async def _keep(self, event: str, payload: dict) -> None:
        self.came.append((event, payload))
        self._news.set()

    async def until(self, event: str, **fields) -> dict:
        """Wait for an event with such fields, which may have come already."""
        while True:
            for name, payload in self.came:
                if name == event and payload.items() >= fields.items():
                    return payload
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 10)


PRESSING = Named("presses A", (s.Ring(0.1), s.Answer(), s.Press("A"), s.Wait(60)))


async def test_every_event_of_a_real_call_keeps_the_document(serve, http):
    pbx = await serve(plan=Plan((Rule.of("0896*", PRESSING),)), dial_delay=5, record_delay=0)
    witness = Witness()
    await witness.client.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    try:
        _, reply = await Api(http, pbx.url).post("/pbx/call", {"phoneNumber": "089608675796"})
        call = {"sessionId": reply["data"]["sessionId"]}
        await witness.until("newSession", **call)
        await witness.client.emit("joinRoom", call)
        await witness.until("dialStatus", status=DialStatus.CONNECTED)
        acks = [
            await witness.client.call("audio", call | {"audioData": data, "audioFormat": "pcm16"})
            for data in (bytes(2_560), b"odd")
        ]
        await witness.client.emit("dtmf", call | {"digit": "5"})
        await witness.client.emit("checkPoint", call | {"name": "heard"})
        await witness.until("checkPoint", name="heard")
        await witness.until("dtmf", digit="A")
        await witness.client.emit("interruption", {})
        await witness.until("exception")
        await witness.client.emit("hangup", call)
        await witness.until("cdr")
    finally:
        await witness.client.disconnect()
    assert {event for event, _ in witness.came} == {channel.event for channel in OUTGOING}
    of = {channel.event: DOCUMENT["components"]["schemas"][channel.payload.__name__] for channel in OUTGOING}
    for event, payload in witness.came:
        assert complaints(DOCUMENT, of[event], with_text(payload)) == [], event
        assert set(payload) == set(of[event]["properties"])
    assert [each["success"] for each in acks] == [True, False]
    for ack in acks:
        assert complaints(DOCUMENT, DOCUMENT["components"]["schemas"][m.AudioAck.__name__], ack) == []

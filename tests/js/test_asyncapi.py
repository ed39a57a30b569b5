"""The official AsyncAPI parser reads the document that is published, and the one that a server serves."""

import asyncio
import json
from pathlib import Path

import pytest

from mockpbx.contract.channels import INCOMING, OUTGOING
from mockpbx.contract.documents.asyncapi import asyncapi

HERE = Path(__file__).parent
PUBLISHED = HERE.parents[1] / "fixtures" / "contract" / "asyncapi.json"
#: All that it may say: the document is to be of version 3.0.
NEWER = "asyncapi-latest-version"


async def parsed(file: Path) -> dict:
    process = await asyncio.create_subprocess_exec("node", "asyncapi.mjs", file, cwd=HERE, stdout=-1, stderr=-1)
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    reply = json.loads(stdout)
    print(*reply["said"], sep="\n")
    return reply


def events(action: str, channels) -> list[str]:
    return [action + channel.event[0].upper() + channel.event[1:] for channel in channels]


async def test_the_published_document_has_no_error_and_no_warning(client):
    reply = await parsed(PUBLISHED)
    assert [each["code"] for each in reply["said"]] == [NEWER]
    about = reply["about"]
    assert about["version"] == "3.0.0"
    assert set(about["channels"]) == {channel.event for channel in (*OUTGOING, *INCOMING)}
    assert about["sent"] == events("send", OUTGOING)
    assert about["received"] == events("receive", INCOMING)
    assert about["replies"] == ["receiveJoinRoom", "receiveAudio"]


async def test_the_document_of_a_server_names_it_and_is_as_sound(client, tmp_path):
    file = tmp_path / "asyncapi.json"
    file.write_text(json.dumps(asyncapi("http://127.0.0.1:7290")))
    assert [each["code"] for each in (await parsed(file))["said"]] == [NEWER]


def misled(document: dict) -> None:
    document["operations"]["receiveAudio"]["channel"]["$ref"] = "#/channels/nowhere"


def without_address(document: dict) -> None:
    document["channels"]["audio"]["address"] = 1


def with_no_schema(document: dict) -> None:
    document["components"]["schemas"]["NewSession"]["type"] = "objekt"


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (misled, "operations/receiveAudio"),
        (without_address, "channels/audio"),
        (with_no_schema, "schemas/NewSession"),
    ],
)
async def test_the_parser_would_see_what_is_wrong(client, tmp_path, spoil, place):
    document = asyncapi()
    spoil(document)
    file = tmp_path / "asyncapi.json"
    file.write_text(json.dumps(document))
    said = (await parsed(file))["said"]
    assert any(place in each["path"] for each in said if each["severity"] <= 1), said

"""REST, case by case: what every request gets, and in which order it is checked."""

import asyncio
import gzip
import json
import uuid

import pytest
from conftest import Api

from mockpbx.domain.events import SessionAnnounced
from mockpbx.runtime.faults import FaultStruck, read_fault
from mockpbx.runtime.workspace import Workspace

MISSING = {"status": 401, "errors": "Authentication token is required", "data": None}
BAD_NUMBER = {"status": 400, "errors": "Invalid phone number format", "data": None}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def api(serve, http) -> Api:
    return Api(http, (await serve()).url)


def is_error(reply: tuple[int, object], status: int) -> bool:
    code, body = reply
    sentence = isinstance(body, dict) and body.get("errors")
    return code == status and body == {"status": status, "errors": sentence, "data": None} and bool(sentence)


async def test_a_call_is_placed_and_hung_up(api):
    status, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796", "colour": "ignored"})
    session_id = reply["data"]["sessionId"]
    assert status == 200
    assert reply == {"status": 200, "errors": "", "data": {"phoneNumber": "089608675796", "sessionId": session_id}}
    assert uuid.UUID(session_id).version == 7
    assert await api.post("/pbx/hangup", {"sessionId": session_id}) == (
        200,
        {"status": 200, "errors": "", "data": {"sessionId": session_id}},
    )
    assert is_error(await api.post("/pbx/hangup", {"sessionId": session_id}), 404)


# --- the order of checks: body, route, token, validation --------------------------------------------------------------


async def test_a_body_that_cannot_be_read_is_told_before_anything_else(api):
    api.headers = {}
    assert is_error(await api.post("/pbx/call", data="{", headers=JSON), 400)
    assert is_error(await api.post("/nowhere", data="{", headers=JSON), 400)
    assert is_error(await api.get("/cdr", data="{", headers=JSON), 400)


async def test_an_unknown_route_is_told_before_a_missing_token(api):
    api.headers = {}
    assert is_error(await api.get("/nowhere"), 404)
    assert is_error(await api.get("/"), 404)


@pytest.mark.parametrize(("method", "path"), [("GET", "/pbx/call"), ("DELETE", "/cdr"), ("PUT", "/pbx/hangup")])
async def test_the_wrong_method_is_404_and_never_405(api, method, path):
    assert is_error(await api.ask(method, path), 404)


async def test_a_missing_token_is_told_before_a_wrong_body(api):
    api.headers = {}
    assert await api.post("/pbx/call", {"phoneNumber": 1}) == (401, MISSING)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "bearer dev", "Basic dev", "dev", "Bearer  dev"])
async def test_any_scheme_but_bearer_or_an_empty_token_is_401(api, header):
    assert await api.get("/cdr", headers={"Authorization": header}) == (401, MISSING)


@pytest.mark.parametrize(("token", "word"), [("invalid-1", "invalid"), ("expired-1", "expired")])
async def test_tokens_that_are_always_refused_say_why(api, token, word):
    reply = await api.get("/cdr", headers={"Authorization": f"Bearer {token}"})
    assert is_error(reply, 401)
    assert word in reply[1]["errors"]


async def test_with_tokens_given_no_other_is_accepted(serve, http):
    pbx = await serve(token=("secret",))
    assert (await Api(http, pbx.url, "secret").get("/cdr"))[0] == 200
    assert is_error(await Api(http, pbx.url, "dev").get("/cdr"), 401)


# --- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", ["{", "[1", '"text"', "12", "true", "null", "   ", "{'a': 1}", '{"a": NaN}', "[" * 50_000]
)
async def test_malformed_json_or_a_json_primitive_is_400(api, body):
    assert is_error(await api.post("/pbx/call", data=body, headers=JSON), 400)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"data": "", "headers": JSON},
        {"json": {}},
        {"json": []},
        {"data": '{"phoneNumber": "089608675796"}', "headers": {"Content-Type": "text/plain"}},
        {"data": b"\x00\xff", "headers": {"Content-Type": "application/octet-stream"}},
    ],
)
async def test_a_missing_empty_or_foreign_body_counts_as_empty(api, request_):
    assert await api.post("/pbx/call", **request_) == (400, BAD_NUMBER)


async def test_a_urlencoded_body_is_read_like_json(api):
    status, reply = await api.post("/pbx/call", data={"phoneNumber": "+6281234567"})
    assert (status, reply["data"]["phoneNumber"]) == (200, "+6281234567")


async def test_a_compressed_body_and_a_byte_order_mark_are_read(api):
    body = "\ufeff" + json.dumps({"phoneNumber": "089608675796"})
    headers = {**JSON, "Content-Encoding": "gzip"}
    assert (await api.post("/pbx/call", data=gzip.compress(body.encode()), headers=headers))[0] == 200
    assert is_error(await api.post("/pbx/call", data=b"not gzip", headers=headers), 400)


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "application/json; charset=klingon"}, {**JSON, "Content-Encoding": "rot13"}]
)
async def test_an_unknown_charset_or_encoding_is_415(api, headers):
    assert is_error(await api.post("/pbx/call", data=b"{}", headers=headers), 415)


async def test_a_body_over_100_kib_is_413_compressed_or_not(api):
    fits, too_large = (json.dumps({"sessionId": "x" * size}).encode() for size in (102_400 - 17, 102_400))
    assert is_error(await api.post("/pbx/hangup", data=fits, headers=JSON), 404)
    assert is_error(await api.post("/pbx/hangup", data=too_large, headers=JSON), 413)
    bomb = gzip.compress(b" " * 50_000_000)
    assert is_error(await api.post("/pbx/call", data=bomb, headers={**JSON, "Content-Encoding": "gzip"}), 413)


# --- validation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["08961234", "+08961234", "123456789012345"])
async def test_8_to_15_digits_are_a_phone_number(api, number):
    assert (await api.post("/pbx/call", {"phoneNumber": number}))[0] == 200


@pytest.mark.parametrize(
    "number",
    [
        "0896123",
        "1234567890123456",
        "",
        "0896 1234",
        "08961234\n",
        "٠٨٩٦١٢٣٤",
        "++08961234",
        "abc",
        8961234567,
        None,
        [],
        {},
    ],
)
async def test_anything_else_is_none(api, number):
    assert await api.post("/pbx/call", {"phoneNumber": number}) == (400, BAD_NUMBER)


async def test_the_pattern_is_a_switch(serve, http):
    api = Api(http, (await serve(phone_pattern=r"\+62[0-9]{9,11}")).url)
    assert (await api.post("/pbx/call", {"phoneNumber": "+6281234567890"}))[0] == 200
    assert (await api.post("/pbx/call", {"phoneNumber": "089608675796"}))[0] == 400


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "sessionId is required"),
        ({"sessionId": 1}, "sessionId is not valid: expected a string, got the number 1"),
        ({"sessionId": None}, "sessionId is not valid: expected a string, got nothing"),
        ([1], "The payload must be an object, got a list"),
    ],
)
async def test_a_hangup_without_a_session_says_what_was_expected(api, body, sentence):
    assert await api.post("/pbx/hangup", body) == (400, {"status": 400, "errors": sentence, "data": None})


@pytest.mark.parametrize("session_id", ["unknown", "", "\ud800", "x" * 5_000])
async def test_a_hangup_of_an_unknown_session_is_404_or_by_the_switch_200(api, serve, http, session_id):
    body = json.dumps({"sessionId": session_id})
    assert is_error(await api.post("/pbx/hangup", data=body, headers=JSON), 404)
    lenient = Api(http, (await serve(idempotent_hangup=True)).url)
    assert (await lenient.post("/pbx/hangup", data=body, headers=JSON))[0] == 200


@pytest.mark.parametrize("session_id", ["unknown", "%20", "a%2Fb", "x" * 3_000])
async def test_a_record_that_is_not_there_is_404(api, session_id):
    assert is_error(await api.get(f"/cdr/{session_id}"), 404)


async def test_a_magic_number_makes_the_service_fail_and_another_status_is_a_switch(api, serve, http):
    failed = {"status": 500, "errors": "Failed to initiate call", "data": None}
    assert await api.post("/pbx/call", {"phoneNumber": "08000000500"}) == (500, failed)
    created = Api(http, (await serve(success_status=201)).url)
    status, reply = await created.post("/pbx/call", {"phoneNumber": "089608675796"})
    assert (status, reply["status"]) == (201, 201)


# --- paths, methods, CORS ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/cdr", "/cdr/", "/CDR", "/Cdr/?page=1"])
async def test_letter_case_and_one_trailing_slash_do_not_matter(api, path):
    assert (await api.get(path))[0] == 200


@pytest.mark.parametrize("path", ["//cdr", "/cdr//", "/pbx", "/cdr/a/b", "/%0a", "/cdr/%0a"])
async def test_other_slashes_do(api, path):
    assert is_error(await api.get(path), 404)


@pytest.mark.parametrize("path", ["/cdr/%", "/cdr/%zz", "/cdr/%ff", "/%"])
async def test_a_bad_escape_is_400(api, path):
    assert is_error(await api.get(path), 400)


async def test_head_on_a_get_route_is_200_without_a_body(api):
    assert await api.ask("HEAD", "/cdr") == (200, {}) or (await api.ask("HEAD", "/cdr"))[0] == 200
    async with api.http.head(api.url + "/cdr", headers=api.headers) as reply:
        assert (reply.status, await reply.read()) == (200, b"")


async def test_browsers_may_call_from_anywhere_unless_that_is_switched_off(api, serve, http):
    origin = {"Origin": "https://example.test", "Access-Control-Request-Headers": "authorization"}
    async with http.options(api.url + "/pbx/call", headers=origin) as reply:
        assert reply.status == 204
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert reply.headers["Access-Control-Allow-Headers"] == "authorization"
        assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    for method, path in (("GET", "/cdr"), ("GET", "/nowhere"), ("POST", "/pbx/call")):
        body = {"json": {"phoneNumber": "089608675796"}} if method == "POST" else {}
        async with http.request(method, api.url + path, headers=api.headers, **body) as reply:
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
    closed = await serve(cors_origin="")
    async with http.get(closed.url + "/cdr", headers=api.headers) as reply:
        assert "Access-Control-Allow-Origin" not in reply.headers


async def told(workspace: Workspace, kind: type) -> None:
    """Return when the journal holds an entry of this kind."""
    async with asyncio.timeout(20):
        while not any(isinstance(entry.event, kind) for entry in workspace.journal):
            await workspace.journal.grown()


async def test_who_leaves_before_the_reply_has_placed_a_call_and_nothing_fails(serve, caplog):
    pbx = await serve()
    workspace = pbx.workspace_of("dev")
    workspace.faults.add(read_fault({"fault": "http_delay", "seconds": 0.1}))
    host, port = pbx.url.removeprefix("http://").split(":")
    body = b'{"phoneNumber": "089608675796"}'
    asked = b"POST /pbx/call HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dev\r\nContent-Type: application/json\r\n"
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(asked + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await told(workspace, FaultStruck)  # who leaves before that has asked for nothing
    writer.transport.abort()
    await told(workspace, SessionAnnounced)
    await asyncio.sleep(0)
    assert len(workspace.live_calls()) == 1
    assert [record for record in caplog.records if record.exc_info] == []

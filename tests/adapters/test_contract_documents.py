"""The contract's documents as a server serves them: to anybody, naming itself."""

import pytest
from conftest import Api

from mockpbx.adapters.control.gate import BASE
from mockpbx.contract.documents.asyncapi import asyncapi
from mockpbx.contract.documents.openapi import openapi
from mockpbx.contract.documents.reference import reference


@pytest.fixture
async def anybody(serve, http) -> Api:
    pbx = await serve(token=("secret",), admin_token="the admin's")
    return Api(http, pbx.url, token=None)


async def test_the_documents_are_public_and_name_this_server_first(anybody):
    assert await anybody.get(f"{BASE}/openapi.json") == (200, openapi(anybody.url))
    assert await anybody.get(f"{BASE}/asyncapi.json") == (200, asyncapi(anybody.url))


async def test_the_reference_is_one_page_that_may_do_nothing(anybody):
    async with anybody.http.get(f"{anybody.url}{BASE}/reference") as reply:
        assert (reply.status, reply.content_type, reply.charset) == (200, "text/html", "utf-8")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert await reply.text() == reference()


async def test_a_host_that_is_no_name_of_this_server_never_gets_into_them(anybody):
    headers = {"Host": 'evil"/><script>'}
    for name in ("openapi", "asyncapi"):
        status, refused = await anybody.get(f"{BASE}/{name}.json", headers=headers)
        assert (status, refused["data"]) == (403, None)
        assert "--allowed-host" in refused["errors"]


async def test_no_other_method_is_taken(anybody):
    assert (await anybody.ask("HEAD", f"{BASE}/openapi.json"))[0] == 200
    assert (await anybody.post(f"{BASE}/openapi.json"))[0] == 405

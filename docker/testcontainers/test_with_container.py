"""mockpbx in a container, from pytest: pip install pytest testcontainers, and an image named mockpbx."""

import json
from urllib.request import Request, urlopen

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HealthcheckWaitStrategy

PORT = 7290


@pytest.fixture(scope="session")
def mockpbx_url():
    """Where the service is, for all tests of the session. Each test takes a token, and so a workspace, of its own."""
    container = (
        DockerContainer("mockpbx")
        .with_exposed_ports(PORT)
        .with_env("MOCKPBX_CLOCK", "auto")
        .with_env("MOCKPBX_DATABASE", ":memory:")
        .with_env("MOCKPBX_ALLOWED_HOST", "*")  # where Docker is elsewhere, the control API is reached by its name
        .waiting_for(HealthcheckWaitStrategy())
    )
    with container:
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(PORT)}"


def ask(url: str, token: str, method: str, path: str, body: object = None) -> dict:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url + path, content, headers, method=method)) as reply:
        return json.load(reply)["data"]


def test_a_busy_callee(mockpbx_url):
    token = "test-busy"
    ask(mockpbx_url, token, "POST", "/__admin/dialplan/rules", {"number": "0896*", "scenario": ["busy"]})
    session_id = ask(mockpbx_url, token, "POST", "/pbx/call", {"phoneNumber": "089608675796"})["sessionId"]
    wanted = {"facts": [{"fact": "Ended", "disposition": "BUSY", "cause": 17}], "within": 10}
    found = ask(mockpbx_url, token, "POST", f"/__admin/calls/{session_id}/expect", wanted)
    assert found["met"], found["explanation"]

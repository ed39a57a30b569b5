"""Who may come: pages of this server and programs, by names that it knows; and https."""

import asyncio
import ssl
import subprocess
import sys

import aiohttp
import pytest
from conftest import Api

from mockpbx.adapters import certificate
from mockpbx.adapters.control.routes import ROUTES, UNDER_ANY_NAME
from mockpbx.app import Server
from mockpbx.client import Client
from mockpbx.contract.errors import ConfigurationError
from mockpbx.runtime.settings import ServerSettings

GUARDED = ("/__admin/settings", "/__admin/health", "/__admin/journal/stream", "/__console/", "/__console")
REBOUND = "evil.test"


async def asked(http, url: str, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Ask as a browser or a program does, with headers such as sec_fetch_site."""
    sent = {name.replace("_", "-").title(): value for name, value in headers.items()}
    sent.setdefault("Authorization", "Bearer dev")
    async with http.request(method, url + path, headers=sent, allow_redirects=False) as reply:
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]
        return reply.status, "" if "stream" in path and reply.status == 200 else await reply.text()


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:7290", "localhost.", "bot.localhost:80", "127.0.0.1:7290", "10.1.2.3", "[::1]:7290",
     "[fe80::1]",
     "allowed.test:1", "Allowed.TEST", "second.test"],
)  # fmt: skip
async def test_names_of_this_machine_addresses_and_allowed_names_are_served(serve, http, host):
    pbx = await serve(allowed_host="allowed.test second.test")
    for path in GUARDED:
        status, text = await asked(http, pbx.url, path, host=host)
        assert status in (200, 302), (path, text)


@pytest.mark.parametrize(
    "host",
    [REBOUND, "evil.test:7290", "localhost.evil.test", "127.0.0.1.evil.test", "xlocalhost", "0x7f.1", "", "[x]",
     "[::1].evil.test", "[::1].evil.test:7290", "[::1]evil.test", "[::1", "[::1]:80.evil.test"],
)  # fmt: skip
async def test_a_name_that_anybody_may_let_point_here_is_not(serve, http, host):
    pbx = await serve(allowed_host="allowed.test")
    for path in GUARDED:
        status, text = await asked(http, pbx.url, path, host=host)
        assert status == 403, (path, text)
        assert "--allowed-host" in text
        assert "not served under the name" in text


async def test_the_refusal_is_in_the_envelope_and_names_the_flag_to_set(serve, http):
    pbx = await serve()
    status, reply = await Api(http, pbx.url).get("/__admin/settings", headers={"Host": "mockpbx:7290"})
    assert (status, reply["status"], reply["data"]) == (403, 403, None)
    assert reply["errors"].endswith("start the server with --allowed-host mockpbx")


async def test_the_host_it_listens_on_and_any_host_where_that_is_said(serve, http):
    named, any_name = await serve(host="localhost"), await serve(allowed_host="*")
    assert (await asked(http, named.url, "/__admin/settings", host="localhost"))[0] == 200
    assert (await asked(http, any_name.url, "/__admin/settings", host=REBOUND))[0] == 200
    foreign = {"origin": "https://evil.test", "host": REBOUND}
    assert (await asked(http, any_name.url, "/__admin/settings", **foreign))[0] == 200  # its own page then
    assert (await asked(http, any_name.url, "/__admin/settings", origin="https://other.test"))[0] == 403


async def test_probes_figures_and_the_contracts_own_api_are_asked_under_any_name(serve, http):
    pbx = await serve()
    paths = [route.path for route in ROUTES if route.id in UNDER_ANY_NAME]
    assert len(paths) == 4
    for path in paths:
        assert (await asked(http, pbx.url, path, host=REBOUND, sec_fetch_site="cross-site"))[0] == 200
    for path in ("/cdr", "/socket.io/?EIO=4&transport=polling"):
        headers = {"Host": REBOUND, "Origin": "https://evil.test", "Authorization": "Bearer dev"}
        async with http.get(pbx.url + path, headers=headers) as reply:
            assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, "*")


CROSS = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},  # another port of this machine
    {"origin": "https://evil.test"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "https://evil.test", "sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "document"},
]


@pytest.mark.parametrize("headers", CROSS, ids=str)
async def test_pages_of_other_sites_are_refused(serve, http, headers):
    pbx = await serve()
    for path in GUARDED:
        status, text = await asked(http, pbx.url, path, **headers)
        assert status == 403, (path, text)
        assert "page of another site" in text
    for path in ("/__admin/reset", "/__admin/calls", "/__console/evidence/x"):
        assert (await asked(http, pbx.url, path, "POST", **headers))[0] == 403


async def test_own_pages_links_and_what_the_user_opens_are_not(serve, http):
    pbx = await serve()
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    for headers in ({"sec_fetch_site": "same-origin", "origin": pbx.url}, {"sec_fetch_site": "none"}, {}, link):
        for path in GUARDED:
            assert (await asked(http, pbx.url, path, **headers))[0] in (200, 302), (path, headers)
    assert (await asked(http, pbx.url, "/__admin/reset", "POST", **link))[0] == 403  # a form that was sent off


async def test_a_handset_is_for_pages_of_this_server(serve, http):
    pbx = await serve()
    path = f"{pbx.url}/__admin/calls/x/handset"
    for headers in ({"Host": REBOUND}, {"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(path, headers=headers)
        assert refused.value.status == 403
    async with http.ws_connect(path, headers={"Origin": pbx.url}) as page:
        await page.send_json({"token": "dev"})
        assert "No call" in (await page.receive_json(timeout=10))["message"]


async def test_a_host_that_is_no_name_is_said_to_be_none():
    with pytest.raises(ConfigurationError, match=r"cannot listen on a\.\.b port 0: that is no name of a host; choose"):
        await Server(ServerSettings(host="a..b", port=0, database=":memory:")).start()


# --- https ------------------------------------------------------------------------------------------------------------


async def test_a_certificate_made_on_the_spot_serves_https_and_wss(serve, monkeypatch, tmp_path):
    pbx = await serve(tls=True, tls_ca=tmp_path / "clients" / "ca.pem", allowed_host="pbx.test *", clock="20x")
    assert pbx.url.startswith("https://127.0.0.1:")
    assert pbx.authority == tmp_path / "clients" / "ca.pem"
    assert b"PRIVATE" not in pbx.authority.read_bytes()
    context = ssl.create_default_context(cafile=pbx.authority)
    port = int(pbx.url.rpartition(":")[2])
    for name in ("localhost", "127.0.0.1", "::1", "pbx.test"):
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        writer.close()
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=REBOUND)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        async with http.get(f"{pbx.url}/__admin/openapi.json") as reply:
            assert (await reply.json())["servers"][0]["url"] == pbx.url
        async with http.ws_connect(f"{pbx.url}/socket.io/?EIO=4&transport=websocket") as socket:
            assert (await socket.receive_str())[:1] == "0"


def test_a_client_trusts_it_by_the_environment_and_a_call_goes_over_it(tmp_path):
    """As a user has it: the server of `mockpbx exec`, and SSL_CERT_FILE for what it runs."""
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio, os\n"
        "os.environ['SSL_CERT_FILE'] = os.environ['NODE_EXTRA_CA_CERTS']\n"
        "from mockpbx.client import Client\n"
        "async def main():\n"
        "    async with Client(os.environ['MOCKPBX_URL'], os.environ['MOCKPBX_TOKEN']) as client:\n"
        "        record = await (await client.place_call('08000000016')).finished()\n"
        "        print(os.environ['MOCKPBX_URL'].split(':')[0], record.disposition)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-m", "mockpbx", "exec", "--tls", "--tls-ca", str(tmp_path / "ca.pem"), "--evidence",
               str(tmp_path / "evidence"), "--", sys.executable, str(program)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["https", "ANSWERED"], done.stderr


async def test_a_made_authority_is_gone_with_its_server_unless_a_file_was_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    async with Server(ServerSettings(port=0, database=":memory:", tls=True)) as pbx:
        file = pbx.authority
        assert file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
    assert not file.exists()


@pytest.fixture
def files(tmp_path):
    """A certificate and its key, made by trustme, and another's key."""
    import trustme

    for name in ("one", "two"):
        made = trustme.CA().issue_cert("localhost")
        made.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        made.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
    (tmp_path / "empty.pem").write_text("")
    damaged = (tmp_path / "one.pem").read_text().replace("M", "N")
    (tmp_path / "damaged.pem").write_text(damaged)
    return tmp_path


async def test_a_certificate_from_files(serve, files):
    pbx = await serve(tls_cert=files / "one.pem", tls_key=files / "one.key")
    assert (pbx.url[:8], pbx.authority) == ("https://", None)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with aiohttp.ClientSession() as http, http.get(f"{pbx.url}/__admin/livez", ssl=context) as reply:
        assert reply.status == 200


@pytest.mark.parametrize(
    ("cert", "key", "sentence"),
    [
        ("one.pem", None, "--tls-cert goes with --tls-key: name both files"),
        (None, "one.key", "--tls-key goes with --tls-cert: name both files"),
        ("none.pem", "one.key", "--tls-cert: cannot read .*none.pem: No such file"),
        ("one.pem", ".", "--tls-key: cannot read .*: Is a directory"),
        ("one.key", "one.key", "--tls-cert: .*one.key holds no certificate"),
        ("one.pem", "empty.pem", "--tls-key: .*empty.pem holds no private key"),
        ("one.pem", "two.key", "--tls-key: .*two.key is not the key of the certificate in .*one.pem"),
        ("damaged.pem", "one.key", "cannot be used: one of them is damaged"),
    ],
)
async def test_files_that_do_not_fit_are_named_in_one_sentence(files, cert, key, sentence):
    given = {f"tls_{name}": files / file for name, file in (("cert", cert), ("key", key)) if file}
    with pytest.raises(ConfigurationError, match=sentence):
        await Server(ServerSettings(port=0, database=":memory:", **given)).start()


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'mockpbx\[tls\]', or name one by --tls-cert"):
        certificate.made(())


async def test_an_authority_that_cannot_be_written_is_said_before_anybody_comes(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for file in (tmp_path / "file" / "ca.pem", tmp_path / "folder"):
        settings = ServerSettings(port=0, database=":memory:", tls=True, tls_ca=file)
        with pytest.raises(ConfigurationError, match="--tls-ca: cannot write"):
            await Server(settings).start()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


async def test_a_place_for_an_authority_that_is_not_made_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="--tls-ca is where --tls puts the authority"):
        await Server(ServerSettings(port=0, database=":memory:", tls_ca=tmp_path / "ca.pem")).start()


async def test_a_client_that_does_not_trust_it_is_told_so(serve, tmp_path):
    pbx = await serve(tls=True, tls_ca=tmp_path / "ca.pem")
    with pytest.raises(Exception, match="certificate"):
        async with Client(pbx.url, "dev"):
            pass

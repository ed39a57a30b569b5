"""The sandbox page as a browser gets it: its files, their headers, and evidence pages by ticket."""

import asyncio
import gzip
import re
from pathlib import Path

import aiohttp
import pytest
from adapters.test_control import Control
from aiohttp import web
from yarl import URL

from mockpbx import console
from mockpbx.adapters.console import ConsoleService
from mockpbx.adapters.guard import Guard
from mockpbx.adapters.tickets import MOST, Tickets

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
GUARDED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self)",
}


class Visitor:
    """A browser: it takes no redirect unseen, and unpacks nothing."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def ask(self, method: str, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
        url = URL(self.url + path, encoded=True)
        asked = {"Accept-Encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, url, headers=asked, allow_redirects=False) as reply:
            return reply, await reply.read()

    async def get(self, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
        return await self.ask("GET", path, **headers)


@pytest.fixture
async def plain():
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
async def visitor(serve, plain) -> Visitor:
    return Visitor(plain, (await serve(clock="manual", token=("s3cret",), admin_token="4dmin")).url)


@pytest.fixture
async def folder(tmp_path, plain, aiohttp_server):
    """A page of our own, and who visits it."""
    (tmp_path / "views").mkdir()
    for name, text in {
        "index.html": "<!doctype html>\n<title>hello</title>\n",
        "views/live.js": "export const live = 1;\n" * 100,
        "notes.txt": "not for visitors",
        "__init__.py": "",
        ".hidden.js": "",
    }.items():
        (tmp_path / name).write_text(text)

    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(text="elsewhere")

    app = web.Application()
    ConsoleService(Tickets(), Guard(), tmp_path).attach(app, elsewhere)
    server = await aiohttp_server(app)
    return tmp_path, Visitor(plain, f"http://{server.host}:{server.port}")


# --- the way in -------------------------------------------------------------------------------------------------------


async def test_a_browser_that_comes_to_the_root_is_sent_to_the_page(visitor):
    for path in ("/", "/?from=elsewhere"):
        reply, _ = await visitor.get(path, **BROWSER)
        assert (reply.status, reply.headers["Location"]) == (302, "/__console/")
    reply, _ = await visitor.get("/__console")
    assert (reply.status, reply.headers["Location"]) == (302, "/__console/")
    reply, page = await visitor.get("/__console/")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.lower().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("method", "accept"),
    [
        ("GET", "*/*"),
        ("GET", "application/json"),
        ("GET", "text/html;q=0, */*"),
        ("GET", ""),
        ("POST", BROWSER["Accept"]),
        ("DELETE", BROWSER["Accept"]),
    ],
)
async def test_anybody_else_gets_the_contracts_own_answer_there(visitor, method, accept):
    reply, body = await visitor.ask(method, "/", Accept=accept)
    assert reply.status == 404
    assert body == f'{{"status": 404, "errors": "Cannot {method} /", "data": null}}'.encode()
    assert "Content-Security-Policy" not in reply.headers


# --- files ------------------------------------------------------------------------------------------------------------


async def test_every_file_of_the_page_is_there_and_guarded(visitor):
    _, page = await visitor.get("/__console/")
    named = {name.removeprefix("./") for name in re.findall(r'(?:src|href)="([^"#/][^"#]*)"', page.decode())}
    root = Path(console.__file__).parent
    packed = {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}
    packed = {name for name in packed if not name.endswith((".py", ".pyc"))}
    assert "index.html" in packed
    for name in sorted(named | packed):
        reply, _ = await visitor.get(f"/__console/{name}")
        assert reply.status == 200, name
        assert reply.headers["Content-Security-Policy"] == POLICY
        assert GUARDED.items() <= dict(reply.headers).items()


async def test_what_goes_wrong_is_guarded_too(visitor):
    for method, path, status in (
        ("GET", "/__console", 302),
        ("GET", "/__console/nothing.js", 404),
        ("POST", "/__console/", 405),
        ("GET", "/__console/%zz", 400),
        ("GET", "/__console/evidence/none", 404),
    ):
        reply, body = await visitor.ask(method, path)
        assert reply.status == status
        assert reply.headers["Content-Security-Policy"] == POLICY
        assert GUARDED.items() <= dict(reply.headers).items()
        assert b"Traceback" not in body


async def test_files_come_as_what_they_are(folder):
    root, visitor = folder
    for name, media_type in {
        "a.html": "text/html; charset=utf-8",
        "a.css": "text/css; charset=utf-8",
        "a.js": "text/javascript; charset=utf-8",
        "a.svg": "image/svg+xml",
    }.items():
        (root / name).write_bytes(b"<b>")
        reply, body = await visitor.get(f"/__console/{name}")
        assert (reply.headers["Content-Type"], body) == (media_type, b"<b>")
        assert reply.headers["Cache-Control"] == "no-cache"


async def test_a_file_that_is_known_already_is_not_sent_again_until_it_changes(folder):
    root, visitor = folder
    reply, body = await visitor.get("/__console/")
    tag = reply.headers["ETag"]
    for known in (tag, f'"another", {tag}', "*"):
        again, nothing = await visitor.get("/__console/", If_None_Match=known)
        assert (again.status, again.headers["ETag"], nothing) == (304, tag, b"")
        assert again.headers["Cache-Control"] == "no-cache"
    (root / "index.html").write_bytes(body + b"<p>more")
    changed, longer = await visitor.get("/__console/", If_None_Match=tag)
    assert (changed.status, longer) == (200, body + b"<p>more")
    assert changed.headers["ETag"] != tag


async def test_who_takes_gzip_gets_it(folder):
    root, visitor = folder
    plain_text = (root / "views/live.js").read_bytes()
    for accepted, packed in (("br, GZIP;q=0.5", True), ("gzip", True), ("gzip;q=0", False), ("br", False), ("", False)):
        reply, body = await visitor.get("/__console/views/live.js", Accept_Encoding=accepted)
        assert reply.headers.get("Content-Encoding") == ("gzip" if packed else None)
        assert (gzip.decompress(body) if packed else body) == plain_text
        assert (len(body) < len(plain_text) / 10) is packed
        assert reply.headers["Vary"] == "Accept-Encoding"


async def test_a_head_tells_how_long_a_file_is(folder):
    root, visitor = folder
    reply, body = await visitor.ask("HEAD", "/__console/views/live.js")
    assert (reply.status, body) == (200, b"")
    assert int(reply.headers["Content-Length"]) == (root / "views/live.js").stat().st_size


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_files_are_only_read(folder, method):
    _, visitor = folder
    reply, body = await visitor.ask(method, "/__console/index.html")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
    assert body == f"Cannot {method} /__console/index.html: it takes GET, HEAD\n".encode()


@pytest.mark.parametrize(
    "path",
    [
        "/__console/notes.txt",
        "/__console/__init__.py",
        "/__console/.hidden.js",
        "/__console/views",
        "/__console/views/",
        "/__console/views/live.js/",
        "/__console//index.html",
        "/__console/../index.html",
        "/__console/views/../index.html",
        "/__console/views/%2e%2e/index.html",
        "/__console/views%2flive.js",
        "/__console/..%5cindex.html",
        "/__console/index.html%00.js",
        "/__console/index.html%0a.js",
        "/__console//etc/hosts.js",
        "/__console/C:/x.js",
        "/__console/" + "a" * 5_000 + ".js",
    ],
)
async def test_nothing_else_is_to_be_had(folder, path):
    root, visitor = folder
    (root.parent / "index.html").write_text("outside")
    host, port = visitor.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert b" 404 " in head.splitlines()[0]
    assert body.startswith(b"There is no ")
    assert body.endswith(b"; the page is at /__console/\n")
    assert len(body) < 300


# --- evidence ---------------------------------------------------------------------------------------------------------


async def test_an_evidence_page_is_opened_once_without_a_token(serve, http, plain):
    pbx = await serve(clock="manual")
    control, visitor = Control(http, pbx.url), Visitor(plain, pbx.url)
    session = await control.call()
    path = (await control.do("evidence_ticket", {}, id=session))["path"]
    assert re.fullmatch(r"/__console/evidence/[\w-]{22}", path)
    for method in ("HEAD", "POST"):
        refused, _ = await visitor.ask(method, path)
        assert (refused.status, refused.headers["Allow"]) == (405, "GET")
    reply, page = await visitor.get(path)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"089608675796" in page
    policy = reply.headers.getall("Content-Security-Policy")
    assert len(policy) == 1
    assert "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'" in policy[0]
    assert "'self'" not in policy[0]
    assert GUARDED.items() <= dict(reply.headers).items()
    assert reply.headers["Cache-Control"] == "no-store"
    again, sentence = await visitor.get(path)
    assert again.status == 404
    assert sentence == b"This link opens once, within a minute: open the evidence from the call's page again\n"


async def test_each_ticket_opens_its_own_call_as_it_stands_then(serve, http, plain):
    pbx = await serve(clock="manual")
    control, visitor = Control(http, pbx.url), Visitor(plain, pbx.url)
    sessions = {number: await control.call(number) for number in ("081111111111", "082222222222")}
    paths = {
        number: (await control.do("evidence_ticket", {}, id=session))["path"] for number, session in sessions.items()
    }
    for number, path in reversed(paths.items()):
        assert number.encode() in (await visitor.get(path))[1]


async def test_nobody_gets_a_ticket_for_a_call_of_somebody_else(serve, http):
    pbx = await serve(clock="manual")
    session = await Control(http, pbx.url).call()
    stranger = Control(http, pbx.url, token="stranger")
    assert "No call has this sessionId" in await stranger.refused("evidence_ticket", {}, status=404, id=session)


async def test_a_ticket_of_a_call_that_is_gone_says_so(serve, http, plain):
    pbx = await serve(clock="manual")
    control, visitor = Control(http, pbx.url), Visitor(plain, pbx.url)
    path = (await control.do("evidence_ticket", {}, id=await control.call()))["path"]
    await control.do("reset", {})
    reply, sentence = await visitor.get(path)
    assert (reply.status, sentence) == (
        404,
        b"No call has this sessionId here: it is unknown, or it ended too long ago\n",
    )


async def test_a_failure_of_its_own_is_500_and_tells_nothing_of_the_inside(serve, http, plain, monkeypatch, caplog):
    pbx = await serve(clock="manual")
    control, visitor = Control(http, pbx.url), Visitor(plain, pbx.url)
    path = (await control.do("evidence_ticket", {}, id=await control.call()))["path"]
    monkeypatch.setattr("mockpbx.evidence.page.page_of", lambda *_: 1 / 0)
    reply, sentence = await visitor.get(path)
    assert (reply.status, sentence) == (500, b"Internal server error\n")
    assert reply.headers["Content-Security-Policy"] == POLICY
    assert "ZeroDivisionError" in caplog.text


async def opened() -> web.Response:
    raise AssertionError


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


def test_a_ticket_is_good_for_a_minute():
    now = 1_000.0
    tickets = Tickets(lambda: now)
    early, late = name_of(tickets.issue(opened)), name_of(tickets.issue(opened))
    now += 59.9
    assert tickets.redeem(early) is opened
    assert tickets.redeem(early) is None
    now += 0.1
    assert tickets.redeem(late) is None


def test_tickets_are_bounded_and_none_is_like_another():
    tickets = Tickets(lambda: 0)
    names = [name_of(tickets.issue(opened)) for _ in range(MOST + 2)]
    assert len(set(names)) == MOST + 2
    assert [tickets.redeem(name) for name in names[:2]] == [None, None]
    assert all(tickets.redeem(name) is opened for name in names[2:])

"""The console in a real Chromium, from a real server, with a microphone that plays what a test gives it.

Everything here lives on one event loop, since the browser does: a test of this folder needs no mark for it.
"""

import asyncio
import importlib.util
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from browser.bots import Bot
from js.conftest import client as node_packages  # noqa: F401

from mockpbx.app import Server
from mockpbx.domain.plan import Plan
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

HERE = Path(__file__).parent
AXE = HERE.parent / "js" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [
    name
    for name, there in (
        ("the package playwright", importlib.util.find_spec("playwright")),
        ("a chromium on the path", CHROMIUM),
    )
    if not there
]

#: Chromium's flags for each kind of microphone; a file's sound is played once, from the moment it is opened.
SWITCHES = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream")
FAKE = "--use-fake-ui-for-media-stream"
MICROPHONES = {"beeps": (FAKE,), "denied": (f"{FAKE}=deny",), "missing": (FAKE,)}
NO_MICROPHONE = """() => {
  const missing = async () => { throw new DOMException("Requested device not found", "NotFoundError"); };
  navigator.mediaDevices.getUserMedia = missing;
}"""

#: Ms that a page may take to show what is due: more than the busiest machine needs, since who waits in vain has failed.
PATIENCE = 30_000

#: What the browser itself says of replies that the page asked for and shows: refusals, and a server that is gone.
REPLIES = re.compile(r"Failed to load resource|WebSocket connection to .* failed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One browser serves all tests, and it belongs to the loop on which it was started."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(loop_scope="session")
async def serve():
    """Start servers: `await serve(clock="20x", dial_delay=0, ...)`; any setting by its name."""
    running: list[Server] = []

    async def start(*, plan: Plan | None = None, **settings) -> Server:
        server = {name: settings.pop(name) for name in list(settings) if name in ServerSettings.model_fields}
        server = {"port": 0, "database": ":memory:", "seed": 1} | server
        pbx = Server(ServerSettings(**server), WorkspaceSettings(**settings), plan)
        await pbx.start()
        running.append(pbx)
        return pbx

    yield start
    for pbx in running:
        await pbx.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Browsers:
    """Chromium, started once for each set of flags that a test needs."""

    def __init__(self, playwright) -> None:
        self._playwright = playwright
        self._running: dict[tuple[str, ...], object] = {}

    async def with_microphone(self, kind: str | Path):
        """Return a browser whose microphone is one of MICROPHONES, or plays a WAV file once."""
        file = (FAKE, f"--use-file-for-fake-audio-capture={kind}%noloop")
        flags = MICROPHONES[kind] if isinstance(kind, str) else file
        if flags not in self._running:
            self._running[flags] = await self._playwright.chromium.launch(
                executable_path=CHROMIUM, args=[*SWITCHES, *flags]
            )
        return self._running[flags]

    async def close(self) -> None:
        for browser in self._running.values():
            await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers() -> AsyncIterator[Browsers]:
    if MISSING:
        lacking = f"needs {' and '.join(MISSING)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(lacking)
    from playwright.async_api import async_playwright, expect

    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browsers = Browsers(playwright)
        yield browsers
        await browsers.close()


class Console:
    """Opens the console: `page = await console(pbx, path="#/records")` returns when the view is there.

    `microphone`: "beeps" (Chromium's own), "denied", "missing", or the path of a WAV file that it plays once. `path`
    None opens what the page itself chooses. `live` False does not wait for the view. A test fails where a page wrote
    an error or a warning, threw, broke its content security policy, or asked another host for anything;
    `console.forgive(pattern)` lets messages pass that the test is about.
    """

    def __init__(self, browsers: Browsers) -> None:
        self.wrongs: list[str] = []
        self.urls: list[str] = []  # whatever was asked for, websockets too
        self._browsers = browsers
        self._forgiven: list[str] = []
        self._contexts: list = []

    async def __call__(
        self,
        pbx: Server | str,
        *,
        token: str | None = "dev",
        path: str | None = "#/calls",
        theme: str = "light",
        width: int = 1_440,
        height: int = 900,
        microphone: str | Path = "beeps",
        live: bool = True,
    ):
        url = pbx if isinstance(pbx, str) else pbx.url
        browser = await self._browsers.with_microphone(microphone)
        context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        self._contexts.append(context)
        if microphone == "missing":
            await context.add_init_script(f"({NO_MICROPHONE})()")
        page = await context.new_page()
        self._watch(page, url)
        await page.goto(f"{url}/__console/" + ("" if token is None else f"#token={token}"))
        if live and token is not None:
            await shown(page, path)
        return page

    def forgive(self, pattern: str) -> None:
        """Let messages pass that contain this regular expression."""
        self._forgiven.append(pattern)

    def told(self) -> list[str]:
        """Return what pages should not have done, but for what was forgiven."""
        return [wrong for wrong in self.wrongs if not any(re.search(each, wrong) for each in self._forgiven)]

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()

    def _watch(self, page, url: str) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrongs.append(f"uncaught: {error}\n{error.stack or ''}"))
        page.on("dialog", self._asked_by_dialog)
        page.on("request", lambda request: self._asked(request.url, url))
        page.on("websocket", lambda socket: self._asked(socket.url, url))

    def _said(self, message) -> None:
        if message.type not in ("error", "warning"):
            return
        where = message.location.get("url", "")
        if REPLIES.search(message.text) and not urlsplit(where).path.startswith("/__console/"):
            return
        self.wrongs.append(f"{message.type}: {message.text} ({where}:{message.location.get('lineNumber', 0) + 1})")

    async def _asked_by_dialog(self, dialog) -> None:
        self.wrongs.append(f"a dialog: {dialog.message}")
        await dialog.dismiss()

    def _asked(self, asked: str, url: str) -> None:
        self.urls.append(asked)
        if urlsplit(asked).scheme not in ("data", "blob") and urlsplit(asked).netloc != urlsplit(url).netloc:
            self.wrongs.append(f"a request left the machine: {asked}")
        if "token=" in asked.split("#", maxsplit=1)[0]:
            self.wrongs.append(f"a request shows the token: {asked}")


#: Goes to an address, and resolves once another view has taken the place of the one before.
GO = """([path, name]) => new Promise((resolve) => {
  const main = document.getElementById("main");
  const [before, there] = [main.firstElementChild, document.querySelector("#nav [aria-current]")?.dataset.view];
  location.hash = path;
  const look = () => {
    if (name === there || main.firstElementChild !== before) resolve();
    else requestAnimationFrame(look);
  };
  look();
})"""


async def shown(page, path: str | None) -> None:
    """Wait until a view is there; `path` is its fragment, None for whichever the page chose."""
    from playwright.async_api import expect

    await expect(page.locator("#state")).to_have_attribute("data-state", "live")
    if path is not None:
        name = path.removeprefix("#/").split("/")[0].split("?")[0]
        await page.evaluate(GO, [path, name])
        await expect(page.locator(f'#nav a[data-view="{name}"]')).to_have_attribute("aria-current", "page")
    await expect(page.locator("#main h1").first).to_be_visible()


async def becomes(page, condition: str) -> None:
    """Wait until an expression of the page is true. (`wait_for_function` would need what the policy forbids.)"""
    look = f"const look = () => {{ if ({condition}) resolve(); else requestAnimationFrame(look); }}; look();"
    async with asyncio.timeout(20):
        await page.evaluate(f"() => new Promise((resolve) => {{ {look} }})")


@pytest_asyncio.fixture(loop_scope="session")
async def console(browsers) -> AsyncIterator[Console]:
    console = Console(browsers)
    yield console
    await console.close()
    assert console.told() == []


@pytest.fixture
def accessible(node_packages):  # noqa: F811
    """`await accessible(page)`: axe finds nothing against WCAG 2.2 (A, AA) and its best practices."""
    source = AXE.read_text(encoding="utf-8")

    async def accessible(page) -> None:
        if not await page.evaluate("() => 'axe' in window"):
            await page.evaluate(source)
        found = await page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
        assert not found["violations"], "\n".join(map(_told, found["violations"]))

    return accessible


def _told(violation: dict) -> str:
    places = "\n".join(f"    {node['html'][:200]}\n      {node['failureSummary']}" for node in violation["nodes"][:5])
    return f"{violation['id']} ({violation['impact']}): {violation['help']}\n{places}"


# --- a bot ------------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def bot(node_packages):  # noqa: F811
    """`await bot(pbx)` starts a Bot that is connected; it leaves when the test ends."""
    running: list[Bot] = []

    async def start(pbx: Server, token: str = "dev") -> Bot:
        program = HERE.parent / "js" / "console-bot.mjs"
        process = await asyncio.create_subprocess_exec(
            "node", program, pbx.url, token, stdin=-1, stdout=-1, limit=2**26
        )
        running.append(Bot(process))
        await running[-1].told("connect")
        return running[-1]

    yield start
    for each in running:
        await each.close()

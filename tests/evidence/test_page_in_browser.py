"""The page in a real browser, from disk: silent on the console and on the network, and it plays."""

import importlib.util
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import pytest_asyncio
from evidence_calls import busy, conversation

from mockpbx.evidence.page import write_evidence

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [
    name
    for name, there in (
        ("the package playwright", importlib.util.find_spec("playwright")),
        ("a chromium on the path", CHROMIUM),
    )
    if not there
]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(MISSING) and os.environ.get("CI") != "true", reason=f"needs {' and '.join(MISSING)}"),
]

EVIL = "</script><img src=x onerror=alert(1)>"


class Visit:
    """A page that was opened from disk, and what it should not have done."""

    def __init__(self, page) -> None:
        self.page = page
        self.wrongs: list[str] = []
        page.on("console", lambda message: self.wrongs.append(message.text))
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        page.on("dialog", lambda dialog: self.wrongs.append(dialog.message))
        page.on("request", self._requested)

    def _requested(self, request) -> None:
        if not request.url.startswith(("data:", "blob:")) and request.resource_type != "document":
            self.wrongs.append(request.url)

    async def clock(self) -> float:
        return float((await self.page.text_content("#clock")).removesuffix(" s"))

    async def colour_of(self, selector: str) -> str:
        return await self.page.eval_on_selector(selector, "each => getComputedStyle(each).backgroundColor")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator:
    assert not MISSING, f"install {' and '.join(MISSING)}"
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser, tmp_path) -> AsyncIterator[Callable[..., Awaitable[Visit]]]:
    visits = []

    async def opened(dossier, width=1_400, theme="light") -> Visit:
        view = {"width": width, "height": 900}
        visits.append(Visit(await browser.new_page(viewport=view, color_scheme=theme)))
        await visits[-1].page.goto(write_evidence(dossier, tmp_path, "call").as_uri())
        return visits[-1]

    yield opened
    for each in visits:
        await each.page.close()


async def test_a_page_opens_from_disk_and_asks_for_nothing(visit):
    there = await visit(replace(conversation(EVIL), title=EVIL))
    assert await there.page.is_visible("#canvas")
    assert EVIL in await there.page.inner_text("body")
    assert await there.page.locator("img").count() == 0
    assert there.wrongs == []


async def test_the_space_bar_plays_and_stops(visit):
    from playwright.async_api import expect

    there = await visit(conversation())
    await there.page.keyboard.press("Space")
    await expect(there.page.locator("#clock")).to_have_text(re.compile(r"^[3-9]\."))
    await there.page.keyboard.press("Space")
    await expect(there.page.locator("#play")).to_have_attribute("aria-label", "play")
    assert there.wrongs == []


async def test_moments_in_the_page_and_in_the_picture_are_gone_to(visit):
    there = await visit(conversation())
    await there.page.locator(".findings .at").first.click()
    found = float(await there.page.locator(".findings .at").first.text_content())
    assert await there.clock() == pytest.approx(found)
    canvas = there.page.locator("#canvas")
    width = (await canvas.bounding_box())["width"]
    end = await there.page.evaluate("JSON.parse(document.getElementById('data').textContent).end / 1000")
    await canvas.click(position={"x": 108 + (width - 108) / 2, "y": 120})
    assert await there.clock() == pytest.approx(end / 2, abs=0.02)
    before = await there.clock()
    await there.page.keyboard.press("ArrowRight")
    assert await there.clock() == pytest.approx(before + 1)
    heard = await there.page.evaluate("document.getElementById('sound').currentTime")
    assert heard == pytest.approx(before + 1 - 2.48, abs=0.02)


async def test_the_wheel_zooms_around_the_pointer_once_the_picture_has_the_focus(visit):
    there = await visit(conversation())
    canvas = there.page.locator("#canvas")
    await canvas.click(position={"x": 700, "y": 120})
    at = await there.clock()
    for _ in range(5):
        await there.page.mouse.wheel(0, -120)
    await canvas.click(position={"x": 700, "y": 120})
    assert await there.clock() == pytest.approx(at, abs=0.02)
    await canvas.click(position={"x": 900, "y": 120})
    assert 0 < await there.clock() - at < 1
    assert there.wrongs == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1_400, 390])
async def test_both_themes_fit_wide_and_narrow_windows(visit, theme, width):
    there = await visit(conversation(), width, theme)
    ground = await there.colour_of("body")
    assert (max(map(int, ground[4:-1].split(","))) < 60) == (theme == "dark")
    await there.page.click("#theme")
    assert await there.colour_of("body") != ground
    assert await there.page.evaluate("document.documentElement.scrollWidth") == width
    assert there.wrongs == []


async def test_the_journal_is_filtered(visit):
    there = await visit(conversation())
    await there.page.fill("#filter", "checkpointcleared")
    assert await there.page.locator("#rows tr:visible").count() == 1
    assert "1 of" in await there.page.text_content("#count")


async def test_a_call_without_sound_has_its_picture_and_no_player(visit):
    there = await visit(busy())
    assert await there.page.is_visible("#canvas")
    assert not await there.page.is_visible("#play")
    await there.page.keyboard.press("Space")
    assert there.wrongs == []

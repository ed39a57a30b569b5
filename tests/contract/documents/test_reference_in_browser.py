"""The reference page in a real browser, from disk: silent, readable by day and by night, wide and narrow."""

import importlib.util
import os
import shutil

import pytest

from mockpbx.contract.documents.reference import reference

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
THERE = CHROMIUM and importlib.util.find_spec("playwright")

pytestmark = pytest.mark.skipif(not THERE and os.environ.get("CI") != "true", reason="needs playwright and chromium")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1_400, 900, 390])
async def test_it_fits_in_both_themes_and_says_nothing_on_the_console(tmp_path, theme, width):
    from playwright.async_api import async_playwright

    file = tmp_path / "reference.html"
    file.write_text(reference())
    wrongs: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.on("console", lambda message: wrongs.append(message.text))
        page.on("pageerror", lambda error: wrongs.append(str(error)))
        page.on("request", lambda request: wrongs.append(request.url) if request.resource_type != "document" else None)
        await page.goto(file.as_uri())
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        ground = await page.eval_on_selector("body", "each => getComputedStyle(each).backgroundColor")
        assert (max(map(int, ground[4:-1].split(","))) < 60) == (theme == "dark")
        if width == 390:
            await page.click("nav summary")
        await page.click("nav a[href='#receiveAudio'] >> visible=true")
        assert await page.locator("#receiveAudio h3").is_visible()
        assert await page.evaluate("location.hash") == "#receiveAudio"
        await browser.close()
    assert wrongs == []

"""The console as a whole: the way in, themes, a server that restarts, many calls, hostile text, access for all."""

import pytest
from browser.conftest import becomes, shown
from playwright.async_api import expect

from mockpbx.client import Client
from mockpbx.contract import messages as m
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule

SECRET = "a-token-that-nobody-is-to-see"
EVIL = "<img src=x onerror=alert(1)>"
#: Every view, and what it shows once all of it is there.
VIEWS = {
    "calls": "08000001000",
    "try": "Place call",
    "try/inbound": "Call the bot",
    "world/plan": "No rules: ordinary numbers are answered, and echo.",
    "world/scenarios": "handset",
    "world/faults": "Nothing goes wrong on purpose",
    "world/clock": "Reset the workspace",
    "world/numbers": "08000000017",
    "records": "08000001000",
    "messages": "POST /pbx/call",
    "findings": "checkpoint-cleared-at-hangup",
    "start": "A whole call",
}
TALKING = Plan((Rule.of("0812*", Named("talking", (s.Ring(0, setup=0), s.Answer(), s.Tone(440)))),))


async def place(http, pbx, number: str = "081234567890", token: str = "dev") -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with http.post(f"{pbx.url}/pbx/call", json={"phoneNumber": number}, headers=headers) as reply:
        return (await reply.json())["data"]["sessionId"]


async def ring(http, pbx, **call: object) -> str:
    headers = {"Authorization": "Bearer dev"}
    async with http.post(f"{pbx.url}/__admin/calls", json=call, headers=headers) as reply:
        return (await reply.json())["data"]["sessionId"]


async def lived_in(http, pbx) -> str:
    """Let one call have been and another be; return the session of the former."""
    async with Client(pbx.url, "dev") as client:
        call = await client.place_call("08000001000")
        await call.until(m.DialStatusChange, status="Connected")
        await call.send_audio(bytes(480_000))  # half a minute, so that the mark is still to come
        await call.check_point("a mark")
        await call.hang_up()
        await call.finished()
    await place(http, pbx, "08000001001")
    return call.session_id


async def every_view(page, session: str):
    """Show each view, and yield its name when all of it is there."""
    for view, content in {**VIEWS, f"calls/{session}": "a mark"}.items():
        await shown(page, f"#/{view}")
        await expect(page.locator("#main").get_by_text(content).locator("visible=true").first).to_be_visible()
        yield view


def rows(page):
    return page.get_by_role("listbox", name="Calls").get_by_role("option")


def live_calls(page):
    return page.locator('#nav a[data-view="calls"] .count')


# --- the way in -------------------------------------------------------------------------------------------------------


async def test_the_links_token_is_kept_by_the_tab_and_sent_in_no_address(serve, console, http):
    pbx = await serve()
    page = await console(pbx, token=SECRET)
    assert page.url == f"{pbx.url}/__console/#/calls"
    await place(http, pbx, token=SECRET)
    await expect(rows(page)).to_have_count(1)
    await page.reload()
    await shown(page, None)
    await expect(rows(page)).to_have_count(1)
    await page.go_back()
    assert not any(SECRET in url.split("#")[0] for url in console.urls)
    assert SECRET not in page.url
    assert SECRET not in await page.content()
    assert SECRET not in await page.evaluate("() => JSON.stringify({ ...localStorage }) + document.cookie")


async def test_without_a_token_one_is_asked_for_and_a_refused_one_is_told_why(serve, console):
    page = await console(await serve(token=(SECRET,)), token=None)
    await expect(page.get_by_role("heading", name="Whose calls?")).to_be_visible()
    await page.get_by_label("Token", exact=True).fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Authentication token is invalid.")
    await page.get_by_label("Token", exact=True).fill("té€")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("letters, digits and signs of ASCII")
    await page.get_by_label("Token", exact=True).fill(SECRET)
    await page.get_by_role("button", name="Open the console").click()
    await shown(page, "#/calls")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Whose calls?")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Whose calls?")).to_be_visible()


async def test_a_link_with_a_token_that_is_refused_leads_to_the_form(serve, console):
    page = await console(await serve(), token="expired-1", live=False)
    await expect(page.get_by_role("alert")).to_have_text("Authentication token has expired.")
    assert "expired-1" not in page.url


async def test_another_link_in_the_same_tab_opens_its_own_workspace(serve, console):
    page = await console(await serve())
    await expect(page.locator("#workspace")).to_have_text("workspace d•••")
    await page.evaluate("location.hash = '#token=another'")
    await expect(page.locator("#workspace")).to_have_text("workspace ano•••")
    assert "another" not in page.url


async def test_a_server_that_wants_an_admin_token_is_asked_with_one(serve, console):
    page = await console(await serve(admin_token="key"), live=False)
    await expect(page.get_by_role("alert")).to_have_text("This server asks for its admin token, too.")
    await page.get_by_label("Admin token of the server").fill("lock")
    await page.get_by_role("button", name="Open the console").click()
    await expect(page.get_by_role("alert")).to_have_text("The admin token is another one.")
    await page.get_by_label("Admin token of the server").fill("key")
    await page.get_by_role("button", name="Open the console").click()
    await shown(page, "#/calls")


async def test_a_browser_that_asks_for_the_server_itself_is_led_to_the_console(serve, console):
    pbx = await serve()
    page = await console(pbx)
    await page.goto(pbx.url)
    assert page.url.startswith(f"{pbx.url}/__console/")
    await shown(page, None)


async def test_an_empty_workspace_begins_with_how_to_start_and_one_with_calls_with_them(serve, console, http):
    pbx = await serve()
    page = await console(pbx, path=None)
    assert page.url.endswith("#/start")
    await place(http, pbx)
    page = await console(pbx, path=None)
    assert page.url.endswith("#/calls")


# --- looks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_theme_is_the_systems_until_one_chooses_and_then_stays(serve, console, theme):
    page = await console(await serve(), theme=theme)

    async def dark() -> bool:
        ground = await page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        return max(map(int, ground[4:-1].split(","))) < 60

    assert await dark() == (theme == "dark")
    await page.get_by_role("button", name="switch between light and dark").click()
    assert await dark() == (theme == "light")
    await page.reload()
    await shown(page, None)
    assert await dark() == (theme == "light")


@pytest.mark.parametrize("width", [390, 1_024])
async def test_nothing_is_wider_than_the_window(serve, console, http, width):
    pbx = await serve(clock="10x", dial_delay=600)
    session = await lived_in(http, pbx)
    page = await console(pbx, width=width)
    async for view in every_view(page, session):
        wide = await page.evaluate(
            """() => {
              const main = document.getElementById("main");
              return [document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth];
            }"""
        )
        assert wide == [0, 0], view


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_view_is_accessible(serve, console, accessible, http, theme):
    pbx = await serve(clock="10x", dial_delay=600)
    session = await lived_in(http, pbx)
    page = await console(pbx, theme=theme)
    async for _ in every_view(page, session):
        await accessible(page)


async def test_a_narrow_window_and_the_way_in_are_accessible(serve, console, accessible):
    pbx = await serve()
    await accessible(await console(pbx, token=None))
    await accessible(await console(pbx, path="#/try", width=390))


# --- hostile text -----------------------------------------------------------------------------------------------------


async def test_what_clients_name_and_number_is_text_in_every_view(serve, console, http):
    pbx = await serve(clock="10x", dial_delay=600, phone_pattern=".+")
    async with Client(pbx.url, "dev") as client:
        call = await client.place_call(EVIL)
        await call.until(m.DialStatusChange, status="Connected")
        await call.check_point(EVIL)
        await call.until(m.CheckPointReached, name=EVIL)
        await call.hang_up()
        await call.finished()
    caller = await ring(http, pbx, to=EVIL, **{"from": EVIL})
    page = await console(pbx)
    for view in [*VIEWS, f"calls/{call.session_id}", f"calls/{caller}", f"messages/{call.session_id}", f"try/{EVIL}"]:
        await page.evaluate(
            "path => { location.hash = '#/' + path.split('/').map(encodeURIComponent).join('/'); }", view
        )
        await expect(page.locator("#main h1").first).to_be_visible()
        if view in ("calls", "records", "messages", f"calls/{call.session_id}"):
            await expect(page.locator("#main").get_by_text(EVIL).first).to_be_visible()
        assert await page.locator("img:not(.brand img)").count() == 0, view


# --- a server that goes and comes -------------------------------------------------------------------------------------


async def test_a_server_that_restarts_under_the_page_is_found_again(serve, console, bot, http):
    pbx = await serve(plan=TALKING)
    there = await bot(pbx)
    page = await console(pbx)
    before = await place(http, pbx)
    await there.told("dialStatus", sessionId=before, status="Connected")
    await expect(rows(page)).to_have_count(1)
    await expect(live_calls(page)).to_have_text("1")
    known = len(there.log)
    port = int(pbx.url.rsplit(":", 1)[1])
    await pbx.stop()
    await expect(page.locator("#state")).to_have_attribute("data-state", "lost")

    again = await serve(plan=TALKING, port=port)
    await expect(page.locator("#state")).to_have_attribute("data-state", "live")
    await expect(rows(page)).to_have_count(0)  # another server's memory
    await there.told("connect", known)
    after = await place(http, again)
    await there.told("dialStatus", sessionId=after, status="Connected")
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text("Connected")
    await there.emit("hangup", sessionId=after)
    await expect(rows(page)).to_contain_text("ANSWERED")


async def test_what_could_not_be_had_while_the_server_was_gone_comes_when_it_is_back(serve, console):
    console.forgive("Failed to load resource")
    pbx = await serve()
    page = await console(pbx, token=None)
    await page.route("**/views/records.js", lambda route: route.abort())  # lost with the server, before it was loaded
    await page.get_by_label("Token", exact=True).fill("dev")
    await page.keyboard.press("Enter")
    await shown(page, "#/start")
    port = int(pbx.url.rsplit(":", 1)[1])
    await pbx.stop()
    await expect(page.locator("#state")).to_have_text("server gone · trying again")
    await page.get_by_role("link", name="Records").click()
    await expect(page.locator("#main")).to_contain_text("It comes once the server is back")
    for _ in range(2):
        await page.get_by_role("button", name="Ring here").click()
    await expect(page.locator(".notice")).to_have_count(1)
    await page.unroute("**/views/records.js")
    await serve(port=port)
    await expect(page.get_by_role("heading", name="Records")).to_be_visible()
    await expect(page.locator(".notice")).to_have_count(0)


async def test_a_server_that_takes_long_to_answer_is_not_called_live(serve, console):
    page = await console(await serve())
    await page.route("**/calls/pulse", lambda route: None)  # never answered
    await expect(page.locator("#state")).to_have_text("no answer yet")


# --- many calls -------------------------------------------------------------------------------------------------------


async def test_two_hundred_calls_at_once_leave_the_page_answering(serve, console, http):
    pbx = await serve(dial_delay=0, plan=TALKING)
    page = await console(pbx)
    sessions = [await place(http, pbx, f"0812{number:06}") for number in range(200)]
    await expect(live_calls(page)).to_have_text("200")
    await expect(rows(page).first).to_contain_text("Connected")
    assert await rows(page).count() < 40  # what is seen and a little more

    await rows(page).nth(2).click()
    await expect(page).to_have_url(f"{pbx.url}/__console/#/calls/{sessions[-3]}")
    await expect(page.locator(".call-panel")).to_contain_text("0812000197")
    listbox = page.get_by_role("listbox", name="Calls")
    await listbox.press("End")
    await expect(listbox.get_by_text("0812000000")).to_be_visible()
    await page.get_by_role("searchbox").fill("0812000123")
    await expect(rows(page)).to_have_count(1)
    await page.locator(".call-panel button.danger").click()
    await expect(live_calls(page)).to_have_text("199")
    # Sound moves: what the callee says is there for whoever is seen.
    await page.get_by_role("searchbox").fill("")
    await becomes(page, "document.querySelectorAll('.call-row canvas').length > 0")
    assert await rows(page).count() < 40


async def test_views_that_were_left_leave_nothing_behind(serve, console, http):
    pbx = await serve(clock="10x", dial_delay=600)
    session = await lived_in(http, pbx)
    page = await console(pbx)
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable")

    async def held() -> dict[str, float]:
        await shown(page, "#/calls")
        await devtools.send("HeapProfiler.collectGarbage")
        metrics = (await devtools.send("Performance.getMetrics"))["metrics"]
        return {each["name"]: each["value"] for each in metrics}

    async def round_trip() -> None:
        async for _ in every_view(page, session):
            pass

    await round_trip()  # what is loaded once stays
    await round_trip()
    before = await held()
    for _ in range(5):
        await round_trip()
    after = await held()
    assert after["JSEventListeners"] <= before["JSEventListeners"] + 5
    assert after["Nodes"] <= before["Nodes"] * 1.1 + 50
    assert len(pbx.workspace_of("dev").clients.sockets) == 0

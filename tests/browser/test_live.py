"""Live calls: whoever looks at the page sees what a client and a callee do, while they do it."""

import asyncio
import re
import socket
from contextlib import asynccontextmanager, contextmanager

import pytest

from mockpbx.client import Client
from mockpbx.contract.messages import CallEnded, CheckPointReached, DialStatusChange
from mockpbx.domain.plan import Always, Inline, Plan, Rule
from mockpbx.domain.scenario import Answer, HangUp, Press, Ring, Silence, Tone, Wait

NUMBER = "089608675796"
SECOND = bytes(16_000)
LOUD = b"\x00\x30\x00\xd0" * 4_000  # a second of 4 kHz
MARKUP = "<img src=x onerror=alert(1)>"

#: How many points of a canvas are coloured, in its upper half and in its lower one.
INKED = """canvas => {
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const points = copy.getImageData(0, 0, width, height).data;
  const halves = [0, 0];
  for (let at = 0; at < points.length; at += 4) {
    const row = Math.floor(at / 4 / width);
    if (points[at + 3] > 60 && Math.abs(row - height / 2) > 2) halves[row < height / 2 ? 0 : 1] += 1;
  }
  return halves;
}"""


def expect(locator):
    from playwright.async_api import expect

    return expect(locator)


def says(*steps):
    """Return a dial plan under which every callee answers soon and does these steps."""
    return Plan((Rule("*", Always(Inline("the callee", (Ring(0.1, setup=0), Answer(), *steps)))),))


STAYS = says(Silence(), Wait(600))


@asynccontextmanager
async def bot(pbx, token="dev"):
    async with Client(pbx.url, token) as client:
        yield client


async def answered(client, number=NUMBER):
    """Return a call that has been answered."""
    call = await client.place_call(number)
    await call.until(DialStatusChange, status="Connected")
    return call


def port(pbx):
    return int(pbx.url.rpartition(":")[2])


@contextmanager
def nobody_else_at(place):
    """Keep the port of a server that has stopped from others, which might answer the page there."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", place))
        yield


def row(page, text):
    return rows(page).filter(has_text=text)


def rows(page):
    return page.get_by_role("listbox", name="Calls").get_by_role("option")


# --- the list ---------------------------------------------------------------------------------------------------------


async def test_a_call_is_seen_from_its_first_status_to_its_record(serve, console):
    pbx = await serve(plan=says(HangUp()))
    page = await console(pbx)
    await expect(page.get_by_text("No calls yet.")).to_be_visible()

    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await expect(row(page, NUMBER)).to_be_visible()
        await call.finished()

    await expect(row(page, NUMBER)).to_contain_text("Ended")
    await expect(row(page, NUMBER)).to_contain_text("ANSWERED · Call completed successfully · by the callee")
    await expect(page.get_by_role("status").filter(has_text="known")).to_contain_text("0 live · 1 known")


async def test_both_sides_are_drawn_while_they_speak(serve, console):
    pbx = await serve(plan=says(Tone(440), Wait(600)))
    page = await console(pbx)

    async with bot(pbx) as client:
        call = await answered(client)
        await expect(row(page, "Connected")).to_be_visible()
        canvas = row(page, NUMBER).locator("canvas")
        await page.wait_for_function(f"canvas => ({INKED})(canvas)[0] > 100", arg=await canvas.element_handle())
        assert (await canvas.evaluate(INKED))[1] == 0, "the client has said nothing yet"

        await call.send_audio(LOUD * 3)

        await expect(row(page, NUMBER)).to_contain_text("s queued")
        await page.wait_for_function(f"canvas => ({INKED})(canvas)[1] > 100", arg=await canvas.element_handle())


async def test_a_row_says_what_happened_last(serve, console):
    pbx = await serve(plan=STAYS)
    page = await console(pbx)

    async with bot(pbx) as client:
        call = await answered(client)
        await call.send_audio(b"\x00\x00\x00")
        await expect(row(page, NUMBER)).to_contain_text("audio refused (3 bytes): ")
        await call.check_point("greeting")
        await expect(row(page, NUMBER)).to_contain_text("checkpoint greeting reached")
        await call.press("5")
        await expect(row(page, NUMBER)).to_contain_text("hears the digit 5")
        await call.send_audio(SECOND)
        await call.interrupt()
        await expect(row(page, NUMBER)).to_contain_text(re.compile(r"interruption: [\d.]+ m?s cleared"))


async def test_what_a_client_writes_is_text(serve, console):
    pbx = await serve(plan=STAYS, phone_pattern=".*")
    page = await console(pbx)

    async with bot(pbx) as client:
        call = await answered(client, number=MARKUP)
        await call.check_point(MARKUP)
        await expect(row(page, f"checkpoint {MARKUP} reached")).to_be_visible()
        await row(page, MARKUP).click()
        await expect(page.get_by_role("heading", name=MARKUP)).to_be_visible()

    assert await page.locator("img[src=x]").count() == 0


async def test_what_a_client_writes_does_not_turn_our_words_round(serve, console):
    pbx = await serve(plan=STAYS, phone_pattern="(?s).*")
    page = await console(pbx)

    async with bot(pbx) as client:
        call = await answered(client)
        await call.check_point("\u202e<b>evil</b>\u2066\x07")
        await expect(row(page, NUMBER)).to_contain_text(r"checkpoint \u{202e}<b>evil</b>\u{2066}\u{7} reached")
        await call.check_point("שלום")
        await expect(row(page, NUMBER)).to_contain_text("checkpoint \u2068שלום\u2069 reached")
        await row(page, NUMBER).click()
        story = page.get_by_role("listbox", name="What has happened")
        await expect(story).to_contain_text(r"checkpoint \u{202e}<b>evil</b>\u{2066}\u{7} reached")


async def test_on_a_narrow_page_no_number_runs_through_its_time(serve, console, http):
    pbx = await serve(plan=STAYS)
    page = await console(pbx, width=390)
    body = {"from": "0812345678901", "to": "0812345678902"}
    async with http.post(f"{pbx.url}/__admin/calls", headers={"Authorization": "Bearer dev"}, json=body) as reply:
        assert reply.status == 200, await reply.text()

    await expect(row(page, body["from"])).to_be_visible()
    who = await row(page, body["from"]).locator(".call-number").bounding_box()
    time = await row(page, body["from"]).locator(".call-time").bounding_box()
    assert who["x"] + who["width"] <= time["x"]


async def test_many_calls_are_few_elements_and_the_keyboard_reaches_each(serve, console):
    pbx = await serve(plan=says(HangUp()))
    page = await console(pbx)

    async with bot(pbx) as client:
        for index in range(80):
            await client.place_call(f"0896000000{index:02}")
        await expect(page.get_by_role("status").filter(has_text="known")).to_contain_text("80 known")

    assert await rows(page).count() < 40
    await expect(page.get_by_role("status").filter(has_text="known")).to_contain_text("0 live")
    await page.get_by_role("listbox", name="Calls").focus()
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="089600000000")).to_be_visible()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="089600000001")).to_be_visible()


async def test_the_list_is_narrowed_by_words_and_to_what_is_live(serve, console):
    pbx = await serve(plan=STAYS)
    page = await console(pbx)

    async with bot(pbx) as client:
        over = await answered(client)
        await over.hang_up()
        await over.until(CallEnded)
        await answered(client, number="081999999999")
        await expect(rows(page)).to_have_count(2)
        await expect(rows(page).first).to_contain_text("081999999999")  # live ones come first

        await page.get_by_role("button", name="Live only").click()
        await expect(rows(page)).to_have_count(1)
        await page.get_by_role("button", name="Live only").click()
        await page.get_by_role("searchbox").fill("0896")
        await expect(rows(page)).to_have_count(1)
        await expect(row(page, NUMBER)).to_contain_text("by the client")
        await page.get_by_role("searchbox").fill("nobody")
        await expect(page.get_by_text("No call fits.")).to_be_visible()


# --- one call ---------------------------------------------------------------------------------------------------------


async def test_a_call_tells_its_story_measures_and_findings(serve, console):
    pbx = await serve(plan=says(Press("7"), Silence(), Wait(600)))

    async with bot(pbx) as client:
        call = await answered(client)
        await call.send_audio(b"\x00\x00\x00")
        await call.send_audio(b"\x00\x00\x00")
        await call.send_audio(LOUD)
        await call.check_point("before anybody looked")
        await call.until(CheckPointReached)
        page = await console(pbx, path=f"#/calls/{call.session_id}")
        story = page.get_by_role("listbox", name="What has happened")
        await expect(story).to_contain_text("checkpoint before anybody looked reached")
        await call.check_point("while somebody looks")
        await expect(story).to_contain_text("checkpoint while somebody looks reached")
        await story.focus()
        await page.keyboard.press("Home")
        await expect(story).to_contain_text("pressed 7")
        await expect(story.get_by_role("option").filter(has_text="audio refused")).to_contain_text("× 2")

        await call.hang_up()
        await call.finished()

    await expect(page.get_by_text("ANSWERED, by the client")).to_be_visible()
    figures = page.locator("dl").filter(has_text="jitter")
    await expect(figures).to_contain_text("first audio")
    await expect(figures).to_contain_text(re.compile(r"own latenessp99\s[\d.]+\sms \(p50"))
    await expect(page.get_by_role("region", name="Call").get_by_role("listitem").first).to_be_visible()
    await expect(page.get_by_role("button", name="Hang up").first).to_be_disabled()


async def test_a_line_of_the_story_is_read_whole(serve, console):
    pbx = await serve(plan=STAYS)

    async with bot(pbx) as client:
        call = await answered(client)
        await call.send_audio(b"\x00\x00\x00")
        page = await console(pbx, path=f"#/calls/{call.session_id}")
        story = page.get_by_role("listbox", name="What has happened")
        line = story.get_by_role("option").filter(has_text="audio refused")
        whole = page.get_by_role("region", name="Call").locator(".call-whole")
        await expect(whole).to_be_hidden()
        await line.click()
        await expect(whole).to_have_text(re.compile(r"^\d+\.\d{3} s · client · audio refused \(3 bytes\): .{20}"))
        await expect(whole).to_contain_text(await line.locator(".fact-text").inner_text())
        assert await whole.evaluate("each => each.scrollWidth <= each.clientWidth")
        await line.click()
        await expect(whole).to_be_hidden()
        await page.keyboard.press("Home")
        await page.keyboard.press("Enter")
        await expect(whole).to_contain_text("0.000 s · client · outbound call to")
        await page.keyboard.press("Escape")
        await expect(whole).to_be_hidden()


async def test_moments_and_lines_are_shown_as_elsewhere(serve, console):
    pbx = await serve(plan=STAYS)

    async with bot(pbx) as client:
        call = await answered(client)
        page = await console(pbx, path=f"#/calls/{call.session_id}")
        placed = page.locator("dl").first.locator("div").filter(has_text="placed").locator("dd")
        await expect(placed).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
        for name in "abcdefghijklmn":
            await call.check_point(name)
        story = page.get_by_role("listbox", name="What has happened")
        await expect(story).to_contain_text("checkpoint n reached")
        height, line = await story.evaluate("each => [each.clientHeight, each.querySelector('.list-row').offsetHeight]")
        assert (height / line).is_integer()


async def test_a_call_is_hung_up_in_the_page(serve, console):
    pbx = await serve(plan=STAYS)
    page = await console(pbx)

    async with bot(pbx) as client:
        call = await answered(client)
        await row(page, NUMBER).click()
        await page.get_by_role("button", name="Hang up").first.click()
        await call.until(CallEnded)

    await expect(page.get_by_text("ANSWERED, by the callee")).to_be_visible()


async def test_a_recording_is_heard_in_the_page(serve, console):
    pbx = await serve(plan=says(Tone(440, 1), HangUp()))

    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await call.finished()
    page = await console(pbx, path=f"#/calls/{call.session_id}")
    await page.get_by_role("button", name="Recording").first.click()

    player = page.get_by_label("recording, callee left, client right")
    await expect(player).to_be_visible()
    await page.wait_for_function("player => player.duration > 0.9", arg=await player.element_handle())


async def test_the_evidence_opens_in_a_tab_of_its_own(serve, console):
    pbx = await serve(plan=says(HangUp()))
    async with bot(pbx) as client:
        call = await client.place_call(NUMBER)
        await call.finished()
    page = await console(pbx, path=f"#/calls/{call.session_id}")

    async with page.context.expect_page() as opened:
        await page.get_by_role("button", name="Evidence").first.click()
    tab = await opened.value

    await tab.wait_for_url("**/__console/evidence/*")
    await expect(tab.get_by_text(call.session_id).first).to_be_attached()
    assert await tab.evaluate("window.opener") is None


async def test_an_unknown_call_has_a_way_on(serve, console):
    page = await console(await serve(), path="#/calls/nobody")

    await expect(page.get_by_text("No call has this sessionId here")).to_be_visible()
    await page.get_by_role("link", name="close this call").click()
    await expect(page.get_by_text("No calls yet.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1_440, 390])
async def test_anybody_can_use_it(serve, console, accessible, theme, width):
    pbx = await serve(plan=STAYS)

    async with bot(pbx) as client:
        page = await console(pbx, theme=theme, width=width)
        call = await answered(client)
        await call.send_audio(b"\x00\x00\x00")
        await call.check_point("greeting")
        await expect(row(page, "greeting")).to_be_visible()
        await accessible(page)
        await row(page, NUMBER).click()
        await expect(page.get_by_role("listbox", name="What has happened")).to_contain_text("greeting")
        await accessible(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


# --- through thick and thin -------------------------------------------------------------------------------------------


async def test_a_laptop_that_slept_learns_once_what_happened_meanwhile(serve, console):
    pbx = await serve(plan=STAYS)
    page = await console(pbx)

    async with bot(pbx) as client:
        call = await answered(client)
        await call.check_point("seen")
        await expect(row(page, "checkpoint seen reached")).to_be_visible()
        await row(page, NUMBER).click()
        await page.clock.install()
        await page.route("**/__admin/**", lambda route: route.abort())
        await page.clock.fast_forward(60_000)
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(page.locator("#state")).to_have_attribute("data-state", "lost")
        await call.check_point("unseen")
        await call.until(CheckPointReached, name="unseen")
        await page.unroute("**/__admin/**")

        await expect(row(page, "checkpoint unseen reached")).to_be_visible()
        await expect(page.get_by_role("region", name="Call")).to_contain_text("2 checkpoints")


async def test_the_server_comes_back_as_another_one(serve, console):
    console.forgive("icon.svg")  # which a browser may ask for late, when there is no server any more
    pbx = await serve(plan=STAYS)
    place = port(pbx)
    page = await console(pbx)
    async with bot(pbx) as client:
        call = await answered(client)
        await row(page, NUMBER).click()
        await pbx.stop()
        with nobody_else_at(place):
            await expect(page.locator("#state")).to_have_attribute("data-state", "lost")

    told = asyncio.Event()

    async def hold(route):
        await told.wait()
        await route.continue_()

    await page.route("**/__admin/journal?call=*", hold)
    again = await serve(plan=STAYS, port=place)
    await expect(page.locator("#state")).to_have_attribute("data-state", "live")
    usual = page.viewport_size
    await page.set_viewport_size(usual | {"height": 500})  # what is shown is laid out before anything new has come
    await page.evaluate("new Promise(requestAnimationFrame)")
    await page.set_viewport_size(usual)
    told.set()
    await expect(page.get_by_text("No call has this sessionId here")).to_be_visible()
    async with bot(again) as client:
        call = await answered(client, number="081999999999")
        await expect(row(page, "081999999999")).to_contain_text("Connected")
        await expect(row(page, NUMBER)).to_have_count(0)
        await call.hang_up()


async def test_a_reset_empties_the_list(serve, console, http):
    pbx = await serve(plan=STAYS)
    page = await console(pbx)

    async with bot(pbx) as client:
        await answered(client)
        await expect(row(page, NUMBER)).to_be_visible()
        async with http.post(f"{pbx.url}/__admin/reset", headers={"Authorization": "Bearer dev"}, json={}) as reply:
            assert reply.status == 200

        await expect(page.get_by_text("No calls yet.")).to_be_visible()
        await answered(client, number="081999999999")
        await expect(row(page, "081999999999")).to_be_visible()


async def test_a_token_that_is_refused_later_is_told(serve, console):
    console.forgive("icon.svg")  # which a browser may ask for late, when there is no server any more
    pbx = await serve()
    place = port(pbx)
    page = await console(pbx)
    await expect(page.get_by_text("No calls yet.")).to_be_visible()
    await pbx.stop()
    await serve(port=place, token=["another"])

    await expect(page.get_by_role("alert").filter(has_text="The server refuses this token")).to_be_visible()

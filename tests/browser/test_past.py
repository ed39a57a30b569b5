"""Looking back, in a real browser: records, messages, findings; and getting started, with programs that are run."""

import asyncio
import csv
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import pytest_asyncio
import socketio
from click.testing import CliRunner
from js.conftest import client as node_packages  # noqa: F401

from mockpbx.cli.seed import command as seed

expect = pytest.importorskip("playwright.async_api").expect

NODE_PACKAGES = Path(__file__).parent.parent / "js" / "node_modules"
RECORDS = 230
HOSTILE = '<img src=x onerror="alert(1)"> & =1+1'


class Pages:
    """A server, and its API as the token `dev` sees it."""

    def __init__(self, pbx, http) -> None:
        self.url, self.http = pbx.url, http
        self.headers = {"Authorization": "Bearer dev"}

    async def get(self, path: str) -> dict:
        async with self.http.get(self.url + path, headers=self.headers) as reply:
            return await reply.json()

    async def post(self, path: str, body: object) -> dict:
        async with self.http.post(self.url + path, headers=self.headers, json=body) as reply:
            return await reply.json()

    async def records(self, query: str = "") -> list[dict]:
        """All records, the newest first, of which a query tells."""
        found: list[dict] = []
        for page in range(1, 100):
            reply = await self.get(f"/cdr?page={page}&limit=100{query}")
            found += reply["data"]
            if page >= reply["meta"]["totalPages"]:
                return found
        raise AssertionError("too many pages")

    async def call(self, number: str = "089608675796", *, badly: bool = False, mark: str = HOSTILE) -> str:
        """A whole call of a client that does all as it should, or hardly anything. Returns its session."""
        bot, record = socketio.AsyncClient(), asyncio.get_running_loop().create_future()

        async def join(call: dict) -> None:
            await bot.emit("joinRoom", {"sessionId": call["sessionId"]})

        async def speak(call: dict) -> None:
            session = call["sessionId"]
            sound = {"sessionId": session, "audioData": bytes(2_560), "audioFormat": "pcm16"}
            if call["status"] == "Ringing" and badly:
                await bot.call("audio", sound)
            if call["status"] == "Connected":
                for _ in range(3):
                    await bot.call("audio", sound)
                await bot.emit("checkPoint", {"sessionId": session, "name": mark})

        async def hang_up(mark: dict) -> None:
            if badly:
                await bot.emit("dtmf", {"sessionId": mark["sessionId"], "digit": "X", "duration": 200})
            await bot.emit("hangup", {"sessionId": mark["sessionId"]})

        async def end(cdr: dict) -> None:
            record.set_result(cdr)

        for name, handler in {"newSession": join, "dialStatus": speak, "checkPoint": hang_up, "cdr": end}.items():
            bot.on(name, handler)
        await bot.connect(self.url, auth={"token": "dev"}, transports=["websocket"])
        await self.post("/pbx/call", {"phoneNumber": number})
        session = (await record)["sessionId"]
        await bot.disconnect()
        return session


@pytest.fixture
def quick(serve, http):
    """A server on which calls of clients that only react are over within a second."""

    async def start(**settings) -> tuple[object, Pages]:
        pbx = await serve(**{"clock": "auto"} | settings)
        return pbx, Pages(pbx, http)

    return start


@pytest_asyncio.fixture(loop_scope="session")
async def history(serve, http, tmp_path):
    """A server with records of the last 30 days."""
    file = tmp_path / "records.db"
    arguments = ["--count", str(RECORDS), "--database", str(file), "--seed", "5"]
    assert (await asyncio.to_thread(CliRunner().invoke, seed, arguments)).exit_code == 0
    pbx = await serve(database=str(file))
    return pbx, Pages(pbx, http)


def rows_of(page):
    return page.get_by_role("region", name="Records").locator("tbody tr")


async def numbers_of(page) -> list[str]:
    return await rows_of(page).locator("td:nth-child(2)").all_inner_texts()


async def file_of(page) -> str:
    """Press the button and return what the file holds, its line ends as they are."""
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export CSV").click()
    path = Path(await (await download.value).path())
    return (await asyncio.to_thread(path.read_bytes)).decode()


# --- records ----------------------------------------------------------------------------------------------------------


async def test_records_are_filtered_as_the_contract_says_and_a_reload_keeps_the_filters(history, console):
    pbx, pages = history
    page = await console(pbx, path="#/records")
    await expect(page.get_by_text(f"{RECORDS} records")).to_be_visible()
    await page.get_by_label("Value of filter 1").fill("0812")
    await page.get_by_role("button", name="+ Filter").click()
    await page.get_by_label("Operator of filter 2").select_option("less than")
    await page.get_by_label("Value of filter 2").fill("60")
    wanted = [r for r in await pages.records() if "0812" in r["destination"] and r["duration"] < 60]
    assert 0 < len(wanted) < 25
    await expect(rows_of(page)).to_have_count(len(wanted))
    assert await numbers_of(page) == [record["destination"] for record in wanted]
    assert "filter.destination=$contains:0812" in page.url
    await page.reload()
    await expect(rows_of(page)).to_have_count(len(wanted))
    await expect(page.get_by_label("Value of filter 2")).to_have_value("60")
    await page.get_by_role("button", name="Clear").click()
    await expect(page.get_by_text(f"{RECORDS} records")).to_be_visible()


@pytest.mark.parametrize(
    ("field", "operator", "value", "statement"),
    [
        ("Number", "is", "{destination}", "destination=$eq:{destination}"),
        ("Duration", "is", "12", "duration=$eq:12"),
        ("Duration", "at least", "60", "duration=$gte:60"),
        ("Billable", "more than", "30", "billableSeconds=$gt:30"),
        ("Billable", "at most", "0", "billableSeconds=$lte:0"),
    ],
)
async def test_every_operator_asks_what_it_says(history, console, field, operator, value, statement):
    pbx, pages = history
    newest = (await pages.records())[0]
    value, statement = value.format(**newest), statement.format(**newest)
    page = await console(pbx, path="#/records")
    await page.get_by_label("Field of filter 1").select_option(field)
    await page.get_by_label("Operator of filter 1").select_option(operator)
    await page.get_by_label("Value of filter 1").fill(value)
    wanted = await pages.records(f"&filter.{statement}")
    await expect(page.get_by_text(re.compile(rf"^{len(wanted)} records?$"))).to_be_visible()
    assert await numbers_of(page) == [record["destination"] for record in wanted[:25]]


async def test_either_of_two_numbers_and_a_filter_that_is_none(history, console):
    pbx, pages = history
    page = await console(pbx, path="#/records")
    await page.get_by_label("Value of filter 1").fill("0812")
    await page.get_by_role("button", name="+ Filter").click()
    await page.get_by_label("Field of filter 2").select_option("Number")
    await page.get_by_label("Joint of filter 2").select_option("or")
    await page.get_by_label("Value of filter 2").fill("0813")
    wanted = [r for r in await pages.records() if "0812" in r["destination"] or "0813" in r["destination"]]
    await expect(page.get_by_text(f"{len(wanted)} records")).to_be_visible()
    await page.get_by_label("Field of filter 1").select_option("Duration")
    await page.get_by_label("Value of filter 1").fill("long")
    await expect(page.get_by_role("alert")).to_have_text("filter.duration must be a number, got 'long'")


async def test_pages_and_columns_sorted_both_ways(history, console):
    pbx, pages = history
    records = await pages.records()
    page = await console(pbx, path="#/records")
    await page.get_by_role("button", name="last page").click()
    await expect(page.get_by_text("page 10 of 10")).to_be_visible()
    await expect(rows_of(page)).to_have_count(RECORDS % 25)
    await page.get_by_label("Rows").select_option("100")
    await expect(page.get_by_text("page 1 of 3")).to_be_visible()
    await page.get_by_role("button", name="Issued").click()
    await expect(rows_of(page).first.locator("td:nth-child(2)")).to_have_text(records[-1]["destination"])
    await page.get_by_role("button", name="Duration").click()
    await expect(page.get_by_role("columnheader", name="Duration")).to_have_attribute("aria-sort", "descending")
    longest = sorted((record["duration"] for record in records), reverse=True)
    await expect(rows_of(page).first.locator("td:nth-child(4)")).to_have_text(f"{longest[0]:,} s")
    shown = await rows_of(page).locator("td:nth-child(4)").all_inner_texts()
    assert shown == [f"{seconds:,} s" for seconds in longest[:100]]
    await page.get_by_role("button", name="next page").click()
    await expect(rows_of(page).first.locator("td:nth-child(4)")).to_have_text(f"{longest[100]:,} s")


async def test_the_file_holds_every_row_that_matches(history, console):
    pbx, pages = history
    wanted = await pages.records("&filter.duration=$gte:5")
    assert len(wanted) > 100
    page = await console(pbx, path="#/records/filter.duration=$gte:5")
    await expect(page.get_by_text(f"{len(wanted)} records")).to_be_visible()
    text = await file_of(page)
    assert "\n" not in text.replace("\r\n", "")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(rows[0]) == list(wanted[0])
    as_text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in wanted]
    assert rows == as_text[::-1]


async def test_an_export_can_be_given_up(history, console):
    pbx, _ = history
    page = await console(pbx, path="#/records")
    held = asyncio.Event()
    await page.route(re.compile(r"/cdr\?page=2&limit=100"), lambda route: held.wait())
    await page.get_by_role("button", name="Export CSV").click()
    await expect(page.get_by_text("100 of 230")).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("button", name="Export CSV")).to_be_visible()
    held.set()


async def test_a_cell_that_a_spreadsheet_would_run_is_text(quick, console):
    pbx, pages = await quick()
    await pages.call("+6289608675796")
    page = await console(pbx, path="#/records")
    [row] = csv.DictReader((await file_of(page)).splitlines())
    assert row["destination"] == "'+6289608675796"
    hostile = ["=1+1", "-2", "@SUM(A1)", "\t=1", 'a "quoted", one', "two\nlines", None, -3]
    written = await page.evaluate(
        "async row => (await import('/__console/past/csv.js')).csv(Object.keys(row), [row])",
        {str(index): value for index, value in enumerate(hostile)},
    )
    [_, cells] = csv.reader(io.StringIO(written, newline=""))
    assert cells == ["'=1+1", "'-2", "'@SUM(A1)", "'\t=1", 'a "quoted", one', "two\nlines", "", "-3"]


async def test_a_row_opens_its_record_its_evidence_and_its_messages(quick, console):
    pbx, pages = await quick()
    page = await console(pbx, path="#/records")
    await expect(page.get_by_text("No call has ended yet.")).to_be_visible()
    session = await pages.call()
    await rows_of(page).filter(has_text="089608675796").click()
    record = page.get_by_role("region", name="Record", exact=True)
    await expect(record).to_contain_text(session)
    await expect(record).to_contain_text("16 · Call completed successfully")
    async with page.expect_popup() as popup:
        await record.get_by_role("button", name="Evidence").click()
    evidence = await popup.value
    await expect(evidence.locator("body")).to_contain_text(session)
    await evidence.close()
    await page.keyboard.press("Escape")
    await expect(record).to_have_count(0)
    await expect(rows_of(page).first.get_by_role("button")).to_be_focused()
    await page.keyboard.press("Enter")
    await record.get_by_role("link", name="Messages").click()
    await expect(page.get_by_role("heading", name="Messages")).to_be_visible()
    await expect(message_rows(page).first).to_contain_text("POST /pbx/call")


async def test_a_record_that_is_not_there_says_so(history, console):
    pbx, _ = history
    page = await console(pbx, path="#/records/0198355b-f324-718b-95a4-625c43c654bc")
    record = page.get_by_role("region", name="Record", exact=True)
    await expect(record.get_by_role("alert")).not_to_be_empty()
    await record.get_by_role("button", name="Close").click()
    await expect(rows_of(page)).to_have_count(25)


# --- messages ---------------------------------------------------------------------------------------------------------


def message_rows(page):
    return page.get_by_role("listbox", name="Messages").get_by_role("option")


async def test_a_whole_conversation_passes_by_with_its_frames_folded(quick, console):
    pbx, pages = await quick()
    page = await console(pbx, path="#/messages")
    await expect(page.get_by_text("Nothing has passed yet.")).to_be_visible()
    session = await pages.call()
    await expect(message_rows(page).filter(has_text="disconnect")).to_have_count(1)
    names = [name for name in await message_rows(page).locator(".msg-what").all_inner_texts() if name != "audio"]
    assert names == [
        *("connect", "POST /pbx/call", "newSession", "joinRoom", "roomJoined", "dialStatus", "dialStatus"),
        *("dialStatus", "checkPoint", "checkPoint", "hangup", "hangup", "cdr", "disconnect"),
    ]
    kept = (await pages.get("/__admin/messages?latest=100"))["data"]["messages"]
    frames = sum(message["count"] for message in kept if (message["name"], message["direction"]) == ("audio", "out"))
    folded = await message_rows(page).filter(has_text="←").filter(has_text="× ").locator(".msg-gist").all_inner_texts()
    assert sum(int(re.match(r"× ([\d,]+)", text)[1].replace(",", "")) for text in folded) == frames > 20
    sent = message_rows(page).filter(has_text="→").filter(has_text="× 3")
    await expect(sent).to_contain_text("7.7 kB · 0.48 s · pcm16")
    await message_rows(page).filter(has_text="checkPoint").first.click()
    opened = page.get_by_role("region", name="Message", exact=True)
    await expect(opened.get_by_role("region", name="Sent")).to_contain_text(json.dumps(HOSTILE)[1:-1])
    assert await page.locator("#main img").count() == 0
    await opened.get_by_role("link", name=session).click()
    await expect(page.get_by_text(f"call …{session[-8:]}")).to_be_visible()
    await expect(message_rows(page).first).to_contain_text("POST /pbx/call")


async def test_a_label_turns_no_words_of_the_page_round(quick, console):
    pbx, pages = await quick()
    page = await console(pbx, path="#/messages")
    await pages.call(mark="\u202e<b>evil</b>\u2066\x7f שלום")
    row = message_rows(page).filter(has_text="evil").first
    shown = r"\u{202e}<b>evil</b>\u{2066}\u{7f}"
    await expect(row.locator(".msg-gist")).to_have_text(f"name \u2068{shown} שלום\u2069")
    await row.click()
    await expect(page.get_by_role("region", name="Sent")).to_contain_text(f'"name": "{shown} שלום"')


async def test_refusals_are_red_and_say_why(quick, console):
    pbx, pages = await quick()
    page = await console(pbx, path="#/messages")
    await pages.post("/pbx/call", {"phoneNumber": "12"})
    row = message_rows(page).filter(has_text="POST /pbx/call")
    await expect(row).to_have_class(re.compile(r"\bbad\b"))
    await row.click()
    opened = page.get_by_role("region", name="Message", exact=True)
    await expect(opened.locator(".problem")).not_to_be_empty()
    await expect(opened.get_by_role("region", name="Reply")).to_contain_text('"status": 400')
    await opened.get_by_role("button", name="Copy as").click()
    code = page.get_by_label("code", exact=True)
    await expect(code).to_contain_text(f"{pages.url}/pbx/call")
    await expect(code).to_contain_text('{"phoneNumber": "12"}')
    await page.keyboard.press("Escape")
    session = await pages.call(badly=True)
    await expect(message_rows(page).filter(has_text="Call is not connected")).not_to_have_count(0)
    await expect(message_rows(page).filter(has_text="digit is not valid").first).to_contain_text(session[-8:])


async def test_messages_are_searched_and_chosen_by_kind_and_direction(quick, console):
    pbx, pages = await quick()
    await pages.call()
    await pages.get("/cdr?filter.destination=$contains:0899")
    page = await console(pbx, path="#/messages")
    await expect(message_rows(page).last).to_contain_text("GET /cdr")
    await page.get_by_label("Search messages").fill("$CONTAINS")
    await expect(message_rows(page)).to_have_count(1)
    await expect(page.get_by_label("Search messages")).to_be_focused()
    await page.get_by_label("Search messages").fill("")
    await page.get_by_role("button", name="REST").click()
    await expect(message_rows(page).locator(".msg-what")).to_have_text(["POST /pbx/call", "GET /cdr"])
    await page.get_by_role("button", name="Socket.IO").click()
    await page.get_by_role("button", name="→ From client").click()
    await expect(message_rows(page).filter(has_text="joinRoom")).to_have_count(1)
    await expect(message_rows(page).filter(has_text="roomJoined")).to_have_count(0)
    await page.get_by_label("Search messages").fill("there is no such thing")
    await expect(page.get_by_text("No message that is still kept fits.")).to_be_visible()


async def test_a_long_log_begins_at_its_end_and_is_scrolled_back(quick, console):
    pbx, pages = await quick()
    for number in range(650):
        await pages.get(f"/cdr/none-{number}")
    page = await console(pbx, path="#/messages")
    await expect(message_rows(page).filter(has_text="none-649")).to_be_visible()
    assert await message_rows(page).count() < 60
    the_list = page.get_by_role("listbox", name="Messages")
    await pages.get("/cdr/followed")
    await expect(message_rows(page).filter(has_text="followed")).to_be_visible()
    await the_list.focus()
    for told in ("401 lines, and earlier ones", "601 lines, and earlier ones", "651 lines"):
        await page.keyboard.press("Home")
        await expect(page.get_by_text(told, exact=True)).to_be_visible()
    await page.keyboard.press("Home")
    await expect(message_rows(page).get_by_text("none-0", exact=True)).to_be_visible()
    assert await message_rows(page).count() < 60
    await pages.get("/cdr/unseen")
    await expect(page.get_by_text("652 lines", exact=True)).to_be_visible()
    await expect(message_rows(page).get_by_text("none-0", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Newest").click()
    await expect(message_rows(page).filter(has_text="unseen")).to_be_visible()


async def test_what_the_page_itself_asks_for_is_no_message_and_its_test_call_is_one(quick, console):
    pbx, pages = await quick(dial_delay=0)
    session = await pages.call()
    page = await console(pbx, path="#/records")
    await rows_of(page).first.click()
    await expect(page.get_by_role("region", name="Record", exact=True)).to_contain_text(session)
    await file_of(page)
    await page.evaluate("location.hash = '#/try/12'")
    await page.get_by_role("button", name="Place call").click()
    await expect(page.locator("form").get_by_role("alert")).not_to_be_empty()
    await page.evaluate("location.hash = '#/messages'")
    await page.get_by_role("button", name="REST").click()
    await expect(message_rows(page).locator(".msg-what")).to_have_text(["POST /pbx/call", "POST /pbx/call"])


#: Counts the listeners for an abort that wait on signals, from now on.
LISTENERS = """() => {
  const { addEventListener, removeEventListener } = AbortSignal.prototype;
  const waiting = new Map();
  globalThis.aborts = () => [...waiting.values()].reduce((sum, each) => sum + each.size, 0);
  const of = (signal) => waiting.get(signal) ?? waiting.set(signal, new Set()).get(signal);
  AbortSignal.prototype.addEventListener = function (name, listener, ...others) {
    of(this).add(listener);
    return addEventListener.call(this, name, listener, ...others);
  };
  AbortSignal.prototype.removeEventListener = function (name, listener, ...others) {
    of(this).delete(listener);
    return removeEventListener.call(this, name, listener, ...others);
  };
}"""


async def test_a_view_that_stays_open_collects_no_listeners(quick, console):
    pbx, pages = await quick()
    page = await console(pbx)
    await page.evaluate(LISTENERS)
    await page.evaluate("location.hash = '#/messages'")
    for number in range(8):
        await pages.get(f"/cdr/round-{number}")
        await expect(message_rows(page).filter(has_text=f"round-{number}")).to_be_visible()
    assert await page.evaluate("aborts()") <= 2


async def test_a_reset_empties_the_log_and_it_goes_on(quick, console):
    pbx, pages = await quick()
    await pages.get("/cdr/before")
    page = await console(pbx, path="#/messages")
    await expect(message_rows(page)).to_have_count(1)
    await pages.post("/__admin/reset", {})
    await expect(page.get_by_text("Nothing has passed yet.")).to_be_visible()
    await pages.get("/cdr/after")
    await expect(message_rows(page)).to_contain_text(["after"])


async def test_sound_that_still_grows_stays_chosen_when_it_is_over(serve, http, console):
    pbx = await serve(dial_delay=0)
    pages = Pages(pbx, http)
    page = await console(pbx, path="#/messages")
    bot = socketio.AsyncClient()

    @bot.on("newSession")
    async def join(call: dict) -> None:
        await bot.emit("joinRoom", {"sessionId": call["sessionId"]})

    await bot.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    session = (await pages.post("/pbx/call", {"phoneNumber": "08000001001"}))["data"]["sessionId"]
    growing = page.locator(".message.growing")
    await expect(growing).to_contain_text("pcm16")
    await growing.click()
    await pages.post(f"/__admin/calls/{session}/hangup", {})
    await expect(message_rows(page).filter(has_text="hangup")).to_have_count(1)
    await expect(growing).to_have_count(0)
    await expect(page.get_by_role("option", selected=True).filter(has_text="pcm16")).to_have_count(1)
    opened = page.get_by_role("region", name="Message", exact=True)
    [run] = [each for each in (await pages.get("/__admin/messages"))["data"]["messages"] if each["name"] == "audio"]
    await expect(opened).to_contain_text(f"{run['count']:,} messages")
    await bot.disconnect()


# --- findings ---------------------------------------------------------------------------------------------------------


async def test_findings_come_with_their_remedy_and_lead_to_their_calls(quick, console):
    pbx, pages = await quick()
    page = await console(pbx, path="#/findings")
    await expect(page.get_by_text("No call yet.")).to_be_visible()
    session = await pages.call(badly=True)
    refused = page.get_by_role("article").filter(has_text="audio-refused")
    await expect(refused).to_contain_text("send none before dialStatus Connected")
    await expect(refused).to_contain_text("Contract: audio, Acknowledgment Response")
    await expect(page.get_by_role("article").filter(has_text="event-refused")).to_contain_text("got 'X'")
    told = (await pages.get("/__admin/findings"))["data"]["findings"]
    await expect(page.get_by_role("article")).to_have_count(len({finding["id"] for finding in told}))
    await page.get_by_role("button", name=re.compile("errors?$")).click()
    await expect(refused).to_have_count(0)
    await page.get_by_role("button", name=re.compile("errors?$")).click()
    await refused.get_by_role("link").click()
    await expect(page).to_have_url(re.compile(f"#/calls/{session}$"))


async def test_no_finding_is_good_news_and_what_was_not_judged_is_said(quick, console):
    pbx, pages = await quick()
    await pages.call()
    page = await console(pbx, path="#/findings")
    await expect(page.get_by_role("heading", name="No findings")).to_be_visible()
    await expect(page.get_by_text("The clock is auto, and nobody can keep pace with it.")).to_be_visible()
    await expect(page.get_by_text("burst, underrun")).to_be_visible()


async def test_a_call_that_goes_on_is_not_blamed_for_having_no_end(serve, http, console, bot):
    pbx = await serve(dial_delay=0)
    pages = Pages(pbx, http)
    call = await (await bot(pbx)).call("08000001001")
    await call.told("dialStatus", status="Connected")
    told = (await pages.get("/__admin/findings"))["data"]["findings"]
    assert [finding["id"] for finding in told if finding["call"] == call.session_id] == ["call-left-open"]
    page = await console(pbx, path="#/findings")
    await expect(page.get_by_role("heading", name="No findings")).to_be_visible()
    await expect(page.get_by_role("article")).to_have_count(0)


# --- getting started --------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, node_packages):  # noqa: F811
    """A folder in which programs find what they say they need."""
    (tmp_path / "node_modules").symlink_to(NODE_PACKAGES)
    return tmp_path


@pytest.mark.parametrize(
    ("language", "command"),
    [("Python", [sys.executable, "call.py"]), ("JavaScript", ["node", "call.mjs"]), ("curl", ["sh", "call.sh"])],
)
async def test_the_program_that_is_copied_runs_as_it_is(serve, http, console, home, language, command):
    if shutil.which(command[0]) is None or (language == "curl" and shutil.which("curl") is None):
        pytest.skip(f"needs {language}")
    token = 'it\'s"$HOME"`tick`\\n'
    pbx = await serve()
    page = await console(pbx, token=None, live=False)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_label("Token", exact=True).fill(token)
    await page.get_by_role("button", name="Open the console").click()
    await expect(page.get_by_role("heading", name="Get started")).to_be_visible()
    await expect(page.get_by_text("Waiting for the first client")).to_be_visible()
    await page.get_by_role("button", name=language, exact=True).click()
    shown = await page.get_by_role("region", name="program").inner_text()
    assert "it'•••" in shown.replace("'\\''", "'")
    assert "HOME" not in shown
    await page.get_by_role("button", name="Copy", exact=True).click()
    await expect(page.get_by_text("The program is in the clipboard")).to_be_visible()
    (home / command[1]).write_text(await page.evaluate("navigator.clipboard.readText()"))
    run = await asyncio.create_subprocess_exec(
        *command, cwd=home, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ}
    )
    told, complaints = (part.decode() for part in await run.communicate())
    assert (run.returncode, complaints) == (0, "")
    assert "ANSWERED" in told
    assert re.search(r"heard [1-9]", told)
    await expect(page.get_by_text("That was a whole call. Your client is set up.")).to_be_visible()
    await expect(page.locator(".steps [data-state=done]")).to_have_count(5)
    async with http.get(f"{pbx.url}/__admin/findings", headers={"Authorization": f"Bearer {token}"}) as reply:
        assert (await reply.json())["data"]["findings"] == []


# --- for everybody ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1_440, 390])
async def test_what_is_open_is_accessible_and_fits(quick, console, accessible, theme, width):
    pbx, pages = await quick()
    session = await pages.call(badly=True)
    page = await console(pbx, path="#/start", theme=theme, width=width)
    for path, ready in (
        ("#/start", page.get_by_role("heading", name="Get started")),
        ("#/records", rows_of(page).first),
        (f"#/records/open={session}", page.get_by_role("region", name="Record", exact=True).locator("dl")),
        ("#/messages", message_rows(page).first),
        ("#/findings", page.get_by_role("article").first),
    ):
        await page.evaluate("path => { location.hash = path; }", path)
        await expect(ready).to_be_visible()
        await accessible(page)
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate("path => { location.hash = path; }", f"#/messages/{session}")
    await message_rows(page).filter(has_text="POST /pbx/call").click()
    await expect(page.get_by_role("region", name="Message", exact=True)).to_be_visible()
    await accessible(page)

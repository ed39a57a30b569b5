"""The report's files, made of a report that is made by hand, with a server that is up to no good."""

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from mockpbx.conformance.check import Check, Level, Outcome, Result
from mockpbx.conformance.report import WRITERS, write
from mockpbx.conformance.report.account import Account
from mockpbx.conformance.run import Options
from mockpbx.conformance.runner import Plan, Report
from mockpbx.conformance.transcript import Heard

EVIL = "</pre><script>alert('s3cr3t-token')</script>\x1b[31m\x00\ud800"
OPTIONS = Options("http://127.0.0.1:1", "s3cr3t-token", "0812", "invalid-xyz", busy_number="0817")


def result(
    id: str, outcome: Outcome, level: Level = Level.MUST, section: str = "Audio Format", got: str = ""
) -> Result:
    items = (Heard(3.0, "member", EVIL, (EVIL,)),) if outcome is Outcome.FAILED else ()
    return Result(
        Check(id, section, level, f"{id} is expected", ("listening",), (), lambda run: None), outcome, got, items
    )


def account(*results: Result, **how) -> Account:
    report = Report(OPTIONS, Plan((), (), ()), results, 3, 61.26)
    return Account(report, datetime(2025, 7, 23, 3, 37, 56, tzinfo=UTC), "1.2.3", **how)


MIXED = (
    result("kept", Outcome.PASSED, got="mean 20.01 ms"),
    result("broken", Outcome.FAILED, got=f"there came {EVIL}"),
    result("open", Outcome.INCONCLUSIVE, section="cdr", got="nobody answered"),
    result("recommended", Outcome.FAILED, Level.SHOULD, section="cdr", got="not so"),
    result("unclear", Outcome.INCONCLUSIVE, Level.SHOULD, got="too busy"),
    result("untried", Outcome.SKIPPED, section="cdr", got="not tried: --busy-number was not given"),
)


KEPT = "The server keeps the contract, as far as it could be tried"
OPEN = "It cannot be told whether the server keeps the contract: "


@pytest.mark.parametrize(
    ("results", "strict", "status", "verdict"),
    [
        (MIXED, False, 1, "The server breaks the contract: 1 MUST and 1 SHOULD violated."),
        (MIXED[2:], False, 2, OPEN + "1 MUST and 1 SHOULD inconclusive."),
        (MIXED[2:], True, 1, "The server breaks the contract: 1 SHOULD violated."),
        ((MIXED[0], MIXED[3]), False, 0, KEPT + ", but 1 SHOULD violated."),
        ((MIXED[0], MIXED[4]), False, 0, KEPT + ", but 1 SHOULD inconclusive."),
        (MIXED[:1], True, 0, KEPT + "."),
        (MIXED[5:], False, 0, "Nothing could be tried."),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_exit_status_says(results, strict, status, verdict):
    told = account(*results, strict=strict)
    assert (told.exit_status, told.verdict) == (status, verdict)


def test_a_run_that_was_stopped_proves_nothing():
    told = account(*MIXED, stopped=True)
    assert told.exit_status == 130
    assert "stopped" in told.verdict
    assert json.loads(WRITERS["json"](told))["complete"] is False


@pytest.mark.parametrize("kind", WRITERS)
def test_no_file_holds_a_token_or_what_a_terminal_obeys(kind, tmp_path):
    write(account(*MIXED), kind, tmp_path / "report")
    text = (tmp_path / "report").read_text()
    assert "s3cr3t" not in text
    assert "invalid-xyz" not in text
    assert all(each.isprintable() or each == "\n" for each in text)


def test_json_tells_each_result_in_the_order_of_the_checks():
    told = json.loads(WRITERS["json"](account(*MIXED)))
    assert told["check"] == 1
    assert (told["version"], told["begunAt"], told["seconds"]) == ("1.2.3", "2025-07-23T03:37:56.000Z", 61.26)
    assert (told["calls"], told["complete"], told["exitStatus"]) == (3, True, 1)
    assert told["counts"] == {"passed": 1, "failed": 2, "inconclusive": 2, "skipped": 1}
    assert told["options"]["busyNumber"] == "0817"
    assert not {"token", "wrongToken"} & told["options"].keys()
    assert [each["id"] for each in told["results"]] == [each.check.id for each in MIXED]
    broken = told["results"][1]
    assert (broken["level"], broken["outcome"], broken["section"]) == ("MUST", "failed", "Audio Format")
    assert broken["expects"] == "broken is expected"
    assert broken["got"].startswith("there came </pre><script>alert('<token>')")
    assert broken["exchange"][0].startswith("   +0.000 s member <- ")


def test_junit_fails_what_counts_and_nothing_else():
    suites = ElementTree.fromstring(WRITERS["junit"](account(*MIXED)))
    assert [(suite.get("name"), suite.get("tests")) for suite in suites] == [("Audio Format", "3"), ("cdr", "3")]
    told = {case.get("name"): [child.tag for child in case] for case in suites.iter("testcase")}
    assert told == {
        "kept": ["system-out"],
        "broken": ["failure"],
        "unclear": ["skipped"],
        "open": ["error"],
        "recommended": ["skipped"],
        "untried": ["skipped"],
    }
    assert [(s.get("failures"), s.get("errors"), s.get("skipped")) for s in suites] == [
        ("1", "0", "1"),
        ("0", "1", "2"),
    ]
    failure = suites.find(".//failure")
    assert "expected: broken is expected" in failure.text
    assert "member <- </pre>" in failure.text


def test_strictly_a_should_fails_in_junit_too():
    suites = ElementTree.fromstring(WRITERS["junit"](account(*MIXED, strict=True)))
    assert {case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None} == {
        "broken",
        "recommended",
    }


class Page(HTMLParser):
    """What a browser makes of a page, as far as it matters here."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data


def test_the_page_asks_for_nothing_and_runs_nothing():
    text = WRITERS["html"](account(*MIXED))
    page = Page(text)
    assert not {"script", "img", "link", "iframe", "base", "object"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") or name in ("src", "style") for _, given in page.tags for name in given)
    assert all(given["href"].startswith("#") for _, given in page.tags if "href" in given)
    assert "url(" not in text
    assert "default-src 'none'" in text.replace("&#x27;", "'")
    assert "alert('<token>')" in page.words  # as words


def test_the_page_opens_what_wants_to_be_looked_at():
    page = Page(WRITERS["html"](account(*MIXED)))
    opened = {given["id"]: "open" in given for tag, given in page.tags if tag == "details"}
    assert opened == {
        "kept": False, "broken": True, "unclear": True, "open": True, "recommended": True, "untried": False,
    }  # fmt: skip
    assert "mean 20.01 ms" in page.words
    assert "2025-07-23 03:37:56 UTC" in page.words

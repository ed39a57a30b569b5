"""The page of a call: one file that asks for nothing, whatever its clients named things."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from evidence_calls import busy, conversation, lasting, live, unrecorded
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.evidence.page import page_of
from mockpbx.evidence.page.outcome import outcome_of, record_of


class Reader(HTMLParser):
    """Every element with its attributes, the text between them, and what stands in scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in_script = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._in_script = False

    def handle_data(self, data):
        (self.scripts if self._in_script else self.text).append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def shown(self) -> str:
        return " ".join(" ".join(self.text).split())

    @property
    def data(self) -> dict:
        return json.loads(self.scripts[-2])


EVIL = "</script><img src=x onerror=alert(1)>"
POOR = {"busy": busy, "live": live, "unrecorded": unrecorded}


def test_the_page_says_how_the_call_went_without_a_script():
    page = Reader(page_of(replace(conversation(), title="tests/test_bye.py::test_bye"))).shown
    assert "tests/test_bye.py::test_bye" in page
    assert "Answered after 2.5 s, ended by the client (16, Call completed successfully) after 9.3 s" in page
    assert "audio-refused" in page
    assert "Time to first audio" in page
    assert "CheckpointCleared" in page
    assert "Seed 1 Call number 1 Clock manual" in page


def test_the_record_says_why_each_of_its_figures_is_what_it_is():
    record = {each.name: (each.value, each.because) for each in record_of(conversation())}
    assert record["billableSeconds"] == (
        9,
        "the call was answered at 2.500 s and ended at 11.800 s: 9.300 s, whole seconds only",
    )
    assert record["duration"] == (
        11,
        "the call started at 0.000 s and ended at 11.800 s: 11.800 s, whole seconds only",
    )
    assert record["answerTime"] == (
        "1970-01-01T00:00:02.000Z",
        "the call was answered at 2.500 s, 00:00:02.500Z; times are shown truncated to whole seconds",
    )
    assert record["disposition"] == ("ANSWERED", "the call was answered, whatever ended it")
    assert record["hangupBy"][1].endswith("the client is the CALLER of an outbound call")
    assert all(because for name, (_, because) in record.items() if name != "sessionId")


def test_a_busy_call_says_why_nothing_is_billed():
    dossier = busy()
    record = {each.name: (each.value, each.because) for each in record_of(dossier)}
    assert outcome_of(dossier) == "Busy (17, Destination busy) after 1.5 s"
    assert record["billableSeconds"] == (0, "nobody answered, and only the time after an answer is billed")
    assert record["disposition"] == ("BUSY", "nobody answered, and cause 17 is filed so")
    assert record["answerTime"] == (None, "nobody answered")


def test_a_client_that_gives_up_before_dialling_began_learns_why_the_start_is_the_end():
    from evidence_calls import told
    from lab import Lab

    lab = Lab()
    lab.workspace.place_call("s", "089608675796")
    lab.workspace.announce("s")
    lab.advance(300).workspace.hang_up("s")
    record = {each.name: each.because for each in record_of(told(lab))}
    assert record["startTime"].startswith("dialling never began, so the start is the end, 0.300 s")
    assert record["disposition"] == "the client gave up before the answer"


@pytest.mark.parametrize("kind", POOR)
def test_calls_with_less_to_show_have_pages(kind):
    page = Reader(page_of(POOR[kind]()))
    assert bool(page.named("audio")) == (kind == "live")
    assert page.named("canvas")
    expected = {"busy": "BUSY", "live": "There is no record yet, the call goes on", "unrecorded": "No sound was kept"}
    assert expected[kind] in page.shown


def test_a_page_that_lacks_something_says_so():
    dossier = conversation()
    cut = replace(dossier, truncated=True, sound=dossier.sound._replace(truncated=True))
    page = Reader(page_of(cut)).shown
    assert "Journal entries of this call are gone" in page
    assert "The recording was cut short" in page
    assert "are gone" not in Reader(page_of(dossier)).shown


def test_a_journal_without_its_end_still_has_a_page():
    dossier = conversation()
    assert "Answered" in page_of(replace(dossier, entries=dossier.entries[-3:], truncated=True))
    assert "Answered" in page_of(replace(dossier, entries=(), truncated=True))


# --- nothing leaves, nothing breaks in ------------------------------------------------------------------------------


def test_the_page_refers_to_nothing_outside_itself():
    page = Reader(page_of(conversation()))
    links = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "poster", "data")
    ]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    style = page_of(conversation()).split("<style>")[1].split("</style>")[0]
    assert not re.search(r"url\(|@import|https?:", style)


def test_only_its_own_style_and_script_may_take_effect():
    page = page_of(conversation())
    (policy,) = (meta["content"] for meta in Reader(page).named("meta") if meta.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    for name in ("style", "script"):
        (inside,) = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not [attributes for _, attributes in Reader(page).elements if "style" in attributes]


def test_a_checkpoint_that_is_markup_is_shown_and_does_nothing():
    page = page_of(conversation(EVIL))
    reader = Reader(page)
    assert not reader.named("img")
    assert EVIL not in page
    assert "</script><img src=x onerror=alert(1)>" in reader.shown
    (lane,) = (items for name, items in reader.data["lanes"] if name == "Checkpoints")
    assert EVIL in [item[2] for item in lane]


#: What would end what it stands in, or begin something, if it were not escaped.
PIECES = (
    "<b>",
    "</script>",
    "</td>",
    "<!--",
    "]]>",
    "&lt;",
    '"',
    "'",
    ">",
    "{{rows}}",
    "\\",
    "\x00",
    "\u202e",
    "é",
    " ",
)


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join))
@settings(max_examples=15, deadline=None)
def test_no_title_or_checkpoint_changes_the_page_around_it(name):
    plain = [tag for tag, _ in Reader(page_of(replace(conversation("x"), title="x"))).elements]
    assert [tag for tag, _ in Reader(page_of(replace(conversation(name), title=f"x{name}"))).elements] == plain


def test_characters_that_would_act_are_spelt_out():
    page = page_of(replace(conversation("\x1b[2J\u202eevil"), title="a\x00b\u2028c"))
    assert not {"\x1b", "\u202e", "\x00", "\u2028"} & set(page)
    assert "\\u001b[2J\\u202eevil" in Reader(page).shown


# --- the picture ------------------------------------------------------------------------------------------------------


def test_the_picture_has_the_phases_the_spans_and_the_cuts_at_their_moments():
    data = Reader(page_of(conversation())).data
    assert data["phases"] == [
        ["Dialing", 0, 500],
        ["Ringing", 500, 2_500],
        ["Connected", 2_500, 11_800],
        ["Ended", 11_800, data["end"]],
    ]
    lanes = dict(data["lanes"])
    assert [(item[:4]) for item in lanes["Checkpoints"]] == [
        [3_700, 6_700, "greeting", "bad"],
        [9_700, 9_840, "digit", "good"],
    ]
    assert [item[2] for item in lanes["Callee’s keys"]] == ["1", "5", "#"]
    assert [item[2] for item in lanes["Client’s keys"]] == ["4"]
    assert [item[2] for item in lanes["Client’s events"]] == ["joins", "refused", "interruption"]
    assert [(how, at) for at, how, _, _ in data["cuts"]] == [("interruption", 6_700), ("hangup", 11_800)]
    assert data["pins"]
    assert data["stretches"] == [[2_480, 0]]


def test_the_queue_is_drawn_by_its_corners():
    data = Reader(page_of(conversation())).data
    assert max(depth for _, depth in data["queue"]) == pytest.approx(4_223 - 20, abs=20)
    assert len(data["queue"]) < 40


def test_messages_refused_for_one_reason_in_a_row_are_one_span():
    from evidence_calls import told
    from lab import lab_of

    lab = lab_of([]).call()
    for _ in range(50):
        lab.workspace.refuse_audio("s", 320, "Call is not connected")
        lab.advance(20)
    lanes = dict(Reader(page_of(told(lab))).data["lanes"])
    assert [item[:3] for item in lanes["Client’s events"]] == [[0, 0, "joins"], [0, 980, "refused ×50"]]


@pytest.mark.parametrize(("seconds", "most"), [(10, 500_000), (60, 1_700_000), (600, 14_000_000)])
def test_a_page_is_as_long_as_its_sound_and_little_more(seconds, most):
    dossier = lasting(seconds)
    assert seconds * 21_000 < len(page_of(dossier)) < most


def test_a_long_journal_shows_its_beginning_and_its_end():
    dossier = conversation()
    many = tuple(replace(dossier.entries[5], number=number) for number in range(12_000))
    page = page_of(replace(dossier, entries=many))
    assert page.count("<tr id=") == 5_000
    assert "the first and last 2,500 of 12,000 entries" in page


def test_rules_that_were_not_tried_are_named_with_the_reason():
    page = page_of(conversation(), "call")
    assert "Not tried, since the clock is manual, and nobody can keep pace with it: burst, underrun" in page

"""The reference page: all that the documents say, in one file that asks for nothing."""

import re
from html.parser import HTMLParser

from mockpbx.contract.channels import INCOMING, OUTGOING
from mockpbx.contract.documents.markup import markdown, table
from mockpbx.contract.documents.prose import ORDER
from mockpbx.contract.documents.reference import reference
from mockpbx.contract.operations import FILTER_FIELDS, OPERATIONS
from mockpbx.contract.vocabulary import AUDIO_PACKETS, HANGUP_CAUSES

VOID = {"meta", "link"}


class Page(HTMLParser):
    """A page's text, its ids, its links; whether its elements are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(source)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.sources += [value for name, value in attrs if name in ("src", "href", "action", "srcset") and tag != "a"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


SOURCE = reference()
PAGE = Page(SOURCE)


def said(markdown_text: str) -> str:
    return " ".join(markdown_text.replace("`", "").split())


def test_it_is_whole_and_every_link_leads_somewhere():
    assert PAGE.open == []
    assert len(set(PAGE.ids)) == len(PAGE.ids)
    assert all(link.startswith("#") and link[1:] in PAGE.ids for link in PAGE.links)
    assert len(PAGE.links) > 50


def test_it_asks_for_nothing_and_runs_nothing():
    assert PAGE.sources == ["data:,"]
    assert "<script" not in SOURCE
    assert "url(" not in SOURCE
    assert re.search(
        r"default-src 'none'; img-src data:; style-src 'sha256-[\w+/=]{44}'", SOURCE.replace("&#x27;", "'")
    )


def test_it_has_every_operation_with_its_fields_failures_and_sample():
    for operation in OPERATIONS:
        assert operation.id in PAGE.ids
        assert f"{operation.method} {operation.path}{operation.summary}" in PAGE.text
        for sentence in (operation.about, *operation.silent):
            assert said(sentence) in PAGE.text
        for failure in operation.failures:
            assert said(failure.when) in PAGE.text
            assert failure.sentence in PAGE.text
        assert f'"$PBX_URL{operation.example.partition("?")[0]}"' in PAGE.text
    for field in FILTER_FIELDS:
        assert all(f"filter.{field.name}" in PAGE.text and example in PAGE.text for example in field.examples)


def test_it_has_every_event_with_its_fields_and_sample():
    for channel in (*OUTGOING, *INCOMING):
        way, verb = ("send", "on") if channel in OUTGOING else ("receive", "emit")
        assert f"{way}{channel.event[0].upper()}{channel.event[1:]}" in PAGE.ids
        assert f'socket.{verb}("{channel.event}", ' in PAGE.text
        for sentence in (channel.summary, channel.about, *channel.silent):
            assert said(sentence) in PAGE.text
        for field in channel.payload.model_fields.values():
            assert str(field.alias) in PAGE.text
            assert said(field.description or "") in PAGE.text
    assert "Acknowledgment field type description" in re.sub(r"(?<=[a-z])(?=field|type|description)", " ", PAGE.text)


def test_it_has_the_order_the_causes_and_the_packets():
    for rule, _ in ORDER:
        assert said(rule) in PAGE.text
    for code, cause in HANGUP_CAUSES.items():
        assert f"<td>{code}</td><td>{cause.contract}</td><td>{cause.meaning}</td>" in SOURCE
    for packet in AUDIO_PACKETS:
        assert f"<td>{packet.size}</td><td>{packet.frames}×</td><td>{packet.ms} ms</td>" in SOURCE


def test_whatever_it_is_given_is_text():
    evil = "</td><script>alert(1)</script>"
    assert "<script" not in markdown(f"{evil}\n\n- {evil}\n- `{evil}`\n\n1. {evil}\n\n| {evil} |\n| --- |\n| {evil} |")
    assert "<script" not in table([evil], [[evil]], title=evil)


def test_markdown_is_paragraphs_lists_and_tables():
    assert markdown("one\ntwo `<three>`") == "<p>one two <code>&lt;three&gt;</code></p>"
    assert markdown("- a\n  b\n- c") == "<ul><li>a b</li><li>c</li></ul>"
    assert markdown("1. a\n2. b") == "<ol><li>a</li><li>b</li></ol>"
    assert '<th scope="col">x</th>' in markdown("| x |\n|---|\n| y |")
    assert "<td>y</td>" in markdown("| x |\n|---|\n| y |")

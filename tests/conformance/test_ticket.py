"""What passed, as text for a ticket."""

import contextlib
import json
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.conformance.ticket import ITEMS, LONGEST, Redaction, exchange_of, pretty
from mockpbx.conformance.transcript import Acked, Closed, Exchange, Garbled, Heard, Opened, Refused, Said

TOKEN, WRONG = 's3cr"t/é t&ken', "invalid-abcdef"
REDACTION = Redaction((("<token>", TOKEN), ("<wrong token>", WRONG)))


def lines(*items) -> list[str]:
    return exchange_of(items, REDACTION)


def asked(path="/pbx/call", token=TOKEN, body=None, text="", at=0.0, **reply) -> Exchange:
    with contextlib.suppress(ValueError):
        reply.setdefault("json", json.loads(text))
    return Exchange(at, at + 0.25, "POST", path, token, body, reply.pop("status", 200), "text/x", text, **reply)


def test_a_conversation_reads_from_its_first_item_on():
    said = Said(11.5, "member", "audio", {"audioData": bytes(320), "sessionId": "a"}, 3)
    told = lines(
        Heard(11.0, "member", "newSession", ({"sessionId": "a"},)),
        asked(at=10.0, body={"phoneNumber": "0812"}, text='{"status": 200}'),
        said,
        Acked(11.52, "member", said, ({"success": True},)),
        Opened(12.0, "second"),
        Refused(12.1, "third", {"message": "no"}, "CONNECT_ERROR"),
        Garbled(12.2, "second", "'9'", "no Engine.IO packet begins with '9'"),
        Closed(12.5, "second", "server", 1006),
    )
    assert told == [
        "   +0.000 s POST /pbx/call",
        "            Authorization: Bearer <token>",
        '            {"phoneNumber": "0812"}',
        "   +0.250 s 200 text/x",
        '            {"status": 200}',
        '   +1.000 s member <- newSession {"sessionId": "a"}',
        '   +1.500 s member -> audio (wants ack 3) {"audioData": <320 bytes>, "sessionId": "a"}',
        '   +1.520 s member <- ack 3 of audio {"success": true}',
        "   +2.000 s second: connected",
        '   +2.100 s third: not let in: CONNECT_ERROR {"message": "no"}',
        "   +2.200 s second <- no Socket.IO: no Engine.IO packet begins with '9': '9'",
        "   +2.500 s second: closed by the server, code 1006",
    ]


@pytest.mark.parametrize(
    "written",
    [
        TOKEN,
        quote(TOKEN, safe=""),
        quote(TOKEN).lower(),
        quote_plus(TOKEN),
        json.dumps(TOKEN),
        json.dumps(TOKEN, ensure_ascii=False),
        escape(TOKEN),
        "".join(f"%{octet:02x}" for octet in TOKEN.encode()),
    ],
)
def test_a_token_is_found_however_it_is_written(written):
    said = Said(1.0, "member", f"e {written}", {"a": {written: written}})
    told = "\n".join(
        lines(
            asked(f"/cdr?x={written}", text=f"<p>{written}", status=500),
            asked(text=json.dumps({"errors": f"bad {written}"})),
            asked(body=f"raw {written}".encode(), failure=f"no {written}"),
            said,
            Heard(1.0, "member", f"e {written}", (written, [f"x{written}x"])),
            Acked(1.0, "member", said, ({"error": written},)),
            Refused(1.0, "member", {"message": written}, f"because {written}"),
            Garbled(1.0, "member", f"raw {written}", written),
        )
    )
    assert "s3cr" not in told
    assert "ken" not in told.replace("<token>", "").replace("Opened", "")
    assert told.count("<token>") >= 15


def test_each_token_has_its_own_name_and_a_third_is_not_shown_either():
    told = "\n".join(lines(asked(token=TOKEN), asked(token=WRONG), asked(token="somebody-elses"), asked(token=None)))
    assert "Bearer <token>" in told
    assert "Bearer <wrong token>" in told
    assert "Bearer <another token>" in told
    assert told.count("Authorization") == 3
    assert "somebody" not in told


def test_a_token_that_contains_the_other_is_replaced_whole():
    redaction = Redaction((("<token>", "dev"), ("<wrong token>", "not-dev-at-all")))
    assert redaction.text("dev, not-dev-at-all") == "<token>, <wrong token>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authentication token is required", "Authentication token is required"),
        ("tok, atok tokb 1tok tok1 étok", "<token>, atok tokb 1tok tok1 étok"),
        ("auth=Bearer%20tok&x", "auth=Bearer%20<token>&x"),
        ("my_tok_en (tok)", "my_<token>_en (<token>)"),
        (json.dumps("no\ntok\ttok\u2028tok"), r'"no\n<token>\t<token>\u2028<token>"'),
        ("a%74%6f%6b %74%6F%6B", "a%74%6f%6b <token>"),
    ],
)
def test_a_short_token_leaves_the_words_alone_that_it_is_part_of(text, shown):
    assert Redaction((("<token>", "tok"),)).text(text) == shown


@pytest.mark.parametrize("token", ["abcdefgh", "a-b", "d/v"])
def test_a_token_that_is_part_of_no_word_by_chance_is_shown_nowhere(token):
    assert Redaction((("<token>", token),)).text(f"x{token}x") == "x<token>x"


def test_a_token_at_the_edge_of_a_cut_is_replaced_before_the_cut():
    told = "\n".join(lines(asked(text="x" * (LONGEST - 5) + TOKEN), Heard(0, "m", "e", ("x" * (LONGEST - 5) + TOKEN,))))
    assert "s3cr" not in told


def test_a_terminal_obeys_nothing_of_it():
    evil = "\x1b]0;owned\x07 \x9b31m \u202e\u2028 \ud800 \x00"
    told = lines(Heard(0, f"m{evil}", f"e{evil}", (evil, {evil: evil})), asked(text=evil), asked(path=evil, token=None))
    assert all(line.isprintable() for line in told)
    "\n".join(told).encode()


def test_what_is_endless_is_cut_and_counted():
    told = lines(asked(text=json.dumps({"data": [{"id": n} for n in range(100)], "meta": {"total": 100}})))
    assert '"… 97 more"' in "".join(told)
    assert '"meta": {"total": 100}' in "".join(told)
    assert "1,800 more characters" in "".join(lines(asked(text="<p>" + "x" * 1_997)))
    deep = value = {}
    for _ in range(500):
        value["x"] = value = {}
    assert len(lines(Heard(0, "m", "e", (deep,)))) == 1
    assert len(pretty([["x" * 90] * 10] * 20)) < 80
    assert pretty(REDACTION.value({"n": 10**5_000})) == ['{"n": "a number of more than 100 digits"}']


def test_of_many_items_the_first_and_the_last_are_shown():
    told = lines(*(Heard(float(n), "m", f"e{n}", ()) for n in range(400)))
    assert len(told) == ITEMS + 1
    assert told[0].endswith("e0")
    assert told[-1].endswith("e399")
    assert f"… {400 - ITEMS} more …" in "".join(told)


def test_nothing_is_no_line():
    assert lines() == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=9),
    lambda inside: st.lists(inside, max_size=9) | st.dictionaries(st.text(), inside, max_size=9),
    max_leaves=15,
)


@given(value=json_values, text=st.text())
def test_whatever_came_can_be_shown(value, text):
    told = lines(
        asked(path=text, text=text, body=value, json=value),
        Heard(0, text, text, (value, value)),
        Refused(0, text, value, text),
    )
    assert all(line.isprintable() for line in told)

"""The file: what is written is read again, and a broken one is read as far as it is whole."""

import json

import pytest
from cassette.conftest import TWO_CALLS
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.cassette.tape import (
    Body,
    Closed,
    End,
    Failed,
    NoCassette,
    Opened,
    Packet,
    Raw,
    Reply,
    Request,
    line_of,
    parse_line,
    read_cassette,
    write_cassette,
)

PACKET = '{"at": 1, "kind": "packet", "socket": 1, "from": "client", '

moments = st.integers(0, 10**9).map(lambda at: at / 1000)
ids = st.integers(1, 10**6)
sides = st.sampled_from(["client", "server"])
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
values = st.recursive(plain | st.binary(), lambda inner: st.lists(inner, max_size=3), max_leaves=4)
bodies = st.builds(Body, plain) | st.builds(Body, raw=st.text() | st.binary())
headers = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=2)
lines = st.one_of(
    st.builds(Request, moments, ids, st.text(), st.text(), st.none() | st.text(), headers, bodies),
    st.builds(Reply, moments, ids, st.integers(100, 599), headers, bodies),
    st.builds(Failed, moments, ids, st.text()),
    st.builds(Opened, moments, ids, st.none() | st.text()),
    st.builds(
        Packet,
        moments,
        ids,
        sides,
        st.just("event"),
        st.lists(values, max_size=3),
        st.none() | ids,
        st.text(min_size=1),
    ),
    st.builds(Packet, moments, ids, sides, st.sampled_from(["connect", "ack"]), st.lists(values, max_size=2)),
    st.builds(Raw, moments, ids, sides, st.text() | st.binary()),
    st.builds(Closed, moments, ids, sides, st.integers(1000, 4999)),
    st.builds(End, moments),
)


@given(lines)
def test_every_line_is_read_as_it_was_written(line):
    text = line_of(line)
    assert text.count("\n") == 1
    assert text.isascii()
    assert parse_line(text) == line


def test_the_sample_is_whole_and_written_again_the_same(tmp_path):
    cassette = read_cassette(TWO_CALLS)
    assert cassette.cut is None
    assert isinstance(cassette.lines[-1], End)
    write_cassette(tmp_path / "again", cassette)
    assert (tmp_path / "again").read_bytes() == TWO_CALLS.read_bytes()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cassette_cut_in_half_says_where_and_is_read_up_to_there(tmp_path, share):
    content = TWO_CALLS.read_bytes()
    cut = content[: int(len(content) * share)]
    (tmp_path / "half").write_bytes(cut)

    half = read_cassette(tmp_path / "half")

    whole_lines = cut.count(b"\n")
    assert half.lines == read_cassette(TWO_CALLS).lines[: whole_lines - 1]
    assert half.cut.startswith(f"line {whole_lines + 1} is broken (")
    assert f"what is whole goes to {half.lines[-1].at / 1000:.1f} s" in half.cut


def test_a_recording_that_was_killed_between_two_lines_has_no_end(tmp_path):
    lines = TWO_CALLS.read_bytes().splitlines(keepends=True)
    (tmp_path / "killed").write_bytes(b"".join(lines[:-1]))

    killed = read_cassette(tmp_path / "killed")

    assert killed.lines == read_cassette(TWO_CALLS).lines[:-1]
    assert killed.cut.startswith(f"it has no end: nothing follows line {len(lines) - 1};")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "no JSON object"),
        ('{"at": 1}', "`kind` is missing"),
        ('{"at": "1", "kind": "end"}', "`at` is of the wrong type"),
        ('{"at": NaN, "kind": "end"}', "`at` is nan"),
        ('{"at": 1, "kind": "song"}', "a line of the kind 'song'"),
        ('{"at": 1, "kind": "reply", "id": true, "status": 200}', "`id` is of the wrong type"),
        ('{"at": 1, "kind": "closed", "socket": 1, "by": "me", "code": 1}', "`by` is 'me'"),
        ('{"at": 1, "kind": "raw", "socket": 1, "from": "client", "base64": "#"}', "base64 that is none"),
        (
            '{"at": 1, "kind": "packet", "socket": 1, "from": "client", "type": "event", "data": []}',
            "`event` is missing",
        ),
        ('{"at": 1, "kind": "packet", "socket": 1, "from": "client", "type": "ack", "data": ' + "[" * 10_000, ""),
    ],
)
def test_reading_stops_at_the_first_line_that_is_none(tmp_path, line, why):
    begin = TWO_CALLS.read_text().splitlines()[:3]
    (tmp_path / "broken").write_text("\n".join([*begin, line, '{"at": 9, "kind": "end"}']))

    broken = read_cassette(tmp_path / "broken")

    assert len(broken.lines) == 2
    assert broken.cut.startswith(f"line 4 is broken ({why}")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty; expected a cassette, as `mockpbx record` writes it"),
        ("hello\n", 'is no cassette: its first line should begin with {"cassette": 1'),
        ('{"script": 1}\n', 'is no cassette: its first line should begin with {"cassette": 1'),
        ('{"cassette": 2}\n', "is a cassette of version 2; this mockpbx reads version 1"),
        ('{"cassette": 1}\n', "is no cassette: `recorded` is missing in its first line"),
    ],
)
def test_a_file_that_is_no_cassette_is_refused_in_one_sentence(tmp_path, content, sentence):
    file = tmp_path / "file"
    file.write_text(content)
    with pytest.raises(NoCassette) as refusal:
        read_cassette(file)
    assert str(refusal.value) == f"{file} {sentence}"


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(NoCassette, match="cannot be read: No such file or directory"):
        read_cassette(tmp_path / "nothing")
    with pytest.raises(NoCassette, match="cannot be read: Is a directory"):
        read_cassette(tmp_path)


def test_binary_data_is_told_from_what_looks_like_it():
    written = json.loads(line_of(Packet(0, 1, "server", "event", [{"audioData": b"\x01\x02"}], event="audio")))
    assert written["data"] == [{"audioData": {"$binary": "AQI="}}]

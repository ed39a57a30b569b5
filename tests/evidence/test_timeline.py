"""A call as text."""

import numpy as np
from lab import lab_of

from mockpbx.domain import scenario as s
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.timeline import timeline

SECOND = np.full(8_000, 1_000, dtype=np.int16)


def test_a_call_reads_from_top_to_bottom():
    lab = lab_of((s.Ring(2), s.Answer(), s.Play("hello"), s.Press("1"), s.Wait(9), s.HangUp())).call().advance(3_500)
    lab.workspace.play("s", SECOND)
    lab.workspace.mark("s", "goodbye")
    lab.advance(1_500).workspace.hang_up("s")
    lab.advance(2_000)
    assert timeline(dossier_of(lab.workspace, "s")).splitlines() == [
        "outbound call to 089608675796 (test): ANSWERED, cause 16, hung up by CALLER, 5.000 s",
        "",
        "   seconds  client   service    callee",
        "     0.000  ●────────▶│         │  call placed to 089608675796",
        "     0.000  │◀────────●         │  newSession",
        "     0.000  ●────────▶│         │  joins the room",
        "     0.000  │◀────────●         │  Dialing",
        "     0.500  │◀────────●         │  Ringing",
        "     2.500  │◀────────●         │  Connected",
        '     2.500  │         │         ●  play "hello"',
        "     3.000  │         │         ●  has said it",
        "     3.000  │         │◀────────●  pushes the key 1 for 200 ms",
        "     3.020  │◀────────┼─────────●  digit 1",
        "     3.500  ●────────▶│         │  1.000 s of pcm16 in one message",
        '     3.500  ●────────▶│         │  checkpoint "goodbye" behind 1.000 s of sound',
        "     3.520  │         ●────────▶│  the client begins to be heard",
        '     4.520  │◀────────●         │  checkpoint "goodbye" reached, 1.020 s after it was sent',
        "     4.520  │         ●         │  nothing is left to be heard after 1.000 s",
        "     5.000  │         │         ●  the scenario stopped at step 5: the client hung up",
        "     5.000  │         ●         │  the client's sound: 1.000 s heard",
        "     5.000  ●─────────┼────────▶│  ANSWERED, cause 16, hung up by CALLER, 5.000 s",
        "     7.000  │◀────────●         │  cdr",
    ]


def test_messages_that_follow_each_other_are_one_line():
    lab = lab_of((s.Ring(0, setup=0), s.Answer(), s.Wait(60))).call().advance(1_000)
    for _ in range(50):
        lab.workspace.play("s", SECOND[:800])
        lab.workspace.refuse_audio("s", 321, "pcm16 needs whole 16-bit samples")
        lab.advance(10)
    text = timeline(dossier_of(lab.workspace, "s"))
    assert len(text.splitlines()) < 70
    lab.workspace.refuse_audio("s", 321, "again")
    lab.workspace.refuse_audio("s", 321, "again")
    assert "audio refused: again (× 2)" in timeline(dossier_of(lab.workspace, "s"))


def test_a_long_call_leaves_its_middle_out_but_no_mark_and_no_first_problem():
    lab = lab_of((s.Ring(0, setup=0), s.Answer(), s.Wait(600))).call().advance(1_000)
    for number in range(200):
        lab.workspace.mark("s", f"point {number}")
        if number == 90:
            lab.workspace.refuse_event("s", "dtmf", "digit is not valid")
    dossier = dossier_of(lab.workspace, "s")
    wanted = [entry for entry in dossier.entries if getattr(entry.event, "name", "") == "point 100"]
    text = timeline(dossier, matched=wanted, missing="the end was expected", since=wanted[0].number, most=30)
    lines = text.splitlines()
    assert len(lines) < 40
    assert any(line.startswith("✓") and '"point 100"' in line for line in lines)
    assert any(line.startswith("!") and "dtmf refused: digit is not valid" in line for line in lines)
    missing = next(index for index, line in enumerate(lines) if line.startswith("✗"))
    assert lines[missing].endswith("the end was expected")
    assert lines[missing - 1].startswith("✓")
    left_out = sum(int(line.split()[1]) for line in lines if line.strip().startswith("…"))
    shown = [line for line in lines[3:] if line[2:12].strip().replace(".", "").isdigit()]
    assert left_out + len(shown) == len(dossier.entries)


def test_what_clients_name_is_escaped_and_no_line_is_too_wide():
    lab = lab_of((s.Ring(0, setup=0), s.Answer(), s.Wait(600))).call().advance(1_000)
    lab.workspace.mark("s", "\x1b[2J" + "x" * 900)
    lab.workspace.refuse_event("s", "dtmf", "\x1b]0;owned\x07 " + "very long " * 50)
    for width in (60, 100, 140):
        text = timeline(dossier_of(lab.workspace, "s"), width=width)
        assert all(line.isprintable() and len(line) <= width for line in text.splitlines())
        assert "\\u001b[2Jxxx" in text

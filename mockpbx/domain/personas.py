"""The callees that come with the emulator: who is at the other end, and how they behave.

Every one is a generator of steps. Whatever is random in it comes from its luck, so the same seed is the same person;
whatever the client does, it comes to an end or stays on the line until the client hangs up.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from mockpbx.domain.scenario import (
    Answer,
    Busy,
    CallProgress,
    Echo,
    ExpectDigit,
    ExpectHangUp,
    ExpectSilence,
    ExpectSpeech,
    HangUp,
    Heard,
    Luck,
    NoAnswer,
    Play,
    Reject,
    Ring,
    Script,
    Tone,
    Wait,
)

#: People answer after a log-normal time, in seconds: its median, the spread of its logarithm, its ends.
ANSWER_MEDIAN, ANSWER_SPREAD = 8.0, 0.6
ANSWER_SOONEST, ANSWER_LATEST = 1.5, 40.0

#: Seconds of silence that end a turn: more than a speaker needs between two sentences.
TURN_ENDS = 0.8

#: What a talkative callee says, turn by turn.
REPLIES = ("who-is-this", "go-on", "how-long")

# --- people ----------------------------------------------------------------------------------------------------------


def human(luck: Luck) -> Script:
    """Answers after a while (median 8 s), says hello, listens and answers in turn, and hangs up after four turns."""
    yield from _answers_after(_time_to_answer(luck))
    yield from _converses(luck)


def impatient(luck: Luck) -> Script:
    """Answers fast, says "Halo? Halo?" after 2 s of silence, cuts long sentences short, and hangs up soon."""
    yield from _answers_after(0.5)
    yield Play("hello")
    for _ in range(3):
        if (yield ExpectSpeech(within=2, otherwise="go_on")):
            yield ExpectSilence(within=_between(luck, 4, 7), lasting=TURN_ENDS, otherwise="go_on")
            yield Play("how-long")
        else:
            yield Play("hello")
            yield Wait(0.2)
            yield Play("hello")
    yield HangUp()


def barge_in(luck: Luck) -> Script:
    """Speaks over the bot in mid-sentence, and hangs up on one that does not fall silent within 3 s."""
    yield from _answers_after()
    yield from _says_hello()
    yield from _waits_for_mid_sentence(luck)
    # Not waited for: the time to the silence counts from the first word, not from the last.
    yield Play("wait-a-moment", wait=False)
    yield ExpectSilence(within=3, lasting=TURN_ENDS, otherwise="hang_up")
    yield from _listens()
    yield from _replies(luck, "how-long")
    yield from _listens()
    yield from _says_goodbye(luck)


def back_channel(luck: Luck) -> Script:
    """Says "uh-huh" now and then while the bot speaks, and does not mean to interrupt it."""
    yield from _answers_after()
    yield from _says_hello()
    for clip in REPLIES[:2]:
        yield ExpectSpeech(within=10, otherwise="hang_up")
        yield from _nods_along(luck)
        yield from _replies(luck, clip)
    yield from _listens()
    yield from _says_goodbye(luck)


def silent(luck: Luck) -> Script:
    """Answers, says nothing, and stays on the line until the client hangs up."""
    yield from _answers_after()


def hangs_up_while_you_speak(luck: Luck) -> Script:
    """Says hello and hangs up in the middle of the bot's sentence."""
    yield from _answers_after()
    yield from _says_hello()
    yield from _waits_for_mid_sentence(luck)
    yield HangUp()


def wrong_number(luck: Luck) -> Script:
    """Listens to the bot's first sentences, says that this is the wrong number, and hangs up."""
    yield from _answers_after()
    yield from _says_hello()
    yield from _listens()
    yield from _replies(luck, "wrong-number")
    yield Wait(0.3)
    yield HangUp()


def rejects(luck: Luck) -> Script:
    """Declines the call after a few rings: cause 21."""
    yield Ring(_between(luck, 2, 8))
    yield Reject()


# --- machines and networks -------------------------------------------------------------------------------------------


def voicemail(luck: Luck) -> Script:
    """Plays a greeting and a beep, then records until 3 s of silence, for a minute at most, and hangs up."""
    yield from _answers_after(15)
    yield Wait(0.5)
    yield Play("voicemail")  # ends with its beep
    yield ExpectSpeech(within=5, otherwise="hang_up")
    yield ExpectSilence(within=60, lasting=3, otherwise="hang_up")
    yield HangUp()


def ivr(luck: Luck) -> Script:
    """Reads a menu (1 bill, 2 outage, 0 operator), at most twice, and does what the key says."""
    yield from _answers_after(1)
    yield Wait(0.3)
    for _ in range(2):
        # Not waited for: a key that is pressed in the middle of the menu cuts it short.
        yield Play("menu", wait=False)
        match (yield ExpectDigit(within=12, otherwise="go_on")):
            case None:
                continue
            case Heard("1"):
                yield Play("menu-billing")
                break
            case Heard("2"):
                yield Play("menu-outage")
                break
            case Heard("0"):
                yield Play("please-hold")
                yield CallProgress("ringback", _between(luck, 5, 10))
                yield from _converses(luck)
                return
            case _:
                yield Play("menu-invalid")
    yield Play("menu-goodbye")
    yield HangUp()


def call_screener(luck: Luck) -> Script:
    """Asks who is calling and why, asks to hold, then puts a human on the line, or hangs up (even odds)."""
    yield from _answers_after(1)
    yield Wait(0.3)
    yield Play("screening")
    yield ExpectSpeech(within=8, otherwise="hang_up")
    yield ExpectSilence(within=20, lasting=1.5, otherwise="go_on")
    yield Play("please-hold")
    yield Wait(_between(luck, 3, 10))
    if luck.random() < 0.5:
        yield HangUp()
    else:
        yield from _converses(luck)


def fax(luck: Luck) -> Script:
    """Answers with the 2100 Hz tone of a fax machine, waits 35 s for another one, and gives up."""
    yield from _answers_after()
    yield Wait(2.0)  # 1.8 to 2.5 s after the answer, a CED of 2.6 to 4.0 s (ITU-T T.30)
    yield Tone(2100, 3.3)
    yield ExpectHangUp(within=35, otherwise="hang_up")  # timer T1 of ITU-T T.30


def early_media(luck: Luck) -> Script:
    """Is answered by the network at once, which plays ringback in band until a human speaks."""
    yield from _answers_after(0)
    yield CallProgress("ringback", _time_to_answer(luck))
    yield from _converses(luck)


def echo(luck: Luck) -> Script:
    """Answers and says back what it hears."""
    yield from _answers_after()
    yield Echo()


def busy(luck: Luck) -> Script:
    """Is busy: cause 17."""
    yield Busy()


def no_answer(luck: Luck) -> Script:
    """Rings for 30 s and is not answered: cause 19."""
    yield Ring(30)
    yield NoAnswer()


def handset(luck: Luck) -> Script:
    """Rings until a person picks up by hand; where nobody does, the ring limit ends the call: cause 19."""
    yield Ring(0)


#: Every persona by its name.
PERSONAS: dict[str, Callable[[Luck], Script]] = {
    "human": human,
    "impatient": impatient,
    "barge-in": barge_in,
    "back-channel": back_channel,
    "silent": silent,
    "hangs-up-while-you-speak": hangs_up_while_you_speak,
    "wrong-number": wrong_number,
    "rejects": rejects,
    "voicemail": voicemail,
    "ivr": ivr,
    "call-screener": call_screener,
    "fax": fax,
    "early-media": early_media,
    "echo": echo,
    "busy": busy,
    "no-answer": no_answer,
    "handset": handset,
}

# --- what several of them do -----------------------------------------------------------------------------------------


def _answers_after(seconds: float = 2.0) -> Script:
    yield Ring(seconds)
    yield Answer()


def _says_hello() -> Script:
    yield Wait(0.4)  # the telephone is on its way to the ear
    yield Play("hello")


def _converses(luck: Luck) -> Script:
    yield from _says_hello()
    for clip in REPLIES:
        yield from _listens()
        yield from _replies(luck, clip)
    yield from _listens()
    yield from _says_goodbye(luck)


def _listens() -> Script:
    """Hear the bot out; where it says nothing, ask once whether anybody is there, and hang up."""
    if not (yield ExpectSpeech(within=10, otherwise="go_on")):
        yield Play("hello")
        yield ExpectSpeech(within=10, otherwise="hang_up")
    yield ExpectSilence(within=60, lasting=TURN_ENDS, otherwise="go_on")


def _nods_along(luck: Luck) -> Script:
    """Hear the bot out with an "uh-huh" every few seconds; after a minute or so, take the turn all the same."""
    for _ in range(30):
        if (yield ExpectSilence(within=_between(luck, 1.5, 3), lasting=TURN_ENDS, otherwise="go_on")):
            return
        yield Play("uh-huh")


def _waits_for_mid_sentence(luck: Luck) -> Script:
    yield ExpectSpeech(within=10, otherwise="hang_up")
    yield Wait(_between(luck, 0.6, 1.2))
    # A short sentence is over by now; the next one does as well.
    yield ExpectSpeech(within=10, otherwise="hang_up")


def _replies(luck: Luck, clip: str) -> Script:
    yield Wait(_between(luck, 0.1, 0.9))  # people need a moment to think
    yield Play(clip)


def _says_goodbye(luck: Luck) -> Script:
    yield from _replies(luck, "goodbye")
    yield Wait(0.3)
    yield HangUp()


def _time_to_answer(luck: Luck) -> float:
    seconds = luck.lognormvariate(math.log(ANSWER_MEDIAN), ANSWER_SPREAD)
    return _whole_ms(min(max(seconds, ANSWER_SOONEST), ANSWER_LATEST))


def _between(luck: Luck, least: float, most: float) -> float:
    return _whole_ms(luck.uniform(least, most))


def _whole_ms(seconds: float) -> float:
    # The last bits of a logarithm depend on the machine; a seed must not.
    return round(seconds, 3)

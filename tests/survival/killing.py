"""Lives of emulators on one file: calls in every state, a kill, and what the next one says of them."""

import asyncio
import contextlib
import signal
from collections import Counter
from random import Random

import aiohttp
from survival.process import ANSWERING, Nursery, Phone, records

#: What a number's call ends with by itself: disposition, hangupBy, cause.
ENDINGS = {
    "08000000017": ("BUSY", None, 17),
    "08000000021": ("NO ANSWER", "CALLEE", 21),
    "08000000034": ("FAILED", None, 34),
    "08000000102": ("FAILED", None, 102),
}
NUMBERS = (ANSWERING, ANSWERING, ANSWERING, *ENDINGS)
ANSWERED, CANCELLED = ("ANSWERED", "CALLER", 16), ("CANCEL", "CALLER", 16)
BROKEN, FAILED = ("ANSWERED", None, 127), ("FAILED", None, 127)
#: Moments to kill at: when so many of these have happened.
MOMENTS = ("replies", "hang-ups", "answers", "ends", "records", "seconds")
CALLERS = 6


class Lives:
    """Lets one emulator after the other live and die on a file. `wrong` holds what should not be."""

    def __init__(self, nurse: Nursery, luck: Random, *, seconds: float = 0.6) -> None:
        self.nurse = nurse
        self.luck = luck
        self.seconds = seconds
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.rows: list[dict] = []
        self._last: Phone | None = None

    async def live(self, moment: str) -> None:
        """Hold the records against what the last life's client was told; let calls come and go; kill at the moment."""
        nurse, luck = self.nurse, self.luck
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            await self._begin(http)
            phone = self._last = Phone(http, nurse.url)
            await phone.connect()
            calling = [asyncio.ensure_future(self._call_on(phone)) for _ in range(CALLERS)]
            if moment == "seconds":
                await asyncio.sleep(luck.uniform(0, self.seconds))
            else:
                often = luck.randint(1, 12)
                await phone.until(lambda: _so_far(phone, moment) >= often)
            nurse.kill()
            await nurse.end()
            await asyncio.gather(*calling)
            await phone.until(lambda: phone.closed)

    async def end(self) -> None:
        """Let one more emulator tell of the last life, and leave cleanly."""
        async with aiohttp.ClientSession() as http:
            await self._begin(http)
            await self.nurse.end(signal.SIGTERM)

    async def _begin(self, http: aiohttp.ClientSession) -> None:
        await self.nurse.start("--record-delay", "0.2")
        before, self.rows = self.rows, await records(http, self.nurse.url)
        if self.rows[: len(before)] != before:
            self.wrong.append("another start changed records")
        if self._last is not None:
            self._judge(self._last, self.rows[len(before) :])

    async def _call_on(self, phone: Phone) -> None:
        """Place one call after the other until the emulator is gone."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            while not phone.closed:
                session_id = await phone.place(self.luck.choice(NUMBERS))
                await asyncio.sleep(self.luck.choice((0, 0.01, 0.1, 1.2)))
                if self.luck.random() < 0.8:
                    await phone.hang_up(session_id)

    def _judge(self, phone: Phone, rows: list[dict]) -> None:
        found = Counter(row["sessionId"] for row in rows)
        self.wrong += [f"{name} has {found[name]} records" for name in {*phone.placed, *found} if found[name] != 1]
        for row in rows:
            name, number = row["sessionId"], row["destination"]
            told = [event for event, _ in phone.told.get(name, ())]
            ended = name in phone.hung_up or "hangup" in told
            filed = (row["disposition"], row["hangupBy"], row["hangupCauseCode"])
            possible = _ways_to_end(number, phone.has(name, "dialStatus", "Connected"), ended)
            if filed not in possible:
                self.wrong.append(f"{name} to {number} was told {told}, and is filed as {filed}")
            self.counts["ended" if ended else "killed" if filed[2] == 127 else "ended unheard"] += 1
            self.counts["answered and killed"] += filed == BROKEN
            for event, cdr in phone.told.get(name, ()):
                if event == "cdr":
                    self.counts["cdr told"] += 1
                    if any(row[each] != value for each, value in cdr.items()):
                        self.wrong.append(f"{name}: its cdr event said {cdr}, its record {row}")


def _so_far(phone: Phone, moment: str) -> int:
    told = Counter(event for events in phone.told.values() for event, _ in events)
    match moment:
        case "replies":
            return len(phone.placed)
        case "hang-ups":
            return len(phone.hung_up)
        case "answers":
            return sum(phone.has(name, "dialStatus", "Connected") for name in phone.told)
        case "ends":
            return told["hangup"]
        case _:
            return told["cdr"]


def _ways_to_end(number: str, answered: bool, ended: bool) -> set[tuple]:
    """Return how a call may be filed, by what its client was told of it; of what it was not told, all is possible."""
    if number in ENDINGS:
        own, killed = {ENDINGS[number], CANCELLED}, {FAILED}
    elif answered:
        own, killed = {ANSWERED}, {BROKEN}
    else:
        own, killed = {ANSWERED, CANCELLED}, {BROKEN, FAILED}
    return own if ended else own | killed

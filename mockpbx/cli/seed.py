"""`mockpbx seed`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import click
from faker import Faker

from mockpbx.adapters.store import SqliteStore
from mockpbx.app import default_database
from mockpbx.cli import refuse
from mockpbx.contract.errors import ConfigurationError
from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain.record import CallRecord, file_record
from mockpbx.runtime.records import StoredRecord
from mockpbx.runtime.switchboard import workspace_key

DAYS = 30
RECORD_DELAY = 2_000
BATCH = 1_000

#: How calls of a dialler end, by weight: cause, who hung up, whether it was answered.
ENDINGS: tuple[tuple[int, int, Party | None, bool], ...] = (
    (38, 16, Party.CALLEE, True),
    (22, 16, Party.CALLER, True),
    (12, 19, None, False),
    (8, 17, None, False),
    (6, 21, Party.CALLEE, False),
    (5, 16, Party.CALLER, False),
    (3, 18, None, False),
    (2, 27, None, False),
    (1, 1, None, False),
    (1, 28, None, False),
    (1, 34, None, False),
    (1, 102, None, False),
)


@click.command()
@click.option("--count", type=click.IntRange(1, 10_000_000), default=500, show_default=True, help="how many records")
@click.option("--token", envvar="MOCKPBX_TOKEN", default="dev", show_default=True, help="whose workspace to fill")
@click.option("--database", type=click.Path(path_type=Path, dir_okay=False), envvar="MOCKPBX_DATABASE", metavar="FILE",
              help="file of the call records (default: in the user's data directory)")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), envvar="MOCKPBX_SEED", help="seed of the history (default: drawn)")
def command(count: int, token: str, database: Path | None, seed: int | None) -> None:
    """Fill a workspace with plausible call records, also while a server has the file open."""
    file = database or default_database()
    if str(file) == ":memory:":
        refuse("a database in memory is gone when this command ends; name a file with --database")
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    try:
        asyncio.run(_fill(file, workspace_key(token), count, seed))
    except ConfigurationError as error:
        refuse(str(error))
    click.echo(f"{count} call records of the last {DAYS} days are in {file} (seed {seed})")


def history(count: int, seed: int, now: int) -> Iterator[StoredRecord]:
    """Yield `count` records that were issued in the `DAYS` days before `now` (ms since 1970), oldest first."""
    luck = random.Random(seed)
    faker = Faker("id_ID")
    faker.seed_instance(seed)
    span = DAYS * 24 * 3_600_000
    for issued in sorted(now - luck.randrange(span) for _ in range(count)):
        yield StoredRecord(_call(luck, faker, issued - RECORD_DELAY), issued)


def _call(luck: random.Random, faker: Faker, ended: int) -> CallRecord:
    _, cause, by, answered = luck.choices(ENDINGS, [ending[0] for ending in ENDINGS])[0]
    rung = round(min(luck.lognormvariate(2.1, 0.5), 40) * 1_000)  # a median of 8 s until somebody answers
    talked = round(luck.lognormvariate(4.0, 0.9) * 1_000)
    start = ended - rung - (talked if answered else 0)
    return file_record(
        session_id=_session_id(luck, start),
        destination=_mobile_number(faker),
        direction=Direction.OUTBOUND,
        started_at=start,
        answered_at=start + rung if answered else None,
        ended_at=ended,
        by=by,
        cause=cause,
    )


def _mobile_number(faker: Faker) -> str:
    """Return an Indonesian mobile number as it is dialled at home: 08 and 8 to 11 more digits."""
    return f"08{faker.numerify(faker.random_element(('1########', '1#########', '5#########', '96########')))}"


def _session_id(luck: random.Random, moment: int) -> str:
    """Return a UUID of version 7 as of `moment` (RFC 9562, section 5.7)."""
    value = moment << 80 | 0x7 << 76 | luck.getrandbits(12) << 64 | 0b10 << 62 | luck.getrandbits(62)
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


async def _fill(database: Path, workspace: str, count: int, seed: int) -> None:
    store = await SqliteStore.open(database, serving=False)
    try:
        batch: list[StoredRecord] = []
        with click.progressbar(
            history(count, seed, time.time_ns() // 1_000_000), length=count, label="filling"
        ) as rows:
            for row in rows:
                batch.append(row)
                if len(batch) == BATCH:
                    await store.add_history(workspace, batch)
                    batch = []
        await store.add_history(workspace, batch)
    finally:
        await store.close()

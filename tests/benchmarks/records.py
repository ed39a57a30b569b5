"""What call records cost: pages of `GET /cdr` among a million of them, and two thousand calls that end at once.

    python tests/benchmarks/records.py [--rows N] [--only pages|burst] [--json FILE] [--database FILE]

Each page is a whole request over loopback, on one connection that is kept alive, to a real `mockpbx serve` in a process
of its own; its totals and one page of every filter are held against plain SQL on the same file. Bounded: `--seconds`
per filter. A database that is named is filled at the first run and used again. Linux only (CPU is read from /proc).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mockpbx.adapters.store import SqliteStore
from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain.record import file_record
from mockpbx.runtime.records import StoredRecord
from mockpbx.runtime.switchboard import workspace_key

sys.path.insert(0, str(Path(__file__).parent))
import records_burst

TICKS = os.sysconf("SC_CLK_TCK")
START = 1_753_241_876_700
WARM_UP = 3.0  # seconds after the start until the first request; `--cold` asks at once
FIRST_PAGES, LIMIT = 100, 100

#: Query, and the same as SQL. Every operator of every field, alone and with others; common, rare and without a match.
FILTERS = {
    "": "1",
    "filter.destination=$eq:{known}": "destination = '{known}'",
    "filter.destination=$eq:08123456789": "destination = '08123456789'",
    "filter.destination=$contains:0812": "instr(destination, '0812')",
    "filter.destination=$contains:08": "1",
    "filter.destination=$contains:5": "instr(destination, '5')",
    "filter.destination=$contains:98765": "instr(destination, '98765')",
    "filter.destination=$contains:99999999999999": "0",
    "filter.duration=$eq:60": "duration = 60",
    "filter.duration=$gt:3600": "duration > 3600",
    "filter.duration=$gte:60": "duration >= 60",
    "filter.duration=$lt:300": "duration < 300",
    "filter.duration=$lte:3": "duration <= 3",
    "filter.billableSeconds=$eq:0": "billable_seconds = 0",
    "filter.billableSeconds=$gt:30": "billable_seconds > 30",
    "filter.billableSeconds=$gte:900": "billable_seconds >= 900",
    "filter.billableSeconds=$lt:1": "billable_seconds < 1",
    "filter.billableSeconds=$lte:180": "billable_seconds <= 180",
    "filter.duration=$gte:60&filter.duration=$lte:61": "duration BETWEEN 60 AND 61",
    "filter.duration=$or:$lt:5&filter.duration=$or:$gt:600": "(duration < 5 OR duration > 600)",
    "filter.destination=$or:$contains:0812&filter.destination=$or:$contains:0896":
        "(instr(destination, '0812') OR instr(destination, '0896'))",
    "filter.destination=$contains:0812&filter.duration=$gte:30": "instr(destination, '0812') AND duration >= 30",
    "filter.destination=$contains:5&filter.duration=$gt:30&filter.billableSeconds=$lte:180":
        "instr(destination, '5') AND duration > 30 AND billable_seconds <= 180",
    "filter.destination=$contains:0812&filter.billableSeconds=$eq:17&sortBy=id:ASC":
        "instr(destination, '0812') AND billable_seconds = 17",
}  # fmt: skip


def history(count: int) -> Iterator[StoredRecord]:
    """Yield calls of a dialler."""
    luck = random.Random(1)
    for number in range(count):
        rung, talked = luck.lognormvariate(2.1, 0.5), luck.lognormvariate(4.0, 0.9)
        answered = luck.random() < 0.6
        start = START + number * 2_500
        answer = start + round(rung * 1_000)
        end = answer + round(talked * 1_000) * answered
        record = file_record(
            session_id=f"{luck.getrandbits(128):032x}",
            destination=f"08{luck.choice(('1', '1', '5', '96'))}{luck.randrange(10**9):09}"[: luck.randrange(10, 14)],
            direction=Direction.OUTBOUND,
            started_at=start,
            answered_at=answer if answered else None,
            ended_at=end,
            by=Party.CALLEE if answered else None,
            cause=16 if answered else 19,
        )
        yield StoredRecord(record, end + 2_000)


async def fill(database: Path, rows: int) -> float:
    """Fill a file: `rows` of the token `dev`, and a tenth as many of five others among them. Returns seconds."""
    store = await SqliteStore.open(database, serving=False)
    began, batch, others = time.perf_counter(), [], [[] for _ in range(5)]
    spent = 0.0
    for number, row in enumerate(history(rows + rows // 10), start=1):
        (others[number % 5] if number % 11 == 0 else batch).append(row)
        if number % 11_000 == 0 or number == rows + rows // 10:
            began = time.perf_counter()
            for name, some in zip(("dev", *"abcde"), (batch, *others), strict=True):
                await store.add_history(workspace_key(name), some)
            spent += time.perf_counter() - began
            batch, others = [], [[] for _ in range(5)]
    await store.close()
    return spent


@contextlib.contextmanager
def server(database: Path) -> Iterator[tuple[str, int, int, float]]:
    """Run `mockpbx serve`; yields host, port, process id and the seconds until it listened."""
    command = [sys.executable, "-m", "mockpbx", "serve", "--port", "0", "--database", str(database)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        host, port = re.search(r"http://([^:/]+):(\d+)", process.stdout.readline()).groups()
        yield host, int(port), process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


class Client:
    """One connection that is kept alive."""

    def __init__(self, host: str, port: int, token: str = "dev") -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, query: str) -> tuple[float, dict]:
        """Return the ms that a request took until its last byte was here, and the reply."""
        began = time.perf_counter()
        self._connection.request("GET", f"/cdr?{query}", headers=self._headers)
        reply = self._connection.getresponse()
        body = reply.read()
        took = (time.perf_counter() - began) * 1_000
        assert reply.status == 200, body
        return took, json.loads(body)


def cpu(pid: int) -> float:
    """Return the CPU ms that a process has used, its threads included."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1_000 / TICKS


def resident(pid: int) -> int:
    """Return the MB of memory that a process holds."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all do not exceed, by nearest rank."""
    return sorted(values)[max(0, -(-len(values) * share // 1).__int__() - 1)] if values else float("nan")


def measured(client: Client, pid: int, query: str, pages: list[int], seconds: float) -> dict:
    """Ask for pages of a filter until they are through or the time is."""
    until, before = time.perf_counter() + seconds, cpu(pid)
    times = []
    for page in pages:
        times.append(client.get(f"{query}&page={page}&limit={LIMIT}")[0])
        if time.perf_counter() > until:
            break
    return {
        "first_ms": times[0],
        "p50_ms": statistics.median(times),
        "p99_ms": percentile(times, 0.99),
        "worst_ms": max(times),
        "cpu_ms": (cpu(pid) - before) / len(times),
        "requests": len(times),
    }


def expected(database: Path, condition: str, page: int, order: str) -> tuple[int, list[str]]:
    """Return total and session ids of a page, as plain SQL has them."""
    with contextlib.closing(sqlite3.connect(database)) as file:
        where = f"FROM records WHERE workspace = ? AND ({condition})"
        key = workspace_key("dev")
        total = file.execute(f"SELECT COUNT(*) {where}", (key,)).fetchone()[0]
        rows = file.execute(
            f"SELECT session_id {where} ORDER BY id {order} LIMIT ? OFFSET ?", (key, LIMIT, (page - 1) * LIMIT)
        )
        return total, [row[0] for row in rows]


def pages(database: Path, seconds: float, warm_up: float) -> dict:
    """Measure every filter on its first pages, in a random order, and on deeper ones."""
    with contextlib.closing(sqlite3.connect(database)) as file:
        (known,) = file.execute("SELECT destination FROM records WHERE id = 1000").fetchone()
    luck = random.Random(2)
    result = {}
    with server(database) as (host, port, pid, started):
        time.sleep(warm_up)
        client = Client(host, port)
        small, floor = Client(host, port, "a"), []
        cold, _ = client.get("")
        fresh = [Client(host, port, f"new-{n}").get("")[0] for n in range(30)]
        for query, condition in FILTERS.items():
            name, sql = query.format(known=known), condition.format(known=known)
            order = "ASC" if "ASC" in name else "DESC"
            asked = 3
            total, sessions = expected(database, sql, asked, order)
            _, reply = client.get(f"{name}&page={asked}&limit={LIMIT}")
            shown = [row["sessionId"] for row in reply["data"]]
            assert (reply["meta"]["totalItems"], shown) == (total, sessions), f"{name} is wrong"
            last = max(1, -(-total // LIMIT))
            first = luck.sample(range(1, FIRST_PAGES + 1), FIRST_PAGES)
            deep = [last, *(luck.randint(FIRST_PAGES, last) for _ in range(19))] if last > FIRST_PAGES else []
            row = {"total": total, "first": measured(client, pid, name, first, seconds)}
            row["deep"] = measured(client, pid, name, deep, seconds) if deep else None
            result[name or "(no filter)"] = row
            floor += [small.get(f"page={page}&limit={LIMIT}")[0] for page in range(1, 21)]
        front = [client.get(f"limit={LIMIT}")[0] for _ in range(100)]
        memory = resident(pid)
    return {
        "started_s": started,
        "first_request_ms": cold,
        "fresh_workspace_ms": {"p50": statistics.median(fresh), "worst": max(fresh)},
        "first_page_no_filter_ms": {"p50": statistics.median(front), "p99": percentile(front, 0.99)},
        "floor_ms": {"p50": statistics.median(floor), "p99": percentile(floor, 0.99)},
        "memory_mb": memory,
        "filters": result,
    }


def show(result: dict) -> None:
    """Print the figures of the pages."""
    print(f"{'filter':78} {'total':>8} | {'p50':>6} {'p99':>6} {'CPU':>6} | deep {'p50':>5} {'worst':>6}")
    for name, row in result["filters"].items():
        first, deep = row["first"], row["deep"]
        beyond = f"{deep['p50_ms']:10.1f} {deep['worst_ms']:6.1f}" if deep else ""
        print(f"{name.replace('filter.', '')[:78]:78} {row['total']:8} | {first['p50_ms']:6.1f} {first['p99_ms']:6.1f} "
              f"{first['cpu_ms']:6.1f} | {beyond}")  # fmt: skip
    firsts = [row["first"] for row in result["filters"].values()]
    deeps = [row["deep"]["worst_ms"] for row in result["filters"].values() if row["deep"]]
    front = result["first_page_no_filter_ms"]
    print(f"first 100 pages: worst p99 of a filter {max(row['p99_ms'] for row in firsts):.1f} ms (target 100); "
          f"deeper: worst {max(deeps, default=0):.1f} ms (target 500); "
          f"first page, no filter: p50 {front['p50']:.1f}, p99 {front['p99']:.1f} ms (target 10)")  # fmt: skip
    floor, slowest = result["floor_ms"], max(row["p50_ms"] for row in firsts)
    print(f"the floor, in turn with them: pages of a small workspace without a filter, p50 {floor['p50']:.1f}, p99 "
          f"{floor['p99']:.1f} ms; worst p50 of a filter is {slowest / floor['p50']:.1f} times that")  # fmt: skip
    print(f"listens after {result['started_s']:.2f} s; first request {result['first_request_ms']:.1f} ms; others "
          f"p50 {result['fresh_workspace_ms']['p50']:.1f} ms; memory {result['memory_mb']} MB")  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="at most, per filter and depth")
    parser.add_argument("--calls", type=int, default=2_000, help="that end at once")
    parser.add_argument("--only", choices=("pages", "burst"))
    parser.add_argument("--cold", action="store_true", help="ask the moment the server listens")
    parser.add_argument("--database", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict = {"load": os.getloadavg()[0], "rows": options.rows, "sqlite": sqlite3.sqlite_version}
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "burst":
            database = options.database or Path(folder) / "records.db"
            if not database.exists():
                report["rows_per_second"] = options.rows * 1.1 / asyncio.run(fill(database, options.rows))
                print(f"filled: {report['rows_per_second']:.0f} rows/s in batches")
            report["pages"] = pages(database, options.seconds, 0.0 if options.cold else WARM_UP)
            show(report["pages"])
        if options.only != "pages":
            report["burst"] = records_burst.run(options.calls)
            records_burst.show(report["burst"])
    print(f"load of the machine: {report['load']:.1f} at the start, {os.getloadavg()[0]:.1f} at the end")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

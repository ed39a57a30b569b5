"""What the emulator asks of whoever keeps its call records. The SQLite store in the adapters answers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mockpbx.domain.record import CallRecord

Operator = Literal["=", ">", ">=", "<", "<=", "contains"]
Field = Literal["destination", "duration", "billableSeconds"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement of a filter. `either` joins it to the one before it of the same field by OR instead of AND."""

    operator: Operator
    value: str | float
    either: bool = False


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records, and which page of them; `limit` 0 shows none. Newest first unless `ascending`."""

    page: int
    limit: int
    ascending: bool
    filters: tuple[tuple[Field, tuple[Condition, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is shown: with the moment it was issued, ms since 1970."""

    record: CallRecord
    created_at: int


@dataclass(frozen=True, slots=True)
class RecordPage:
    """The rows of one page, and how many there are on all of them."""

    rows: list[StoredRecord]
    total: int


class RecordStore(Protocol):
    """Keeps calls from their POST to their record. A workspace is named by its key, never by its token."""

    def keep(self, workspace: str, record: CallRecord) -> None:
        """Remember what the call's record would be if the emulator died now. It is not visible yet."""

    def live_until(self, workspace: str, session_ids: Sequence[str], now: int) -> None:
        """Let calls that are kept have lived until `now`. A kill within the next moments finds what was kept before."""

    async def issue(self, workspace: str, record: CallRecord, created_at: int) -> None:
        """Make the record visible. Returns when it is committed."""

    async def find(self, workspace: str, session_id: str) -> StoredRecord:
        """Return one record. Raises NoSuchRecord."""

    async def page(self, workspace: str, query: RecordQuery) -> RecordPage:
        """Return one page of records."""

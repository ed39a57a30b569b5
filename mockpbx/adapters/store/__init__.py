"""Call records in SQLite."""

from mockpbx.adapters.store.sqlite import SqliteStore

__all__ = ["SqliteStore"]

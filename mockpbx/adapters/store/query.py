"""From a record query to SQL."""

from __future__ import annotations

from mockpbx.runtime.records import Condition, Field, RecordQuery

_COLUMN: dict[Field, str] = {
    "destination": "destination",
    "duration": "duration",
    "billableSeconds": "billable_seconds",
}
_LARGEST = 2**63 - 1


def where(workspace: str, query: RecordQuery) -> tuple[str, list[object]]:
    """Return the WHERE clause of a query and its parameters."""
    clauses = ["workspace = ?"]
    parameters: list[object] = [workspace]
    for field, conditions in query.filters:
        statements = ""
        for condition in conditions:
            joint = "" if not statements else " OR " if condition.either else " AND "
            statements += joint + _statement(_COLUMN[field], condition)
            parameters.append(condition.value)
        clauses.append(f"({statements})")
    return " AND ".join(clauses), parameters


def page(query: RecordQuery) -> tuple[str, list[object]]:
    """Return the ORDER BY and LIMIT clauses of a query and their parameters."""
    direction = "ASC" if query.ascending else "DESC"
    offset = min((query.page - 1) * query.limit, _LARGEST)
    return f"ORDER BY id {direction} LIMIT ? OFFSET ?", [query.limit, offset]


def _statement(column: str, condition: Condition) -> str:
    if condition.operator == "contains":
        # instr takes its argument literally: % and _ are no wildcards here, and letters keep their case.
        return f"instr({column}, ?) > 0"
    return f"{column} {condition.operator} ?"

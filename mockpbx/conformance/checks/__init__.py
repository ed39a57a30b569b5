"""All checks, by the contract's sections. Each module's `CHECKS` are its own, in the order of the report."""

from mockpbx.conformance.checks import (
    access,
    acks,
    checkpoints,
    digits,
    endings,
    frames,
    interruptions,
    pages,
    records,
    requests,
    rooms,
    sessions,
    sound,
    statuses,
    wire,
)

CHECKS = (
    *access.CHECKS,
    *wire.CHECKS,
    *requests.CHECKS,
    *sessions.CHECKS,
    *rooms.CHECKS,
    *statuses.CHECKS,
    *frames.CHECKS,
    *sound.CHECKS,
    *acks.CHECKS,
    *checkpoints.CHECKS,
    *interruptions.CHECKS,
    *digits.CHECKS,
    *endings.CHECKS,
    *records.CHECKS,
    *pages.CHECKS,
)

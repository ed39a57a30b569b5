"""Mutants of the events that clients are told, their order in a call apart from its sound."""

from __future__ import annotations

from mockpbx.runtime.mutants.mutation import Mutant
from mockpbx.runtime.mutants.telling import Behind, Lost, Refielded, Renamed, Rewritten, Twice, Without

#: A session that is nobody's.
STRANGER = "00000000-0000-7000-8000-000000000000"

EVENTS = (
    Mutant(
        "new-session-lost", "events", "newSession", "newSession is never sent",
        "assert that your client learns of a call by newSession", Lost("newSession"),
    ),
    Mutant(
        "new-session-twice", "events", "newSession", "newSession is sent twice",
        "assert that your client joins, and talks, once per session", Twice("newSession"),
    ),
    Mutant(
        "new-session-wrong-type", "events", "newSession", "outbound calls are announced as inbound",
        "assert what your client does by the type of a session",
        Rewritten("newSession", {"type": "outbound"}, "type", lambda _: "inbound"),
    ),
    Mutant(
        "dialing-skipped", "events", "dialStatus", "the status Dialing is never told",
        "assert the whole sequence of statuses", Lost("dialStatus", {"status": "Dialing"}),
    ),
    Mutant(
        "ringing-skipped", "events", "dialStatus", "the status Ringing is never told",
        "assert the whole sequence of statuses", Lost("dialStatus", {"status": "Ringing"}),
    ),
    Mutant(
        "connected-lost", "events", "dialStatus", "the status Connected is never told",
        "assert that your client speaks once it is connected", Lost("dialStatus", {"status": "Connected"}),
    ),
    Mutant(
        "connected-before-ringing", "events", "dialStatus", "Ringing is told behind Connected",
        "assert the order of the statuses",
        Behind("dialStatus", {"status": "Ringing"}, "dialStatus", {"status": "Connected"}),
    ),
    Mutant(
        "connected-twice", "events", "dialStatus", "Connected is told twice",
        "assert that your client greets once", Twice("dialStatus", {"status": "Connected"}),
    ),
    Mutant(
        "connected-in-lower-case", "events", "Possible Status Values", "Connected is spelt connected",
        "assert the status by its exact spelling",
        Rewritten("dialStatus", {"status": "Connected"}, "status", str.lower),
    ),
    Mutant(
        "busy-in-lower-case", "events", "Possible Status Values", "Busy is spelt busy",
        "call a busy number (08000000017) and assert the status by its exact spelling",
        Rewritten("dialStatus", {"status": "Busy"}, "status", str.lower),
    ),
    Mutant(
        "busy-as-ringing", "events", "Possible Status Values", "a busy number is told as Ringing",
        "call a busy number (08000000017) and assert that Busy is told",
        Rewritten("dialStatus", {"status": "Busy"}, "status", lambda _: "Ringing"),
    ),
    Mutant(
        "dial-status-of-a-stranger", "events", "dialStatus", "dialStatus bears another session's id",
        "assert that your client tells calls apart by sessionId",
        Rewritten("dialStatus", {}, "sessionId", lambda _: STRANGER),
    ),
    Mutant(
        "dial-status-as-state", "events", "dialStatus", "the event is named dialState",
        "assert that your client reacts to dialStatus", Renamed("dialStatus", {}, "dialState"),
    ),
    Mutant(
        "checkpoint-lost", "events", "checkPoint", "no checkpoint is ever told",
        "assert that each checkpoint comes back", Lost("checkPoint"),
    ),
    Mutant(
        "checkpoint-twice", "events", "checkPoint", "each checkpoint is told twice",
        "assert how often a checkpoint comes back", Twice("checkPoint"),
    ),
    Mutant(
        "checkpoint-renamed", "events", "checkPoint", "the checkpoint's name comes back in capitals",
        "assert the name of the checkpoint as it was sent", Rewritten("checkPoint", {}, "name", str.swapcase),
    ),
    Mutant(
        "checkpoint-event-in-lower-case", "events", "checkPoint", "the event is named checkpoint",
        "assert that your client reacts to checkPoint", Renamed("checkPoint", {}, "checkpoint"),
    ),
    Mutant(
        "checkpoint-without-session", "events", "checkPoint", "sessionId is missing from the event",
        "assert that a checkpoint is taken for the right call", Without("checkPoint", {}, "sessionId"),
    ),
    Mutant(
        "dtmf-lost", "events", "dtmf", "the callee's digits are never told",
        "let the callee press a key and assert what your client does", Lost("dtmf"),
    ),
    Mutant(
        "dtmf-twice", "events", "dtmf", "each of the callee's digits is told twice",
        "let the callee press one key and assert that it counts once", Twice("dtmf"),
    ),
    Mutant(
        "dtmf-as-number", "events", "dtmf", "a digit from 0 to 9 comes as a number",
        "assert the digit as text", Rewritten("dtmf", {}, "digit", lambda d: int(d) if d.isdecimal() else d),
    ),
    Mutant(
        "dtmf-digit-as-key", "events", "dtmf", "the field is named key instead of digit",
        "let the callee press a key and assert what your client does", Refielded("dtmf", {}, "digit", "key"),
    ),
    Mutant(
        "hangup-lost", "events", "hangup", "hangup is never told",
        "assert that your client knows when a call is over", Lost("hangup"),
    ),
    Mutant(
        "hangup-twice", "events", "hangup", "hangup is told twice",
        "assert that your client cleans up once", Twice("hangup"),
    ),
    Mutant(
        "hangup-of-a-stranger", "events", "hangup", "hangup bears another session's id",
        "assert that your client ends the call that hangup names",
        Rewritten("hangup", {}, "sessionId", lambda _: STRANGER),
    ),
    Mutant(
        "cdr-lost", "events", "cdr", "the cdr event is never sent",
        "assert that your client stores the call's record", Lost("cdr"),
    ),
    Mutant(
        "cdr-twice", "events", "cdr", "the cdr event is sent twice",
        "assert that your client books a call once", Twice("cdr"),
    ),
    Mutant(
        "cdr-before-hangup", "events", "cdr", "hangup is told behind cdr",
        "assert that hangup comes before cdr", Behind("hangup", {}, "cdr"),
    ),
)  # fmt: skip

"""All scenes, in the order in which they play."""

from mockpbx.conformance.scenes.doors import DOORS
from mockpbx.conformance.scenes.interrupting import INTERRUPTING
from mockpbx.conformance.scenes.keying import KEYING
from mockpbx.conformance.scenes.listening import LISTENING
from mockpbx.conformance.scenes.records import RECORDS
from mockpbx.conformance.scenes.speaking import SPEAKING
from mockpbx.conformance.scenes.unanswered import BUSY, CALLEE_HANGUP, CANCELLED, NO_ANSWER

SCENES = (
    DOORS,
    LISTENING,
    SPEAKING,
    INTERRUPTING,
    KEYING,
    CANCELLED,
    BUSY,
    NO_ANSWER,
    CALLEE_HANGUP,
    RECORDS,
)

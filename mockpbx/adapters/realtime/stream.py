"""The fast path of a client's sound: what its `audio` events of one call and format have in common is read once.

Each then costs its sound and an acknowledgment. Whatever is out of the ordinary is left to the handler, which refuses,
notes and explains: so is the first message of a run (see `runtime/traffic.py`), which is shown as it was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from mockpbx.contract import messages as m
from mockpbx.contract.errors import InvalidRequest, PBXError
from mockpbx.contract.validation import read
from mockpbx.contract.vocabulary import AudioFormat
from mockpbx.runtime.workspace import Workspace
from mockpbx.transport import Connection, PreparedAck
from mockpbx.transport.announced import Taker

if TYPE_CHECKING:
    from mockpbx.media.pcm import Samples

_log = logging.getLogger(__name__)

#: The acknowledgment of sound that was taken.
TAKEN = m.AudioAck(success=True, error=None).wire()
TAKEN_PREPARED = PreparedAck(TAKEN)


def prepare_audio(connection: Connection, payload: object = None, *_: object) -> Taker | None:
    """Return what takes the sound of such events; None where they are not valid, or where that takes its time."""
    try:
        message = read(m.ClientAudio, payload)
    except InvalidRequest:
        return None
    workspace: Workspace = connection.identity
    session_id, audio_format = message.session_id, message.audio_format
    if audio_format is AudioFormat.MP3:
        return None
    decode: Callable[[bytes], Samples] | None = None

    def take(data: bytes, number: int | None) -> bool:
        nonlocal decode
        run = workspace.traffic.run(session_id)
        if run is None or not run.has(connection.id, audio_format) or not data or not workspace.faults.quiet:
            return False
        if decode is None:
            if workspace.line(session_id) is None:
                return False
            from mockpbx.media.codecs import STATELESS  # numpy, which is loaded with the first call

            decode = STATELESS[audio_format]
        try:
            workspace.play(session_id, decode(data), audio_format, data, ack_wanted=number is not None)
        except PBXError:
            return False
        except Exception:
            _log.exception("sound of a known kind could not be taken")
            return False
        workspace.clients.activity += 1
        run.add_known(len(data), workspace.traffic.now())
        if number is not None:
            run.acknowledged(TAKEN)
            connection.acknowledge_prepared(number, TAKEN_PREPARED)
        return True

    return take

"""The way in of a call's audio: one message at a time, and nothing left of what was broken off."""

import asyncio
from pathlib import Path

import numpy as np

from mockpbx.media.mp3 import Mp3Decoder
from mockpbx.runtime.uplink import Uplink

CLIP = (Path(__file__).parents[2] / "fixtures/clips/bot-greeting.mp3").read_bytes()


async def test_messages_of_two_sockets_come_out_whole():
    alone = Mp3Decoder().decode(CLIP)
    uplink = Uplink()
    one, other = await asyncio.gather(uplink.decode("mp3", CLIP), uplink.decode("mp3", CLIP))
    assert np.array_equal(one, alone)
    assert np.array_equal(other, alone)


async def test_a_message_that_is_interrupted_while_it_is_decoded_is_gone():
    uplink = Uplink()
    decoding = asyncio.ensure_future(uplink.decode("mp3", CLIP))
    await asyncio.sleep(0)
    uplink.reset()
    assert len(await decoding) == 0
    assert np.array_equal(await uplink.decode("mp3", CLIP), Mp3Decoder().decode(CLIP))


async def test_a_file_broken_off_by_a_reset_leaves_nothing_in_front_of_the_next():
    uplink = Uplink()
    await uplink.decode("mp3", CLIP[: len(CLIP) // 2 + 7])
    uplink.reset()
    assert np.array_equal(await uplink.decode("mp3", CLIP), Mp3Decoder().decode(CLIP))

"""G.711: the whole domain against the reference's arithmetic, sample by sample."""

import sys
import warnings

import numpy as np
import pytest

from mockpbx.media import g711

EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
EVERY_CODE = bytes(range(256))


def reference_ulaw(sample: int) -> int:
    """G.191 `ulaw_compress`, on one sample: 14 bits, bias 33, clipped at 13 bits, every bit inverted."""
    magnitude = (~sample >> 2 if sample < 0 else sample >> 2) + 33
    magnitude = min(magnitude, 0x1FFF)
    segment = magnitude.bit_length() - 6
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    return (code ^ 0x7F) | (0 if sample < 0 else 0x80)


def reference_alaw(sample: int) -> int:
    """G.191 `alaw_compress`, on one sample: 12 bits, every other bit inverted."""
    magnitude = ~sample >> 4 if sample < 0 else sample >> 4
    if magnitude > 15:
        exponent = 1
        while magnitude > 31:
            magnitude >>= 1
            exponent += 1
        magnitude = magnitude - 16 + (exponent << 4)
    return (magnitude | (0 if sample < 0 else 0x80)) ^ 0x55


def test_ulaw_encodes_every_sample_as_the_itu_reference() -> None:
    expected = bytes(reference_ulaw(int(sample)) for sample in EVERY_SAMPLE)
    assert g711.encode_ulaw(EVERY_SAMPLE) == expected


def test_alaw_encodes_every_sample_as_the_itu_reference() -> None:
    expected = bytes(reference_alaw(int(sample)) for sample in EVERY_SAMPLE)
    assert g711.encode_alaw(EVERY_SAMPLE) == expected


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the standard library's audioop is gone from 3.13 on")
def test_every_code_decodes_as_in_the_standard_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop
    assert g711.decode_ulaw(EVERY_CODE).tobytes() == audioop.ulaw2lin(EVERY_CODE, 2)
    assert g711.decode_alaw(EVERY_CODE).tobytes() == audioop.alaw2lin(EVERY_CODE, 2)


@pytest.mark.parametrize(
    ("law", "code", "sample"),
    [
        ("ulaw", 0xFF, 0),
        ("ulaw", 0x7F, 0),
        ("ulaw", 0x80, 32124),
        ("ulaw", 0x00, -32124),
        ("alaw", 0xD5, 8),
        ("alaw", 0x55, -8),
        ("alaw", 0xAA, 32256),
        ("alaw", 0x2A, -32256),
    ],
)
def test_silence_and_full_scale_decode_to_the_published_values(law: str, code: int, sample: int) -> None:
    decode = {"ulaw": g711.decode_ulaw, "alaw": g711.decode_alaw}[law]
    assert decode(bytes([code])).tolist() == [sample]


def test_a_decoded_code_encodes_to_itself() -> None:
    ulaw = g711.encode_ulaw(g711.decode_ulaw(EVERY_CODE))
    assert [code for code in range(256) if ulaw[code] != code] == [0x7F]  # there are two zeros in µ-law
    assert g711.encode_alaw(g711.decode_alaw(EVERY_CODE)) == EVERY_CODE


def test_a_round_trip_is_within_half_a_step() -> None:
    sample = EVERY_SAMPLE.astype(np.int32)
    within_scale = np.abs(sample) <= 32124
    for decoded, floor in (
        (g711.decode_ulaw(g711.encode_ulaw(EVERY_SAMPLE)), 5),
        (g711.decode_alaw(g711.encode_alaw(EVERY_SAMPLE)), 8),
    ):
        allowed = floor + np.abs(sample) / 32
        assert np.all(np.abs(decoded - sample)[within_scale] <= allowed[within_scale])


def test_a_frame_of_160_samples_is_160_bytes_and_any_layout_of_memory_will_do() -> None:
    frame = EVERY_SAMPLE[::-409][:160]
    assert len(g711.encode_ulaw(frame)) == 160
    assert g711.encode_ulaw(frame) == g711.encode_ulaw(frame.copy())
    assert g711.decode_alaw(g711.encode_alaw(frame)).dtype == np.int16


def test_nothing_gives_nothing() -> None:
    nothing = np.empty(0, np.int16)
    assert g711.encode_ulaw(nothing) == g711.encode_alaw(nothing) == b""
    assert g711.decode_ulaw(b"").size == g711.decode_alaw(b"").size == 0

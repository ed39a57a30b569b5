"""Sound: codecs, tones, sources and the playout. 8 kHz mono int16 throughout; knows no calls."""

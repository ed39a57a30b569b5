"""The published contract, version 1.0.4, as data: vocabulary, messages, operations, channels.

The bottom floor. Everything above speaks this language; nothing here knows a clock, a socket or a call in progress.
"""

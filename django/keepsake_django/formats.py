"""What Keepsake leaves in tables and caches, byte for byte: see docs/cached_db.md.

    mark         b"N." and a word that is used once
    trace        of a key that was given up
    tail         behind the pickle of a session in cached_db's cache
"""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
import struct
from typing import NamedTuple

# A pickled None: Django finds nothing. Python's unpickler stops at the dot.
PICKLED_NONE = b"N."

# What a cache holds in the place of a session whose key was given up.
TRACE = PICKLED_NONE + b"keepsake:rotated"

# The same in a cache of JSON: null, with white space that nobody else writes.
JSON_TRACE = b"null \t\n\t "

MAGIC = b"Keepsak1"
_FIXED = struct.Struct(">qIB8s")


def trace_key(key: str) -> str:
    """The row that remembers that key was given up. No cookie can name it."""
    return "trace:" + hashlib.sha256(key.encode()).digest()[:17].hex()


class Tail(NamedTuple):
    """What stands behind a pickle."""

    row: bytes  # session_data
    epoch: bytes  # the run of the cache's server that took the mark
    expires: int  # expire_date, microseconds since 1970

    def append(self, pickle: bytes) -> bytes:
        fixed = _FIXED.pack(self.expires, len(self.row), len(self.epoch), MAGIC)
        return pickle + self.row + self.epoch + fixed

    @classmethod
    def cut(cls, value: bytes) -> Tail | None:
        """The tail of a value, if it has one."""
        if len(value) < _FIXED.size or not value.endswith(MAGIC):
            return None
        expires, row, epoch, _ = _FIXED.unpack(value[-_FIXED.size :])
        end = len(value) - _FIXED.size
        start = end - epoch - row
        if start < 0:
            return None
        return cls(value[start : start + row], value[start + row : end], expires)


def is_mark(value: bytes) -> bool:
    """Whether a value without a tail is a mark."""
    return value.startswith(PICKLED_NONE)


_process = (0, b"")
_count = itertools.count(1)


def new_mark() -> bytes:
    """A mark that nobody else has used, nor will."""
    global _process
    if _process[0] != os.getpid():  # also after a fork
        _process = (os.getpid(), secrets.token_urlsafe(15).encode())
    return PICKLED_NONE + _process[1] + b"%x" % next(_count)

"""What all engines share: loading, saving with a comparison, merging, new keys."""

from __future__ import annotations

import itertools
import random
import re
import time
from typing import Any, Callable, NamedTuple

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY as AUTH_SESSION_KEY
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.utils.crypto import get_random_string

# How long a key that was given up is remembered, in seconds.
ROTATION_TRACE = 60

# A key of another shape names no session: no trace, nothing that a cache refuses.
_KEY = re.compile(r"(?!trace:)[\x21-\x7e]{8,200}")


class Record(NamedTuple):
    """A session as it is stored."""

    data: Any  # a row's session_data, or a cache's bytes
    expires: Any = None  # a row's expire_date
    token: Any = None  # whatever else the store knows this version by


class Missing(Exception):
    """No session is stored under the key."""


class Rotated(Missing):
    """The session was given another key a moment ago."""


class Conflict(Exception):
    """Another writer was faster; current is what is stored now."""

    def __init__(self, current: Record):
        super().__init__()
        self.current = current


class SaveConflict(Exception):
    """Parallel writers left no gap until the time for a save was over."""


class Edits(NamedTuple):
    """What a request did to a session's values, by their names."""

    set: dict
    deleted: set
    whole: bool = False  # cleared: what others added goes, too

    def __bool__(self):
        return bool(self.whole or self.set or self.deleted)

    def apply(self, values: dict) -> dict:
        """The values with these edits."""
        if self.whole:
            return dict(self.set)
        merged = {name: value for name, value in values.items() if name not in self.deleted}
        merged.update(self.set)
        return merged


def same(a: Any, b: Any) -> bool:
    """Whether two values are stored alike: 1, 1.0 and True are not."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return repr(a) == repr(b)
    return bool(a == b)


def difference(before: dict, after: dict) -> Edits:
    """The edits that make after of before."""
    changed = {n: v for n, v in after.items() if n not in before or not same(before[n], v)}
    return Edits(changed, set(before) - set(after))


class MergingSession:
    """Saves what a request has changed, onto whatever is stored by then.

    A mixin over SessionBase. The values are compared with those that were loaded:
    the top-level keys that differ are the request's edits. A save writes only
    while what is stored is what was read; when another writer was faster, it
    applies the edits to what that one wrote, and tries again. So parallel requests
    lose nothing of each other, unless they set the same key: then the last one
    wins. A session that has ended stays ended: UpdateError.

    What is below is asked through five methods: _read, _insert, _replace, _move
    and _remove. _pack and _unpack turn values into what they take, and back.
    """

    save_timeout = 10.0  # seconds, with all attempts

    _record: Record | None = None  # what the values were loaded from or saved as
    _rotated = False  # the key was given up a moment ago
    _whole = False  # the values replace all that is stored

    # Loading.

    def load(self) -> dict:
        self._record, self._rotated, self._whole = None, False, False
        try:
            self._record = self._read(self._checked(self.session_key))
        except Rotated:
            # The key stays, so that the middleware does not take the session for
            # empty, and leaves the cookie alone: the new key is in it, or will be.
            self._rotated = True
            return {}
        except Missing:
            self._session_key = None
            return {}
        return self._unpack(self._record)

    @staticmethod
    def _checked(key: str | None) -> str:
        if not key or not _KEY.fullmatch(key):
            raise Missing
        return key

    def clear(self) -> None:
        super().clear()
        self._whole = True

    # Saving.

    def create(self) -> None:
        for _ in range(10):  # a second round means that the random source is broken
            self._session_key = self._new_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return
        raise RuntimeError("Unable to create a new session key.")

    @staticmethod
    def _new_key() -> str:
        return get_random_string(32, VALID_KEY_CHARS)

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            return self.create()
        if must_create:
            values = self._get_session(no_load=True)
            record = self._insert(self.session_key, self._pack(values))
            self._saved(record)
            return None
        self._get_session()
        try:
            key = self._checked(self.session_key)
            if self._rotated:
                raise Rotated
            self._write(self._edits(), lambda old, new: self._replace(key, old, new))
        except Missing:
            raise UpdateError from None
        return None

    def _saved(self, record: Record) -> None:
        self._record, self._rotated, self._whole = record, False, False

    def _edits(self) -> Edits:
        """What was changed since the values were loaded or saved."""
        values = self._normal(self._session_cache)
        if self._whole or self._record is None:
            return Edits(values, set(), True)
        return difference(self._unpack(self._record), values)

    def _write(self, edits: Edits, write: Callable[[Record, Any], Record]) -> None:
        """Writes the values with write, merged with those of others as need be."""
        end = time.monotonic() + self.save_timeout
        if self._record is None:
            self._record = self._read(self.session_key)
            self._whole = True
        for attempt in itertools.count():
            try:
                return self._saved(write(self._record, self._pack(self._session_cache)))
            except Conflict as conflict:
                self._record = conflict.current
            self._take(edits.apply(self._unpack(self._record)), edits)
            if attempt:
                time.sleep(random.uniform(0, min(0.001 * 2 ** min(attempt, 6), 0.05)))
            if time.monotonic() > end:
                raise SaveConflict("The session could not be saved: too many others write it.")
        return None

    def _take(self, merged: dict, edits: Edits) -> None:
        """Makes merged the session's values; its own stay the objects they are."""
        values = self._session_cache
        for name in edits.set:
            if name in values:
                merged[name] = values[name]
        values.clear()
        values.update(merged)

    # A new key.

    def cycle_key(self) -> None:
        """Moves the session to a new key, with all that parallel requests saved.

        Of the old key a trace stays for a minute: requests that still come with it
        neither bring it back nor lose the visitor's new cookie. When the session
        has ended meanwhile, a visitor who was not logged in gets a new one; who was
        logged in, or has changes that belong to what has ended, is told:
        SessionInterrupted.
        """
        values = self._get_session()
        key, fresh = self.session_key, self._new_key()
        if key is None:
            return self.create()
        edits = self._edits()
        try:
            if self._rotated:
                raise Rotated
            self._checked(key)
            self._write(edits, lambda old, new: self._move(key, fresh, old, new))
        except Missing:
            if edits.set or AUTH_SESSION_KEY in values:
                raise SessionInterrupted("The request's session ended before it got a new key.") from None
            values.clear()
            return self.create()
        self._session_key = fresh
        self.modified = True
        return None

    # The end.

    def flush(self) -> None:
        key = self.session_key
        self.clear()
        if key is not None:
            try:
                self._remove(self._checked(key))
            except Rotated:
                # It lives on under a key that this request doesn't know.
                self._rotated = True
                raise SessionInterrupted("The request's session got another key before it could be ended.") from None
            except Missing:
                pass
        self._session_key = None
        self._record, self._rotated = None, False

    def delete(self, session_key: str | None = None) -> None:
        try:
            self._remove(self._checked(session_key or self.session_key))
        except Missing:
            pass

    def exists(self, session_key: str) -> bool:
        try:
            self._read(self._checked(session_key))
        except Missing:
            return False
        return True

    # The same for async views: Django 5.1 and later call them.

    async def aload(self):
        return await sync_to_async(self.load)()

    async def acreate(self):
        return await sync_to_async(self.create)()

    async def asave(self, must_create=False):
        return await sync_to_async(self.save)(must_create)

    async def acycle_key(self):
        return await sync_to_async(self.cycle_key)()

    async def aflush(self):
        return await sync_to_async(self.flush)()

    async def adelete(self, session_key=None):
        return await sync_to_async(self.delete)(session_key)

    async def aexists(self, session_key):
        return await sync_to_async(self.exists)(session_key)

    @classmethod
    async def aclear_expired(cls):
        return await sync_to_async(cls.clear_expired)()

"""Sessions in a cache: django.contrib.sessions.backends.cache, without lost updates.

Redis (Django's RedisCache, django-redis), Memcached (pymemcache, pylibmc), and
LocMemCache within one process. Another cache is an ImproperlyConfigured at the start.
"""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError
from django.contrib.sessions.backends.cache import SessionStore as DjangoStore

from .base import ROTATION_TRACE, Conflict, MergingSession, Missing, Record, Rotated
from .caches import Item, Raw, raw
from .formats import JSON_TRACE, PICKLED_NONE, TRACE


class Packed(NamedTuple):
    """Values as the cache keeps them."""

    value: bytes
    ttl: float


class SessionStore(MergingSession, DjangoStore):
    """Django's SessionStore, with MergingSession's saves."""

    @property
    def _raw(self) -> Raw:
        return raw(settings.SESSION_CACHE_ALIAS)

    def _name(self, key: str) -> str:
        return self.cache_key_prefix + key

    # Values.

    def _normal(self, values: dict) -> dict:
        """The values as they will be read again."""
        return self._raw.loads(self._raw.dumps(values))

    def _pack(self, values: dict) -> Packed:
        return Packed(self._raw.dumps(values), self.get_expiry_age())

    def _unpack(self, record: Record) -> dict:
        return self._raw.loads(record.data)

    # The cache.

    def _trace(self) -> bytes:
        """What stays under a key that was given up. Django reads it as None."""
        pickled = self._raw.dumps(None) != b"null"
        return TRACE if pickled else JSON_TRACE

    def _record_of(self, item: Item | None) -> Record:
        if item is None:
            raise Missing
        if item.value == self._trace():
            raise Rotated
        if item.value.startswith(PICKLED_NONE):
            raise Missing
        return Record(item.value, None, item)

    def _read(self, key: str) -> Record:
        return self._record_of(self._raw.get(self._name(key))[0])

    def _insert(self, key: str, new: Packed) -> Record:
        added, _ = self._raw.add(self._name(key), new.value, new.ttl)
        if not added:
            raise CreateError
        return Record(new.value, None, Item(new.value))

    def _replace(self, key: str, old: Record, new: Packed) -> Record:
        done, found = self._raw.swap(self._name(key), old.token, new.value, new.ttl)
        if not done:
            raise Conflict(self._record_of(found))
        return Record(new.value, None, Item(new.value))

    def _move(self, key: str, fresh: str, old: Record, new: Packed) -> Record:
        """The new one first, under a key that nobody knows; then the trace."""
        record = self._insert(fresh, new)
        done, found = self._raw.swap(self._name(key), old.token, self._trace(), ROTATION_TRACE)
        if not done:
            self._raw.delete(self._name(fresh))
            raise Conflict(self._record_of(found))
        return record

    def _remove(self, key: str) -> None:
        # Not the cache's delete: that would take away the trace of a rotation.
        item, _ = self._raw.get(self._name(key))
        while item is not None:
            if item.value == self._trace():
                raise Rotated
            done, item = self._raw.swap(self._name(key), item, PICKLED_NONE, 0)
            if done:
                return

    @classmethod
    def clear_expired(cls) -> None:
        """Caches drop what has ended by themselves."""


if settings.SESSION_ENGINE == __name__:  # a cache that won't do is named at the start
    SessionStore()._raw

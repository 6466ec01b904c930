"""Sessions in the database and a cache that is never older than it.

django.contrib.sessions.backends.cached_db, without lost updates and stale reads,
alone or beside Keepsake: the protocol is that of docs/cached_db.md. The same
databases as keepsake_django.db, the same caches as keepsake_django.cache; the
cache's values must be pickles.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta, timezone as zones
from typing import Callable, NamedTuple

from django.conf import settings
from django.contrib.sessions.backends.cached_db import KEY_PREFIX
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models, transaction
from django.utils import timezone

from .base import Missing, Record
from .caches import Item, Raw, TooLarge, raw
from .db import SessionStore as DatabaseStore
from .formats import MAGIC, Tail, is_mark, new_mark
from .health import Health

logger = logging.getLogger("django.contrib.sessions")

# How long marks stay, in seconds.
WRITER_MARK, END_MARK, LEASE_MARK = 60, 300, 10

_EPOCH = datetime(1970, 1, 1, tzinfo=zones.utc)
_health: dict[str, Health] = {}  # of this process, by the cache's alias


class CacheUnwritable(Exception):
    """strict: the cache can't be told of a write."""


class Written(NamedTuple):
    """A write between its mark and what follows."""

    mark: bytes  # b"": the cache does not know of it
    epoch: bytes
    began: float


class SessionStore(DatabaseStore):
    """The database's SessionStore behind a cache.

    Derive a class of this name to change what stands here.
    """

    cache_key_prefix = KEY_PREFIX

    entry_life = 60.0  # how long a value stays in the cache, in seconds
    timeout = 0.5  # of each operation of the cache
    strict = False  # refuse a write that the cache can't be told of

    # The cache.

    def _name(self, key: str) -> str:
        return self.cache_key_prefix + key

    @property
    def cache_key(self) -> str:
        return self._name(self._get_or_create_session_key())

    async def acache_key(self) -> str:
        return self.cache_key

    @property
    def _raw(self) -> Raw:
        found = raw(settings.SESSION_CACHE_ALIAS, self.timeout)
        if not getattr(found, "unpickles", False):
            try:
                found.unpickles = found.loads(found.pickled({}) + MAGIC) == {}
            except Exception:
                found.unpickles = False
            if not found.unpickles:
                raise ImproperlyConfigured(
                    "keepsake_django.cached_db needs a cache that keeps pickles: its values are longer "
                    "than what other serializers accept, and what compressors take."
                )
        return found

    @property
    def _health(self) -> Health:
        return _health.setdefault(settings.SESSION_CACHE_ALIAS, Health())

    def _ask(self, write: bool, what: Callable[[Raw], tuple]) -> tuple | None:
        """What the cache answers; None when it does not, which counts as down.

        What fails is tried again at once, since a connection that broke is no
        outage. what may be done twice, or late: no mark is put twice.
        """
        cache, end = self._raw, time.monotonic() + self.timeout
        for attempt in range(3):
            try:
                return what(cache)
            except TooLarge:
                return (False,)
            except Exception as error:
                trouble = error
            if time.monotonic() > end:
                break
        if self._health.failed(time.monotonic(), write):
            logger.warning("cached_db: the cache is down, the database goes on alone: %s", type(trouble).__name__)
        return None

    def _ready(self) -> tuple[bool, bool]:
        """Whether the cache may be written, and read.

        Where it was down, one caller now and then looks whether it is back.
        """
        health = self._health
        write, read, trying = health.usable(time.monotonic())
        if not trying:
            return write, read
        done = False
        try:
            done = self._recover()
        except Exception:
            pass
        finally:
            if not done:
                health.failed(time.monotonic(), False, trying=True)
        if done and health.recovered(time.monotonic(), self.entry_life, self.timeout):
            logger.info("cached_db: the cache is back")
            return True, False
        return False, False

    def _recover(self) -> bool:
        """Marks what was written without the cache, as far as there is time."""
        health, cache, end = self._health, self._raw, time.monotonic() + self.timeout
        cache.get(self._name(""))
        if health.unwritable():
            cache.set(self._name(""), new_mark(), LEASE_MARK)
        while time.monotonic() < end:
            keys = health.take(64)
            if not keys:
                break
            while keys:
                try:
                    cache.set(self._name(keys[-1]), new_mark(), WRITER_MARK)
                except Exception:
                    health.again(keys)
                    raise
                keys.pop()
        return True

    # Reading.

    def _in_transaction(self) -> bool:
        return connections[self._using].in_atomic_block

    def _read(self, key: str) -> Record:
        _, read = self._ready()
        answer = self._ask(False, lambda cache: cache.get(self._name(key))) if read else None
        if answer is None:
            return super()._read(key)
        item, epoch = answer
        if item is not None:
            tail = Tail.cut(item.value)
            if tail is None and is_mark(item.value):
                return super()._read(key)
            if tail is not None and tail.epoch == epoch:
                expires = self._date(tail.expires)
                if expires > timezone.now():
                    return Record(tail.row.decode(), expires)
        if self._in_transaction():
            # What a transaction reads can be older than the lease, or its own.
            return super()._read(key)
        return self._fill(key, item)

    def _fill(self, key: str, item: Item | None) -> Record:
        """Reads the database under a lease, in the place of what was found."""
        began, mark = time.monotonic(), b""

        def lease(cache: Raw) -> tuple:
            nonlocal mark
            mark = new_mark()
            if item is None:
                return cache.add(self._name(key), mark, LEASE_MARK)
            done, _ = cache.swap(self._name(key), item, mark, LEASE_MARK)
            return done, cache.epoch()

        answer = self._ask(False, lease)
        leased = answer is not None and answer[0]
        value, ttl = b"", 0.0  # takes the lease away
        try:
            record = super()._read(key)
            if leased:
                value, ttl = self._value(answer[1], record, began)
            return record
        finally:
            if leased:
                self._ask(False, lambda cache: cache.swap(self._name(key), Item(mark), value, ttl))

    def _value(self, epoch: bytes, record: Record, began: float) -> tuple[bytes, float]:
        """What the cache holds for a record, and how long."""
        try:
            expires = self._micros(record.expires)
        except Exception:  # a naive date that is twice in its year, or never
            return b"", 0.0
        left = (record.expires - timezone.now()).total_seconds()
        ttl = min(self.entry_life - (time.monotonic() - began), left)
        return Tail(record.data.encode(), epoch, expires).append(self._raw.pickled(self._unpack(record))), ttl

    @staticmethod
    def _micros(date: datetime) -> int:
        if timezone.is_naive(date):
            date = timezone.make_aware(date, timezone.get_default_timezone())
        return (date - _EPOCH) // timedelta(microseconds=1)

    @staticmethod
    def _date(micros: int) -> datetime:
        """A date as the database gives it."""
        try:
            date = _EPOCH + timedelta(microseconds=micros)
        except OverflowError:
            date = datetime.max.replace(tzinfo=zones.utc)
        if settings.USE_TZ:
            return date
        return timezone.make_naive(date, timezone.get_default_timezone())

    # Writing.

    def _mark(self, key: str) -> Written:
        """Tells the cache that a session is about to be written."""
        write, _ = self._ready()
        if write:
            began, mark = time.monotonic(), b""

            def put(cache: Raw) -> tuple:
                nonlocal mark
                mark = new_mark()
                return (cache.set(self._name(key), mark, WRITER_MARK),)

            answer = self._ask(True, put)
            if answer is not None:
                return Written(mark, answer[0], began)
        if self.strict:
            raise CacheUnwritable("The cache is down, and strict refuses to write without it.")
        return Written(b"", b"", 0.0)

    def _publish(self, key: str, written: Written, record: Record) -> None:
        """Tells the cache what was written, before the write is acknowledged."""
        if written.mark:
            value, ttl = self._value(written.epoch, record, written.began)
            if ttl > 0:
                answer = self._ask(True, lambda cache: cache.swap(self._name(key), Item(written.mark), value, ttl))
                if answer is None:
                    return self._unpublished(key)
                if answer[0]:
                    return None
        return self._settle(key, WRITER_MARK)

    def _settle(self, key: str, life: float) -> None:
        """Puts a mark after a write that the cache has no value for."""
        if not self._health.missed(key):
            if self._ask(True, lambda cache: (cache.set(self._name(key), new_mark(), life),)) is not None:
                return
        elif not self.strict:
            return
        self._unpublished(key)

    def _unpublished(self, key: str) -> None:
        self._health.again([key])
        if self.strict:
            raise CacheUnwritable("The database has the write, and the cache could not be told of it.")

    def _committed(self, key: str, tell: Callable[[], None]) -> None:
        """Tells the cache once the write is committed: at once, or after the block.

        Until then the mark is there; if it ends, or the block is given up, the mark
        that follows, or its end, has readers ask the database.
        """
        if self._in_transaction():
            transaction.on_commit(lambda: self._settle(key, WRITER_MARK), using=self._using)
        else:
            tell()

    def _insert(self, key: str, new: models.Model) -> Record:
        written = self._mark(key)
        record = super()._insert(key, new)
        self._committed(key, lambda: self._publish(key, written, record))
        return record

    def _replace(self, key: str, old: Record, new: models.Model) -> Record:
        written = self._mark(key)
        record = super()._replace(key, old, new)
        self._committed(key, lambda: self._publish(key, written, record))
        return record

    def _move(self, key: str, fresh: str, old: Record, new: models.Model) -> Record:
        self._mark(key)
        record = super()._move(key, fresh, old, new)
        self._ended(key)
        return record

    def _remove(self, key: str) -> None:
        self._mark(key)
        try:
            super()._remove(key)
        except Missing:  # another has ended or moved it, and may not have told the cache yet
            self._ended(key)
            raise
        self._ended(key)

    def _ended(self, key: str) -> None:
        """Puts the mark that stays."""
        if self._in_transaction():
            transaction.on_commit(lambda: self._settle(key, END_MARK), using=self._using)
        else:
            self._settle(key, END_MARK)


if settings.SESSION_ENGINE == __name__:  # a cache that won't do is named at the start
    SessionStore()._raw

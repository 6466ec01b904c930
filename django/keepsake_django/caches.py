"""Django's caches seen from below: bytes, swapped while they are what was read.

Django's cache API has no compare-and-swap and hides the bytes. What is here asks the
servers of Django's backends directly, under the keys and on the servers that Django
uses, and with the options that CACHES has: RedisCache and django-redis (a script),
PyMemcacheCache and PyLibMCCache (gets and cas), and LocMemCache (its lock).
"""

from __future__ import annotations

import math
import os
import pickle
import threading
import time
from typing import Any, NamedTuple

from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured


class Item(NamedTuple):
    """A value as it is stored."""

    value: bytes
    token: Any = None  # memcached's, by which it knows this version
    epoch: bytes = b""  # the run of the server that answered


class TooLarge(Exception):
    """The value is larger than the cache stores under a key."""


class Raw:
    """A cache's bytes. One thread uses it at a time.

    An error of the cache's client means that what was asked for may or may not
    have been done. Nothing is sent twice.
    """

    def __init__(self, cache: Any, timeout: float | None):
        self.cache = cache
        self.timeout = timeout  # seconds a call may take; None: as CACHES says

    def key(self, name: str) -> str:
        key = self.cache.make_key(name)
        self.cache.validate_key(key)
        return key

    def dumps(self, value: Any) -> bytes:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def loads(self, value: bytes) -> Any:
        return pickle.loads(value)

    def pickled(self, value: Any) -> bytes:
        """The value as it is before a compressor sees it."""
        return self.dumps(value)

    def epoch(self) -> bytes:
        """The run of the server that answered last; empty where it can't be told."""
        return b""

    def get(self, name: str) -> tuple[Item | None, bytes]:
        """What is stored, and the run of the server that answered."""
        raise NotImplementedError

    def add(self, name: str, value: bytes, ttl: float) -> tuple[bool, bytes]:
        """Stores a value if there is none."""
        raise NotImplementedError

    def set(self, name: str, value: bytes, ttl: float) -> bytes:
        """Stores a value, whatever is there."""
        raise NotImplementedError

    def swap(self, name: str, old: Item, value: bytes, ttl: float) -> tuple[bool, Item | None]:
        """Puts a value in place of old while that is there; else says what is.

        A ttl that is not positive removes it. It never creates.
        """
        raise NotImplementedError

    def delete(self, name: str) -> None:
        raise NotImplementedError


# Redis

SWAP = """local found = redis.call('GET', KEYS[1])
if found ~= ARGV[1] then return {0, found} end
if ARGV[3] == '0' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return {1}"""
SWAP_SHA1 = "27ebd7c2793349189aadff86043d6629e1381722"


def milliseconds(ttl: float) -> int:
    """Rounded up: a value must not end before its time."""
    return max(0, math.ceil(ttl * 1000))


class Redis(Raw):
    """One connection of this thread, so that each answer's server is known."""

    def __init__(self, cache, timeout):
        super().__init__(cache, timeout)
        import redis

        self.redis = redis
        self.connection = None
        self.run = b""

    def epoch(self):
        return self.run

    def pool(self):
        return self.cache._cache.get_client(write=True).connection_pool

    def dumps(self, value):
        return self.cache._cache._serializer.dumps(value)

    def loads(self, value):
        return self.cache._cache._serializer.loads(value)

    def connect(self):
        pool = self.pool()
        options = dict(pool.connection_kwargs)
        # A command whose answer was lost is not sent again.
        options.update(retry_on_timeout=False, retry_on_error=[], decode_responses=False)
        options.pop("retry", None)
        if self.redis.VERSION >= (6,):  # there the default is to try three times
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            options["retry"] = Retry(NoBackoff(), 0)
        if self.timeout is not None:
            for name in ["socket_timeout", "socket_connect_timeout"]:
                options[name] = min(self.timeout, options.get(name) or self.timeout)
        connection = pool.connection_class(**options)
        connection.connect()
        try:
            connection.send_command("INFO", "server")
            self.run = self.field(connection.read_response(), b"run_id")
        except self.redis.ResponseError:  # it may not ask
            self.run = b""
        except BaseException:
            connection.disconnect()
            raise
        self.connection = connection

    @staticmethod
    def field(info: bytes, name: bytes) -> bytes:
        for line in info.splitlines():
            if line.startswith(name + b":"):
                return line[len(name) + 1 :]
        return b""

    def call(self, *command):
        """The answer to a command that is sent once."""
        if self.connection is not None and self.gone():
            self.drop()
        if self.connection is None:
            self.connect()
        try:
            self.connection.send_command(*command)
            return self.connection.read_response()
        except self.redis.ResponseError as error:
            if isinstance(error, self.redis.ReadOnlyError):
                self.drop()  # the master is elsewhere by now
            raise
        except BaseException:
            self.drop()
            raise

    def gone(self) -> bool:
        """Whether the server has closed the connection, while nothing was asked."""
        try:
            return self.connection.can_read(0)
        except Exception:
            return True

    def drop(self):
        connection, self.connection = self.connection, None
        connection.disconnect()

    def get(self, name):
        value = self.call("GET", self.key(name))
        return (None if value is None else Item(value, None, self.run)), self.run

    def add(self, name, value, ttl):
        done = self.call("SET", self.key(name), value, "NX", "PX", max(1, milliseconds(ttl)))
        return done is not None, self.run

    def set(self, name, value, ttl):
        self.call("SET", self.key(name), value, "PX", max(1, milliseconds(ttl)))
        return self.run

    def swap(self, name, old, value, ttl):
        arguments = (1, self.key(name), old.value, value, milliseconds(ttl))
        try:
            answer = self.call("EVALSHA", SWAP_SHA1, *arguments)
        except self.redis.exceptions.NoScriptError:  # nothing was done
            answer = self.call("EVAL", SWAP, *arguments)
        if answer[0] == 1:
            return True, None
        found = answer[1] if len(answer) > 1 else None
        return False, None if found is None else Item(found, None, self.run)

    def delete(self, name):
        self.call("DEL", self.key(name))


class DjangoRedis(Redis):
    """django-redis, with its serializers and compressors."""

    def pool(self):
        return self.cache.client.get_client(write=True).connection_pool

    def dumps(self, value):
        return self.cache.client.encode(value)

    def loads(self, value):
        return self.cache.client.decode(value)

    def pickled(self, value):
        return self.cache.client._serializer.dumps(value)

    def key(self, name):
        return str(self.cache.client.make_key(name))


# Memcached

PICKLED = 1  # the flag of a pickle, for both clients


class PickledBytes:
    """pymemcache's serde for bytes that are pickles already."""

    def serialize(self, key, value):
        return value, PICKLED

    def deserialize(self, key, value, flags):
        return value


def exptime(ttl: float) -> int:
    """Seconds as memcached wants them: above 30 days the Unix time.

    One more than rounding up: memcached's own second may be about over.
    """
    if ttl <= 0:
        return -1
    seconds = math.ceil(ttl) + 1
    if seconds <= 30 * 24 * 3600:
        return seconds
    return min(int(time.time()) + 1 + seconds, 2**31 - 1)


class Memcached(Raw):
    """What the clients of memcached share."""

    def client(self, key: str):
        """The client of the server that has the key."""
        raise NotImplementedError

    def failed(self, error: Exception):
        """What an error means: raises."""
        if "too large" in str(error):
            raise TooLarge from None
        raise error

    def get(self, name):
        key = self.key(name)
        value, token = self.client(key).gets(key)
        return (None if value is None else Item(value, token)), b""

    def add(self, name, value, ttl):
        key = self.key(name)
        try:
            return bool(self.client(key).add(key, value, exptime(ttl))), b""
        except self.errors as error:
            self.failed(error)

    def set(self, name, value, ttl):
        key = self.key(name)
        try:
            if not self.client(key).set(key, value, exptime(ttl)):
                raise OSError("memcached has not stored a value")
        except self.errors as error:
            self.failed(error)
        return b""

    def swap(self, name, old, value, ttl):
        key = self.key(name)
        token = old.token
        if token is None:
            found, _ = self.get(name)
            if found is None or found.value != old.value:
                return False, found
            token = found.token
        try:
            if self.cas(self.client(key), key, value, exptime(ttl), token):
                return True, None
        except self.errors as error:
            self.failed(error)
        return False, self.get(name)[0]

    def delete(self, name):
        key = self.key(name)
        self.client(key).delete(key)


class PyMemcache(Memcached):
    def __init__(self, cache, timeout):
        super().__init__(cache, timeout)
        from pymemcache.exceptions import MemcacheError

        self.errors = (MemcacheError,)
        options = dict(cache._options, serde=PickledBytes(), default_noreply=False, ignore_exc=False)
        options.pop("use_pooling", None)
        if timeout is not None:
            for option in ["timeout", "connect_timeout"]:
                options[option] = min(timeout, options.get(option) or timeout)
        self.servers = cache._class(cache.client_servers, **options)

    def client(self, key):
        # Not by way of the HashClient itself: that takes another server while one
        # is away, and finds old values when it is back.
        return self.servers.clients[self.servers.hasher.get_node(key)]

    @staticmethod
    def cas(client, key, value, seconds, token):
        return client.cas(key, value, token, seconds, noreply=False)


class PyLibMC(Memcached):
    def __init__(self, cache, timeout):
        super().__init__(cache, timeout)
        import pylibmc

        class Client(pylibmc.Client):
            def serialize(self, value):
                return value, PICKLED

            def deserialize(self, value, flag):
                return value

        self.lib, self.errors = pylibmc, (pylibmc.Error,)
        options = dict(cache._options)
        behaviors = dict(options.pop("behaviors", None) or {}, cas=True)
        behaviors.pop("no_block", None)
        if timeout is not None:
            behaviors["connect_timeout"] = int(timeout * 1000)
            behaviors["send_timeout"] = behaviors["receive_timeout"] = int(timeout * 1000000)
        self.servers = Client(cache.client_servers, behaviors=behaviors, **options)

    def key(self, name):
        # As bytes: of a str pylibmc 1.6's gets and cas make bytes, and free them
        # before libmemcached has read them, so that threads ask for other keys.
        return super().key(name).encode()

    def client(self, key):
        return self.servers

    def failed(self, error):
        if isinstance(error, self.lib.TooBig):
            raise TooLarge from None
        super().failed(error)

    def cas(self, client, key, value, seconds, token):
        try:
            return client.cas(key, value, token, seconds)
        except self.lib.NotFound:
            return False


# This process's memory


class LocMem(Raw):
    def get(self, name):
        key = self.key(name)
        with self.cache._lock:
            return self._found(key), b""

    def _found(self, key):
        if self.cache._has_expired(key):
            self.cache._delete(key)
            return None
        return Item(self.cache._cache[key])

    def add(self, name, value, ttl):
        key = self.key(name)
        with self.cache._lock:
            if self._found(key) is not None:
                return False, b""
            self._store(key, value, ttl)
            return True, b""

    def _store(self, key, value, ttl):
        if ttl <= 0:
            self.cache._delete(key)
        else:
            self.cache._set(key, value, ttl)

    def set(self, name, value, ttl):
        key = self.key(name)
        with self.cache._lock:
            self._store(key, value, ttl)
        return b""

    def swap(self, name, old, value, ttl):
        key = self.key(name)
        with self.cache._lock:
            found = self._found(key)
            if found is None or found.value != old.value:
                return False, found
            self._store(key, value, ttl)
            return True, None

    def delete(self, name):
        self.cache.delete(name)


KINDS = {
    "django.core.cache.backends.redis.RedisCache": Redis,
    "django_redis.cache.RedisCache": DjangoRedis,
    "django.core.cache.backends.memcached.PyMemcacheCache": PyMemcache,
    "django.core.cache.backends.memcached.PyLibMCCache": PyLibMC,
    "django.core.cache.backends.locmem.LocMemCache": LocMem,
}


def kind(cache: Any) -> type[Raw]:
    """How the cache is seen from below; also one that a site has derived."""
    for base in type(cache).__mro__:
        found = KINDS.get("%s.%s" % (base.__module__, base.__qualname__))
        if found is not None:
            return found
    raise ImproperlyConfigured(
        "keepsake_django can't swap values in a %s.%s: use RedisCache, django-redis, PyMemcacheCache, "
        "PyLibMCCache or LocMemCache, or keep sessions in keepsake_django.db."
        % (type(cache).__module__, type(cache).__qualname__)
    )


_thread = threading.local()


def raw(alias: str, timeout: float | None = None) -> Raw:
    """This thread's way to a cache of CACHES."""
    opened = _thread.__dict__.setdefault("opened", {})
    config = settings.CACHES[alias]
    known = opened.get((alias, timeout))
    if known is None or known[:2] != (os.getpid(), config):  # not one from before a fork
        cache = caches.create_connection(alias)
        known = opened[alias, timeout] = (os.getpid(), dict(config), kind(cache)(cache, timeout))
    return known[2]

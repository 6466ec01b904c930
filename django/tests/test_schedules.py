"""What several processes do to one session, each step of theirs chosen by chance.

The code of cached_db is the real one, over a database and a cache in memory. Each
step in them waits until the schedule lets it happen, fail, or be done late; between
any two the cache is flushed, evicts, or restarts with an old dump. A schedule is
repeatable from its number. The promises are those of docs/cached_db.md, and the
rules those of engine/cachedstore_schedule_test.go.
"""

import concurrent.futures
import contextlib
import json
import logging
import pickle
import random
import threading
import unittest
from datetime import timedelta
from unittest import mock

from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.utils import timezone

from keepsake_django import base, cached_db, caches, db
from keepsake_django.base import Conflict, Missing, Record, Rotated, SaveConflict
from keepsake_django.caches import Item
from keepsake_django.formats import Tail
from keepsake_django.health import Health

# A session that is there, the key that a rotation gives it, and one that is made.
OLD, FRESH, MADE = "old" * 10, "fresh" * 6, "made" * 8

# What becomes of a step.
HAPPENS, FAILS, LOST, LATE, CRASHES = "", "FAILS", "ANSWER LOST", "LATE", "CRASH"

# Who acts: one of these.
CAST = [
    "writer writer reader",
    "writer reader reader",
    "writer writer reader reader",
    "writer writer reader ender",
    "writer writer reader mover",
    "writer reader reader mover",
    "reader reader mover ender",
    "reader reader ender ender",
    "reader reader maker",
]


class Crash(BaseException):
    """The actor dies, and does nothing more."""


class Stage:
    """The database and the cache, who acts on them, and what they acknowledged."""

    def __init__(self, seed, cast=CAST, strict=False, processes=2, **chances):
        self.rand = random.Random(seed)
        self.strict, self.chances = strict, chances
        self.now = 1000.0
        self.rows, self.traces = {}, set()  # the database
        self.items, self.run, self.dump = {}, 1, None  # the cache
        self.later = []
        self.actors, self.log, self.wrong = [], [], ""
        self.healths = [Health() for _ in range(processes)]
        # The number that each writer has written last, by the session's key.
        acked = {}
        self.acked, self.there, self.ended = {OLD: acked, FRESH: acked, MADE: {}}, {OLD}, set()
        self.rows[OLD] = Record("{}", timezone.now() + timedelta(hours=1))
        self.failing = None, HAPPENS  # whose latest step in the cache has failed, and how
        for number, kind in enumerate(self.rand.choice(cast).split()):
            self.actors.append(Actor(self, "%s%d" % (kind, number), getattr(Actor, kind)))

    def play(self, pool):
        """Runs the schedule; returns what went wrong."""
        running = [pool.submit(actor.run) for actor in self.actors]
        self.rand.choice(self.actors).turn.release()
        for each in running:
            each.result()
        for key, row in self.rows.items():
            if not self.wrong and self.older(key, json.loads(row.data), self.acked[key]):
                self.wrong = "the database has lost an update: %s of %s" % (row.data, self.acked[key])
        return self.wrong and "\n\t".join([self.wrong] + [" ".join(map(str, line)) for line in self.log])

    @staticmethod
    def older(key, values, acked):
        return any(values.get(name, 0) < number for name, number in acked.items())

    def take(self, chance, one_in):
        """Whether something happens that may still happen so many times."""
        if not self.chances.get(chance) or self.rand.random() * one_in >= 1:
            return False
        self.chances[chance] -= 1
        return True

    def say(self, *what):
        self.log.append(what)

    # Turns. One actor's thread runs at a time, and wakes the next one itself.

    def hand_over(self, actor):
        """Lets others act; returns when it is the actor's turn."""
        self.between()
        # Often the same actor goes on, or else nobody would ever be far behind.
        following = actor if self.rand.random() * 3 < 2 else self.rand.choice(self.actors)
        if following is not actor:
            following.turn.release()
            actor.turn.acquire()

    def leave(self, actor):
        self.actors.remove(actor)
        if self.actors:
            self.rand.choice(self.actors).turn.release()

    # Faults.

    def between(self):
        """What may happen between two steps."""
        self.now += 0.001
        if self.take("flush", 10):
            self.say("FLUSH")
            self.items.clear()
        elif self.items and self.take("evict", 10):
            key = self.rand.choice(sorted(self.items))
            self.say("EVICTED", short(key))
            del self.items[key]
        elif self.dump is None and self.chances.get("restore") and self.rand.random() < 0.1:
            self.say("(a dump is taken)")
            self.dump = dict(self.items)
        elif self.dump is not None and self.take("restore", 6):
            self.say("RESTART with the old dump")
            self.run += 1
            self.items = dict(self.dump)
        elif self.take("django", 8):
            self.say("a stock Django sets the cache")
            self.items[cached_db.KEY_PREFIX + OLD] = pickle.dumps({})
        elif self.later and self.rand.random() < 0.25:
            self.say("what was late is done")
            with contextlib.suppress(Missing, Conflict, CreateError):
                self.later.pop(0)()
        elif self.take("stall", 8):
            self.say("STALL")
            self.now += self.rand.choice([1, 5])

    def fate(self, actor, db, what):
        reads = actor.name.startswith("reader")
        if not reads and self.take("crash", 30):
            return CRASHES
        if db and what != "read" and self.take("commit_lost", 4):
            return self.rand.choice([LOST, LATE])
        # What fails goes on to fail, or else the third attempt would always succeed.
        last, fate = self.failing
        if not db:
            self.failing = None, HAPPENS
        if not db and self.take("read_fails" if reads else "write_fails", 1.1 if last is actor else 6):
            self.failing = actor, fate if last is actor else self.rand.choice([FAILS, LOST, LATE])
            return self.failing[1]
        return HAPPENS

    # The clock, for the modules under test.

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        pass


class Actor:
    """A request after the other, in one of the processes."""

    def __init__(self, stage, name, kind):
        self.stage, self.name, self.kind = stage, name, kind
        self.turn = threading.Lock()
        self.turn.acquire()
        self.dead = False
        self.cache = Cache(self)
        self.health = stage.rand.choice(stage.healths)

    def run(self):
        self.turn.acquire()
        try:
            if not self.stage.wrong:
                self.kind(self)
        except Crash:
            pass
        except Exception as error:
            self.stage.wrong = self.stage.wrong or "%s: %r" % (self.name, error)
        finally:
            self.stage.leave(self)

    def step(self, db, what, key, do, *values):
        stage = self.stage
        if not self.dead:
            stage.hand_over(self)
        if self.dead or stage.wrong:
            raise Crash
        fate = stage.fate(self, db, what)
        stage.say(self.name + ":", "db" if db else "cache", what, short(key), *map(short, values), fate)
        if fate == CRASHES:
            self.dead = True
            raise Crash
        if fate == HAPPENS:
            return do()
        if fate == LATE:
            stage.later.append(do)
        elif fate == LOST:
            with contextlib.suppress(Missing, Conflict, CreateError):
                do()
        raise OSError("the schedule has it fail")

    def acked(self, what):
        self.stage.say(self.name + ":", what, "IS ACKNOWLEDGED")

    # What requests do.

    def read(self, key):
        """A session that is read, or None where there is none."""
        stage = self.stage
        acked, there, ended = dict(stage.acked[key]), key in stage.there, key in stage.ended
        session = SessionStore(self, key)
        values = dict(session.items())
        if session._record is None:
            if there and key in stage.rows:
                stage.wrong = "%s found no session, and nobody has ended it" % self.name
            return None
        if ended:
            stage.wrong = "%s read a session that had ended" % self.name
        elif stage.older(key, values, acked):
            stage.wrong = "%s read %s after %s was acknowledged" % (self.name, values, acked)
        return session

    def reader(self):
        for _ in range(3):
            self.read(self.stage.rand.choice([OLD] + sorted(self.stage.there)))

    def writer(self):
        for number in range(1, 3):
            session, ended = self.read(OLD), OLD in self.stage.ended
            if session is None:
                return
            session[self.name] = number
            try:
                session.save()
            except (OSError, UpdateError, SaveConflict, cached_db.CacheUnwritable):
                continue
            if ended:
                self.stage.wrong = "%s wrote a session that had ended" % self.name
            self.acked(number)
            self.stage.acked[OLD][self.name] = number

    def ender(self):
        session = SessionStore(self, OLD)
        try:
            self.stage.rand.choice([session.flush, session.delete])()
        except (OSError, SessionInterrupted, cached_db.CacheUnwritable):
            return
        self.acked("the end")
        self.stage.ended.add(OLD)

    def mover(self):
        """Rotates the session away, as a login does, and goes on with it."""
        session = self.read(OLD)
        if session is None:
            return
        session[self.name] = 1
        try:
            session.cycle_key()
        except (OSError, SessionInterrupted, SaveConflict, cached_db.CacheUnwritable):
            return
        self.acked("the new key")
        self.stage.acked[OLD][self.name] = 1
        self.stage.ended.add(OLD)
        self.stage.there.add(FRESH)
        self.read(FRESH)

    def maker(self):
        """Makes a session, and writes it."""
        session = SessionStore(self, MADE)
        session._session_cache = {self.name: 1}
        for number in 1, 2:
            session[self.name] = number
            try:
                session.save(must_create=number == 1)
            except (OSError, cached_db.CacheUnwritable):
                return
            self.acked(number)
            self.stage.acked[MADE][self.name] = number
            self.stage.there.add(MADE)
        self.read(MADE)


class SessionStore(cached_db.SessionStore):
    """The real one, in an actor's process."""

    _raw = _health = strict = None  # of the actor

    def __init__(self, actor, key):
        super().__init__(key)
        self.actor, self._raw, self._health, self.strict = actor, actor.cache, actor.health, actor.stage.strict

    @staticmethod
    def _new_key():
        return FRESH

    def encode(self, values):
        return json.dumps(values)

    def decode(self, data):
        return json.loads(data)


class Cache(caches.Raw):
    """A Redis, as one thread sees it."""

    def __init__(self, actor):
        super().__init__(None, None)
        self.actor, self.stage, self.answered = actor, actor.stage, b""

    def epoch(self):
        return self.answered

    def step(self, what, key, do, *values):
        answer = self.actor.step(False, what, key, do, *values)
        self.answered = b"run%d" % self.stage.run
        return answer

    def get(self, name):
        found = self.step("get", name, lambda: self.stage.items.get(name))
        return (None if found is None else Item(found, None, self.answered)), self.answered

    def add(self, name, value, ttl):
        return self.step("add", name, lambda: self.stage.items.setdefault(name, value) is value, value), self.answered

    def set(self, name, value, ttl):
        self.step("set", name, lambda: self.stage.items.update({name: value}), value)
        return self.answered

    def swap(self, name, old, value, ttl):
        def do():
            items = self.stage.items
            found = items.get(name)
            if found is None or found != old.value:
                return False, found and Item(found, None, self.answered)
            items[name] = value
            if ttl <= 0:
                del items[name]
            return True, None

        return self.step("swap", name, do, old.value, value)


class Table:
    """The database, in the place of keepsake_django.db."""

    def _read(self, key):
        return self.actor.step(True, "read", key, lambda: Table.find(self.actor.stage, key))

    @staticmethod
    def find(stage, key):
        if key not in stage.rows:
            raise Rotated if key in stage.traces else Missing
        return stage.rows[key]

    @staticmethod
    def match(stage, key, old):
        found = Table.find(stage, key)
        if found != old:
            raise Conflict(found)

    def _insert(self, key, new):
        stage, record = self.actor.stage, Record(new.session_data, new.expire_date)

        def do():
            if key in stage.rows:
                raise CreateError
            stage.rows[key] = record
            return record

        return self.actor.step(True, "insert", key, do, new.session_data)

    def _replace(self, key, old, new):
        stage, record = self.actor.stage, Record(new.session_data, new.expire_date)

        def do():
            Table.match(stage, key, old)
            stage.rows[key] = record
            return record

        return self.actor.step(True, "replace", key, do, new.session_data)

    def _move(self, key, fresh, old, new):
        stage, record = self.actor.stage, Record(new.session_data, new.expire_date)

        def do():
            Table.match(stage, key, old)
            del stage.rows[key]
            stage.rows[fresh] = record
            stage.traces.add(key)
            return record

        return self.actor.step(True, "move", key, do, new.session_data)

    def _remove(self, key):
        stage = self.actor.stage

        def do():
            Table.find(stage, key)
            del stage.rows[key]

        return self.actor.step(True, "remove", key, do)


def short(what):
    """Text for the log."""
    if isinstance(what, str):
        return what[len(cached_db.KEY_PREFIX) :] if what.startswith(cached_db.KEY_PREFIX) else what
    tail = Tail.cut(what)
    return "(%s of %s)" % (tail.row.decode(), tail.epoch.decode()) if tail else what


class Schedules(unittest.TestCase):
    """A read is never older than what was acknowledged before it started."""

    def play(self, schedules, **conditions):
        table = {name: vars(Table)[name] for name in ["_read", "_insert", "_replace", "_move", "_remove"]}
        logger = logging.getLogger("django.contrib.sessions")
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.multiple(db.SessionStore, **table))
            stack.enter_context(mock.patch.object(logger, "disabled", True))
            pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(8))
            for seed in range(schedules):
                stage = Stage(seed, **conditions)
                with mock.patch.object(cached_db, "time", stage), mock.patch.object(base, "time", stage):
                    wrong = stage.play(pool)
                if wrong:
                    self.fail("schedule %d of %s: %s" % (seed, conditions, wrong))

    def test_evictions_and_crashes(self):
        self.play(600, flush=1, evict=2, crash=1)

    def test_restarts_with_an_old_dump(self):
        self.play(1500, cast=["writer writer reader"], restore=1)
        self.play(500, flush=1, restore=2, crash=1)

    def test_a_stock_django_beside_it(self):
        self.play(300, flush=1, restore=1, django=3)

    def test_failing_readers_and_lost_answers(self):
        self.play(500, flush=1, evict=1, restore=1, read_fails=4, commit_lost=2, crash=1, stall=1)

    def test_a_rotation(self):
        self.play(800, cast=["reader reader mover"], evict=3)

    def test_who_finds_a_session_ended(self):
        self.play(1000, cast=["reader reader ender ender"], evict=5)

    def test_a_writer_that_reaches_the_cache_at_the_third_attempt(self):
        self.play(500, flush=1, evict=1, write_fails=2)

    def test_the_process_of_a_writer_that_does_not_reach_the_cache(self):
        cast = ["writer reader reader reader", "writer writer reader reader"]
        self.play(1000, cast=cast, processes=1, write_fails=12, stall=8)

    def test_strict(self):
        self.play(600, cast=["writer reader reader", "writer writer reader"], strict=True, evict=5, write_fails=3)
        self.play(600, strict=True, flush=1, evict=1, restore=1, read_fails=2, write_fails=5, commit_lost=1, crash=1, django=1, stall=2)

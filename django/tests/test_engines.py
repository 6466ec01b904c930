"""The engines on SQLite and in LocMemCache."""

import asyncio
import datetime
import unittest
from unittest import mock

import django
from django.contrib.sessions.backends import cache as stock_cache
from django.contrib.sessions.backends import cached_db as stock_cached_db
from django.contrib.sessions.backends import db as stock_db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.core.cache import cache as default_cache
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from keepsake_django import cache, cached_db, caches, db
from keepsake_django.base import Conflict, SaveConflict
from keepsake_django.formats import TRACE, Tail, is_mark, trace_key


class Cases:
    """What holds for every engine."""

    def setUp(self):
        Session.objects.all().delete()
        default_cache.clear()
        store = self.Store()
        store.update({"cat": "dog", "n": 1})
        store.save()
        self.key = store.session_key

    def values(self, key=None):
        return dict(self.Store(key or self.key).items())

    def loaded(self, key=None):
        store = self.Store(key or self.key)
        store.items()
        return store

    def test_parallel_requests_lose_nothing(self):
        first, second = self.loaded(), self.loaded()
        first["first"] = [1]
        del first["n"]
        second["second"] = {"a": None}
        first.save()
        second.save()
        self.assertEqual(self.values(), {"cat": "dog", "first": [1], "second": {"a": None}})
        self.assertEqual(dict(second.items()), self.values())
        first["again"] = True  # on what it has saved itself
        first.save()
        self.assertEqual(self.values()["again"], True)
        self.assertIn("second", dict(first.items()))

    def test_a_change_within_a_value_is_seen(self):
        first, second = self.loaded(), self.loaded()
        first["list"] = [1]
        first.save()
        third = self.loaded()
        third["list"].append(2)
        second["x"] = 1
        second.save()
        third.save()
        self.assertEqual(self.values(), {"cat": "dog", "n": 1, "list": [1, 2], "x": 1})

    def test_the_last_one_wins_a_key(self):
        first, second = self.loaded(), self.loaded()
        first["n"], second["n"] = 2, 3
        first.save()
        second.save()
        self.assertEqual(self.values()["n"], 3)

    def test_clear_drops_what_others_added(self):
        first, second = self.loaded(), self.loaded()
        first["x"] = 1
        first.save()
        second.clear()
        second["only"] = 1
        second.save()
        self.assertEqual(self.values(), {"only": 1})
        third = self.Store(self.key)  # never loaded
        third.clear()
        third["z"] = 1
        third.save()
        self.assertEqual(self.values(), {"z": 1})

    def test_what_has_ended_stays_ended(self):
        late = self.loaded()
        self.loaded().flush()
        late["late"] = 1
        with self.assertRaises(UpdateError):
            late.save()
        self.assertFalse(self.Store().exists(self.key))
        gone = self.loaded()
        self.assertIsNone(gone.session_key)

    def test_delete_is_quiet(self):
        self.Store().delete(self.key)
        self.Store().delete(self.key)
        self.Store().delete("no such")
        self.Store().delete()
        self.assertEqual(self.values(), {})

    def test_a_new_key_has_what_others_saved(self):
        login, other = self.loaded(), self.loaded()
        other["other"] = 1
        other.save()
        login["login"] = 1
        login.cycle_key()
        self.assertNotEqual(login.session_key, self.key)
        self.assertTrue(login.modified)
        self.assertEqual(self.values(login.session_key), {"cat": "dog", "n": 1, "other": 1, "login": 1})

    def test_the_old_key(self):
        late, login = self.loaded(), self.loaded()
        login.cycle_key()
        late["late"] = 1
        with self.assertRaises(UpdateError):
            late.save()
        again = self.loaded()
        self.assertEqual(dict(again.items()), {})
        self.assertFalse(again.is_empty())  # so that the middleware leaves the cookie alone
        self.assertFalse(again.modified)
        with self.assertRaises(SessionInterrupted):
            self.loaded().flush()
        with self.assertRaises(SessionInterrupted):
            late.cycle_key()  # its change belongs to what has moved
        self.Store.clear_expired()
        self.assertEqual(self.loaded().session_key, self.key)  # still known
        fresh = self.loaded()
        fresh.cycle_key()  # a second login of a visitor without changes
        self.assertNotIn(fresh.session_key, [self.key, login.session_key])
        self.assertEqual(self.values(fresh.session_key), {})

    def test_a_stock_django_reads_it(self):
        store = self.loaded()
        store["ours"] = 1
        store.save()
        stock = self.Stock(self.key)
        self.assertEqual(dict(stock.items()), {"cat": "dog", "n": 1, "ours": 1})
        stock["stock"] = 1
        stock.save()
        self.assertEqual(self.values()["stock"], 1)
        store.cycle_key()
        self.assertEqual(dict(self.Stock(self.key).items()), {})
        self.assertEqual(self.Stock(store.session_key)["stock"], 1)

    def test_expiry(self):
        store = self.loaded()
        store.set_expiry(-1)
        store.save()
        self.assertEqual(self.values(), {})

    def test_other_keys_name_nothing(self):
        for key in ["trace:" + "0" * 34, "with a space", "null\0null", "x" * 300, "ümlaut-ü"]:
            store = self.Store(key)
            self.assertEqual(dict(store.items()), {})
            self.assertIsNone(store.session_key)

    def test_a_save_gives_up(self):
        store = self.loaded()
        store["x"] = 1
        store.save_timeout = 0.05
        with mock.patch.object(self.Store, "_replace", side_effect=Conflict(store._record)):
            with self.assertRaises(SaveConflict):
                store.save()

    @unittest.skipIf(django.VERSION < (5, 1), "no async sessions")
    def test_async(self):
        async def request():
            first, second = self.Store(self.key), self.Store(self.key)
            await first.aset("first", 1)
            await second.aset("second", 1)
            await first.asave()
            await second.asave()
            await second.acycle_key()
            values = dict(await self.Store(second.session_key).aitems())
            await second.aflush()
            await self.Store.aclear_expired()
            return values

        self.assertEqual(asyncio.run(request()), {"cat": "dog", "n": 1, "first": 1, "second": 1})


class Database(Cases, unittest.TestCase):
    Store, Stock = db.SessionStore, stock_db.SessionStore

    def test_traces_are_cleared_when_they_have_had_their_time(self):
        self.loaded().cycle_key()
        row = Session.objects.filter(session_key=trace_key(self.key))
        self.Store.clear_expired()
        self.assertEqual(row.count(), 1)
        row.update(expire_date=timezone.now() - datetime.timedelta(seconds=61))
        self.assertIsNone(self.loaded().session_key)
        self.Store.clear_expired()
        self.assertEqual(row.count(), 0)

    def test_a_date_that_is_spelled_otherwise(self):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_session SET expire_date = '2999-01-01 00:00:00.000000'")
        store = self.loaded()
        store["x"] = 1
        store.save_timeout = 0.5
        store.save()
        self.assertEqual(self.values()["x"], 1)

    def test_an_expired_key_is_free(self):
        Session.objects.update(expire_date=timezone.now() - datetime.timedelta(days=1))
        store = self.Store(self.key)
        store["x"] = 1  # loads nothing: the key is gone
        store._session_key = self.key
        store.save(must_create=True)
        self.assertEqual(self.values(), {"x": 1})


class Cache(Cases, unittest.TestCase):
    Store, Stock = cache.SessionStore, stock_cache.SessionStore

    def test_the_trace(self):
        self.loaded().cycle_key()
        item, _ = caches.raw("default").get(self.Store().cache_key_prefix + self.key)
        self.assertEqual(item.value, TRACE)

    def test_a_cache_without_swaps_is_refused(self):
        with override_settings(SESSION_CACHE_ALIAS="files"):
            with self.assertRaisesRegex(ImproperlyConfigured, "FileBasedCache"):
                self.Store(self.key).items()


class CachedDB(Cases, unittest.TestCase):
    Store, Stock = cached_db.SessionStore, stock_cached_db.SessionStore

    def setUp(self):
        cached_db._health.clear()
        super().setUp()

    def stored(self, key=None):
        item, _ = caches.raw("default").get(cached_db.KEY_PREFIX + (key or self.key))
        return item and item.value

    def test_a_save_leaves_its_value(self):
        tail = Tail.cut(self.stored())
        row = Session.objects.get(session_key=self.key)
        self.assertEqual(tail.row.decode(), row.session_data)
        self.assertEqual(tail.expires, round(row.expire_date.timestamp() * 1000000))
        with mock.patch.object(db.SessionStore, "_read", side_effect=AssertionError):
            self.assertEqual(self.values(), {"cat": "dog", "n": 1})

    def test_a_reader_fills(self):
        default_cache.clear()
        self.values()
        self.assertIsNotNone(Tail.cut(self.stored()))

    def test_a_reader_without_a_row_takes_its_lease_away(self):
        self.assertEqual(self.values("abcdefgh" * 4), {})
        self.assertIsNone(self.stored("abcdefgh" * 4))

    def test_a_reader_leaves_a_mark(self):
        caches.raw("default").set(cached_db.KEY_PREFIX + self.key, b"N.somebody", 60)
        self.assertEqual(self.values()["cat"], "dog")
        self.assertEqual(self.stored(), b"N.somebody")

    def test_a_stock_value_is_not_believed(self):
        default_cache.set(cached_db.KEY_PREFIX + self.key, {"cat": "old"})
        self.assertEqual(self.values()["cat"], "dog")

    def test_a_writer_that_was_overtaken_leaves_a_mark(self):
        store = self.loaded()
        store["x"] = 1
        replace = db.SessionStore._replace

        def slow(session, *args):
            record = replace(session, *args)
            caches.raw("default").set(cached_db.KEY_PREFIX + self.key, b"N.another", 60)
            return record

        with mock.patch.object(db.SessionStore, "_replace", slow):
            store.save()
        self.assertTrue(is_mark(self.stored()))
        self.assertNotEqual(self.stored(), b"N.another")

    def test_the_mark_of_an_end_stays(self):
        self.loaded().flush()
        self.assertTrue(is_mark(self.stored()))

    def test_who_finds_a_session_ended_tells_the_cache_too(self):
        store = self.loaded()
        Session.objects.all().delete()
        with mock.patch.object(caches.LocMem, "set", autospec=True, side_effect=caches.LocMem.set) as put:
            store.flush()
        self.assertEqual([call[0][3] for call in put.call_args_list], [cached_db.WRITER_MARK, cached_db.END_MARK])

    def test_who_finds_a_session_moved_tells_the_cache_too(self):
        db.SessionStore(self.key).cycle_key()  # as by one who did not come to tell the cache
        with mock.patch.object(caches.LocMem, "set", autospec=True, side_effect=caches.LocMem.set) as put:
            self.Store(self.key).delete()
        self.assertEqual([call[0][3] for call in put.call_args_list], [cached_db.WRITER_MARK, cached_db.END_MARK])

    def test_in_a_transaction_nothing_is_told_before_its_end(self):
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            store = self.loaded()
            store["x"] = 1
            store.save()
            self.assertTrue(is_mark(self.stored()))
            self.assertEqual(self.values()["x"], 1)
            self.assertTrue(is_mark(self.stored()))
            1 / 0
        self.assertEqual(self.values(), {"cat": "dog", "n": 1})

    def test_a_cache_that_is_down(self):
        broken = {name: mock.patch.object(caches.LocMem, name, side_effect=OSError) for name in ["get", "set", "add", "swap"]}
        store = self.loaded()
        store["x"] = 1
        for patch in broken.values():
            patch.start()
        try:
            with self.assertLogs("django.contrib.sessions", "WARNING"):
                store.save()
            self.assertEqual(self.values()["x"], 1)
        finally:
            mock.patch.stopall()
        self.assertEqual(self.Stock(self.key)["n"], 1)  # its cache has what was there
        health = cached_db._health["default"]
        health._retry = 0
        self.values()  # looks whether it is back, and marks
        self.assertTrue(is_mark(self.stored()))
        self.assertEqual(health.usable(0)[:2], (True, False))

    def test_strict(self):
        class SessionStore(cached_db.SessionStore):
            strict = True

        SessionStore.__qualname__ = "SessionStore"
        store = SessionStore(self.key)
        store["x"] = 1
        with mock.patch.object(caches.LocMem, "set", side_effect=OSError):
            with self.assertLogs("django.contrib.sessions", "WARNING"):
                with self.assertRaises(cached_db.CacheUnwritable):
                    store.save()
        self.assertNotIn("x", Session.objects.get(session_key=self.key).get_decoded())

    def test_strict_when_the_database_has_the_write(self):
        class SessionStore(cached_db.SessionStore):
            strict = True

        SessionStore.__qualname__ = "SessionStore"
        store = SessionStore(self.key)
        store["x"] = 1
        with mock.patch.object(caches.LocMem, "swap", side_effect=OSError):
            with self.assertLogs("django.contrib.sessions", "WARNING"):
                with self.assertRaises(cached_db.CacheUnwritable):
                    store.save()
        self.assertEqual(Session.objects.get(session_key=self.key).get_decoded()["x"], 1)


if __name__ == "__main__":
    unittest.main()

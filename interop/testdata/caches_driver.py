"""A real Django's file-based or database cache, for caches_test.go.

    python3 caches_driver.py '{"backend": "filebased", "location": DIR, "ops": [[NAME, ARG ...], ...], ...}'

It carries out the operations and prints their results as one JSON list. Values
travel as JSON. It runs under every Django from 3.2 on.
"""

import json
import os
import sys
import time

import django
from django.conf import settings

CONFIG = json.loads(sys.argv[1])
os.environ["TZ"] = CONFIG.get("time_zone") or "UTC"  # as Django does with a settings module
time.tzset()
BACKENDS = {"filebased": "filebased.FileBasedCache", "db": "db.DatabaseCache"}
settings.configure(
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends." + BACKENDS[CONFIG["backend"]],
            "LOCATION": CONFIG["location"],
            "KEY_PREFIX": CONFIG.get("prefix", ""),
            "VERSION": CONFIG.get("version", 1),
            "OPTIONS": CONFIG.get("options") or {},
        }
    },
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": CONFIG["database"]}},
    INSTALLED_APPS=["django.contrib.sessions"],
    LOGGING_CONFIG=None,
    SECRET_KEY=CONFIG["secret_key"],
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    TIME_ZONE=CONFIG.get("time_zone") or "UTC",
    USE_TZ=CONFIG["use_tz"],
)
django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402


def create_table():
    call_command("createcachetable", verbosity=0)


def get(key):
    return cache.get(key)


def set_(key, value, timeout):
    cache.set(key, value, timeout)


def add(key, value, timeout):
    return cache.add(key, value, timeout)


def delete(key):
    cache.delete(key)


def session_load(key):
    return dict(SessionStore(key).items())


def session_save(data, key=None):
    store = SessionStore(key)
    store.update(data)
    store.save()
    return store.session_key


OPS = {
    "createcachetable": create_table, "get": get, "set": set_, "add": add, "delete": delete,
    "session_load": session_load, "session_save": session_save,
}
print(json.dumps([OPS[op](*args) for op, *args in CONFIG["ops"]]))

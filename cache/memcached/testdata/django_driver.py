"""A real Django with its sessions in memcached, for django_test.go.

    python3 django_driver.py '{"backend": CLASS, "location": LOCATION, ...}'

One JSON request a line on standard input, {"op": NAME, ...}; one JSON answer a
line on standard output: {"ok": RESULT} or {"err": EXCEPTION, "text": TEXT}.
"""

import json
import sys

import django
from django.conf import settings

CONFIG = json.loads(sys.argv[1])
settings.configure(
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.memcached." + CONFIG["backend"],
            "LOCATION": CONFIG["location"],
            "KEY_PREFIX": CONFIG.get("key_prefix") or "",
            "OPTIONS": CONFIG.get("options") or {},
        }
    },
    LOGGING_CONFIG=None,
    SECRET_KEY=CONFIG["secret_key"],
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    USE_TZ=True,
)
django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import cache  # noqa: E402


def op_hello():
    return django.get_version()


def op_create(data, expiry=None):
    """A new session, saved."""
    store = SessionStore()
    store.update(data)
    if expiry is not None:
        store.set_expiry(expiry)
    store.save()
    return store.session_key


def op_load(key):
    return dict(SessionStore(key).items())


def op_change(key, data):
    store = SessionStore(key)
    store.update(data)
    store.save()


def op_delete(key):
    SessionStore(key).delete()


def op_exists(key):
    return SessionStore().exists(key)


def op_set(name, value):
    cache.set(name, value, None)


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"ok": globals()["op_" + request.pop("op")](**request)}
    except Exception as error:
        answer = {"err": type(error).__name__, "text": str(error)}
    print(json.dumps(answer), flush=True)

"""One session of a real Django with values that JSON lacks, for the tests of
serializers and of django-redis.

    python3 values_driver.py '{"database": FILE, ...}' create|show|change [KEY]

create prints the key of a new session, change sets two values in one. show
prints how each of a session's values looks in Python, as a JSON object.
"""

import datetime
import decimal
import json
import sys
import uuid

from django.conf import settings

CONFIG, COMMAND = json.loads(sys.argv[1]), sys.argv[2]
caches = {}
if CONFIG.get("redis"):
    caches = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": CONFIG["redis"],
            "OPTIONS": CONFIG.get("options") or {},
        }
    }
settings.configure(
    CACHES=caches,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": CONFIG.get("database") or ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.sessions"],
    LOGGING_CONFIG=None,
    SECRET_KEY=CONFIG["secret_key"],
    SESSION_ENGINE="django.contrib.sessions.backends." + ("cache" if caches else "db"),
    SESSION_SERIALIZER=CONFIG.get("serializer") or "django.contrib.sessions.serializers.JSONSerializer",
    USE_TZ=True,
)

import django  # noqa: E402

django.setup()

from importlib import import_module  # noqa: E402

from django.core.management import call_command  # noqa: E402
from django.utils.functional import lazystr  # noqa: E402
from django.utils.safestring import mark_safe  # noqa: E402

UTC = datetime.timezone.utc
VALUES = {
    "json": {
        "text": "h\u00e9llo \U0001f600",
        "n": 123456789012345678901234567890,
        "one": 1.0,
        "list": [1, [2, {"x": None}]],
        "long": "again and again " * 40,
    },
    "encoder": {
        "when": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "exact": datetime.datetime(2026, 1, 2, 3, 4, 5, 0, UTC),
        "day": datetime.date(2026, 1, 2),
        "clock": datetime.time(3, 4, 5, 678901),
        "left": datetime.timedelta(seconds=90),
        "owed": datetime.timedelta(days=-2, microseconds=5),
        "price": decimal.Decimal("12.50"),
        "id": uuid.UUID("12345678-1234-5678-1234-567812345678"),
        "lazy": lazystr("l\u00e4zy"),
    },
    "python": {
        "point": (1, 2.5, ("nested",)),
        "when": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "naive": datetime.datetime(2026, 1, 2, 3, 4, 5),
        "left": datetime.timedelta(seconds=90),
        "price": decimal.Decimal("12.50"),
        "set": {"a", "b"},
        "id": uuid.UUID("12345678-1234-5678-1234-567812345678"),
        "bytes": b"\x00\xff",
        "safe": mark_safe("<b>"),
        "text": "h\u00e9llo",
        "long": ["again and again"] * 40,
        7: "a key that is no str",
    },
}

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


def look(value):
    """The value with its type, the same in every process."""
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
        return "set %r" % value
    return "%s %r" % (type(value).__name__, value)


if COMMAND == "create":
    if not caches:
        call_command("migrate", verbosity=0, fake_initial=True)
    store = SessionStore()
    for name, value in VALUES[CONFIG["values"]].items():
        store[name] = value
    store.create()
    print(store.session_key)
elif COMMAND == "show":
    store = SessionStore(sys.argv[3])
    print(json.dumps({str(name): look(value) for name, value in store.items()}))
elif COMMAND == "change":
    store = SessionStore(sys.argv[3])
    store["django"] = "was here"
    store["n"] = 2
    store.save()

# Settings of a Django project with a little of everything, for the tests.
import datetime
import pathlib

from django.utils.translation import gettext_lazy as _

BASE_DIR = pathlib.Path("/srv/site")
SECRET_KEY = "it's a \"secret\" \\ key, and long enough for Django's check"
SECRET_KEY_FALLBACKS = ["the former one"]
INSTALLED_APPS = ["django.contrib.sessions", "django.contrib.auth", "django.contrib.contenttypes"]
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = 60 * 60 * 24
SESSION_COOKIE_SAMESITE = False
SESSION_COOKIE_SECURE = True
SESSION_CACHE_ALIAS = "sessions"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
SITE_TITLE = _("Our site")
HALF_A_DAY = datetime.timedelta(hours=12)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        "OPTIONS": {"timeout": 20},
        "CONN_MAX_AGE": 60,
    },
    "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
}


def make_key(key, prefix, version):
    return key


CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "sessions": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": "/var/cache/site",
        "KEY_PREFIX": "site",
        "TIMEOUT": None,
        "KEY_FUNCTION": make_key,
        "OPTIONS": {"MAX_ENTRIES": 5000},
    },
}

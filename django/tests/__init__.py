"""Tests without servers: python -m unittest, in the folder above, with a Django.

Those with servers and with Go are in the folder interop of the repository.
"""

import os
import tempfile

import django
from django.conf import settings

folder = tempfile.TemporaryDirectory()  # until the tests end; async ones ask from another thread

settings.configure(
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "files": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "/nonexistent"},
    },
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(folder.name, "db.sqlite3")}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    LOGGING_CONFIG=None,
    SECRET_KEY="the secret key of these tests, which is long enough for Django",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)

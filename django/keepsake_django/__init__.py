"""Session engines for a stock Django that lose no update and mix with Keepsake's.

    SESSION_ENGINE = "keepsake_django.db"         # or .cached_db, or .cache

Everything else stays as it is: the table, the cache, the cookie, the settings.
See README.md beside this package; docs/cached_db.md has the formats.
"""

__version__ = "0.1.0"

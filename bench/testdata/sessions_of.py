"""How long a Django takes to find the sessions of a user: it looks at each that there
is. Prints how many it has found, and the seconds."""
import json
import os
import sys
import time

from django.conf import settings

spec = json.loads(os.environ["BENCH"])
if spec.get("sqlite"):
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": spec["sqlite"]}
else:
    database = dict(spec["postgres"], ENGINE="django.db.backends.postgresql")
settings.configure(
    SECRET_KEY=spec["secret"], USE_TZ=True, INSTALLED_APPS=["django.contrib.sessions"],
    DATABASES={"default": database}, LOGGING_CONFIG=None,
)

import django

django.setup()

from django.contrib.sessions.models import Session

begin = time.perf_counter()
# .iterator(): a list of a million would be measured by its memory
found = [s for s in Session.objects.all().iterator() if s.get_decoded().get("_auth_user_id") == sys.argv[1]]
print(len(found), time.perf_counter() - begin)

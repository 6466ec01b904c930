"""The Django of the benchmarks: the same requests on the same session. Its settings
come from the environment variable BENCH, as JSON."""
import json
import os
import resource
import sys

sys.path.append(os.environ["BENCH_GUNICORN"])
spec = json.loads(os.environ["BENCH"])

from django.conf import settings

databases = {}
if spec.get("sqlite"):
    databases["default"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": spec["sqlite"],
        "OPTIONS": {"timeout": 5, "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"},
        "CONN_MAX_AGE": None,
    }
if spec.get("postgres"):
    databases["default"] = dict(spec["postgres"], ENGINE="django.db.backends.postgresql", CONN_MAX_AGE=None)
caches = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if spec.get("redis"):
    caches["default"] = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": spec["redis"]}

settings.configure(
    SECRET_KEY=spec["secret"], ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True, DEBUG=False,
    INSTALLED_APPS=["django.contrib.sessions"], DATABASES=databases, CACHES=caches,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends." + spec["engine"],
    LOGGING_CONFIG=None,
)

import django

django.setup()

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

VALUES = spec["values"]
USER = "_auth_user_id"


def answer(text):
    response = HttpResponse(text, content_type="text/plain")
    response["Content-Length"] = str(len(response.content))  # else the connection is not kept
    return response


def none(request):
    return answer(VALUES[USER])


def read(request):
    return answer(request.session.get(USER))


def save(request):
    request.session["n"] = request.session.get("n", 0) + 1
    return answer(VALUES[USER])


def new(request):
    for name, value in VALUES.items():
        request.session[name] = value
    return answer(VALUES[USER])


def key(request):
    request.session[request.GET["k"]] = VALUES[USER]
    return answer(VALUES[USER])


def add(request):
    k = request.GET["k"]
    request.session[k] = request.session.get(k, 0) + 1
    return answer(VALUES[USER])


def total(request):
    return answer(str(sum(v for k, v in request.session.items() if k.startswith("adder"))))


urlpatterns = [
    path("none", none), path("read", read), path("save", save), path("new", new),
    path("key", key), path("add", add), path("sum", total),
]
application = get_wsgi_application()

if __name__ == "__main__":
    sys.modules["site_of_bench"] = sys.modules["__main__"]
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self):
            for name, value in spec["gunicorn"].items():
                self.cfg.set(name, value)

        def load(self):
            return application

    Server().run()

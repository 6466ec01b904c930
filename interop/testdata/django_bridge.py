"""A real Django behind the protocol of the command bridge.

    django_bridge.py

One JSON request a line on standard input, one JSON answer a line on standard
output: see bridge/doc.go. The same requests go to both in bridge_test.go, and the
answers are compared. What Django does is never imitated; what a project has
beside it (a user, a backend) is as small as it can be.

It runs under every Django from 3.2 on.
"""

import base64
import contextlib
import datetime
import decimal
import importlib
import io
import json
import logging
import os
import sys
import threading
import time
from wsgiref import simple_server

import django
from django.conf import settings

BASE = {
    "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
    "INSTALLED_APPS": ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    "LOGGING_CONFIG": None,
    "ALLOWED_HOSTS": ["*"],
    "DATABASES": {},
    "SECRET_KEY": "none yet",
}
settings.configure(**BASE)
django.setup()

from django.contrib import auth  # noqa: E402
from django.contrib.auth.base_user import AbstractBaseUser  # noqa: E402
from django.contrib.sessions.middleware import SessionMiddleware  # noqa: E402
from django.core import signing  # noqa: E402
from django.core.cache import caches  # noqa: E402
from django.core.handlers.wsgi import WSGIRequest  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.utils import crypto, timezone  # noqa: E402
from django.utils.connection import BaseConnectionHandler  # noqa: E402, F401

ENGINES = ["db", "cache", "cached_db", "file", "signed_cookies"]
PACKAGE = "django.contrib.sessions.backends."
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

real_now, real_time = timezone.now, time.time
handles = {}
last = 0
logs = []
statements = 0
web = None


class Collector(logging.Handler):
    def emit(self, record):
        logs.append([record.name, record.levelname, record.getMessage()])


for name in ["django.security", "django.contrib.sessions"]:
    logging.getLogger(name).addHandler(Collector())
    logging.getLogger(name).propagate = False


class Failure(Exception):
    """An error that is told as it is."""

    def __init__(self, kind, text):
        self.answer = {"type": kind, "msg": text}


# Settings


def secret(key):
    return base64.b64decode(key["b64"]) if isinstance(key, dict) else key


def reconnect(handler, old):
    """Forgets what a handler of connections knows."""
    for one in old:
        one.close()
    handler._settings = None
    handler.__dict__.pop("settings", None)
    handler._connections = type(handler._connections)(handler.thread_critical)


def use(new):
    """Django's settings may change while it runs; only their caches don't know."""
    before = {n: getattr(settings, n, None) for n in ("DATABASES", "CACHES", "USE_TZ", "TIME_ZONE")}
    values = {**BASE, **new}
    values.pop("DJANGO_VERSION", None)
    values["SECRET_KEY"] = secret(values["SECRET_KEY"])
    values["SECRET_KEY_FALLBACKS"] = [secret(k) for k in values.get("SECRET_KEY_FALLBACKS") or []]
    values = {n: v for n, v in values.items() if not (v is None and n in ("SESSION_SERIALIZER", "SESSION_ENGINE"))}
    for alias in values.get("DATABASES", {}).values():
        alias.setdefault("OPTIONS", {})
    with contextlib.suppress(ImportError):
        from django.conf import UserSettingsHolder, global_settings
    holder = UserSettingsHolder(global_settings)
    for n, value in values.items():
        setattr(holder, n, value)
    settings._wrapped = holder
    settings.__dict__.clear()
    settings.__dict__["_wrapped"] = holder
    os.environ["TZ"] = settings.TIME_ZONE
    time.tzset()
    timezone.get_default_timezone.cache_clear()
    if any(before[n] != getattr(settings, n, None) for n in ("DATABASES", "USE_TZ", "TIME_ZONE")):
        reconnect(connections, connections.all() if before["DATABASES"] else [])
    if before["CACHES"] != settings.CACHES:
        reconnect(caches, [])


def store_class(engine):
    if engine not in ENGINES:
        raise Failure("ImproperlyConfigured", "there is no engine " + engine)
    cls = importlib.import_module(PACKAGE + engine).SessionStore
    with contextlib.suppress(AttributeError):
        del cls._storage_path
    return cls


# Values


def dumps(value):
    return json.dumps(value, separators=(",", ":"))


def date(text):
    return datetime.datetime.fromisoformat(text)


def expiry(e):
    kind, v = e["t"], e.get("v")
    return {
        "none": lambda: None,
        "int": lambda: json.loads(v),
        "float": lambda: float(json.loads(v)),
        "datetime": lambda: date(v),
        "timedelta": lambda: datetime.timedelta(*v),
        "str": lambda: v,
        "bool": lambda: v,
    }[kind]()


def arguments(r):
    kwargs = {}
    if "modification" in r:
        kwargs["modification"] = date(r["modification"])
    if "expiry" in r:
        kwargs["expiry"] = expiry(r["expiry"])
    return kwargs


# Requests on one session

ops = {}


def op(f):
    ops[f.__name__[3:]] = f
    return f


@op
def op_state(s, r):
    pass


@op
def op_get(s, r):
    missing = object()
    value = s.get(json.loads(r["key"]), missing)
    return {"found": False} if value is missing else {"found": True, "v": dumps(value)}


@op
def op_set(s, r):
    s[json.loads(r["key"])] = json.loads(r["value"])


@op
def op_del(s, r):
    del s[json.loads(r["key"])]


@op
def op_contains(s, r):
    return json.loads(r["key"]) in s


@op
def op_pop(s, r):
    missing = object()
    key = json.loads(r["key"])
    value = s.pop(key, missing) if r["has_default"] else s.pop(key)
    return {"found": False} if value is missing else {"found": True, "v": dumps(value)}


@op
def op_setdefault(s, r):
    return dumps(s.setdefault(json.loads(r["key"]), json.loads(r["value"])))


@op
def op_update(s, r):
    s.update(json.loads(r["value"]))


@op
def op_keys(s, r):
    return dumps(list(s.keys()))


@op
def op_values(s, r):
    return dumps(list(s.values()))


@op
def op_items(s, r):
    return dumps([list(i) for i in s.items()])


@op
def op_data(s, r):
    return dumps(s._session)


@op
def op_peek(s, r):
    return dumps(s._session_cache)


@op
def op_unload(s, r):
    with contextlib.suppress(AttributeError):
        del s._session_cache


@op
def op_clear(s, r):
    s.clear()


@op
def op_is_empty(s, r):
    return s.is_empty()


@op
def op_set_flag(s, r):
    setattr(s, r["name"], r["value"])


@op
def op_set_key(s, r):
    s._session_key = r["key"]


@op
def op_valid_key(s, r):
    return bool(s._validate_session_key(r["key"]))


@op
def op_new_key(s, r):
    return s._get_new_session_key()


@op
def op_get_or_create_key(s, r):
    return s._get_or_create_session_key()


@op
def op_key_salt(s, r):
    return s.key_salt


@op
def op_cache_key(s, r):
    return s.cache_key


@op
def op_file_path(s, r):
    return s._key_to_file(r["key"])


@op
def op_cookie_age(s, r):
    return s.get_session_cookie_age()


@op
def op_save(s, r):
    s.save(must_create=r["must_create"])


@op
def op_load(s, r):
    return dumps(s.load())


@op
def op_create(s, r):
    s.create()


@op
def op_flush(s, r):
    s.flush()


@op
def op_cycle_key(s, r):
    s.cycle_key()


@op
def op_exists(s, r):
    return bool(s.exists(r["key"]))


@op
def op_delete(s, r):
    s.delete(r["key"])


@op
def op_set_expiry(s, r):
    s.set_expiry(expiry(r["value"]))


@op
def op_get_expiry_age(s, r):
    return dumps(s.get_expiry_age(**arguments(r)))


@op
def op_get_expiry_date(s, r):
    return s.get_expiry_date(**arguments(r)).isoformat()


@op
def op_get_expire_at_browser_close(s, r):
    return s.get_expire_at_browser_close()


@op
def op_encode(s, r):
    return s.encode(json.loads(r["value"]))


@op
def op_decode(s, r):
    return dumps(s.decode(r["data"]))


@op
def op_set_test_cookie(s, r):
    s.set_test_cookie()


@op
def op_delete_test_cookie(s, r):
    s.delete_test_cookie()


@op
def op_test_cookie_worked(s, r):
    return s.test_cookie_worked()


# Who is logged in. A project has the user and the backend.


class User:
    is_active = True

    def __init__(self, pk, hash="", fallbacks=()):
        self.pk, self.hash, self.fallbacks = pk, hash, fallbacks

    class _meta:
        class pk:
            @staticmethod
            def value_to_string(user):
                return str(user.pk)

    def get_session_auth_hash(self):
        return self.hash

    def get_session_auth_fallback_hash(self):
        yield from self.fallbacks

    def save(self, **kwargs):
        pass


def request_with(s, user=None):
    request = RequestFactory().get("/")
    request.session, request.user = s, user
    return request


@op
def op_auth_login(s, r):
    pk = auth.get_user_model()._meta.pk.to_python(r["user_id"])
    auth.login(request_with(s), User(pk, r["hash"]), backend=r["backend"])


@op
def op_auth_ids(s, r):
    try:
        return {"user_id": s[auth.SESSION_KEY], "backend": s[auth.BACKEND_SESSION_KEY]}
    except KeyError:
        return None


@op
def op_auth_check(s, r):
    class Backend:
        def get_user(self, pk):
            return User(pk, r["hash"], r["fallbacks"])

    key, load_backend = s.session_key, auth.load_backend
    auth.load_backend = lambda path: Backend()
    settings.AUTHENTICATION_BACKENDS = [s[auth.BACKEND_SESSION_KEY]]
    try:
        user = auth.get_user(request_with(s))
    finally:
        auth.load_backend = load_backend
    if not isinstance(user, User):
        return "flushed"
    return "ok" if s.session_key == key else "rotated"


@op
def op_auth_logout(s, r):
    auth.logout(request_with(s))


@op
def op_auth_update(s, r):
    user = User(1, r["hash"])
    auth.update_session_auth_hash(request_with(s, user if r["hash"] is not None else None), user)


# Signing


def signer(r):
    cls = {"Signer": signing.Signer, "TimestampSigner": signing.TimestampSigner}[r["kind"]]
    kwargs = {"sep": r["sep"], "salt": r["salt"], "algorithm": r["algorithm"]}
    if r["key"] is not None:
        kwargs["key"] = base64.b64decode(r["key"])
    if r["fallback_keys"] is not None and django.VERSION >= (4, 1):
        kwargs["fallback_keys"] = [base64.b64decode(k) for k in r["fallback_keys"]]
    return cls(**kwargs)


def with_age(r):
    return {"max_age": r["max_age"]} if r["kind"] == "TimestampSigner" else {}


def op_signer(r):
    s = signer(r)
    return {"salt": s.salt, "algorithm": s.algorithm}


SIGNING = {
    "signer": op_signer,
    "signature": lambda r: signer(r).signature(base64.b64decode(r["value"])),
    "sign": lambda r: signer(r).sign(r["value"]),
    "unsign": lambda r: signer(r).unsign(r["value"], **with_age(r)),
    "sign_object": lambda r: signer(r).sign_object(json.loads(r["value"]), compress=r["compress"]),
    "unsign_object": lambda r: dumps(signer(r).unsign_object(r["value"], **with_age(r))),
    "b62_encode": lambda r: signing.b62_encode(json.loads(r["value"])),
    "b62_decode": lambda r: dumps(signing.b62_decode(r["value"])),
    "base64_hmac": lambda r: signing.base64_hmac(
        r["salt"], base64.b64decode(r["value"]), base64.b64decode(r["key"]), r["algorithm"]
    ),
    "auth_hash": lambda r: crypto.salted_hmac(
        "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash",
        r["password"],
        secret=r["key"] and base64.b64decode(r["key"]),
        algorithm="sha256",
    ).hexdigest(),
}
assert AbstractBaseUser.get_session_auth_hash  # where its salt is from


# The middleware


def engine_in_use():
    return settings.SESSION_ENGINE.replace(PACKAGE, "")


def middleware():
    store_class(engine_in_use())
    return SessionMiddleware(lambda request: HttpResponse())


def request_of(cookies):
    request = RequestFactory().get("/")
    request.COOKIES = dict(cookies)
    return request


def headers_of(response):
    return [list(i) for i in response.items()] + [["Set-Cookie", c.OutputString()] for c in response.cookies.values()]


def remember(s):
    global last
    last += 1
    handles[last] = s
    return last


def mw_request(r):
    request = request_of(r["cookies"])
    middleware().process_request(request)
    h = remember(request.session)
    return {"h": h, "m": h}, request.session


def mw_response(r):
    request, response = request_of(r["cookies"]), HttpResponse(status=r["status"])
    del response["Content-Type"]
    for name, value in r["headers"]:
        response[name] = value
    request.session = handles[r["h"]]
    response = middleware().process_response(request, response)
    return {"status": response.status_code, "headers": headers_of(response)}, request.session


class Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass


def application(environ, start_response):
    """One request of the scripted handler."""
    body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))

    def view(request):
        results = []
        for step in body["script"]:
            try:
                results.append({"ok": ops[step["op"]](request.session, step)})
            except Exception as e:
                results.append({"err": error(e)["type"]})
        response = HttpResponse(json.dumps({"results": results}), status=body.get("status", 200))
        response["Content-Type"] = "application/json"
        for name, value in body.get("headers", []):
            response[name] = value
        return response

    freeze(body.get("now"))
    try:
        environ = {**environ, "wsgi.input": io.BytesIO()}
        store_class(engine_in_use())
        try:
            response = SessionMiddleware(view)(WSGIRequest(environ))
        except Exception as e:
            response = HttpResponse(status=400 if type(e).__name__ == "SessionInterrupted" else 500)
    finally:
        freeze(None)
        connections.close_all()
    start_response("%d %s" % (response.status_code, response.reason_phrase), [tuple(h) for h in headers_of(response)])
    return [response.content]


def http_start(r):
    global web
    web = simple_server.make_server("127.0.0.1", 0, application, handler_class=Quiet)
    threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
    return {"port": web.server_port}, None


def http_stop(r):
    web.shutdown()
    web.server_close()
    return None, None


# The conversation


def new(r):
    cls = store_class(r["engine"])
    s = cls(r["key"])
    result = {"h": remember(s)}
    if hasattr(s, "storage_path"):
        result["storage_path"] = s.storage_path
    return result, s


def free(r):
    handles.pop(r["h"], None)
    return None, None


def clear_expired(r):
    store_class(r["engine"]).clear_expired()
    return None, None


def migrate(r):
    """Not of the protocol: makes the tables."""
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    if any(c["BACKEND"].endswith("DatabaseCache") for c in settings.CACHES.values()):
        call_command("createcachetable", verbosity=0)
    return None, None


def hello(r):
    caps = ["sessions", "middleware", "signing", "auth", "http", "sql_count"]
    return {"name": "Django " + django.get_version(), "protocol": 1, "engines": ENGINES, "caps": caps}, None


def set_settings(r):
    use(r["settings"])
    return None, None


GENERAL = {
    f.__name__: f for f in [hello, new, free, clear_expired, migrate, mw_request, mw_response, http_start, http_stop]
}
GENERAL["settings"] = set_settings


def error(e):
    if isinstance(e, Failure):
        return e.answer
    text = str(e)
    if isinstance(e, KeyError) and e.args:
        text = str(e.args[0])
    return {"type": type(e).__name__, "msg": text}


def freeze(text):
    if text is None:
        timezone.now, time.time = real_now, real_time
        return
    instant = EPOCH + datetime.timedelta(microseconds=int(decimal.Decimal(text) * 1000000))
    timezone.now = lambda: instant if settings.USE_TZ else timezone.make_naive(instant)
    time.time = lambda: float(text)


def count(execute, *args):
    global statements
    statements += 1
    return execute(*args)


def answer(r):
    """The result, and the session that it is about."""
    name = r["op"]
    if name in GENERAL:
        return GENERAL[name](r)
    if name in SIGNING:
        return SIGNING[name](r), None
    s = handles[r["h"]]
    try:
        return ops[name](s, r), s
    except Exception as e:
        e.session = s
        raise


def main():
    global statements
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        del logs[:]
        statements = 0
        r = json.loads(line)
        reply = {"id": r["id"]}
        s = None
        freeze(r.get("now"))
        try:
            counting = connection.execute_wrapper(count) if settings.DATABASES and r["op"] != "settings" else contextlib.nullcontext()
            with counting:
                reply["ok"], s = answer(r)
        except Exception as e:
            reply["err"], s = error(e), getattr(e, "session", handles.get(r.get("h")))
        finally:
            freeze(None)
        if s is not None:
            reply["st"] = {
                "accessed": s.accessed,
                "modified": s.modified,
                "loaded": hasattr(s, "_session_cache"),
                "key": s.session_key,
            }
        if logs:
            reply["logs"] = logs[:]
        if statements:
            reply["sql"] = statements
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


main()

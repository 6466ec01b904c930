"""A real Django for the tests of this folder: see django_server.py, which runs it.

    django_driver.py '{"settings": {NAME: VALUE, ...}, ...}'

One JSON request a line on standard input, {"op": NAME, ...}; one JSON answer a
line on standard output: {"ok": RESULT} or {"err": EXCEPTION, "text": TEXT}. A request
with "now" (epoch seconds as decimal text) sees the clock stand there. Session
data travels as JSON texts inside strings: Go's encoding/json would change big
integers, NaN and lone surrogates.

The other drivers of this folder import it and add operations of their own.
It runs under every Django from 3.2 on and needs nothing else. What stock Django
does is never imitated, with one exception: see set_expiry.
"""

import contextlib
import datetime
import decimal
import importlib
import json
import logging
import os
import sys
import threading
import time
import uuid  # noqa: F401, for what is evaluated

import django
from django.conf import settings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
CONFIG = json.loads(sys.argv[1])
settings.configure(
    **{
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
        ],
        "LOGGING_CONFIG": None,
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        **CONFIG["settings"],
    }
)
os.environ["TZ"] = settings.TIME_ZONE  # as Django does with a settings module
time.tzset()
django.setup()

from django.contrib import auth  # noqa: E402
from django.contrib.auth import hashers  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.sessions.exceptions import SessionInterrupted  # noqa: E402
from django.contrib.sessions.middleware import SessionMiddleware  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.core import management, signing  # noqa: E402
from django.core.cache import caches  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.middleware.csrf import CsrfViewMiddleware, get_token  # noqa: E402
from django.test import RequestFactory, override_settings  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.utils.http import url_has_allowed_host_and_scheme  # noqa: E402

if "django.contrib.auth" in settings.INSTALLED_APPS:
    from django.contrib.auth.models import AnonymousUser

SessionStore = importlib.import_module(settings.SESSION_ENGINE).SessionStore
if settings.SESSION_ENGINE.startswith("keepsake_django"):
    SessionStore.save_timeout = SessionStore.timeout = 60  # for machines with a lot to do
if CONFIG.get("store_class"):  # a site's own, whose name is in the salt
    SessionStore = type(CONFIG["store_class"], (SessionStore,), {})
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
ISO_EXPIRY = django.VERSION >= (4, 1)  # a datetime is stored as text
PICKLED = settings.SESSION_ENGINE.endswith(".cache")  # before, as itself

real_now, real_time = timezone.now, time.time
logs = []
opened = {}  # sessions in flight


class Collector(logging.Handler):
    def emit(self, record):
        logs.append(record.getMessage())


for name in ["django.security", "django.request", "django.contrib.sessions"]:
    logging.getLogger(name).addHandler(Collector())


def local(instant):
    """An instant as this Django's own datetimes are: aware or naive."""
    return instant if settings.USE_TZ else timezone.make_naive(instant)


def moment(text):
    return local(EPOCH + datetime.timedelta(microseconds=int(decimal.Decimal(text) * 1000000)))


def epoch(value):
    """A datetime of Django's as microseconds since the epoch."""
    if timezone.is_naive(value):
        value = timezone.make_aware(value)
    return (value - EPOCH) // datetime.timedelta(microseconds=1)


def freeze(text):
    if text is None:
        timezone.now, time.time = real_now, real_time
    else:
        timezone.now, time.time = (lambda: moment(text)), (lambda: float(text))


def set_expiry(store, expiry):
    kind, value = expiry["t"], expiry.get("v")
    if kind == "none":
        store.set_expiry(None)
    elif kind == "seconds":
        store.set_expiry(json.loads(value))
    elif ISO_EXPIRY or PICKLED:
        delta = kind == "delta"
        store.set_expiry(datetime.timedelta(microseconds=int(value)) if delta else moment(value))
    else:
        # Before 4.1 a datetime has no JSON, so save() raises TypeError and no
        # such row exists. This is what 4.1 and later store.
        if kind == "delta":
            date = timezone.now() + datetime.timedelta(microseconds=int(value))
        else:
            date = moment(value)
        store["_session_expiry"] = date.isoformat()


def own_expiry(store):
    """The keyword that makes a Django before 4.1 understand a text."""
    value = store.get("_session_expiry")
    if ISO_EXPIRY or not isinstance(value, str):
        return {}
    return {"expiry": datetime.datetime.fromisoformat(value)}


def save(store, must_create=False):
    if not own_expiry(store):
        return store.save(must_create=must_create)
    key = store._get_or_create_session_key()  # Before 4.1 only, see set_expiry.
    Session.objects.save(key, store._session_cache, store.get_expiry_date(**own_expiry(store)))


def state(store):
    """What this Django sees in a session; loads it."""
    data = dict(store.items())
    own = own_expiry(store)
    return {
        "key": store.session_key,
        "data": json.dumps(data, default=repr),
        "age": json.dumps(store.get_expiry_age(**own)),
        "date": epoch(store.get_expiry_date(**own)),
        "browser_close": store.get_expire_at_browser_close(),
    }


def python_text(value):
    """repr, with the items of a set in order."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (repr(k), python_text(v)) for k, v in value.items())
    if isinstance(value, (set, frozenset)):
        return "%s{%s}" % (type(value).__name__, ", ".join(sorted(map(python_text, value))))
    if type(value) in (list, tuple):
        return "%s(%s)" % (type(value).__name__, ", ".join(map(python_text, value)))
    return "%s %r" % (type(value).__name__, value)


def request_with(store):
    request = RequestFactory().get("/")
    request.session = store
    return request


def op_hello():
    return {"django": django.get_version(), "python": sys.version.split()[0]}


def op_migrate(fake_initial=False):
    management.call_command("migrate", fake_initial=fake_initial, run_syncdb=True, verbosity=0, interactive=False)


def op_createcachetable():
    management.call_command("createcachetable", verbosity=0)


def op_create(data, expiry=None, key=None):
    """A new session, saved; under that key if there is one."""
    store = SessionStore(key)
    store._session_cache = {}
    for name, value in json.loads(data).items():
        store[name] = value
    if expiry:
        set_expiry(store, expiry)
    save(store, must_create=True)
    return store.session_key


def op_put(key, data, expires):
    """A row with just that expiry."""
    Session.objects.save(key, json.loads(data), moment(expires))


def op_load(key):
    return state(SessionStore(key))


def op_change(key, data):
    """Sets values in a stored session."""
    store = SessionStore(key)
    for name, value in json.loads(data).items():
        store[name] = value
    save(store)
    return store.session_key


def op_add(key, name):
    """Counts a value up by one."""
    store = SessionStore(key)
    store[name] += 1
    save(store)
    return store.session_key


def op_open(key):
    """Loads a session that a later op_finish changes and saves."""
    store = SessionStore(key)
    store.items()
    opened[key] = store


def op_finish(key, data):
    store = opened.pop(key)
    store.update(json.loads(data))
    save(store)


def op_create_python(values):
    """A new session with values that are Python expressions."""
    store = SessionStore()
    store.update(eval(values))
    store.save(must_create=True)
    return store.session_key


def op_load_python(key):
    return python_text(dict(SessionStore(key).items()))


def op_python(values):
    return python_text(eval(values))


def op_dumps(data, compact=False):
    """JSON as Python writes it."""
    return json.dumps(json.loads(data), separators=(",", ":") if compact else None)


def op_cycle(key):
    store = SessionStore(key)
    store.cycle_key()
    return store.session_key


def op_flush(key):
    store = SessionStore(key)
    store.flush()
    return store.session_key


def op_expire_date(key):
    return epoch(SessionStore.get_model_class().objects.get(session_key=key).expire_date)


def op_account(key):
    """The column of accounts.models."""
    return SessionStore.get_model_class().objects.get(session_key=key).account_id


def op_exists(key):
    return SessionStore().exists(key)


def op_row_exists(key):
    return SessionStore.get_model_class().objects.filter(session_key=key).exists()


def op_delete(key):
    SessionStore().delete(key)


def op_login(key=None):
    user, _ = auth.get_user_model().objects.get_or_create(username="alice")
    request = request_with(SessionStore(key))
    auth.login(request, user)
    request.session.save()
    return request.session.session_key


def op_logout(key):
    auth.logout(request_with(SessionStore(key)))


def op_user(key):
    """Who is logged in with that session; "" for nobody."""
    return auth.get_user(request_with(SessionStore(key))).get_username()


def op_add_user(username, password):
    auth.get_user_model().objects.create_user(username, password=password)


def op_change_user(username, password=None, **fields):
    user = auth.get_user_model().objects.get(username=username)
    if password is not None:
        user.set_password(password)
    for name, value in fields.items():
        setattr(user, name, value)
    user.save()


def op_user_row(username):
    user = auth.get_user_model().objects.get(username=username)
    return {"password": user.password, "last_login": user.last_login and epoch(user.last_login)}


def op_sign_in(username, password, key=None, backend="ModelBackend"):
    """A login by name and password; the session's key, "" where it is refused."""
    with override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends." + backend]):
        request = request_with(SessionStore(key))
        user = auth.authenticate(request, username=username, password=password)
        if user is None:
            return ""
        auth.login(request, user)
        request.session.save()
    return request.session.session_key


def op_visit(key):
    """A request as the middlewares see it: who it is from, "" for nobody, and its session's key afterwards."""
    request = request_with(SessionStore(key))
    user = auth.get_user(request)
    if request.session.modified and not request.session.is_empty():
        request.session.save()
    return {"user": user.get_username(), "key": request.session.session_key or ""}


def op_update_session_auth_hash(key, password):
    """A visitor's change of the own password; the session's key afterwards."""
    request = request_with(SessionStore(key))
    request.user = auth.get_user(request)
    request.user.set_password(password)
    request.user.save()
    auth.update_session_auth_hash(request, request.user)
    request.session.save()
    return request.session.session_key


def op_login_required(target):
    """Where login_required sends a visitor who wants to see target."""
    from django.contrib.auth.models import AnonymousUser  # not every test has the app

    path, _, query = target.partition("?")
    request = RequestFactory().get(path, QUERY_STRING=query)
    request.user = AnonymousUser()
    with override_settings(ALLOWED_HOSTS=["*"], LOGIN_URL="/login/", ROOT_URLCONF=()):
        return login_required(lambda r: None)(request)["Location"]


def op_safe_url(url, https):
    return url_has_allowed_host_and_scheme(url, {"example.com"}, require_https=https)


def op_csrf_token(key):
    """The token for a form, of the secret in the session, which is made if there is none."""
    with override_settings(CSRF_USE_SESSIONS=True):
        request = request_with(SessionStore(key))
        token = CsrfViewMiddleware(lambda r: HttpResponse(get_token(r)))(request).content.decode()
        if request.session.modified:
            request.session.save()
    return token


def op_csrf_accepts(key, token):
    with override_settings(CSRF_USE_SESSIONS=True):
        request = RequestFactory().post("/", {"csrfmiddlewaretoken": token})
        request.session = SessionStore(key)
        middleware = CsrfViewMiddleware(lambda r: HttpResponse())
        middleware.process_request(request)
        return middleware.process_view(request, lambda r: None, (), {}) is None


def op_clearsessions():
    management.call_command("clearsessions")


def op_keys():
    return sorted(Session.objects.values_list("session_key", flat=True))


def op_decode_all():
    """Every row as a site's own listing reads it."""
    return {s.session_key: json.dumps(s.get_decoded()) for s in Session.objects.all()}


def op_sessions_of(user_id, end=False):
    """The sessions of a user, as a site finds them, and ends them: it looks at each that there is."""
    begin, keys = time.perf_counter(), []
    for session in Session.objects.filter(expire_date__gte=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == user_id:
            keys.append(session.session_key)
            if end:
                session.delete()
    return {"keys": keys, "seconds": time.perf_counter() - begin}


def op_row(key):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT session_data, CAST(expire_date AS TEXT), typeof(session_data), typeof(expire_date)"
            " FROM django_session WHERE session_key = %s",
            [key],
        )
        row = cursor.fetchone()
    return row and dict(zip(["data", "expire_date", "data_type", "date_type"], row))


class Raw:
    """A serializer that leaves the JSON text as it is."""

    def loads(self, data):
        return data.decode("latin-1")


def op_payload(key):
    """The JSON text inside a stored session, once its signature is checked."""
    return signing.loads(op_row(key)["data"], salt="django.contrib.sessions.SessionStore", serializer=Raw)


def op_decode(data):
    return {"data": json.dumps(SessionStore().decode(data)), "logs": logs[:]}


def op_encode(data):
    return SessionStore().encode(json.loads(data))


def op_schema():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'django_session' AND sql IS NOT NULL ORDER BY name"
        )
        return [row[0] for row in cursor.fetchall()]


@contextlib.contextmanager
def password_hashers(classes, factors=None):
    """PASSWORD_HASHERS by the names of classes; factors are attributes of the first."""
    paths = ["django.contrib.auth.hashers." + name for name in classes]
    with override_settings(PASSWORD_HASHERS=paths):
        for name, value in (factors or {}).items():
            setattr(hashers.get_hasher(), name, value)
        yield


def op_can_hash(name, factors=None):
    """Whether that hasher works here: some need a library."""
    try:
        with password_hashers([name], factors):
            hashers.make_password("")
        return True
    except (ImportError, ValueError) as e:
        logs.append(str(e))
        return False


def op_make_password(classes, password, factors=None, salt=None):
    with password_hashers(classes, factors):
        return hashers.make_password(password, salt=salt)


def op_check_password(classes, tries, factors=None):
    """What check_password says to each password and encoded, whether it would
    store the password anew, and the exception that it raised instead."""
    answers = []
    with password_hashers(classes, factors):
        for password, encoded in tries:
            updates, ok, error = [], False, ""
            try:
                ok = hashers.check_password(password, encoded, setter=updates.append)
            except Exception as e:
                error = type(e).__name__
            answers.append({"ok": ok, "update": updates == [password], "error": error})
    return answers


def op_argon2(password, salt, time_cost, memory_cost, parallelism, hash_len, variety, version):
    """A hash of any kind that argon2-cffi makes, as Django would store it."""
    from argon2.low_level import Type, hash_secret

    return "argon2" + hash_secret(
        password.encode(), salt.encode(), time_cost, memory_cost, parallelism, hash_len, Type[variety], version
    ).decode("ascii")


def op_argon2_hash_len():
    """How long Django's hashes are: a default of argon2-cffi's version."""
    import argon2

    return argon2.DEFAULT_HASH_LENGTH


def visit(key, change):
    """A request through the real middleware; its status and the key in its cookie."""

    def view(request):
        change(request.session)
        return HttpResponse()

    request = RequestFactory().get("/")
    if key:
        request.COOKIES[settings.SESSION_COOKIE_NAME] = key
    try:
        response = SessionMiddleware(view)(request)
    except SessionInterrupted:
        return 400, None
    cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
    return response.status_code, cookie.value if cookie else None


def op_hammer(key, processes):
    """Threads of several processes, each adding its names, a request for each.

    Returns the names whose requests were answered with 200, and what went wrong.
    """
    connections.close_all()
    pipes = [os.pipe() for _ in processes]
    for (_, out), workers in zip(pipes, processes):
        if os.fork() == 0:
            try:
                os.write(out, json.dumps(hammer(key, workers)).encode())
            finally:
                os._exit(0)
    answers = []
    for read, out in pipes:
        os.close(out)
        with open(read) as answer:
            answers.append(json.load(answer))
    for _ in processes:
        os.wait()
    return [sum(lists, []) for lists in zip(*answers)]


def hammer(key, workers):
    done, wrong = [], []

    def work(names):
        for name in names:
            status, _ = visit(key, lambda session: session.__setitem__(name, 1))
            if status == 200:
                done.append(name)
            else:
                wrong.append("%s: %d" % (name, status))
        connections.close_all()

    threads = [threading.Thread(target=work, args=(names,)) for names in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done, wrong + logs


def op_request(key, data=None, pop=None, flush=False, cycle=False):
    """One request that does these, in this order."""

    def change(session):
        session.get("")
        if pop:
            session.pop(pop)
        for name, value in json.loads(data or "{}").items():
            session[name] = value
        if cycle:
            session.cycle_key()
        if flush:
            session.flush()

    status, cookie = visit(key, change)
    return {"status": status, "cookie": cookie}


def op_finish_cycle(key):
    """A new key for a session in flight."""
    store = opened.pop(key)
    store.cycle_key()
    return store.session_key


def op_numbers(key):
    """A session's numbers, as a fresh request reads them."""
    return {name: value for name, value in SessionStore(key).items() if type(value) is int}


def op_evict(key):
    """The cache needs the room."""
    caches["default"].delete(SessionStore.cache_key_prefix + key)


def main(operations):
    answers, sys.stdout = sys.stdout, sys.stderr  # Django's commands may print
    for line in sys.stdin:
        request = json.loads(line)
        del logs[:]
        freeze(request.pop("now", None))
        try:
            answer = {"ok": operations["op_" + request.pop("op")](**request)}
        except Exception as e:
            answer = {"err": type(e).__name__, "text": str(e)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(globals())

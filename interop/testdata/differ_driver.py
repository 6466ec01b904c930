"""The Django of differ_test.go: whole requests, many operations in each.

Its argument and its lines are django_driver.py's, with one operation more.
"""

import json

import django_driver as driver
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.cookie import parse_cookie


def text(value):
    return json.dumps(value, separators=(",", ":"))


def loaded(session):
    session.keys()
    return session


def remove(session, name):
    try:
        del session[name]
    except KeyError:
        return False
    return True


def exists(session):
    """Whether the session's own key is stored; without one Django's files would make one."""
    return bool(loaded(session).session_key) and session.exists(session.session_key)


def interrupted(action):
    """Whether a save finds its session deleted."""
    try:
        action()
    except UpdateError:
        return "interrupted"
    return None


# What Go's methods of the same names answer, each by Django's own.
STEPS = {
    "get": lambda s, name: s.get(name, "absent"),
    "has": lambda s, name: name in s,
    "set": lambda s, name, value: s.__setitem__(name, json.loads(value)),
    "delete": remove,
    "pop": lambda s, name: s.pop(name, "absent"),
    "setdefault": lambda s, name, value: s.setdefault(name, json.loads(value)),
    "update": lambda s, value: s.update(json.loads(value)),
    "keys": lambda s: list(s.keys()),
    "values": lambda s: list(s.values()),
    "items": lambda s: [list(pair) for pair in s.items()],
    "clear": lambda s: loaded(s).clear(),
    "empty": lambda s: s.is_empty(),
    "flags": lambda s: [s.accessed, s.modified],
    "mark": lambda s: setattr(s, "modified", True),
    "flush": lambda s: s.flush(),
    "cycle": lambda s: s.cycle_key(),
    "save": lambda s: interrupted(loaded(s).save),
    "exists": exists,
    "end": lambda s: loaded(s).delete(),
    "expiry": lambda s, expiry: driver.set_expiry(s, expiry),
    "age": lambda s: s.get_expiry_age(),
    "date": lambda s: driver.epoch(s.get_expiry_date()),
    "close": lambda s: s.get_expire_at_browser_close(),
    "test": lambda s: s.set_test_cookie(),
    "tested": lambda s: s.test_cookie_worked(),
    "untest": lambda s: remove(s, s.TEST_COOKIE_NAME),
}


def serve(cookie, steps, status, vary):
    """A request through the middleware, whose view takes the steps."""
    results = []

    def view(request):
        for name, *arguments in steps:
            results.append(text(STEPS[name](request.session, *arguments)))
        response = HttpResponse(status=status)
        if vary:
            response["Vary"] = vary
        return response

    request = HttpRequest()
    request.COOKIES = parse_cookie(cookie)
    try:
        response = SessionMiddleware(view)(request)
    except SessionInterrupted:
        return {"results": results, "status": 400}
    return {
        "results": results,
        "status": response.status_code,
        "cookies": [morsel.output(header="").strip() for morsel in response.cookies.values()],  # as WSGI sends them
        "vary": response.get("Vary", ""),
    }


def op_differ(sets, requests, looks):
    for name, value in sets.items():
        setattr(settings, name, value)
    return {"did": [serve(**r) for r in requests], "seen": [driver.state(driver.SessionStore(key)) for key in looks]}


if driver.connection.vendor == "sqlite":
    with driver.connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous = OFF")
driver.main({**vars(driver), "op_differ": op_differ})

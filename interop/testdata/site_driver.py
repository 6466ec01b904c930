"""A whole Django site for web_test.go: its middlewares, and views like those there.

Its argument and its lines are django_driver.py's, with operations more.
"""

import asyncio
import json

import django_driver as driver
from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.signals import user_logged_in
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.test import RequestFactory
from django.urls import path
from django.utils.safestring import SafeData, mark_safe

from site_users import Backend

user_logged_in.disconnect(dispatch_uid="update_last_login")  # there is no table of users


def login(request):
    auth.login(request, Backend().get_user(7), backend="site_users.Backend")
    return HttpResponse("in")


def logout(request):
    auth.logout(request)
    return HttpResponse("out")


def count(request):
    """Who it is, and how often they were here."""
    request.user.get_username()
    request.session["n"] = request.session.get("n", 0) + 1
    return HttpResponse("%s %s" % (request.user.get_username(), request.session["n"]))


def test_set(request):
    request.session.set_test_cookie()
    return HttpResponse("set")


def tested(request):
    """Whether the test cookie came back, which is then deleted."""
    worked = request.session.test_cookie_worked()
    if worked:
        request.session.delete_test_cookie()
    return JsonResponse(worked, safe=False)


def close(request):
    request.session.set_expiry(0)
    return HttpResponse()


def say(request):
    text = request.GET["text"]
    if request.GET["safe"] == "true":
        text = mark_safe(text)
    messages.add_message(request, int(request.GET["level"]), text, extra_tags=request.GET["tags"])
    return HttpResponse()


def show(request):
    shown = messages.get_messages(request)
    return JsonResponse([[m.level, m.message, m.tags, isinstance(m.message, SafeData)] for m in shown], safe=False)


def token(request):
    return HttpResponse(get_token(request))


def post(request):
    return HttpResponse("done " + request.POST.get("a", ""))


async def a_write(request):
    """What each asynchronous method does to a session."""
    session = request.session
    await session.aset("one", 1.0)
    await session.aupdate({"two": None, "three": [True]})
    await session.asetdefault("four", "4")
    await session.apop("three")
    await session.aset_expiry(300)
    if request.GET.get("cycle"):
        await session.acycle_key()
    return HttpResponse(json.dumps([await session.aget("one"), await session.aget_expiry_age()]))


async def a_read(request):
    session = request.session
    return HttpResponse(
        json.dumps([dict(await session.aitems()), await session.aget_expiry_age(), await session.ahas_key("one")])
    )


async def a_flush(request):
    await request.session.aflush()
    return HttpResponse()


async def a_login(request):
    await auth.alogin(request, Backend().get_user(7), backend="site_users.Backend")
    return HttpResponse("in")


async def a_count(request):
    user = await request.auser()
    await request.session.aset("n", await request.session.aget("n", 0) + 1)
    return HttpResponse("%s %s" % (user.get_username(), await request.session.aget("n")))


VIEWS = [login, logout, count, test_set, tested, close, say, show, token, post]
VIEWS += [a_write, a_read, a_flush, a_login, a_count]
settings.ROOT_URLCONF = tuple(path(view.__name__, view) for view in VIEWS)
handler = BaseHandler()
handler.load_middleware()
asynchronous = BaseHandler()
asynchronous.load_middleware(is_async=True)


def op_set(**values):
    for name, value in values.items():
        setattr(settings, name, value)


def op_request(method, path, cookie, headers, body=""):
    """A request as it comes over HTTPS, and the answer."""
    extra = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    request = RequestFactory().generic(
        method, path, body, "application/x-www-form-urlencoded", secure=True, HTTP_COOKIE=cookie, **extra
    )
    if path.startswith("/a_"):
        response = asyncio.run(asynchronous.get_response_async(request))
    else:
        response = handler.get_response(request)
    return {
        "status": response.status_code,
        "body": response.content.decode(),
        "cookies": [morsel.output(header="").strip() for morsel in response.cookies.values()],
    }


driver.main({**vars(driver), "op_set": op_set, "op_request": op_request})

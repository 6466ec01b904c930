"""A real Django site, served over HTTP: see django_server.py, which runs it.

    django_site.py '{"settings": {NAME: VALUE, ...}}'

It prints its port. Its one page shows who is logged in and what is in the
session; the forms on it go to Django's own login, logout and password change, and
to a view that changes the session. It ends with its standard input.
"""

import json
import os
import socketserver
import sys
import threading
import types
import wsgiref.simple_server

import django
from django.conf import settings

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
<title>Django</title><h1>Django</h1>
<p id="user">{{ request.user.username|default:"nobody" }}</p>
<p id="cart">{{ request.session.cart|join:" " }}</p>
<p id="messages">{% for message in messages %}{{ message.level_tag }}: {{ message }}{% endfor %}</p>
<p id="errors">{{ form.errors.as_text }}</p>
<form id="add" method="post" action="{% url 'add' %}">{% csrf_token %}
<input name="item" aria-label="item"><button>Add</button></form>
<form id="login" method="post" action="{% url 'login' %}">{% csrf_token %}
<input name="username" aria-label="username"><input name="password" type="password" aria-label="password"><button>Log in</button></form>
<form id="logout" method="post" action="{% url 'logout' %}">{% csrf_token %}<button>Log out</button></form>
<form id="change" method="post" action="{% url 'password_change' %}">{% csrf_token %}
<input name="old_password" type="password" aria-label="old"><input name="new_password1" type="password" aria-label="new">
<input name="new_password2" type="password" aria-label="again"><button>Change</button></form>
"""

config = json.loads(sys.argv[1])
urls = types.ModuleType("urls")
settings.configure(
    **{
        "ALLOWED_HOSTS": ["127.0.0.1"],
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
        "LOGGING_CONFIG": None,
        "LOGIN_REDIRECT_URL": "/",
        "LOGOUT_REDIRECT_URL": "/",
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "ROOT_URLCONF": urls,
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ],
                    "loaders": [
                        (
                            "django.template.loaders.locmem.Loader",
                            {
                                name: PAGE
                                for name in [
                                    "page.html",
                                    "registration/login.html",
                                    "registration/password_change_form.html",
                                ]
                            },
                        )
                    ],
                },
            }
        ],
        "USE_TZ": True,
        **config["settings"],
    }
)
django.setup()

from django.contrib import messages  # noqa: E402
from django.contrib.auth import views  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.shortcuts import redirect, render  # noqa: E402
from django.urls import path  # noqa: E402


def page(request):
    return render(request, "page.html")


def add(request):
    cart = request.session.setdefault("cart", [])
    cart.append(request.POST["item"])
    request.session.modified = True
    messages.info(request, "%s is in the cart" % request.POST["item"])
    return redirect("/")


urls.urlpatterns = [
    path("", page),
    path("add/", add, name="add"),
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("password/", views.PasswordChangeView.as_view(success_url="/"), name="password_change"),
]


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass


server = wsgiref.simple_server.make_server("127.0.0.1", 0, get_wsgi_application(), Server, Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
os._exit(0)

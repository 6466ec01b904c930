"""Forks a real Django for every connection to a socket.

    python3 django_server.py SOCKET

Importing Django takes most of a second; it is done here, once. Each connection
then gets a process in which Django is not set up yet, with the connection as
its standard input and output. The first line that comes over it says what to
run there: a JSON list of a script in this folder and its arguments.

The first line on standard output has the versions and which clients of servers
there are. The server ends when its standard input does, and what it forked when
its script does.
"""

import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys

import django
import django.contrib.auth.decorators  # noqa: F401
import django.contrib.auth.hashers  # noqa: F401
import django.core.cache.backends.db  # noqa: F401
import django.core.management  # noqa: F401
import django.db.backends.sqlite3.base  # noqa: F401
import django.db.models  # noqa: F401
import django.http  # noqa: F401
import django.middleware.csrf  # noqa: F401
import django.test  # noqa: F401


def has(module):
    """Whether it is installed; imports it."""
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


CLIENTS = [m for m in ["psycopg2", "MySQLdb", "redis", "django_redis", "pymemcache", "pylibmc"] if has(m)]
if "psycopg2" in CLIENTS:
    import django.db.backends.postgresql.base  # noqa: F401
if "MySQLdb" in CLIENTS:
    import MySQLdb

    # Django 6 wants 2.2.1, Debian has 1.4.6: what sessions need it can.
    MySQLdb.version_info = max(MySQLdb.version_info, (2, 2, 1, "final", 0))
    import django.db.backends.mysql.base  # noqa: F401

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(FOLDER, "..", "..", "django"))  # keepsake_django


def first_line():
    """The first line of standard input, and nothing of what follows it."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return None
        line += byte
    return line


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(128)
    print(django.get_version(), sys.version.split()[0], *CLIENTS, flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([sys.stdin, listener], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        listener.close()
        os.dup2(connection.fileno(), 0)
        os.dup2(connection.fileno(), 1)
        connection.close()
        line = first_line()
        if line:
            sys.argv = json.loads(line)
            runpy.run_path(os.path.join(FOLDER, sys.argv[0]), run_name="__main__")
        return


main()

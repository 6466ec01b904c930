"""Sessions in the database: django.contrib.sessions.backends.db, without lost updates.

The table is Django's, and needs no further column: a row is known by its data and
its expire_date. SQLite, PostgreSQL, MySQL and MariaDB.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.base import CreateError
from django.contrib.sessions.backends.db import SessionStore as DjangoStore
from django.core.exceptions import ImproperlyConfigured
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connections,
    models,
    router,
    transaction,
)
from django.db.models.functions import Cast
from django.utils import timezone

from .base import ROTATION_TRACE, Conflict, MergingSession, Missing, Record, Rotated
from .formats import trace_key

VENDORS = ("sqlite", "postgresql", "mysql")


class Equal(models.Func):
    """Whether a column has just these bytes.

    MySQL's usual collations take two texts for equal that differ in case only.
    """

    template = "%(expressions)s"
    arg_joiner = " = "
    arity = 2
    output_field = models.BooleanField()

    def __init__(self, column: Any, value: str):
        super().__init__(column, models.Value(value, output_field=models.TextField()))

    def as_mysql(self, compiler, connection, **extra):
        sides = [compiler.compile(side) for side in self.source_expressions]
        text = " = ".join("CAST(%s AS BINARY)" % sql for sql, _ in sides)
        return text, [param for _, params in sides for param in params]


def collided(error: DatabaseError) -> bool:
    """Whether the database has undone a write because others were in its way."""
    cause = error.__cause__
    state = getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None)
    if state in ("40001", "40P01"):  # serialization failure, deadlock
        return True
    return isinstance(error, OperationalError) and error.args[:1] == (1213,)  # MySQL's deadlock


class SessionStore(MergingSession, DjangoStore):
    """Django's SessionStore, with MergingSession's saves."""

    @property
    def _using(self) -> str:
        using = router.db_for_write(self.model)
        vendor = connections[using].vendor
        if vendor not in VENDORS:
            raise ImproperlyConfigured(
                "keepsake_django works on SQLite, PostgreSQL, MySQL and MariaDB, not on %s." % vendor
            )
        return using

    def _rows(self, key: str) -> models.QuerySet:
        rows = self.model._base_manager.using(self._using).filter(session_key=key)
        if connections[self._using].vendor == "mysql":
            rows = rows.filter(Equal("session_key", key))
        return rows

    def _dated(self) -> bool:
        """Whether dates are stored as text, which need not be spelled as Django would."""
        return connections[self._using].vendor == "sqlite"

    def _match(self, key: str, old: Record) -> models.QuerySet:
        """The row while it is still old, and lives."""
        rows = self._rows(key).filter(Equal("session_data", old.data), expire_date__gt=timezone.now())
        if old.token is not None:
            return rows.filter(Equal(Cast("expire_date", models.TextField()), old.token))
        return rows.filter(expire_date=old.expires)

    # Values.

    def _normal(self, values: dict) -> dict:
        """The values as they will be read again."""
        serializer = self.serializer()
        return serializer.loads(serializer.dumps(values))

    def _pack(self, values: dict) -> models.Model:
        return self.create_model_instance(values)

    def _unpack(self, record: Record) -> dict:
        return self.decode(record.data)

    # The table.

    def _read(self, key: str) -> Record:
        fields = ["session_data", "expire_date"]
        rows = self._rows(key)
        if self._dated():
            rows = rows.annotate(stored_date=Cast("expire_date", models.TextField()))
            fields.append("stored_date")
        row = rows.values_list(*fields).first()
        if row is not None:
            if row[1] > timezone.now():
                return Record(*row)
            raise Missing
        trace = self._rows(trace_key(key)).values_list("expire_date", flat=True).first()
        if trace is not None and trace + timedelta(seconds=ROTATION_TRACE) > timezone.now():
            raise Rotated
        raise Missing

    def _insert(self, key: str, new: models.Model) -> Record:
        new.session_key = key
        using = self._using
        for again in (False, True):
            try:
                with transaction.atomic(using=using):
                    new.save(force_insert=True, using=using)
                return Record(new.session_data, new.expire_date)
            except IntegrityError:
                # A key whose session has expired is free.
                if again or not self._rows(key).filter(expire_date__lte=timezone.now()).delete()[0]:
                    break
        raise CreateError

    def _fields(self, new: models.Model) -> dict:
        """The columns that a save writes; a site's own model may have more."""
        return {
            field.attname: getattr(new, field.attname)
            for field in new._meta.concrete_fields
            if not field.primary_key
        }

    def _replace(self, key: str, old: Record, new: models.Model) -> Record:
        try:
            changed = self._match(key, old).update(**self._fields(new))
        except DatabaseError as error:
            if not collided(error) or connections[self._using].in_atomic_block:
                raise
            changed = 0
        if not changed:
            raise Conflict(SessionStore._read(self, key))
        return Record(new.session_data, new.expire_date)

    def _move(self, key: str, fresh: str, old: Record, new: models.Model) -> Record:
        """One UPDATE moves the row; a second row is the trace.

        The trace has expired from the beginning, so that no Django takes it for a
        session.
        """
        using, trace = self._using, trace_key(key)
        try:
            with transaction.atomic(using=using):
                changed = self._match(key, old).update(session_key=fresh, **self._fields(new))
                if changed:
                    self._rows(trace).delete()
                    self.model(session_key=trace, session_data="", expire_date=timezone.now()).save(
                        force_insert=True, using=using
                    )
        except DatabaseError as error:
            if not collided(error) or connections[using].in_atomic_block:
                raise
            changed = 0
        if not changed:
            raise Conflict(SessionStore._read(self, key))
        return Record(new.session_data, new.expire_date)

    def _remove(self, key: str) -> None:
        removed, _ = self._rows(key).delete()
        if not removed:
            SessionStore._read(self, key)

    @classmethod
    def clear_expired(cls) -> None:
        """Django's clear_expired, which spares the traces of the last minute."""
        model = cls.get_model_class()
        now = timezone.now()
        rows = model._base_manager.using(router.db_for_write(model))
        rows.filter(expire_date__lt=now).exclude(session_key__startswith="trace:").delete()
        rows.filter(expire_date__lt=now - timedelta(seconds=ROTATION_TRACE), session_key__startswith="trace:").delete()


if settings.SESSION_ENGINE == __name__ and apps.models_ready:  # named at the start
    SessionStore()._using

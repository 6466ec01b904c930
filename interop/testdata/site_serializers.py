"""Serializers as a Django project has them: SESSION_SERIALIZER names one."""

import json
import pickle

from django.core.serializers.json import DjangoJSONEncoder


class DjangoJSONSerializer:
    def dumps(self, obj):
        return json.dumps(obj, cls=DjangoJSONEncoder).encode("utf-8")

    def loads(self, data):
        return json.loads(data.decode("utf-8"))


try:
    from django.contrib.sessions.serializers import PickleSerializer  # until 4.2
except ImportError:

    class PickleSerializer:
        """What a project has kept for itself that went on with pickles in 5.0."""

        def dumps(self, obj):
            return pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)

        def loads(self, data):
            return pickle.loads(data)

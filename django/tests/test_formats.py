"""The formats, by the vectors that the Go tests read, too."""

import json
import pathlib
import pickle
import unittest

from keepsake_django import formats

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = json.loads((ROOT / "engine" / "testdata" / "coherence.json").read_text())


class Formats(unittest.TestCase):
    def test_trace_rows(self):
        for vector in VECTORS["trace_rows"]:
            self.assertEqual(formats.trace_key(vector["key"]), vector["row"])

    def test_cache_traces(self):
        self.assertEqual(formats.TRACE.hex(), VECTORS["cache_traces"]["pickle"])
        self.assertEqual(formats.JSON_TRACE.hex(), VECTORS["cache_traces"]["json"])
        self.assertIsNone(pickle.loads(formats.TRACE))
        self.assertIsNone(json.loads(formats.JSON_TRACE))

    def test_values(self):
        for vector in VECTORS["values"]:
            pickled, value = bytes.fromhex(vector["pickle"]), bytes.fromhex(vector["value"])
            tail = formats.Tail(vector["row"].encode(), vector["epoch"].encode(), vector["expires"])
            self.assertEqual(tail.append(pickled), value)
            self.assertEqual(formats.Tail.cut(value), tail)
            self.assertEqual(pickle.loads(value), vector["django"])

    def test_no_values(self):
        for text in VECTORS["no_values"]:
            self.assertIsNone(formats.Tail.cut(bytes.fromhex(text)), text)

    def test_marks(self):
        for text in VECTORS["marks"]:
            value = bytes.fromhex(text)
            self.assertTrue(formats.is_mark(value))
            self.assertIsNone(formats.Tail.cut(value))
            self.assertIsNone(pickle.loads(value))
        for text in VECTORS["no_marks"]:
            self.assertFalse(formats.is_mark(bytes.fromhex(text)), text)

    def test_new_marks(self):
        marks = {formats.new_mark() for _ in range(1000)}
        self.assertEqual(len(marks), 1000)
        for mark in marks:
            self.assertTrue(formats.is_mark(mark))

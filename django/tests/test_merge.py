"""What counts as a change, and how changes are put together."""

import unittest

from keepsake_django.base import Edits, difference, same


class Merging(unittest.TestCase):
    def test_same(self):
        nan = float("nan")
        for a, b, want in [
            (1, 1, True),
            (1, 1.0, False),
            (1, True, False),
            (0.0, -0.0, False),
            (nan, nan, True),
            (None, None, True),
            ([1, [2]], [1, [2]], True),
            ([1, [2]], [1, [2.0]], False),
            ({"a": [1]}, {"a": [1]}, True),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
            ((1,), [1], False),
        ]:
            self.assertIs(same(a, b), want, (a, b))

    def test_difference(self):
        edits = difference({"kept": 1, "changed": 1, "gone": 1}, {"kept": 1, "changed": 2, "new": []})
        self.assertEqual(edits, Edits({"changed": 2, "new": []}, {"gone"}))
        self.assertFalse(difference({"a": [1]}, {"a": [1]}))

    def test_apply(self):
        edits = Edits({"mine": 2, "both": "mine"}, {"gone"})
        theirs = {"gone": "changed", "both": "theirs", "theirs": 1}
        self.assertEqual(edits.apply(theirs), {"both": "mine", "theirs": 1, "mine": 2})
        self.assertEqual(Edits({"mine": 2}, set(), True).apply(theirs), {"mine": 2})

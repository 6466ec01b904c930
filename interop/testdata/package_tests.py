"""The tests of keepsake_django, which need no server: for keepsakedjango_test.go.

It runs under every Django from 3.2 on, and prints what unittest says of them all.
"""

import os
import sys
import unittest

PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "django")
suite = unittest.TestLoader().discover(os.path.join(PACKAGE, "tests"), top_level_dir=PACKAGE)
result = unittest.TextTestRunner(stream=sys.stdout).run(suite)
print("passed" if result.wasSuccessful() and result.testsRun else "failed", result.testsRun)

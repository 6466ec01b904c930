// Package interop holds tests only: that a real Django and Keepsake share
// sessions, and a real browser against the demo.
//
// TestMatrix runs every scenario on every stack with every Django, in both
// directions, and prints a table when all tests have ended:
//
//	Django        engine  on          values  …  expiry   …
//	Django 6.1.1  db      PostgreSQL  4/4     …  192/192  …
//
// A row is a Django and a stack (stacks_test.go): an engine and the server that
// both sides use, which is real and the tests' own. A column is a scenario
// (matrix_test.go has the list, scenarios_*_test.go what they do). In a cell are
// the checks that passed: before the slash Django acted and Keepsake looked, after
// it Keepsake acted and Django looked. "-" means that the scenario has no meaning
// there; a direction that failed says FAIL. A new row is an entry in stacks, a new
// column one in scenarios.
//
// TestDiffer compares random sequences of requests, whole sites against each other:
// see differ_test.go. It tries a few with each run of the tests; 20,000 with
//
//	go test -run TestDiffer -rapid.checks=5000 -timeout 30m .
//
// where there are four Djangos. A failure prints the seed that repeats it.
//
// The Djangos are those that scripts/djangos has put into .build/django, or the
// one of $KEEPSAKE_PYTHON, or else the first Python of the machine that has one.
// Where a version is missing its rows are skipped, and fail instead with
// KEEPSAKE_STRICT=1, as in CI. The other tests use the newest.
//
// TestBridge and TestBridgeRandom send the same requests to the command in bridge,
// which is Keepsake, and to testdata/django_bridge.py, which is a Django, and compare
// every answer: results, exceptions and their messages, flags, logs, cookies to the
// byte, whether SQL was needed.
//
// Scenarios about whole requests (visits, rotation, messages, csrf, async) run on a
// site of which some pages are Django's and some Keepsake's: web_test.go and
// testdata/site_driver.py.
//
// A Django is a process of testdata/django_driver.py with settings of its own. It
// is forked off testdata/django_server.py, which has imported Django once. What
// stock Django does is never imitated, with one exception that the driver names.
package interop

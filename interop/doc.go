// Package interop holds tests only: Keepsake against a real Django on the same
// SQLite file, and a real browser against the demo.
//
// Django is the one of $KEEPSAKE_PYTHON, else of the first Python that has it:
// python3 on the PATH, then Debian's /usr/bin/python3. Any Django from 3.2 on
// will do. Where there is none the tests are skipped, and fail instead with
// KEEPSAKE_STRICT=1, as in CI.
package interop

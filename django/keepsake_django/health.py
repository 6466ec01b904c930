"""How cached_db treats a cache that fails: it is left alone for a pause.

The pause doubles with each try that fails. What was written meanwhile is
remembered, and told to the cache before anything is read from it again.
"""

from __future__ import annotations

import threading
from typing import Iterable

FIRST_PAUSE, LAST_PAUSE = 0.1, 1.0

# How long this process reads from the database only after the cache has come back,
# beyond the time of two calls: longer than any other process that has requests
# takes to notice, and to mark what it has written meanwhile.
RECOVERY = 2.0

MOST_UNMARKED = 100_000


class Health:
    """A circuit breaker that also knows what the cache has missed.

    A read that fails keeps only reads from the cache: as long as the writers of a
    process reach it, they must tell it what they write. Times are of
    time.monotonic.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._pause = 0.0  # the circuit is closed
        self._unwrite = False  # a write has failed: it is open for writes, too
        self._retry = 0.0  # when somebody may try again
        self._trying = False  # somebody does
        self._unread = 0.0  # until then the cache is written, but not read
        self._unmarked: set[str] = set()
        self._overflow = False  # there were more

    def usable(self, now: float) -> tuple[bool, bool, bool]:
        """Whether the cache may be written, may be read, and is to be tried.

        Who is to try sees whether the cache is back, marks what it has missed, and
        calls recovered or failed.
        """
        with self._lock:
            if not (self._pause or self._unmarked or self._trying):
                return True, now >= self._unread, False
            if self._trying or now < self._retry:
                return not self._unwrite, False, False
            self._trying = True
            return False, False, True

    def failed(self, now: float, write: bool, trying: bool = False) -> bool:
        """Opens the circuit; whether it was closed."""
        with self._lock:
            self._unwrite = self._unwrite or write
            closed = not self._pause
            if not closed and not trying:
                return False  # it had begun before the circuit was opened
            self._pause = min(max(2 * self._pause, FIRST_PAUSE), LAST_PAUSE)
            self._retry = now + self._pause
            if trying:
                self._trying = False
            return closed

    def recovered(self, now: float, life: float, timeout: float) -> bool:
        """Closes the circuit, unless there is still something to mark."""
        with self._lock:
            self._trying = False
            if self._unmarked:
                self._retry = now
                return False
            wait = RECOVERY + 2 * timeout
            if self._overflow:  # until everything has ended that may be out of date
                wait = max(wait, life)
            self._pause, self._unwrite, self._overflow = 0.0, False, False
            self._unread = now + wait
            return True

    def unwritable(self) -> bool:
        with self._lock:
            return self._unwrite

    def missed(self, key: str) -> bool:
        """Remembers a key that was written without the cache's knowing.

        Not if the cache may be written by now: then the caller must tell it.
        """
        with self._lock:
            if self._unwrite:
                self._remember([key])
            return self._unwrite

    def again(self, keys: Iterable[str]) -> None:
        """Remembers keys that could not be marked."""
        with self._lock:
            self._remember(keys)

    def _remember(self, keys: Iterable[str]) -> None:
        for key in keys:
            if len(self._unmarked) >= MOST_UNMARKED:
                self._overflow = True
                return
            self._unmarked.add(key)

    def take(self, most: int) -> list[str]:
        """Keys to mark; what can't be marked is returned with again."""
        with self._lock:
            return [self._unmarked.pop() for _ in range(min(most, len(self._unmarked)))]

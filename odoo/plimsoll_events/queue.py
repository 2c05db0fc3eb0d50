"""A queue that never grows and never makes anyone wait: when it is full, the oldest goes and is counted."""

from __future__ import annotations

import collections
import threading


class BoundedQueue:
    """Of one signal. `put` costs a lock that nobody holds for longer than a few instructions."""

    def __init__(self, size):
        self._items = collections.deque()
        self._size = size
        self._lock = threading.Lock()
        self.dropped = 0

    def __len__(self):
        return len(self._items)

    def put(self, item):
        """The newest matters most to whoever is on call, so the oldest makes room."""
        with self._lock:
            if len(self._items) >= self._size:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)

    def take(self, count):
        """At most `count` of the oldest."""
        with self._lock:
            return [self._items.popleft() for _ in range(min(count, len(self._items)))]

    def put_back(self, items):
        """What could not be sent, before what came since. What no longer fits is dropped, oldest first."""
        with self._lock:
            room = self._size - len(self._items)
            lost = max(0, len(items) - room)
            self.dropped += lost
            self._items.extendleft(reversed(items[lost:]))

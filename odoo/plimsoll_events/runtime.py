"""This process's side of the module: settings, queues, the sender, what it counted. Made once; made anew
after a fork.

Nothing here raises into Odoo. What goes wrong in this module is logged once in a while and otherwise only
costs telemetry.
"""

from __future__ import annotations

import atexit
import hashlib
import hmac
import logging
import os
import threading
import time

from . import otlp
from . import settings as settings_module
from .queue import BoundedQueue
from .sender import Sender
from .vocabulary import DROP_REASONS, METRICS

_logger = logging.getLogger(__name__)

VERSION = "1.0.0"
EXIT_LIMIT = 2.0
FORK_LIMIT = 1.0
FAULT_TOLD_EVERY = 300.0
MEMORY_SECONDS = 600.0
MOST_MEMORIES = 10_000


class Runtime:
    """Queues and sender of one process. `emit` and `finish` are what hooks call."""

    def __init__(self, settings, release=""):
        self.settings = settings
        self.release = release
        self.secrets = {}
        self.watched = set()
        self._faults = {}
        self._begin()

    def _begin(self):
        """The state that a forked child must not share with its parent."""
        size = self.settings.queue_size
        self.queues = {"logs": BoundedQueue(size), "traces": BoundedQueue(size)}
        self.sender = Sender(self.settings, self)
        self._lock = threading.Lock()
        self._memory = {}
        self._started = time.time_ns()
        self._metrics_due = time.monotonic()
        self._sent = 0
        self._lost = {(signal, reason): 0 for signal in self.queues for reason in DROP_REASONS}

    # What hooks call.

    def emit(self, record):
        """A business event, into the queue."""
        self._put("logs", record)

    def finish(self, span):
        """A span that is over, into the queue."""
        if self.settings.spans:
            self._put("traces", span)

    def _put(self, signal, item):
        """Called while Odoo works and while it fails; nothing gets out of here."""
        try:
            queue = self.queues[signal]
            queue.put(item)
            self.sender.wake()
            if len(queue) >= self.settings.batch_size:
                self.sender.hurry()
        except Exception as error:
            self.fault("the queue of " + signal, error)

    def lost(self, signal, reason, count=1):
        """Items that will never be sent."""
        with self._lock:
            self._lost[signal, reason] += count

    def fault(self, where, error):
        """An exception of ours: told once in a while per place and class, with its traceback, and never
        raised."""
        try:
            cause, now = (where, type(error).__name__), time.monotonic()
            if now - self._faults.get(cause, -FAULT_TOLD_EVERY) >= FAULT_TOLD_EVERY:
                self._faults[cause] = now
                _logger.warning(
                    "plimsoll_events could not observe %s; Odoo is not affected", where, exc_info=error
                )
        except Exception:
            pass

    def remember(self, key, load):
        """What hardly changes (a warehouse's code, a company's name), read once in ten minutes."""
        now = time.monotonic()
        kept = self._memory.get(key)
        if kept is None or kept[0] < now:
            if len(self._memory) >= MOST_MEMORIES:
                self._memory.clear()
            kept = self._memory[key] = (now + MEMORY_SECONDS, load())
        return kept[1]

    def pseudonym(self, db_name, what):
        """The same for the same `what` in one database, and nothing that one could get back from it: an HMAC
        under the database's own secret. None before that is known."""
        secret = self.secrets.get(db_name)
        if not secret:
            return None
        return hmac.new(secret.encode(), what.encode(), hashlib.sha256).hexdigest()[:16]

    def watches(self, db_name):
        """Hooks were placed on the database, and nothing there says no."""
        return db_name in self.watched

    # What the sender calls, on its thread.

    def next_batch(self):
        """(signal, items, body) or None. Events go first: they are what people are paged for."""
        for signal, queue in self.queues.items():
            items = queue.take(self.settings.batch_size)
            if items:
                encoded = self._encode(signal, items)
                if encoded is not None:
                    return encoded
        if time.monotonic() >= self._metrics_due:
            self._metrics_due = time.monotonic() + self.settings.metric_interval
            return self._encode("metrics", self._points())
        return None

    def accepted(self, signal, count, rejected):
        if signal == "logs":
            with self._lock:
                self._sent += count
        if rejected:
            self.refused(signal, rejected)

    def refused(self, signal, count):
        if signal in self.queues:
            self.lost(signal, "refused", count)

    def keep(self, signal, items):
        """Counts are cumulative, so those of this time may go."""
        if signal in self.queues:
            self.queues[signal].put_back(items)
        else:
            self._metrics_due = time.monotonic()

    def _encode(self, signal, items):
        try:
            return signal, items, getattr(otlp, signal)(self._resource(), VERSION, items)
        except Exception as error:
            self.fault("the encoding of " + signal, error)
            if signal in self.queues:
                self.lost(signal, "encoding", len(items))
            return None

    def _resource(self):
        pid = os.getpid()
        return {
            **self.settings.resource,
            "service.version": self.release,
            "service.instance.id": "%s-%d" % (self.settings.resource["host.name"], pid),
            "process.pid": pid,
            "telemetry.sdk.name": "plimsoll_events",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": VERSION,
        }

    def counts(self):
        """{(metric, reason or None): value} since this process began, zeros included."""
        with self._lock:
            lost, sent = dict(self._lost), self._sent
        for signal, queue in self.queues.items():
            lost[signal, "queue_full"] += queue.dropped
        counts = {
            ("plimsoll.odoo.events.sent", None): sent,
            ("plimsoll.odoo.queue.length", None): len(self.queues["logs"]),
        }
        names = {"logs": "plimsoll.odoo.events.dropped", "traces": "plimsoll.odoo.spans.dropped"}
        counts.update(((names[signal], reason), value) for (signal, reason), value in lost.items())
        return counts

    def _points(self):
        now = time.time_ns()
        points = []
        for (name, reason), value in self.counts().items():
            unit, kind, _ = METRICS[name]
            start = self._started if kind == "sum" else 0
            points.append(otlp.Point(name, unit, value, start, now, {"reason": reason}))
        return points

    # Forks and the end.

    def before_fork(self):
        """A thread that is in the middle of something does not survive a fork; ours ends first, and starts
        again with the next record."""
        self.sender.stop(FORK_LIMIT)

    def after_fork_in_parent(self):
        if any(self.queues.values()):
            self.sender.wake()

    def after_fork_in_child(self):
        """What the parent has queued is the parent's to send."""
        self._begin()

    def at_exit(self):
        if any(self.counts().values()):
            # The last word on what was sent and lost.
            self._metrics_due = time.monotonic()
        self.sender.drain(EXIT_LIMIT)


_runtime = None


def get():
    """This process's; None until the module is loaded."""
    return _runtime


def start(settings=None, release=None):
    """Idempotent. Starts no thread and opens no connection."""
    global _runtime
    if _runtime is None:
        settings = settings or settings_module.from_odoo()
        problem = settings.problem()
        if problem:
            settings.enabled = False
            _logger.error("plimsoll_events is off: %s", problem)
        _runtime = Runtime(settings, _release() if release is None else release)
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child
        )
        atexit.register(_at_exit)
    return _runtime


def _release():
    from odoo import release

    return release.version


# Looked up at the moment itself: what is registered with the interpreter can't be taken back.
def _before_fork():
    if _runtime is not None:
        _runtime.before_fork()


def _after_in_parent():
    if _runtime is not None:
        _runtime.after_fork_in_parent()


def _after_in_child():
    if _runtime is not None:
        _runtime.after_fork_in_child()


def _at_exit():
    if _runtime is not None:
        _runtime.at_exit()

"""What is being done now, and for whom: a request, a scheduled action, a queue job. Everything that happens
below it shares its trace, its workload and its tries.

One of them is current per thread, or per greenlet where gevent runs them: a `ContextVar` is both.
"""

from __future__ import annotations

import contextvars
import random
import re
import time

from . import otlp

_current = contextvars.ContextVar("plimsoll_events", default=None)
_TRACEPARENT = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")
# Not the one that Odoo's tests and users may seed; and after a fork each process needs its own.
_random = random.SystemRandom()
MOST_KEYS = 10_000


def new_id(digits):
    """Random lower-case hex, never all zeros (which OpenTelemetry forbids)."""
    return "%0*x" % (digits, _random.randrange(1, 16**digits))


class Unit:
    """A unit of work. `workload` and `channel` are words of the vocabulary or None."""

    def __init__(self, workload=None, channel=None, trace_id=None, parent_id="", sampled=True):
        self.workload = workload
        self.channel = channel
        self.trace_id = trace_id or new_id(32)
        self.parent_id = parent_id
        self.sampled = sampled
        self.span = None
        self.tries = None
        self.retries = 0
        self.error = None
        self.model = None
        self.method = None
        self.route = None
        self.notes = {}
        # Events of committed records: what it is known to have handled.
        self.handled = 0
        self._settled = set()

    @property
    def span_id(self):
        return self.span.span_id if self.span else self.parent_id

    def settle(self, key):
        """This fact has been told; a failure of the same is not told after it."""
        if len(self._settled) >= MOST_KEYS:
            self._settled.clear()
        self._settled.add(key)

    def is_settled(self, key):
        return key in self._settled


class Scope:
    """What is put in place around a piece of work, and taken back after it. Nothing here may keep the work
    from being done: each step stands for itself, and `leave` undoes those that were taken."""

    def __init__(self, unit):
        self.unit = unit
        self.span = None
        self._token = None
        self._words = None
        self._outer_span = None

    def enter(self):
        """From here on it is the current unit."""
        self._token = _current.set(self.unit)

    def tell_as(self, workload=None, channel=None):
        """Within it, work counts as `workload` and comes from `channel`: an import within a request."""
        unit = self.unit
        self._words = unit.workload, unit.channel
        unit.workload, unit.channel = workload or unit.workload, channel or unit.channel

    def open(self, name, kind):
        """A span around it, when the trace is sampled."""
        unit = self.unit
        if unit.sampled:
            span = otlp.Span(name, kind, unit.trace_id, new_id(16), unit.span_id, time.time_ns())
            self._outer_span, unit.span, self.span = unit.span, span, span

    def leave(self, finish):
        """`finish` gets the span, if there is one."""
        unit, span = self.unit, self.span
        if span is not None:
            unit.span, span.end = self._outer_span, time.time_ns()
        if self._words is not None:
            unit.workload, unit.channel = self._words
        if self._token is not None:
            _current.reset(self._token)
        if span is not None:
            finish(span)


class Tries:
    """One `retrying` loop: what failed in its last try is a failure only if the loop gives up.

    Loops nest (`/jsonrpc` runs one within another); what the inner one gives up, the outer one may still try
    again.
    """

    def __init__(self, unit, repeats=True):
        self.unit = unit
        # False for a scheduled action: nobody repeats it, so nothing is held back.
        self.repeats = repeats
        self.outer = unit.tries
        self.count = 0
        self.held = {}
        self.undone = {}
        unit.tries = self

    def begin(self):
        """Another try, on a clean slate."""
        self.count += 1
        if self.count > 1:
            self.unit.retries += 1
            self.unit.error = None
        self.held.clear()
        self.undone.clear()

    def hold(self, record):
        self.held.setdefault(record.key, record)

    def undo(self, records):
        """A rollback took these back. If the loop ends in an error, they failed by it."""
        self.undone.update((record.key, record) for record in records)

    def end(self, error, as_failed):
        """The failures that are to be told now: none while an outer loop may try again. `as_failed` makes one
        of what was undone."""
        self.unit.tries = self.outer
        failures = dict(self.held)
        if error is not None:
            for key, record in self.undone.items():
                failures.setdefault(key, as_failed(record, error))
        if self.outer is None or not self.outer.repeats:
            return list(failures.values())
        for record in failures.values():
            self.outer.hold(record)
        return []


def current():
    """The unit of work that runs here, or None: a shell, a start, a test."""
    return _current.get()


def current_or_new():
    """For those who need one now: outside of any, a fresh one that nobody else sees."""
    return _current.get() or Unit()


def parse_traceparent(header):
    """(trace id, parent span id, sampled) of W3C's header, or None when it is absent or malformed."""
    match = _TRACEPARENT.match(header or "")
    if not match or match.group(1) == "ff" or (match.group(1) == "00" and match.group(5)):
        return None
    trace_id, parent_id = match.group(2), match.group(3)
    if not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return trace_id, parent_id, bool(int(match.group(4), 16) & 1)

"""Events that a database transaction earns when it commits, and only then.

They wait in `cr.postcommit`, which Odoo runs after COMMIT and empties at ROLLBACK. A rollback to a savepoint,
which empties nothing, takes back what was earned since the savepoint: `hooks/savepoints.py` tells us. None of
this sends a statement.
"""

from __future__ import annotations

import time

from . import context, runtime
from .context import new_id
from .errors import error_type
from .otlp import Record
from .patching import silent
from .vocabulary import EVENTS

KEY = "plimsoll_events"
MOST_EVENTS = 1000


class Earned:
    """What one transaction will have earned. Of a bulk operation the first thousand are told one by one; the
    rest are counted as dropped, for `limit`."""

    def __init__(self, cr, unit):
        self._cr = cr
        self._unit = unit
        self._records = {}
        self._marks = {}

    @property
    def room(self):
        """How many more events it takes."""
        return MOST_EVENTS - len(self._records)

    def add(self, record):
        """Told once however often it is added: nested calls, and methods that call each other, state one
        fact."""
        if record.key in self._records:
            return
        if len(self._records) >= MOST_EVENTS:
            runtime.get().lost("logs", "limit")
            return
        self._records[record.key] = record

    def get(self, key):
        return self._records.get(key)

    def mark(self, name):
        """A savepoint begins here."""
        self._marks[name] = len(self._records)

    def back_to(self, name):
        """What was earned since that savepoint is no longer true."""
        position = self._marks.get(name, 0)
        taken = list(self._records)[position:]
        self._undo([self._records.pop(key) for key in taken])

    def committed(self):
        records, self._records = list(self._records.values()), {}
        silent("a commit", self._tell, records)

    def rolled_back(self):
        records, self._records = list(self._records.values()), {}
        silent("a rollback", self._undo, records)
        if records and self._unit.tries is not None:
            # After the next commit, an error is not what undid these.
            self._cr.postcommit.add(self._unit.tries.undone.clear)

    def _tell(self, records):
        # Whoever earns something in a callback after ours needs a new start.
        self._cr.postcommit.data.pop(KEY, None)
        self._unit.handled += len(records)
        for record in records:
            self._unit.settle(record.key)
            tell(self._unit, record)

    def _undo(self, records):
        if records and self._unit.tries is not None:
            self._unit.tries.undo(records)


def earned(cr, unit=None):
    """Of the transaction that `cr` is in."""
    known = existing(cr)
    if known is None:
        known = Earned(cr, unit or context.current_or_new())
        cr.postcommit.data[KEY] = known
        cr.postcommit.add(known.committed)
        cr.postrollback.add(known.rolled_back)
    return known


def existing(cr):
    return cr.postcommit.data.get(KEY)


def waiting(cr):
    """How many events wait for this transaction's commit."""
    known = existing(cr)
    return MOST_EVENTS - known.room if known is not None else 0


def tell(unit, record):
    """As it is now: what took from the call until this moment is its duration."""
    record.time = time.time_ns()
    known, allowed = record.attributes, EVENTS[record.name]
    if record.started and "business.duration" in allowed:
        known["business.duration"] = (record.time - record.started) / 1e9
    if record.ended and "odoo.commit_wait" in allowed:
        known["odoo.commit_wait"] = max(0, record.time - record.ended) / 1e9
    if unit.retries and "odoo.retries" in allowed:
        known["odoo.retries"] = unit.retries
    runtime.get().emit(record)


def as_failed(record, error):
    """The failed attempt of what would have been an event: a fact of its own each time."""
    known = {**record.attributes, "business.outcome": "failed"}
    known["event.id"] = "%s:failed:%s" % (known["event.id"], new_id(16))
    if "error.type" in EVENTS[record.name]:
        known["error.type"] = error_type(error)
    return Record(
        record.name, time.time_ns(), known, record.trace_id, record.span_id, True, record.key, record.started
    )


def fail(unit, record, error):
    """Tells the failed attempt of `record`: now, or when the loop that may try it again gives up.

    An exception passes through every hook on its way up; each fact fails by it once.
    """
    if unit.tries is not None and unit.tries.repeats:
        unit.tries.hold(as_failed(record, error))
        return
    once = record.key, id(error)
    if not unit.is_settled(once):
        unit.settle(once)
        tell(unit, as_failed(record, error))


def tell_failures(unit, records):
    """What a loop gave up, unless it went well after all."""
    for record in records:
        if not unit.is_settled(record.key):
            tell(unit, record)

"""How a method of a model is observed: before, after, and when it fails. The original always runs, once, and
its result or exception is what the caller gets.
"""

from __future__ import annotations

import time

from .. import context, facts, runtime, transaction
from ..errors import error_type, is_business
from ..otlp import Record
from ..patching import guarded, silent
from ..vocabulary import select

# From so many records on, nobody waits for each of them.
BULK = 100


class Work:
    """One call under observation. `before` is (state, facts) by record id; `data` is the hook's own."""

    __slots__ = ("args", "before", "cr", "data", "group", "kwargs", "records", "started", "txn", "unit")

    def __init__(self, unit, records, args, kwargs):
        self.unit = unit
        self.cr = records.env.cr
        self.records = records
        self.args = args
        self.kwargs = kwargs
        self.started = time.time_ns()
        self.txn = 0
        self.before = {}
        self.data = None
        self.group = None

    def argument(self, position, name, default=None):
        """However it was passed."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)


class Hook:
    """Of `method` of `model`. Subclasses say what to note (`begin`), and what to tell (`succeeded`,
    `failed`)."""

    model = ""
    method = ""
    # On the class that defines the model rather than on the registry's: for `create` and `write`.
    on_definition = False
    # Told as this while the method runs.
    workload = None
    channel = None
    # A span of its own below the request's.
    span = False

    def wants(self, records, args, kwargs):
        """False for calls that do nothing."""
        return bool(records)

    def begin(self, work):
        """What is known before; may read what the method will read anyway."""

    def succeeded(self, work, result):
        """After the method, within its transaction."""

    def failed(self, work, error):
        """After the method raised. The transaction may be aborted: no statement may be sent."""

    @property
    def where(self):
        return "%s.%s" % (self.model, self.method)

    def around(self, call, records, args, kwargs):
        """Runs the method with all of that around it."""
        scope = guarded(self.where, self._scope, records, args, kwargs)
        if scope is None:
            return call(records, args, kwargs)
        silent(self.where, self._enter, scope, records)
        try:
            return self._observed(call, scope, records, args, kwargs)
        finally:
            silent(self.where, scope.leave, runtime.get().finish)

    def _observed(self, call, scope, records, args, kwargs):
        work = guarded(self.where, self._begun, scope.unit, records, args, kwargs)
        try:
            result = call(records, args, kwargs)
        except BaseException as error:
            if work is not None:
                silent(self.where, self._ended_badly, scope.span, work, error)
            raise
        if work is not None:
            guarded(self.where, self.succeeded, work, result)
        return result

    def _scope(self, records, args, kwargs):
        # Another model may inherit from this one, and is not this one.
        if records._name != self.model or not runtime.get().watches(records.env.cr.dbname):
            return None
        if not self.wants(records, args, kwargs):
            return None
        return context.Scope(context.current_or_new())

    def _enter(self, scope, records):
        if context.current() is None:
            scope.enter()
        if self.workload or self.channel:
            scope.tell_as(self.workload, self.channel)
        if self.span:
            scope.open(self.where, "internal")
        if scope.span is not None:
            scope.span.attributes.update(
                {
                    "odoo.db": records.env.cr.dbname,
                    "odoo.model": self.model,
                    "odoo.method": self.method,
                    "odoo.records": len(records),
                }
            )

    def _begun(self, unit, records, args, kwargs):
        work = Work(unit, records, args, kwargs)
        self.begin(work)
        return work

    def _ended_badly(self, span, work, error):
        if span is not None:
            fail_span(span, error)
        self.failed(work, error)


class Transition(Hook):
    """A method that takes records from one state to another: one event a record, when its transaction
    commits."""

    event = ""
    # The last part of event.id.
    transition = ""
    area = None
    span = True

    def facts(self, record, work):
        """Attributes of one record, in a record with all rights; asked before (for a failure) and after."""
        raise NotImplementedError

    def state(self, record):
        """What must be known from before to tell whether a record changed."""
        return None

    def happened(self, record, before):
        """Whether the record is now where the method should have taken it, and wasn't before."""
        return True

    def subjects(self, work, result):
        """Which records may have changed."""
        return work.records

    def begin(self, work):
        self.note(work)
        for record in work.records.sudo()[: transaction.MOST_EVENTS]:
            work.before[record.id] = self.state(record), self._known(record, work)

    def note(self, work):
        """What costs a statement if anything does: asked before, since a failed transaction answers
        nothing."""
        work.txn = facts.transaction_start(work.cr)
        if self.area:
            work.group = guarded(self.where, facts.user_group, work.records, work.unit, self.area)

    def succeeded(self, work, result):
        ended = time.time_ns()
        subjects = self.subjects(work, result)
        if subjects:
            self.earn(work, subjects.sudo(), ended)

    def earn(self, work, subjects, ended):
        earned = transaction.earned(work.cr, work.unit)
        room = earned.room
        if len(subjects) > room:
            runtime.get().lost("logs", "limit", len(subjects) - room)
        for record in subjects[:room]:
            if self.happened(record, work.before.get(record.id, (None, None))[0]):
                earned.add(self.record(work, record.id, self._known(record, work), len(subjects), ended))

    def failed(self, work, error):
        for res_id, (_, known) in work.before.items():
            transaction.fail(work.unit, self.record(work, res_id, known, len(work.before)), error)

    def key(self, res_id):
        """What makes two events one fact within a transaction."""
        return self.event, res_id

    def record(self, work, res_id, known, count, ended=0):
        known = {
            **common(work),
            "odoo.model": self.model,
            "odoo.res_id": res_id,
            "odoo.method": self.method,
            "odoo.records": count,
            "business.user_group": work.group,
            **known,
        }
        if count >= BULK:
            known["business.workload"] = "bulk"
        event_id = "%s:%s:%s:%s:%s" % (work.cr.dbname, self.model, res_id, self.transition, work.txn)
        return event(self.event, event_id, known, work.unit, self.key(res_id), work.started, ended)

    def _known(self, record, work):
        return guarded(self.where, self._facts, record, work) or {}

    def _facts(self, record, work):
        return {"odoo.record.age": facts.age(record, work.txn), **self.facts(record, work)}


class Run(Hook):
    """A method that is one thing that happens: told when it returns or raises if it `commits` by itself or
    its effect is outside of the database, else when its transaction commits."""

    event = ""
    # The event that says that it began, for what may be killed on the way.
    starting = None
    # The model of event.id.
    identity_model = None

    def facts(self, work):
        raise NotImplementedError

    def identity(self, work):
        """What stands for {id} in event.id."""
        return work.records[:1].id or 0

    def outcome(self, work, result):
        """The error that the method reported instead of raising it, or None."""
        return None

    def commits(self, work):
        return True

    def begin(self, work):
        work.txn = facts.now_micros()
        work.data = {
            **common(work),
            "odoo.model": self.model,
            **(guarded(self.where, self.facts, work) or {}),
        }
        if self.starting:
            transaction.tell(work.unit, self.record(work, self.starting, 0))

    def succeeded(self, work, result):
        error = self.outcome(work, result)
        if error is not None:
            self.failed(work, error)
            return
        record = self.record(work, self.event, work.started)
        if self.commits(work):
            transaction.tell(work.unit, record)
        else:
            transaction.earned(work.cr, work.unit).add(record)

    def failed(self, work, error):
        transaction.fail(work.unit, self.record(work, self.event, work.started), error)

    def record(self, work, name, started):
        transition = name.rpartition(".")[2]
        event_id = "%s:%s:%s:%s:%s" % (
            work.cr.dbname,
            self.identity_model or self.model,
            self.identity(work),
            transition,
            work.txn,
        )
        return event(name, event_id, work.data, work.unit, (name, event_id), started)


class Reported(Exception):
    """A failure that a method reports in its result, with the word for it."""

    def __init__(self, word):
        super().__init__(word)
        self.word = word


def common(work):
    return {"business.workload": work.unit.workload, "odoo.db": work.cr.dbname}


def event(name, event_id, known, unit, key, started=0, ended=0):
    attributes = select(name, {**known, "event.id": event_id, "business.outcome": "ok"})
    return Record(
        name, started or time.time_ns(), attributes, unit.trace_id, unit.span_id, False, key, started, ended
    )


def fail_span(span, error):
    """A refusal that the user is told about is no fault of the system: its class is noted, its status is not
    error."""
    span.attributes["error.type"] = error_type(error)
    span.error = not is_business(error)

"""Scheduled actions, queue jobs (OCA's `queue_job`) and reports: what runs without a person in front of it,
or long."""

from __future__ import annotations

import os
import sys
import time

from .. import context, facts, runtime, transaction
from ..errors import is_concurrency
from ..patching import guarded, patch_function, silent
from .base import Hook, Run, Work, event, fail_span

_DOCUMENTS = ("sale.order", "purchase.order", "stock.picking", "account.move")


def background(name, kind):
    """A unit of work of its own, and its span: what is scheduled has no caller whose trace it could
    continue."""
    scope = context.Scope(context.Unit("scheduled"))
    scope.enter()
    # Whoever gets the scope takes it back, so nothing may fail between both.
    silent("a span", scope.open, name, kind)
    return scope


class Cron(Hook):
    """`_callback`, which 16.0 and 17.0 give the id of the job and which swallows its error there, and which
    18.0 and later call on the job itself and which raises."""

    model = "ir.cron"
    method = "_callback"

    def around(self, call, records, args, kwargs):
        scope = silent(self.where, self._opened, records, args, kwargs)
        if scope is None:
            return call(records, args, kwargs)
        try:
            return self._run(call, scope, records, args, kwargs)
        finally:
            silent(self.where, scope.leave, runtime.get().finish)

    def _run(self, call, scope, records, args, kwargs):
        work = guarded(self.where, self._started, scope, records, args, kwargs)
        tries = silent(self.where, _only_try, scope.unit)
        try:
            result = call(records, args, kwargs)
        except BaseException as error:
            silent(self.where, self._ended, work, scope, tries, error)
            raise
        # 16.0 and 17.0 noted what they swallowed.
        silent(self.where, self._ended, work, scope, tries, scope.unit.notes.get("cron_error"))
        return result

    def _opened(self, records, args, kwargs):
        if not runtime.get().watches(records.env.cr.dbname):
            return None
        return background("cron %s" % (args[0] if args else kwargs.get("cron_name", "")), "internal")

    def _started(self, scope, records, args, kwargs):
        work, span = Work(scope.unit, records, args, kwargs), scope.span
        name = str(work.argument(0, "cron_name", ""))
        work.txn = facts.now_micros()
        res_id = records.id if len(records) == 1 else work.argument(2, "job_id", 0)
        work.data = {
            "business.workload": "scheduled",
            "odoo.db": work.cr.dbname,
            "odoo.model": self.model,
            "odoo.res_id": res_id,
            "odoo.cron.name": name,
            "odoo.worker.pid": os.getpid(),
        }
        if span is not None:
            span.attributes.update({"odoo.db": work.cr.dbname, "odoo.cron.name": name})
        transaction.tell(scope.unit, self._record(work, "odoo.ir.cron.started"))
        work.before["accounting"] = facts.remembered(
            records.env["ir.actions.server"].browse(work.argument(1, "server_action_id")),
            "accounting",
            _accounting,
        )
        return work

    def _record(self, work, name, model=None):
        event_id = "%s:%s:%s:%s:%d" % (
            work.cr.dbname,
            model or self.model,
            work.data["odoo.res_id"],
            name.rpartition(".")[2],
            work.txn,
        )
        return event(
            name,
            event_id,
            {**work.data, "odoo.model": model or self.model},
            work.unit,
            (name, event_id),
            work.started,
        )

    def _ended(self, work, scope, tries, error):
        unit, span = scope.unit, scope.span
        transaction.tell_failures(unit, tries.end(error, transaction.as_failed))
        if error is not None and span is not None:
            fail_span(span, error)
            span.error = True
        if work is None:
            return
        # 16.0 and 17.0 commit later, once for all.
        work.data["odoo.records"] = unit.handled + transaction.waiting(work.cr) or None
        told = [self._record(work, "odoo.ir.cron.done")]
        if work.before["accounting"] == "yes":
            told.append(self._record(work, "odoo.account.batch.done", "account.batch"))
        for record in told:
            if error is None:
                transaction.tell(unit, record)
            else:
                transaction.fail(unit, record, error)


def _only_try(unit):
    """Nobody repeats a scheduled action; what its error rolls back has failed all the same."""
    tries = context.Tries(unit, repeats=False)
    tries.begin()
    return tries


def _accounting(action):
    """Whether a scheduled action is one of accounting: automatic posting, sending, follow-ups, bank
    imports."""
    return "yes" if (action.model_id.model or "").startswith("account.") else "no"


class CronError(Hook):
    """16.0 and 17.0 only."""

    model = "ir.cron"
    method = "_handle_callback_exception"

    def around(self, call, records, args, kwargs):
        silent(self.where, self._note, args, kwargs)
        return call(records, args, kwargs)

    @staticmethod
    def _note(args, kwargs):
        unit = context.current()
        if unit is not None:
            # (cron_name, server_action_id, job_id, job_exception)
            unit.notes["cron_error"] = args[3] if len(args) > 3 else kwargs.get("job_exception")


class Report(Run):
    """A PDF: what people wait for at a printer, and what runs out of memory or time."""

    model = "ir.actions.report"
    method = "_render_qweb_pdf"
    starting = "odoo.ir.actions.report.started"
    event = "odoo.ir.actions.report.done"
    workload = "report"

    def wants(self, records, args, kwargs):
        return True

    def facts(self, work):
        reference, ids = work.argument(0, "report_ref"), work.argument(1, "res_ids") or ()
        return {
            "odoo.res_id": self._report_id(work, reference) or None,
            "odoo.records": 1 if isinstance(ids, int) else len(ids),
        }

    def _report_id(self, work, reference):
        if not isinstance(reference, str):
            return getattr(reference, "id", reference)
        # Not by `_get_report`, which addons override, and not always without effects.
        reports = work.records.env[self.model].sudo()
        key = work.cr.dbname, "report", reference
        return runtime.get().remember(
            key, lambda: reports.search([("report_name", "=", reference)], limit=1).id or None
        )

    def identity(self, work):
        return work.data.get("odoo.res_id") or 0


HOOKS = [Cron, CronError, Report]


def install_queue_job():
    """When the addon's code is there: its `Job` is a class of the process, not of a registry."""
    module = sys.modules.get("odoo.addons.queue_job.job")
    if module is None:
        return
    patch_function(module.Job, "set_started", _set_started)
    patch_function(module.Job, "perform", _perform)
    patch_function(module.Job, "set_done", _set_done)
    patch_function(module.Job, "set_failed", _set_failed)


def _set_started(original, job, *args, **kwargs):
    result = original(job, *args, **kwargs)
    silent("a queue job", _tell_started, job)
    return result


def _perform(original, job, *args, **kwargs):
    """The job's own work, as a unit of its own within the runner's request."""
    scope = silent("a queue job", _opened, job)
    if scope is None:
        return original(job, *args, **kwargs)
    started = time.time_ns()
    tries = silent("a queue job", _begin, scope, job)
    try:
        result = original(job, *args, **kwargs)
    except BaseException as error:
        silent("a queue job", _performed, scope, tries, error)
        silent("a queue job", _note, job, scope.unit, started, error)
        raise
    else:
        silent("a queue job", _performed, scope, tries, None)
        silent("a queue job", _note, job, scope.unit, started, None)
        return result
    finally:
        silent("a queue job", scope.leave, runtime.get().finish)


def _opened(job):
    if not runtime.get().watches(job.env.cr.dbname):
        return None
    return background("job %s.%s" % (job.model_name, job.method_name), "consumer")


def _begin(scope, job):
    tries, span = context.Tries(scope.unit), scope.span
    tries.begin()
    if span is not None:
        span.attributes.update(
            {
                "odoo.db": job.env.cr.dbname,
                "odoo.model": job.model_name,
                "odoo.method": job.method_name,
                "odoo.queue.channel": job.channel,
            }
        )
    return tries


def _performed(scope, tries, error):
    unit, span = scope.unit, scope.span
    if error is not None and (is_concurrency(error) or type(error).__name__ == "RetryableJobError"):
        # It will be done again: nothing failed for good.
        tries.begin()
        error = None
    if error is not None and span is not None:
        fail_span(span, error)
        span.error = True
    transaction.tell_failures(unit, tries.end(error, transaction.as_failed))


def _note(job, unit, started, error):
    """`set_done` and `set_failed` come later, outside of the unit."""
    job.__dict__["_plimsoll"] = unit, started, error


def _job_facts(job):
    return {
        "business.workload": "scheduled",
        "business.company": facts.name_of(job.env["res.company"].browse(job.company_id))
        if job.company_id
        else None,
        "business.process_id": _document(job),
        "odoo.db": job.env.cr.dbname,
        "odoo.model": job.model_name,
        "odoo.method": job.method_name,
        "odoo.queue.channel": job.channel,
        "odoo.worker.pid": os.getpid(),
    }


def _document(job):
    """The reference of the one document that the job is about."""
    records = job.recordset
    return facts.name_of(records) if records._name in _DOCUMENTS and len(records) == 1 else None


def _job_event(job, name, count):
    unit, started, _ = job.__dict__.get("_plimsoll") or (context.current_or_new(), 0, None)
    known = _job_facts(job)
    if count > 1:
        known["odoo.retries"] = count - 1
    event_id = "%s:queue.job:%s:%s:%d" % (job.env.cr.dbname, job.uuid, name.rpartition(".")[2], count)
    return unit, event(name, event_id, known, unit, (name, event_id), started)


def _tell_started(job):
    """At once: the runner commits the state next, and a job that is killed has nothing later to say."""
    if runtime.get().watches(job.env.cr.dbname):
        # `perform` counts this try when it begins.
        transaction.tell(*_job_event(job, "odoo.queue.job.started", job.retry + 1))


def _set_done(original, job, *args, **kwargs):
    result = original(job, *args, **kwargs)
    silent("a queue job", _earn_done, job)
    return result


def _earn_done(job):
    if runtime.get().watches(job.env.cr.dbname):
        unit, record = _job_event(job, "odoo.queue.job.done", job.retry)
        transaction.earned(job.env.cr, unit).add(record)


def _set_failed(original, job, *args, **kwargs):
    result = original(job, *args, **kwargs)
    silent("a queue job", _tell_failed, job, kwargs)
    return result


def _tell_failed(job, values):
    if runtime.get().watches(job.env.cr.dbname):
        unit, record = _job_event(job, "odoo.queue.job.done", job.retry)
        error = (job.__dict__.get("_plimsoll") or (None, 0, None))[2]
        transaction.fail(unit, record, error or _Named(values.get("exc_name")))


class _Named(Exception):
    """A failure that is known by its name only."""

    def __init__(self, name):
        super().__init__(name)
        self.word = (name or "unknown").rpartition(".")[2]

"""Queue jobs of OCA's `queue_job`. Its `Job` is a class of the process and not a model: `set_started`,
`perform`, `set_done` and `set_failed` are what its runner calls, in all four series.
"""

from __future__ import annotations

import os
import sys
import time

from .. import context, facts, runtime, transaction
from ..errors import is_concurrency
from ..patching import patch_function, silent
from .base import event, fail_span
from .jobs import background

_DOCUMENTS = ("sale.order", "purchase.order", "stock.picking", "account.move")
_NO_FAILURE = ("RetryableJobError", "NothingToDoJob")


def install():
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
    if error is not None and (is_concurrency(error) or type(error).__name__ in _NO_FAILURE):
        # It will be done again, or need not be done: nothing failed.
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

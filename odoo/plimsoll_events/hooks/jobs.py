"""Scheduled actions and reports: what runs without a person in front of it, or long."""

from __future__ import annotations

import os

from .. import context, facts, runtime, transaction
from ..patching import guarded, silent
from .base import Hook, Run, Work, event, fail_span


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

"""What leaves Odoo or comes in from elsewhere: e-mail, carriers, electronic invoices, EDI."""

from __future__ import annotations

from .. import context, facts, transaction
from .base import Hook, Reported, Run, Transition, common, event

_MAIL_FAILURES = {
    "mail_smtp": "connection",
    "mail_email_invalid": "validation",
    "mail_from_invalid": "validation",
    "mail_email_missing": "missing",
    "mail_from_missing": "missing",
}


class MailServer(Hook):
    """How long a delivery took; what became of it is told by `MailSent`."""

    model = "ir.mail_server"
    method = "send_email"

    def wants(self, records, args, kwargs):
        return True

    def succeeded(self, work, result):
        work.unit.notes["mail_started"] = work.started

    def failed(self, work, error):
        work.unit.notes["mail_started"], work.unit.notes["mail_error"] = work.started, error


class MailSent(Hook):
    """Called for each mail after the attempt. At once: a mail that has left does not come back with a
    rollback."""

    model = "mail.mail"
    method = "_postprocess_sent_message"

    def begin(self, work):
        # Before the method, which may delete what it was about.
        started = work.unit.notes.pop("mail_started", 0)
        raised = work.unit.notes.pop("mail_error", None)
        failure = work.kwargs.get("failure_type")
        for mail in work.records.ids:
            known = {
                **common(work),
                "odoo.model": self.model,
                "odoo.res_id": mail,
                "integration.kind": "email",
            }
            event_id = "%s:mail.mail:%d:sent" % (work.cr.dbname, mail)
            record = event("odoo.mail.mail.sent", event_id, known, work.unit, (self.where, mail), started)
            if failure:
                error = raised or Reported(_MAIL_FAILURES.get(failure, str(failure)))
                # Not held for a loop above: no retry takes this attempt back.
                transaction.fail(context.Unit(), record, error)
            else:
                transaction.tell(work.unit, record)


class FetchErrors(Hook):
    """Notes why a mailbox could not be opened, which its caller only logs."""

    model = "fetchmail.server"
    method = "connect"

    def failed(self, work, error):
        work.unit.notes["fetch_error"] = error


class FetchErrorsOf19(FetchErrors):
    method = "_connect__"


class Fetched(Run):
    """16.0 to 18.0: the scheduled action calls it on all servers."""

    model = "fetchmail.server"
    method = "fetch_mail"
    event = "odoo.fetchmail.server.fetched"
    workload = "scheduled"

    def wants(self, records, args, kwargs):
        # From 19.0 on it only calls `_fetch_mail`.
        return bool(records) and not hasattr(records, "_fetch_mail")

    def facts(self, work):
        work.unit.notes.pop("fetch_error", None)
        return {
            "odoo.res_id": work.records[:1].id,
            "odoo.records": len(work.records),
            "integration.kind": "email",
        }

    def outcome(self, work, result):
        return result if isinstance(result, Exception) else work.unit.notes.pop("fetch_error", None)


class FetchedOf19(Fetched):
    """Commits after each message and returns what went wrong."""

    method = "_fetch_mail"

    def wants(self, records, args, kwargs):
        return bool(records)


class EdiSent(Transition):
    """Electronic invoices of `account_edi`: a failure is written on the document and committed."""

    model = "account.edi.document"
    method = "_process_job"
    event = "odoo.account.edi.document.sent"
    transition = "sent"

    def wants(self, records, args, kwargs):
        return bool(self.documents(records, args, kwargs))

    @staticmethod
    def documents(records, args, kwargs):
        job = args[0] if args else kwargs.get("job")
        found = job.get("documents") if isinstance(job, dict) else job
        return found if found is not None else records

    def begin(self, work):
        work.records = self.documents(work.records, work.args, work.kwargs)
        super().begin(work)

    def facts(self, record, work):
        move = record.move_id
        return {
            "business.company": facts.company(move),
            "business.process_id": facts.value(move, "name"),
            "integration.name": facts.name_of(record.edi_format_id, "code"),
            "integration.kind": "edi",
        }

    def state(self, record):
        return record.state

    def happened(self, record, before):
        return bool(record.error) or (record.state in ("sent", "cancelled") and before != record.state)

    def record(self, work, res_id, known, count, ended=0):
        told = super().record(work, res_id, known, count, ended)
        if ended and work.records.browse(res_id).sudo().error:
            return transaction.as_failed(told, Reported("refused"))
        return told


class Exchange(Transition):
    """Messages of OCA's `edi`: sent, received or processed, with errors written on the record."""

    model = "edi.backend"
    event = "odoo.edi.exchange.record.processed"
    transition = "processed"

    def wants(self, records, args, kwargs):
        return bool(args or kwargs.get("exchange_record"))

    def begin(self, work):
        work.data = work.records
        work.records = work.argument(0, "exchange_record")
        super().begin(work)

    def facts(self, record, work):
        return {
            "business.process_id": facts.value(record, "identifier"),
            "integration.name": facts.name_of(record.backend_id),
            "integration.kind": "edi",
            "integration.direction": "in" if facts.value(record, "direction") == "input" else "out",
        }

    def record(self, work, res_id, known, count, ended=0):
        known = {**known, "odoo.model": "edi.exchange.record"}
        told = super().record(work, res_id, known, count, ended)
        told.attributes["event.id"] = "%s:edi.exchange.record:%d:processed:%d" % (
            work.cr.dbname,
            res_id,
            work.txn,
        )
        if ended and "error" in (work.records.browse(res_id).sudo().edi_exchange_state or ""):
            return transaction.as_failed(told, Reported("refused"))
        return told


class Sent(Exchange):
    method = "exchange_send"


class Received(Exchange):
    method = "exchange_receive"


class Processed(Exchange):
    method = "exchange_process"


class CarrierCall(Run):
    """A call to a carrier's system; those that Odoo computes itself are none."""

    model = "delivery.carrier"
    event = "integration.call.done"

    def wants(self, records, args, kwargs):
        return bool(records) and records[:1].sudo().delivery_type not in ("fixed", "base_on_rule", False)

    def facts(self, work):
        subject = work.args[0] if work.args else None
        return {
            "business.process_id": facts.value(subject[:1].sudo(), "name") if subject else None,
            "integration.name": facts.name_of(work.records[:1]),
            "integration.kind": "carrier",
            "integration.direction": "out",
        }

    def outcome(self, work, result):
        refused = isinstance(result, dict) and result.get("success") is False
        return Reported("refused") if refused else None


class Shipping(CarrierCall):
    method = "send_shipping"


class Rating(CarrierCall):
    method = "rate_shipment"


HOOKS = [
    MailServer,
    MailSent,
    FetchErrors,
    FetchErrorsOf19,
    Fetched,
    FetchedOf19,
    EdiSent,
    Sent,
    Received,
    Processed,
    Shipping,
    Rating,
]

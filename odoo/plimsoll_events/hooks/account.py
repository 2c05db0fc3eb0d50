"""Entries, payments, the close (`account`, `payment`)."""

from __future__ import annotations

from .. import facts
from .base import Reported, Transition

_TYPES = {
    "out_invoice": "invoice",
    "in_invoice": "bill",
    "out_refund": "credit_note",
    "in_refund": "refund",
    "out_receipt": "receipt",
    "in_receipt": "receipt",
    "entry": "entry",
}


def journal(record):
    return facts.name_of(facts.value(record, "journal_id"), "code")


class MoveTransition(Transition):
    model = "account.move"
    area = "accounting"

    def facts(self, record, work):
        # A draft is called "/" until it has a number.
        own = facts.value(record, "name")
        return {
            "business.company": facts.company(record),
            "business.process_id": facts.value(record, "invoice_origin") or (None if own == "/" else own),
            "business.customer": facts.customer(record),
            "business.amount": facts.value(record, "amount_untaxed"),
            "business.currency": facts.currency(record),
            "odoo.move.type": _TYPES.get(record.move_type),
            "odoo.journal": journal(record),
        }

    def state(self, record):
        return record.state


class Posted(MoveTransition):
    method = "_post"
    event = "odoo.account.move.posted"
    transition = "posted"

    def subjects(self, work, result):
        # With `soft`, entries of the future stay drafts and are not returned.
        return result

    def happened(self, record, before):
        return record.state == "posted" and before != "posted"


class Reset(MoveTransition):
    method = "button_draft"
    event = "odoo.account.move.reset"
    transition = "reset"

    def happened(self, record, before):
        return record.state == "draft" and before == "posted"


class Registered(Transition):
    model = "account.payment"
    method = "action_post"
    event = "odoo.account.payment.registered"
    transition = "registered"
    area = "accounting"

    def facts(self, record, work):
        return {
            "business.company": facts.company(record),
            "business.process_id": facts.value(record, "ref")
            or facts.value(record, "memo")
            or facts.value(record, "name"),
            "business.customer": facts.customer(record),
            "business.amount": facts.value(record, "amount"),
            "business.currency": facts.currency(record),
            "odoo.journal": journal(record),
        }

    def state(self, record):
        return record.state

    def happened(self, record, before):
        # `posted` until 17.0, `in_process` or `paid` from 18.0 on.
        return record.state in ("posted", "in_process", "paid") and before == "draft"


class PeriodClosed(Transition):
    """A lock date was moved. Which fields there are depends on the version; all end alike."""

    model = "res.company"
    method = "write"
    event = "odoo.res.company.period_closed"
    transition = "period_closed"
    on_definition = True
    span = False

    def wants(self, records, args, kwargs):
        return bool(records) and bool(self.dates(args, kwargs))

    @staticmethod
    def dates(args, kwargs):
        values = args[0] if args else kwargs.get("vals", {})
        return [key for key in values if key.endswith("lock_date")]

    def facts(self, record, work):
        moved = [
            record[name]
            for name in self.dates(work.args, work.kwargs)
            if name in record._fields and record[name]
        ]
        return {"business.company": record.name, "business.due": facts.moment(max(moved)) if moved else None}


class ProviderTransition(Transition):
    """What a payment provider said. A refusal is no exception: it is committed like a success."""

    model = "payment.transaction"
    event = "odoo.payment.transaction.done"
    transition = "done"

    def facts(self, record, work):
        return {
            "business.company": facts.company(record),
            "business.process_id": facts.value(record, "reference"),
            "business.amount": facts.value(record, "amount"),
            "business.currency": facts.currency(record),
            "integration.name": facts.name_of(facts.related(record, "provider_id"), "code"),
            "integration.kind": "payment",
        }

    def state(self, record):
        return record.state


class Paid(ProviderTransition):
    method = "_set_done"

    def happened(self, record, before):
        return record.state == "done" and before != "done"


class Refused(ProviderTransition):
    method = "_set_error"

    def happened(self, record, before):
        return record.state == "error"

    def record(self, work, res_id, known, count, ended=0):
        from ..transaction import as_failed

        return as_failed(super().record(work, res_id, known, count, ended), Reported("refused"))


HOOKS = [Posted, Reset, Registered, PeriodClosed, Paid, Refused]

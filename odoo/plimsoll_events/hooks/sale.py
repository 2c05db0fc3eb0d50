"""Quotations, orders, cancellations (`sale`)."""

from __future__ import annotations

from .. import facts
from ..patching import guarded
from .base import Transition


def order_facts(order, unit):
    """Of a sale order: who and where it is for, and what it is worth."""
    return {
        "business.company": facts.company(order),
        "business.process_id": facts.value(order, "name"),
        "business.warehouse": facts.warehouse_code(facts.value(order, "warehouse_id")),
        "business.channel": facts.channel(order, unit),
        "business.customer": facts.customer(order),
        "business.amount": facts.value(order, "amount_untaxed"),
        "business.currency": facts.currency(order),
        "business.due": facts.moment(facts.value(order, "commitment_date")),
    }


class SaleTransition(Transition):
    model = "sale.order"
    area = "sales"

    def facts(self, record, work):
        return order_facts(record, work.unit)

    def state(self, record):
        return record.state


class Quoted(SaleTransition):
    method = "create"
    event = "odoo.sale.order.quoted"
    transition = "quoted"
    on_definition = True
    span = False

    def wants(self, records, args, kwargs):
        return True

    def begin(self, work):
        """Nothing exists yet. Without a start of the transaction in its id: an order is quoted once."""

    def succeeded(self, work, result):
        # Amounts are computed when the transaction is flushed; asking now would compute them once more.
        if result:
            work.cr.precommit.add(lambda: guarded(self.where, self.earn, work, result.sudo(), 0))

    def happened(self, record, before):
        return record.state in ("draft", "sent")

    def failed(self, work, error):
        """There is no record to speak of."""

    def record(self, work, res_id, known, count, ended=0):
        record = super().record(work, res_id, known, count, ended)
        record.attributes["event.id"] = "%s:sale.order:%d:quoted" % (work.cr.dbname, res_id)
        return record


class Confirmed(SaleTransition):
    method = "action_confirm"
    event = "odoo.sale.order.confirmed"
    transition = "confirmed"

    def happened(self, record, before):
        # 16.0 lets one confirm twice, and has `done` for locked.
        return record.state in ("sale", "done") and before not in ("sale", "done")


class Cancelled(SaleTransition):
    method = "_action_cancel"
    event = "odoo.sale.order.cancelled"
    transition = "cancelled"

    def happened(self, record, before):
        return record.state == "cancel" and before != "cancel"


HOOKS = [Quoted, Confirmed, Cancelled]

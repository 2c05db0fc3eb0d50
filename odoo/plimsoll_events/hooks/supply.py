"""Purchases, procurement, replenishment, imports and prices."""

from __future__ import annotations

from .. import facts, transaction
from .base import Reported, Run, Transition
from .stock import type_warehouse


class Purchased(Transition):
    model = "purchase.order"
    method = "button_confirm"
    event = "odoo.purchase.order.confirmed"
    transition = "confirmed"

    def facts(self, record, work):
        kind = facts.related(record, "picking_type_id")
        return {
            "business.company": facts.company(record),
            "business.process_id": record.name,
            "business.warehouse": type_warehouse(kind) if kind else None,
            "business.amount": facts.value(record, "amount_untaxed"),
            "business.currency": facts.currency(record),
            "business.due": facts.moment(facts.value(record, "date_planned")),
        }

    def state(self, record):
        return record.state

    def happened(self, record, before):
        # With two steps, `button_confirm` only asks for approval.
        return record.state in ("purchase", "done") and before not in ("purchase", "done")


class Approved(Purchased):
    method = "button_approve"


class Scheduler(Run):
    """The procurement scheduler, which commits as it goes. A model of its own until 18.0."""

    model = "procurement.group"
    method = "run_scheduler"
    event = "odoo.procurement.run.done"
    identity_model = "procurement.run"
    workload = "scheduled"

    def wants(self, records, args, kwargs):
        return True

    def facts(self, work):
        company = work.argument(1, "company_id")
        return {
            "business.company": facts.name_of(work.records.env["res.company"].browse(company))
            if company
            else None
        }

    def identity(self, work):
        return work.cr.dbname

    def succeeded(self, work, result):
        work.data["odoo.records"] = work.unit.notes.pop("orderpoints", None)
        super().succeeded(work, result)


class RuleScheduler(Scheduler):
    model = "stock.rule"


class Replenished(Run):
    model = "stock.warehouse.orderpoint"
    method = "_procure_orderpoint_confirm"
    event = "odoo.stock.warehouse.orderpoint.replenished"

    def commits(self, work):
        return bool(work.argument(0, "use_new_cursor"))

    def facts(self, work):
        first, notes = work.records[:1].sudo(), work.unit.notes
        notes["orderpoints"] = notes.get("orderpoints", 0) + len(work.records)
        return {
            "business.company": facts.company(first),
            "business.warehouse": facts.warehouse_code(facts.value(first, "warehouse_id")),
            "odoo.res_id": first.id,
            "odoo.records": len(work.records),
        }


class Imported(Run):
    """A file that somebody loads. What it confirms or creates on the way counts as bulk, and as from an
    import."""

    model = "base_import.import"
    method = "execute_import"
    event = "odoo.base.import.done"
    identity_model = "base.import"
    workload = "bulk"
    channel = "import"

    def wants(self, records, args, kwargs):
        # (fields, columns, options, dryrun): a trial is rolled back by Odoo itself.
        return not (args[3] if len(args) > 3 else kwargs.get("dryrun"))

    def commits(self, work):
        return False

    def facts(self, work):
        return {
            "business.company": facts.name_of(work.records.env.company),
            "odoo.import.model": facts.value(work.records, "res_model"),
        }

    def outcome(self, work, result):
        found = result if isinstance(result, dict) else {}
        work.data["odoo.records"] = len(found.get("ids") or ())
        messages = found.get("messages") or ()
        return Reported("validation") if any(message.get("type") == "error" for message in messages) else None


class PriceChange(Transition):
    """One event a transaction, however many prices it changes."""

    event = "odoo.product.price.updated"
    transition = "updated"
    on_definition = True
    span = False

    def begin(self, work):
        self.note(work)
        work.data = len(work.records)

    def succeeded(self, work, result):
        records = result if self.method == "create" else work.records
        earned = transaction.earned(work.cr, work.unit)
        told = earned.get(self.key(None))
        if told is None:
            earned.add(self.record(work, records[:1].id, {}, len(records)))
        else:
            told.attributes["odoo.records"] += len(records)

    def failed(self, work, error):
        transaction.fail(work.unit, self.record(work, work.records[:1].id or 0, {}, work.data), error)

    def key(self, res_id):
        return (self.event,)

    def record(self, work, res_id, known, count, ended=0):
        record = super().record(work, res_id, known, count, ended)
        record.attributes["event.id"] = "%s:product.price:%s:updated:%s" % (
            work.cr.dbname,
            work.cr.dbname,
            work.txn,
        )
        return record


class RuleWritten(PriceChange):
    model = "product.pricelist.item"
    method = "write"


class RuleCreated(PriceChange):
    model = "product.pricelist.item"
    method = "create"

    def wants(self, records, args, kwargs):
        return True


class RuleDeleted(PriceChange):
    model = "product.pricelist.item"
    method = "unlink"


class TemplatePrice(PriceChange):
    model = "product.template"
    method = "write"

    def wants(self, records, args, kwargs):
        values = args[0] if args else kwargs.get("vals", {})
        return bool(records) and not values.keys().isdisjoint(("list_price", "standard_price", "lst_price"))


class ProductPrice(TemplatePrice):
    model = "product.product"


HOOKS = [
    Purchased,
    Approved,
    Scheduler,
    RuleScheduler,
    Replenished,
    Imported,
    RuleWritten,
    RuleCreated,
    RuleDeleted,
    TemplatePrice,
    ProductPrice,
]

"""Transfers, moves, batches and waves (`stock`, `stock_picking_batch`, `delivery`)."""

from __future__ import annotations

import time

from .. import facts, transaction
from ..patching import guarded
from .base import Hook, Run, Transition

_STEPS = {"incoming": "receive", "outgoing": "ship", "dropship": "dropship", "internal": "internal"}


def step(picking_type):
    """Which step of the warehouse's flow this kind of transfer is."""

    def load(found):
        warehouse = found.warehouse_id
        for word in ("pick", "pack"):
            if found in (facts.related(warehouse, "%s_type_id" % word) or ()):
                return word
        return _STEPS.get(found.code, "internal")

    return facts.remembered(picking_type, "step", load)


def picking_facts(picking):
    """Of a transfer. Its process is the sale order it belongs to, else where it comes from, else itself."""
    kind = facts.value(picking, "picking_type_id")
    sale = facts.related(picking, "sale_id")
    return {
        "business.company": facts.company(picking),
        "business.process_id": facts.name_of(sale)
        or facts.value(picking, "origin")
        or facts.value(picking, "name"),
        "business.warehouse": type_warehouse(kind),
        "business.carrier": facts.name_of(facts.related(picking, "carrier_id")),
        "business.due": facts.moment(
            facts.value(picking, "date_deadline") or facts.value(picking, "scheduled_date")
        ),
        "odoo.picking.step": step(kind),
    }


def type_warehouse(picking_type):
    return facts.remembered(picking_type, "warehouse", lambda found: found.warehouse_id.code)


class PickingTransition(Transition):
    model = "stock.picking"
    area = "warehouse"

    def facts(self, record, work):
        return picking_facts(record)


class Done(PickingTransition):
    """Told by `date_done`, which the method writes; `state` is computed, and reading it here would compute it
    early."""

    method = "_action_done"
    event = "odoo.stock.picking.done"
    transition = "done"

    def state(self, record):
        return record.date_done

    def happened(self, record, before):
        return bool(record.date_done)

    def facts(self, record, work):
        left = work.unit.notes.get("backorders", ())
        return {**picking_facts(record), "odoo.picking.backorder": record.id in left}

    def succeeded(self, work, result):
        super().succeeded(work, result)
        if "batch_id" in work.records._fields:
            BatchDone.watch(work, work.records.sudo().batch_id)


class Backorder(Hook):
    """Notes which transfers left a part for later; `_action_done` tells it."""

    model = "stock.picking"
    method = "_create_backorder"

    def succeeded(self, work, result):
        if result is not None:
            work.unit.notes.setdefault("backorders", set()).update(result.backorder_id.ids)


class PickingCancelled(PickingTransition):
    method = "action_cancel"
    event = "odoo.stock.picking.cancelled"
    transition = "cancelled"

    def state(self, record):
        return record.state

    def happened(self, record, before):
        return record.state == "cancel" and before != "cancel"


class Assigned(Hook):
    """Transfers that became workable when their moves were reserved. Their state is computed when the
    transaction is flushed, so that is when it is looked at."""

    model = "stock.move"
    method = "_action_assign"

    def begin(self, work):
        work.txn = facts.transaction_start(work.cr)
        work.before = {picking.id: picking.state for picking in work.records.sudo().picking_id}

    def succeeded(self, work, result):
        pickings = work.records.sudo().picking_id
        if not pickings:
            return
        # In this transaction's list now, so that a rollback to a savepoint takes it back.
        work.cr.precommit.add(lambda: guarded(self.where, self._look, work, pickings))

    def _look(self, work, pickings):
        told = _AssignedPicking()
        earned = transaction.earned(work.cr, work.unit)
        for picking in pickings:
            if picking.state == "assigned" and work.before.get(picking.id) != "assigned":
                earned.add(told.record(work, picking.id, picking_facts(picking), 1))


class _AssignedPicking(PickingTransition):
    event = "odoo.stock.picking.assigned"
    transition = "assigned"


class MoveDone(Transition):
    """The stock update itself: one event a transaction, of its first move."""

    model = "stock.move"
    method = "_action_done"
    event = "odoo.stock.move.done"
    transition = "done"
    area = "warehouse"

    def begin(self, work):
        first = work.records[:1]
        work.data = len(work.records)
        self.note(work)
        work.before[first.id] = None, self._known(first.sudo(), work)

    def succeeded(self, work, result):
        # A move that was merged into another or had nothing to do is not in the result.
        done = result if isinstance(result, type(work.records)) else work.records
        if done:
            known = next(iter(work.before.values()))[1]
            record = self.record(work, done[:1].id, known, work.data, time.time_ns())
            transaction.earned(work.cr, work.unit).add(record)

    def failed(self, work, error):
        first, (_, known) = next(iter(work.before.items()))
        transaction.fail(work.unit, self.record(work, first, known, work.data), error)

    def key(self, res_id):
        return (self.event,)

    def facts(self, record, work):
        picking = facts.value(record, "picking_id")
        known = picking_facts(picking) if picking else {}
        return {
            "business.company": facts.company(record),
            "business.process_id": known.get("business.process_id")
            or facts.value(record, "origin")
            or facts.value(record, "reference"),
            "business.warehouse": known.get("business.warehouse")
            or facts.warehouse_code(facts.value(record, "warehouse_id")),
            "business.product": facts.name_of(record.product_id, "default_code"),
        }


class BatchDone(Transition):
    """A batch or wave is done when its last transfer is, whoever validated that one."""

    model = "stock.picking.batch"
    method = "action_done"
    event = "odoo.stock.picking.batch.done"
    transition = "done"
    area = "warehouse"

    def facts(self, record, work):
        kind = facts.value(record, "picking_type_id")
        return {
            "business.company": facts.company(record),
            "business.process_id": record.name,
            "business.warehouse": type_warehouse(kind) if kind else None,
            "odoo.picking.step": step(kind) if kind else None,
            "odoo.picking.wave": bool(facts.value(record, "is_wave")),
        }

    def succeeded(self, work, result):
        self.watch(work, work.records.sudo())

    @classmethod
    def watch(cls, work, batches):
        """Looks at them when the transaction is flushed: their state is computed."""
        hook = cls()
        open_batches = batches.filtered(lambda batch: batch.id)
        if open_batches:
            ended = time.time_ns()
            work.cr.precommit.add(lambda: guarded(hook.where, hook._look, work, open_batches, ended))

    def _look(self, work, batches, ended):
        earned = transaction.earned(work.cr, work.unit)
        for batch in batches:
            if batch.state == "done":
                earned.add(
                    self.record(work, batch.id, self._known(batch, work), len(batch.picking_ids), ended)
                )


class Labelled(Run):
    """A carrier's label, which is real whatever becomes of the transaction."""

    model = "stock.picking"
    method = "send_to_shipper"
    event = "odoo.stock.picking.labelled"

    def facts(self, work):
        picking = work.records[:1].sudo()
        return {**picking_facts(picking), "odoo.res_id": picking.id}


HOOKS = [Done, Backorder, PickingCancelled, Assigned, MoveDone, BatchDone, Labelled]

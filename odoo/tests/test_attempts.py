"""Whatever is observed: its failures are told with their class, and what is tried again is told with how
often."""

from __future__ import annotations

import datetime

from harness import SERIES, Quiet, stub, unittest

GROUPS = "groups_id" if SERIES < "19" else "group_ids"
SCHEDULER = "procurement.group" if SERIES < "19" else "stock.rule"

# Model, method, its arguments, and the event that it is told as. Records are made by `records`.
TRANSITIONS = (
    ("sale.order", "action_confirm", (), "odoo.sale.order.confirmed"),
    ("sale.order", "_action_cancel", (), "odoo.sale.order.cancelled"),
    ("stock.picking", "_action_done", (), "odoo.stock.picking.done"),
    ("stock.picking", "action_cancel", (), "odoo.stock.picking.cancelled"),
    ("stock.picking.batch", "action_done", (), "odoo.stock.picking.batch.done"),
    ("stock.move", "_action_done", (), "odoo.stock.move.done"),
    ("account.move", "_post", (), "odoo.account.move.posted"),
    ("account.payment", "action_post", (), "odoo.account.payment.registered"),
    ("purchase.order", "button_confirm", (), "odoo.purchase.order.confirmed"),
    ("payment.transaction", "_set_done", (), "odoo.payment.transaction.done"),
    (
        "res.company",
        "write",
        ({"hard_lock_date": datetime.date(2026, 1, 31)},),
        "odoo.res.company.period_closed",
    ),
    ("product.template", "write", ({"list_price": 1.0},), "odoo.product.price.updated"),
    ("res.users", "write", ({GROUPS: [7]},), "odoo.res.users.privileges_changed"),
)
RETRIED = [case for case in TRANSITIONS if case[0] not in ("payment.transaction", "res.company", "res.users")]
RUNS = (
    (SCHEDULER, "run_scheduler", (), "odoo.procurement.run.done"),
    (
        "stock.warehouse.orderpoint",
        "_procure_orderpoint_confirm",
        (),
        "odoo.stock.warehouse.orderpoint.replenished",
    ),
)


class Attempts(Quiet):
    def records(self, env, model):
        rows = self.database.tables[model]
        if not rows:
            if model == SCHEDULER:
                return env[model]
            self.database.add(model, name="new", state="draft", reference="new", list_price=0.0)
            env.cr.begin()
        return env[model].browse(list(rows)[:1])

    def attempt(self, case, *errors):
        from odoo.service import model as service

        model, method, arguments, _ = case
        env = self.env()
        records = self.records(env, model)
        self.database.errors["%s.%s" % (model, method)].extend(errors)
        return service.retrying(lambda: getattr(records, method)(*arguments), env)

    def test_a_failure_is_told_once_with_its_class(self):
        for case in (*TRANSITIONS, *RUNS):
            with self.subTest(case[3]):
                self._told = []
                with self.assertRaises(stub.UserError):
                    self.attempt(case, stub.UserError("no"))
                facts = self.one(case[3])
                self.assertEqual((facts["business.outcome"], facts["error.type"]), ("failed", "validation"))
                self.assertIn(":failed:", facts["event.id"])

    def test_what_is_tried_again_is_told_once_with_how_often(self):
        for case in RETRIED:
            with self.subTest(case[3]):
                self._told = []
                self.attempt(case, stub.SerializationFailure("x"))
                facts = self.one(case[3])
                self.assertEqual(facts["business.outcome"], "ok")
                if case[1] in (
                    "action_confirm",
                    "_action_done",
                    "_post",
                    "action_post",
                    "button_confirm",
                    "action_done",
                ):
                    self.assertEqual(facts["odoo.retries"], 1)

    def test_what_goes_well_is_told_once_and_its_identity_says_what_it_is(self):
        for case in TRANSITIONS:
            with self.subTest(case[3]):
                self._told = []
                self.attempt(case)
                facts = self.one(case[3])
                self.assertTrue(facts["event.id"].startswith("shop:%s:" % case[3][5:].rpartition(".")[0]))
                self.database.tables.update({})

    def test_an_entry_that_is_reset_and_cannot_be(self):
        self.attempt(("account.move", "_post", (), ""))
        self._told = []
        with self.assertRaises(stub.UserError):
            self.attempt(("account.move", "button_draft", (), ""), stub.UserError("no"))
        self.assertEqual(self.one("odoo.account.move.reset")["error.type"], "validation")

    def test_an_order_says_until_when_it_is_due(self):
        row = next(iter(self.database.tables["sale.order"].values()))
        row["commitment_date"] = datetime.datetime(2026, 11, 22, 12, 0)
        self.attempt(TRANSITIONS[0])
        self.assertEqual(self.one("odoo.sale.order.confirmed")["business.due"], "2026-11-22T12:00:00Z")


if __name__ == "__main__":
    unittest.main()

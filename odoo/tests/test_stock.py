"""Transfers, moves, batches, labels."""

import datetime

from harness import Quiet, entered, stub, unittest


class Warehouse(Quiet):
    def setUp(self):
        super().setUp()
        self.pick_id = self.id_of("stock.picking", name="OSL/PICK/1")
        self.ship_id = self.id_of("stock.picking", name="OSL/SHIP/1")
        self.cr = None

    def picking(self, which):
        env = self.env()
        self.cr = env.cr
        return env["stock.picking"].browse(which)

    def test_a_delivery_says_where_by_whom_for_what_and_until_when(self):
        self.picking(self.ship_id)._action_done()
        self.cr.commit()
        facts = self.one("odoo.stock.picking.done")
        expected = {
            "odoo.picking.step": "ship",
            "business.warehouse": "OSL",
            "business.carrier": "Post",
            "business.process_id": "S00042",
            "business.due": "2026-11-21T16:30:00Z",
            "business.user_group": "warehouse",
            "business.outcome": "ok",
            "odoo.picking.backorder": False,
        }
        self.assertEqual({key: facts.get(key) for key in expected}, expected)

    def test_a_pick_is_told_as_one_and_with_it_its_batch_and_its_stock_update(self):
        self.picking(self.pick_id)._action_done()
        self.cr.commit()
        self.assertEqual(self.one("odoo.stock.picking.done")["odoo.picking.step"], "pick")
        batch = self.one("odoo.stock.picking.batch.done")
        self.assertEqual(
            (batch["odoo.picking.wave"], batch["business.process_id"], batch["odoo.records"]),
            (True, "BATCH/1", 1),
        )
        move = self.one("odoo.stock.move.done")
        self.assertEqual((move["business.product"], move["business.warehouse"]), ("BRK-7", "OSL"))

    def test_a_batch_is_told_once_whoever_finished_it(self):
        env = self.env()
        env["stock.picking.batch"].browse(self.id_of("stock.picking.batch", name="BATCH/1")).action_done()
        env.cr.commit()
        self.one("odoo.stock.picking.batch.done")

    def test_a_batch_that_is_rolled_back_is_not_told(self):
        picking = self.picking(self.pick_id)
        with self.assertRaises(ValueError), self.cr.savepoint():
            picking._action_done()
            raise ValueError
        self.cr.commit()
        self.assertEqual(self.told(), [])

    def test_a_stock_update_fails_by_class(self):
        classes = (
            (stub.SerializationFailure("x"), "serialization"),
            (stub.DeadlockDetected("x"), "deadlock"),
            (stub.LockNotAvailable("x"), "lock_timeout"),
            (stub.ValidationError("x"), "validation"),
        )
        for error, expected in classes:
            with self.subTest(expected):
                self.database.errors["stock.move._action_done"].append(error)
                with self.assertRaises(type(error)):
                    self.picking(self.ship_id)._action_done()
                self.cr.rollback()
                told = {record.name: record.attributes for record in self.told()}
                self._told = []
                for name in ("odoo.stock.move.done", "odoo.stock.picking.done"):
                    self.assertEqual(
                        (told[name]["business.outcome"], told[name]["error.type"]), ("failed", expected)
                    )

    def test_an_addon_that_refuses_negative_stock_is_recognised(self):
        refuse = {}
        exec(
            compile("def check(error):\n    raise error", "x", "exec"),
            {"__name__": "odoo.addons.stock_no_negative.models.stock_quant"},
            refuse,
        )
        hook = type(self.picking(self.ship_id).move_ids).__mro__[1]

        def check(records):
            refuse["check"].__globals__["__name__"]
            refuse["check"](stub.ValidationError("no"))

        original, hook._script = hook._script, lambda records, method: check(records)
        self.addCleanup(delattr, hook, "_script")
        self.assertTrue(original)
        with self.assertRaises(stub.ValidationError):
            self.picking(self.ship_id)._action_done()
        self.assertEqual(self.one("odoo.stock.move.done")["error.type"], "negative_stock")

    def test_moves_of_one_transaction_are_one_event(self):
        env = self.env()
        moves = list(self.database.tables["stock.move"])
        for move in moves:
            env["stock.move"].browse(move)._action_done()
        env.cr.commit()
        self.one("odoo.stock.move.done")

    def test_a_backorder_is_noted(self):
        picking = self.picking(self.ship_id)
        with entered("interactive"):
            picking._create_backorder()
            picking._action_done()
            self.cr.commit()
        self.assertIs(self.one("odoo.stock.picking.done")["odoo.picking.backorder"], True)

    def test_a_reserved_transfer_is_told_when_it_becomes_workable_and_only_then(self):
        moves = self.picking(self.pick_id).move_ids
        moves._action_assign()
        self.cr.commit()
        facts = self.one("odoo.stock.picking.assigned")
        self.assertEqual((facts["odoo.picking.step"], facts["odoo.res_id"]), ("pick", self.pick_id))
        self._told = []
        moves._action_assign()
        self.cr.commit()
        self.assertEqual(self.told(), [])

    def test_a_cancelled_transfer_is_told(self):
        self.picking(self.pick_id).action_cancel()
        self.cr.commit()
        self.assertEqual(self.one("odoo.stock.picking.cancelled")["odoo.picking.step"], "pick")

    def test_a_label_is_told_at_once_and_a_refusal_as_a_failure(self):
        self.picking(self.ship_id).send_to_shipper()
        self.assertEqual(self.one("odoo.stock.picking.labelled")["business.carrier"], "Post")
        call = self.one("integration.call.done")
        self.assertEqual((call["integration.kind"], call["integration.name"]), ("carrier", "Post"))
        self._told = []
        self.database.errors["delivery.carrier.send_shipping"].append(ConnectionError("down"))
        with self.assertRaises(ConnectionError):
            self.picking(self.ship_id).send_to_shipper()
        self.assertEqual({record.attributes["error.type"] for record in self.told()}, {"connection"})


class Finance(Quiet):
    def move(self):
        env = self.env()
        return env["account.move"].browse(
            self.id_of("account.move", journal_id=self.id_of("account.journal", code="INV"))
        )

    def test_a_posted_invoice_is_told_with_its_type_and_journal(self):
        move = self.move()
        move._post()
        move.env.cr.commit()
        facts = self.one("odoo.account.move.posted")
        expected = {
            "odoo.move.type": "invoice",
            "odoo.journal": "INV",
            "business.amount": 1250.5,
            "business.process_id": "S00042",
            "business.user_group": "accounting",
        }
        self.assertEqual({key: facts.get(key) for key in expected}, expected)
        self._told = []
        move.button_draft()
        move.env.cr.commit()
        self.one("odoo.account.move.reset")

    def test_a_posting_that_fails_is_told(self):
        self.database.errors["account.move._post"].append(stub.UserError("closed"))
        with self.assertRaises(stub.UserError):
            self.move()._post()
        self.assertEqual(self.one("odoo.account.move.posted")["business.outcome"], "failed")

    def test_a_payment_is_told(self):
        env = self.env()
        env["account.payment"].browse(self.id_of("account.payment", name="PAY1")).action_post()
        env.cr.commit()
        self.assertEqual(self.one("odoo.account.payment.registered")["business.amount"], 99.0)

    def test_a_lock_date_closes_a_period(self):
        env = self.env()
        company = env["res.company"].browse(self.id_of("res.company", name="Nordic Parts"))
        company.write({"name": "Nordic Parts"})
        company.write({"fiscalyear_lock_date": datetime.date(2026, 10, 31)})
        env.cr.commit()
        self.assertEqual(self.one("odoo.res.company.period_closed")["business.due"], "2026-10-31T00:00:00Z")

    def test_what_a_payment_provider_says_is_told_after_the_commit(self):
        provider = self.database.add("payment.provider", code="adyen")
        for method, outcome, error in (("_set_done", "ok", None), ("_set_error", "failed", "refused")):
            with self.subTest(method):
                self._told = []
                made = self.database.add(
                    "payment.transaction",
                    reference="S00042-1",
                    state="pending",
                    amount=5.0,
                    provider_id=provider,
                    currency_id=self.id_of("res.currency", name="EUR"),
                )
                transaction = self.env()["payment.transaction"].browse(made)
                getattr(transaction, method)("because")
                self.assertEqual(self.told(), [])
                transaction.env.cr.commit()
                facts = self.one("odoo.payment.transaction.done")
                self.assertEqual((facts["business.outcome"], facts.get("error.type")), (outcome, error))
                self.assertEqual(facts["integration.name"], "adyen")


class Supply(Quiet):
    def test_a_purchase_order_is_one_event_though_two_methods_confirm_it(self):
        made = self.database.add(
            "purchase.order",
            name="P7",
            state="draft",
            amount_untaxed=3.0,
            currency_id=self.id_of("res.currency", name="EUR"),
            date_planned=datetime.datetime(2026, 12, 1, 8, 0),
            picking_type_id=self.id_of("stock.picking.type", code="outgoing"),
        )
        env = self.env()
        env["purchase.order"].browse(made).button_confirm()
        env.cr.commit()
        facts = self.one("odoo.purchase.order.confirmed")
        self.assertEqual((facts["business.process_id"], facts["business.warehouse"]), ("P7", "OSL"))
        self.assertEqual(facts["business.due"], "2026-12-01T08:00:00Z")

    def test_one_that_fails_is_one_event_too(self):
        made = self.database.add("purchase.order", name="P7", state="draft")
        self.database.errors["purchase.order.button_confirm"].append(stub.UserError("no"))
        with self.assertRaises(stub.UserError):
            self.env()["purchase.order"].browse(made).button_confirm()
        self.one("odoo.purchase.order.confirmed")

    def test_the_scheduler_is_told_where_each_series_has_it(self):
        self.database.add("stock.warehouse.orderpoint", name="R")
        env = self.env(uid=1)
        env["procurement.group" if "procurement.group" in env else "stock.rule"].run_scheduler(True)
        facts = self.one("odoo.procurement.run.done")
        self.assertEqual((facts["business.workload"], facts["business.outcome"]), ("scheduled", "ok"))
        self.assertEqual(facts["odoo.records"], 1)
        self.assertRegex(facts["event.id"], r"^shop:procurement\.run:shop:done:\d+$")

    def test_replenishment_is_one_event_a_call(self):
        made = [
            self.database.add(
                "stock.warehouse.orderpoint", name="R", warehouse_id=self.id_of("stock.warehouse", code="OSL")
            )
            for _ in range(3)
        ]
        env = self.env()
        env["stock.warehouse.orderpoint"].browse(made)._procure_orderpoint_confirm()
        self.assertEqual(self.told(), [])
        env.cr.commit()
        facts = self.one("odoo.stock.warehouse.orderpoint.replenished")
        self.assertEqual((facts["odoo.records"], facts["business.warehouse"]), (3, "OSL"))

    def importer(self):
        made = self.database.add("base_import.import", res_model="sale.order")
        return self.env()["base_import.import"].browse(made)

    def test_an_import_is_told_and_makes_what_it_does_bulk_and_imported(self):
        importer = self.importer()
        importer.execute_import([], [], {"rows": [{"name": "I1", "state": "draft"}] * 3, "confirm": True})
        importer.env.cr.commit()
        facts = self.one("odoo.base.import.done")
        self.assertEqual(
            (facts["odoo.import.model"], facts["odoo.records"], facts["business.workload"]),
            ("sale.order", 3, "bulk"),
        )
        orders = [record.attributes for record in self.told("odoo.sale.order.confirmed")]
        self.assertEqual(len(orders), 3)
        self.assertEqual(
            {(facts["business.channel"], facts["business.workload"]) for facts in orders},
            {("import", "bulk")},
        )

    def test_a_trial_of_an_import_tells_nothing(self):
        importer = self.importer()
        importer.execute_import(
            [], [], {"rows": [{"name": "I1", "state": "draft"}], "confirm": True}, dryrun=True
        )
        importer.env.cr.commit()
        self.assertEqual(self.told(), [])

    def test_an_import_with_errors_failed(self):
        self.importer().execute_import([], [], {"rows": [], "bad": True})
        facts = self.one("odoo.base.import.done")
        self.assertEqual((facts["business.outcome"], facts["error.type"]), ("failed", "validation"))

    def test_prices_of_a_transaction_are_one_event(self):
        made = self.database.add("product.template", list_price=1.0)
        env = self.env()
        env["product.template"].browse(made).write({"description": "x"})
        env["product.template"].browse(made).write({"list_price": 2.0})
        rules = env["product.pricelist.item"].create([{"fixed_price": 3.0}, {"fixed_price": 4.0}])
        rules.write({"fixed_price": 5.0})
        rules[:1].unlink()
        env.cr.commit()
        self.assertEqual(self.one("odoo.product.price.updated")["odoo.records"], 6)


if __name__ == "__main__":
    unittest.main()

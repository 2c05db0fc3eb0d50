"""On a real Odoo: hooks are placed, events wait for the commit, failures do not, and nothing stays after
removal.

These run after installation, since the registry is complete then. Business addons are used where they are
installed.
"""

import contextlib

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tests.common import TransactionCase

from .. import context, hooks, patching, runtime, transaction


@contextlib.contextmanager
def entered(workload):
    """A request, as far as events are concerned."""
    scope = context.Scope(context.Unit(workload))
    scope.enter()
    try:
        yield
    finally:
        scope.leave(lambda span: None)


class Told(TransactionCase):
    """Keeps what would be sent, and lets no thread of ours start within a test's database."""

    def setUp(self):
        super().setUp()
        hooks.place()
        hooks.place_on(self.env.registry)
        self.active = runtime.get()
        self.records, self.spans = [], []
        self.patch(self.active, "emit", self.records.append)
        self.patch(self.active, "finish", self.spans.append)
        # A test's transaction began before this test.
        self.env.cr.postcommit.data.pop(transaction.KEY, None)

    def commit(self):
        """What COMMIT does to callbacks; a test's cursor may not commit."""
        self.env.cr.flush()
        self.env.cr.postcommit.run()

    def told(self, name):
        return [record for record in self.records if record.name == name]

    def needs(self, *models):
        missing = [model for model in models if model not in self.env]
        if missing:
            self.skipTest("not installed here: %s" % ", ".join(missing))


@tagged("post_install", "-at_install")
class TestEvents(Told):
    def order(self):
        self.needs("sale.order")
        partner = self.env["res.partner"].create({"name": "Never sent"})
        product = self.env["product.product"].create({"name": "Never sent", "list_price": 10.0})
        line = {"product_id": product.id, "product_uom_qty": 2}
        return self.env["sale.order"].create({"partner_id": partner.id, "order_line": [(0, 0, line)]})

    def test_an_order_is_told_after_the_commit(self):
        order = self.order()
        order.action_confirm()
        self.assertEqual(self.told("odoo.sale.order.confirmed"), [])
        self.commit()
        (record,) = self.told("odoo.sale.order.confirmed")
        facts = record.attributes
        self.assertEqual(facts["business.process_id"], order.name)
        self.assertEqual(facts["business.outcome"], "ok")
        self.assertEqual(facts["business.amount"], order.amount_untaxed)
        self.assertEqual(facts["business.currency"], order.currency_id.name)
        self.assertEqual(facts["business.company"], order.company_id.name)
        self.assertNotIn("Never sent", str(facts))
        self.assertEqual(len(self.told("odoo.sale.order.quoted")), 1)

    def test_a_savepoint_that_is_rolled_back_takes_its_order_back(self):
        order = self.order()
        self.commit()
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            order.action_confirm()
            raise ZeroDivisionError
        self.commit()
        self.assertEqual(self.told("odoo.sale.order.confirmed"), [])

    def test_a_refused_order_is_a_failed_attempt(self):
        order = self.order()
        order._action_cancel()
        with entered("interactive"):
            # Where confirming a cancelled order is let through, there is nothing to look at.
            try:
                order.action_confirm()
            except UserError:
                (record,) = self.told("odoo.sale.order.confirmed")
                self.assertEqual(record.attributes["business.outcome"], "failed")
                self.assertEqual(record.attributes["error.type"], "validation")

    def test_a_delivery_is_told_with_its_step_and_warehouse(self):
        self.needs("sale.order", "stock.picking")
        order = self.order()
        order.action_confirm()
        picking = getattr(order, "picking_ids", None)
        if not picking:
            self.skipTest("sale_stock is not installed, or the product needs no delivery")
        for move in picking.move_ids:
            # `quantity_done` until 16.0.
            move.write(
                {"quantity": move.product_uom_qty, "picked": True}
                if "picked" in move._fields
                else {"quantity_done": move.product_uom_qty}
            )
        picking._action_done()
        self.commit()
        (record,) = self.told("odoo.stock.picking.done")
        self.assertEqual(record.attributes["odoo.picking.step"], "ship")
        self.assertEqual(record.attributes["business.warehouse"], order.warehouse_id.code)
        self.assertEqual(record.attributes["business.process_id"], order.name)

    def test_a_posted_entry_is_told_with_its_journal(self):
        self.needs("account.move")
        journal = self.env["account.journal"].search([("type", "=", "general")], limit=1)
        account = self.env["account.account"].search([("account_type", "=", "asset_current")], limit=1)
        if not journal or not account:
            self.skipTest("no chart of accounts is installed")
        lines = [(0, 0, {"account_id": account.id, side: 5.0}) for side in ("debit", "credit")]
        move = self.env["account.move"].create({"journal_id": journal.id, "line_ids": lines})
        move.action_post()
        self.commit()
        (record,) = self.told("odoo.account.move.posted")
        self.assertEqual(record.attributes["odoo.journal"], journal.code)
        self.assertEqual(record.attributes["odoo.move.type"], "entry")

    def test_rights_are_told_without_names(self):
        user = self.env["res.users"].create({"name": "Never sent", "login": "never.sent@example.com"})
        self.commit()
        self.records.clear()
        field = "group_ids" if "group_ids" in user._fields else "groups_id"
        user.write({field: [(4, self.env.ref("base.group_erp_manager").id)]})
        self.commit()
        (record,) = self.told("odoo.res.users.privileges_changed")
        self.assertGreaterEqual(record.attributes["odoo.groups.added"], 1)
        self.assertNotIn("never.sent", str(record.attributes).lower().replace(" ", "."))

    def test_a_parameter_is_told_by_name(self):
        with entered("interactive"):
            self.env["ir.config_parameter"].set_param("plimsoll_events.test", "never sent")
            self.commit()
        (record,) = self.told("change.recorded")
        self.assertEqual(record.attributes["change.entity"], "ir.config_parameter:plimsoll_events.test")
        self.assertNotIn("never", str(record.attributes))

    def test_a_scheduled_action_is_told_when_it_begins_and_ends(self):
        cron = self.env["ir.cron"].search([], limit=1)
        arguments = ["Nothing", self.env["ir.actions.server"].create(self.action()).id]
        if "failure_count" not in cron._fields:
            arguments.append(cron.id)
        # From 18.0 on it commits; a test's cursor may not.
        self.patch(self.env.cr, "commit", lambda: None)
        self.patch(self.env.cr, "rollback", lambda: None)
        cron._callback(*arguments)
        self.assertEqual(len(self.told("odoo.ir.cron.started")), 1)
        (record,) = self.told("odoo.ir.cron.done")
        self.assertEqual(record.attributes["odoo.cron.name"], "Nothing")
        self.assertIn("cron Nothing", [span.name for span in self.spans])

    def action(self):
        model = self.env["ir.model"]._get_id("res.partner")
        return {"name": "Nothing", "model_id": model, "state": "code", "code": "pass"}

    def test_a_fault_of_ours_costs_an_event_and_no_order(self):
        order = self.order()
        self.patch(hooks.sale.Confirmed, "facts", lambda *args: 1 / 0)
        self.patch(self.active, "fault", lambda where, error: None)
        self.assertTrue(order.action_confirm())
        self.assertEqual(order.state, "sale")


@tagged("post_install", "-at_install")
class TestPlacing(Told):
    def test_every_method_that_is_observed_still_looks_like_itself(self):
        for hook in hooks.MODELS:
            if hook.model in self.env and hasattr(self.env[hook.model], hook.method):
                with self.subTest(hook=hook.__name__):
                    self.assertEqual(
                        getattr(self.env.registry[hook.model], hook.method).__name__, hook.method
                    )

    def test_removed_from_a_registry_nothing_stays(self):
        model_class = self.env.registry["ir.cron"]
        self.assertIn("_callback", model_class.__dict__)
        patching.remove_from_registry(self.env.registry)
        self.assertNotIn("_callback", model_class.__dict__)
        hooks.place_on(self.env.registry)
        self.assertIn("_callback", model_class.__dict__)

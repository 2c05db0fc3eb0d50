"""Orders: told after the commit and only then; what fails is told although it is rolled back."""

import datetime

from harness import Quiet, entered, stub, unittest

CONFIRMED = "odoo.sale.order.confirmed"
DUE = datetime.datetime(2026, 11, 22, 12, 0)


class Orders(Quiet):
    def setUp(self):
        super().setUp()
        self.order_id = self.id_of("sale.order", name="S00042")

    def order(self, env=None):
        return (env or self.env())["sale.order"].browse(self.order_id)

    def fail(self, method, *errors):
        self.database.errors["sale.order." + method].extend(errors)

    def test_an_order_is_told_after_its_commit_with_what_the_business_needs(self):
        order = self.order()
        self.assertIs(order.action_confirm(), True)
        self.assertEqual(self.told(), [])
        order.env.cr.commit()
        facts = self.one(CONFIRMED)
        expected = {
            "business.outcome": "ok",
            "business.company": "Nordic Parts",
            "business.warehouse": "OSL",
            "business.process_id": "S00042",
            "business.channel": "backend",
            "business.amount": 1250.5,
            "business.currency": "EUR",
            "business.user_group": "sales",
            "odoo.db": "shop",
            "odoo.model": "sale.order",
            "odoo.res_id": self.order_id,
            "odoo.method": "action_confirm",
            "odoo.records": 1,
        }
        self.assertEqual({key: facts.get(key) for key in expected}, expected)
        self.assertRegex(facts["event.id"], r"^shop:sale\.order:%d:confirmed:\d{16}$" % self.order_id)
        self.assertGreater(facts["business.duration"], 0)
        self.assertGreaterEqual(facts["odoo.commit_wait"], 0)
        self.assertGreater(facts["odoo.record.age"], 0)

    def test_the_customer_is_a_pseudonym_and_the_name_is_nowhere(self):
        order = self.order()
        order.action_confirm()
        order.env.cr.commit()
        facts = self.one(CONFIRMED)
        partner = self.id_of("res.partner", name="A person's name")
        self.assertEqual(facts["business.customer"], "partner-%d" % partner)
        self.assertNotIn("person", str(facts))

    def test_a_rolled_back_order_is_not_an_order(self):
        order = self.order()
        order.action_confirm()
        order.env.cr.rollback()
        order.env.cr.commit()
        self.assertEqual(self.told(), [])

    def test_a_rollback_to_a_savepoint_takes_it_back(self):
        order = self.order()
        with self.assertRaises(ValueError), order.env.cr.savepoint():
            order.action_confirm()
            raise ValueError
        order.env.cr.commit()
        self.assertEqual(self.told(), [])

    def test_an_outer_savepoint_takes_back_what_an_inner_one_kept(self):
        order = self.order()
        cr = order.env.cr
        with self.assertRaises(ValueError), cr.savepoint():
            with cr.savepoint():
                order.action_confirm()
            raise ValueError
        cr.commit()
        self.assertEqual(self.told(), [])

    def test_what_was_earned_before_a_savepoint_survives_it(self):
        order = self.order()
        order.action_confirm()
        with self.assertRaises(ValueError), order.env.cr.savepoint():
            order._action_cancel()
            raise ValueError
        order.env.cr.commit()
        self.assertEqual([record.name for record in self.told()], [CONFIRMED])

    def test_an_exception_goes_through_untouched_and_is_a_failed_attempt(self):
        error = stub.UserError("no")
        self.fail("override", error)
        order = self.order()
        with self.assertRaises(stub.UserError) as raised:
            order.action_confirm()
        self.assertIs(raised.exception, error)
        facts = self.one(CONFIRMED)
        self.assertEqual((facts["business.outcome"], facts["error.type"]), ("failed", "validation"))
        self.assertEqual(facts["business.amount"], 1250.5)
        self.assertRegex(facts["event.id"], r":confirmed:\d{16}:failed:[0-9a-f]{16}$")

    def test_confirming_twice_is_one_event(self):
        order = self.order()
        order.action_confirm()
        order.action_confirm()
        order.env.cr.commit()
        self.one(CONFIRMED)
        order.action_confirm()
        order.env.cr.commit()
        self.assertEqual(len(self.told(CONFIRMED)), 1)

    def test_an_order_that_is_confirmed_again_later_is_another_fact(self):
        order = self.order()
        order.action_confirm()
        order.env.cr.commit()
        order._action_cancel()
        order.write({"state": "draft"})
        order.action_confirm()
        order.env.cr.commit()
        identities = {record.attributes["event.id"] for record in self.told(CONFIRMED)}
        self.assertEqual(len(identities), 2)

    def test_nothing_is_told_of_an_empty_recordset(self):
        env = self.env()
        env["sale.order"].action_confirm()
        env.cr.commit()
        self.assertEqual(self.told(), [])

    def test_many_at_once_are_bulk_and_bounded(self):
        made = [
            self.database.add("sale.order", name="B%d" % number, state="draft", amount_untaxed=1.0)
            for number in range(1100)
        ]
        env = self.env()
        env["sale.order"].browse(made).action_confirm()
        env.cr.commit()
        told = self.told(CONFIRMED)
        self.assertEqual(len(told), 1000)
        self.assertEqual({record.attributes["business.workload"] for record in told}, {"bulk"})
        self.assertEqual(self.runtime.counts()["plimsoll.odoo.events.dropped", "limit"], 100)

    def test_a_quotation_is_told_when_it_is_created(self):
        env = self.env()
        known = self.database.tables["sale.order"][self.order_id]
        values = {key: value for key, value in known.items() if key != "id"}
        env["sale.order"].create([{**values, "name": "S1", "commitment_date": DUE}])
        env.cr.commit()
        facts = self.one("odoo.sale.order.quoted")
        self.assertEqual((facts["business.warehouse"], facts["business.currency"]), ("OSL", "EUR"))
        self.assertTrue(facts["business.customer"])
        self.assertRegex(facts["event.id"], r"^shop:sale\.order:\d+:quoted$")
        self.assertEqual(facts["business.process_id"], "S1")

    def test_a_cancelled_order_is_told(self):
        order = self.order()
        order._action_cancel()
        order.env.cr.commit()
        self.assertEqual(self.one("odoo.sale.order.cancelled")["business.amount"], 1250.5)


class Tries(Quiet):
    """`retrying`: what is done again is no failure, and is counted."""

    def setUp(self):
        super().setUp()
        self.order_id = self.id_of("sale.order", name="S00042")

    def confirm(self, *errors, method="action_confirm"):
        from odoo.service import model

        self.database.errors["sale.order." + method].extend(errors)
        return model.execute(stub.DB, 2, "sale.order", "action_confirm", [self.order_id])

    def test_a_try_that_is_done_again_counts_as_a_retry_and_not_as_a_failure(self):
        self.assertIs(self.confirm(stub.SerializationFailure("x"), stub.DeadlockDetected("y")), True)
        facts = self.one(CONFIRMED)
        self.assertEqual((facts["business.outcome"], facts["odoo.retries"]), ("ok", 2))

    def test_one_that_fails_to_the_end_is_told_once(self):
        with self.assertRaises(stub.SerializationFailure):
            self.confirm(*(stub.SerializationFailure("x") for _ in range(5)))
        facts = self.one(CONFIRMED)
        self.assertEqual((facts["business.outcome"], facts["error.type"]), ("failed", "serialization"))
        self.assertEqual(facts["odoo.retries"], 4)

    def test_a_refusal_is_told_once_and_at_once(self):
        with self.assertRaises(stub.UserError):
            self.confirm(stub.UserError("no"))
        self.assertEqual(self.one(CONFIRMED)["error.type"], "validation")

    def test_a_failure_at_the_flush_fails_what_seemed_done(self):
        self.database.flush_errors.extend(stub.LockNotAvailable("x") for _ in range(5))
        with self.assertRaises(stub.LockNotAvailable):
            self.confirm()
        facts = self.one(CONFIRMED)
        self.assertEqual((facts["business.outcome"], facts["error.type"]), ("failed", "lock_timeout"))

    def test_the_inner_of_two_loops_does_not_tell_what_the_outer_one_does_again(self):
        from odoo.service import model

        self.database.errors["sale.order.action_confirm"].extend(
            stub.SerializationFailure("x") for _ in range(7)
        )
        outer = self.env()
        with entered("integration"):
            model.retrying(
                lambda: model.execute(stub.DB, 2, "sale.order", "action_confirm", [self.order_id]), outer
            )
        facts = self.one(CONFIRMED)
        self.assertEqual((facts["business.outcome"], facts["business.workload"]), ("ok", "integration"))

    def test_an_error_that_somebody_swallows_in_a_savepoint_is_a_failed_attempt_of_its_record(self):
        from odoo.service import model

        env = self.env()
        self.database.errors["sale.order.after_confirm"].append(stub.UserError("no"))

        def work():
            try:
                with env.cr.savepoint():
                    env["sale.order"].browse(self.order_id).action_confirm()
            except stub.UserError:
                return "left out"

        self.assertEqual(model.retrying(work, env), "left out")
        self.assertEqual(self.one(CONFIRMED)["business.outcome"], "failed")


if __name__ == "__main__":
    unittest.main()

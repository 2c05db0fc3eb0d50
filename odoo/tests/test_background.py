"""Scheduled actions, queue jobs, reports, mails, logins, changes."""

import stub_addons
from harness import ODOO, SERIES, Quiet, entered, hooks, patching, runtime, stub, unittest


class Crons(Quiet):
    def setUp(self):
        super().setUp()
        model = self.database.add("ir.model", model="account.move")
        self.action = self.database.add("ir.actions.server", name="post", model_id=model)
        self.cron = self.database.add("ir.cron", cron_name="Post drafts")

    def run_cron(self, work):
        stub_addons.STATE["work"] = work
        env = self.env(uid=1)
        env["ir.cron"].run("Post drafts", self.action, self.cron)
        env.cr.commit()

    def test_it_is_told_when_it_begins_and_when_it_ends(self):
        self.run_cron(lambda env: None)
        started, done = self.one("odoo.ir.cron.started"), self.one("odoo.ir.cron.done")
        for facts in (started, done):
            self.assertEqual(
                (facts["odoo.cron.name"], facts["odoo.res_id"], facts["business.workload"]),
                ("Post drafts", self.cron, "scheduled"),
            )
        self.assertEqual(done["business.outcome"], "ok")
        self.assertGreater(done["business.duration"], 0)
        span = self.spans()[-1]
        self.assertEqual((span.name, span.error), ("cron Post drafts", False))

    def test_a_failure_is_told_whether_odoo_swallows_it_or_not(self):
        def work(env):
            raise ValueError("broken")

        self.run_cron(work)
        self.assertEqual(self.one("odoo.ir.cron.done")["error.type"], "ValueError")
        self.assertTrue(self.spans()[-1].error)

    def test_one_of_accounting_is_an_accounting_batch(self):
        self.run_cron(lambda env: None)
        facts = self.one("odoo.account.batch.done")
        self.assertEqual((facts["odoo.model"], facts["odoo.cron.name"]), ("account.batch", "Post drafts"))

    def test_what_it_does_is_scheduled_and_done_by_a_robot(self):
        order = self.id_of("sale.order", name="S00042")
        self.run_cron(lambda env: env["sale.order"].browse(order).action_confirm() or env.cr.commit())
        facts = self.one("odoo.sale.order.confirmed")
        self.assertEqual((facts["business.workload"], facts["business.user_group"]), ("scheduled", "robot"))
        self.assertEqual(self.one("odoo.ir.cron.done")["odoo.records"], 1)

    def test_what_it_rolled_back_and_left_behind_is_no_failure_of_what_comes_later(self):
        order = self.id_of("sale.order", name="S00042")

        def work(env):
            env["sale.order"].browse(order).action_confirm()
            env.cr.rollback()
            env.cr.commit()
            raise ValueError("later")

        self.run_cron(work)
        self.assertEqual(self.one("odoo.ir.cron.done")["business.outcome"], "failed")
        self.assertEqual(self.told("odoo.sale.order.confirmed"), [])

    def test_a_failure_that_it_swallows_is_told_at_once_and_once(self):
        move = self.id_of("account.move", invoice_origin="S00042")
        self.database.errors["account.move._post"].append(stub.UserError("closed"))
        told = []

        def work(env):
            try:
                with env.cr.savepoint():
                    env["account.move"].browse(move)._post()
            except stub.UserError:
                told.extend(self.told("odoo.account.move.posted"))

        self.run_cron(work)
        self.assertEqual([record.attributes["business.outcome"] for record in told], ["failed"])
        self.one("odoo.account.move.posted")
        self.assertEqual(self.one("odoo.ir.cron.done")["business.outcome"], "ok")

    def test_orders_that_its_failure_rolls_back_have_failed(self):
        order = self.id_of("sale.order", name="S00042")

        def work(env):
            env["sale.order"].browse(order).action_confirm()
            raise stub.SerializationFailure("late")

        self.run_cron(work)
        facts = self.one("odoo.sale.order.confirmed")
        self.assertEqual((facts["business.outcome"], facts["error.type"]), ("failed", "serialization"))


class Job:
    """As much of OCA's `Job` as its runner calls."""

    model_name, method_name, channel, company_id, uuid = (
        "sale.order",
        "action_confirm",
        "root.orders",
        0,
        "u-1",
    )

    def __init__(self, env, order):
        self.env, self.retry, self.recordset = env, 0, env["sale.order"].browse(order)

    def set_started(self):
        self.state = "started"

    def perform(self):
        self.retry += 1
        return self.recordset.action_confirm()

    def set_done(self, result=None):
        self.state = "done"

    def set_failed(self, **kw):
        self.state = "failed"


class Jobs(Quiet):
    def setUp(self):
        self.job_class = type("Job", (Job,), dict(vars(Job)))
        stub.module("odoo.addons.queue_job", __path__=[])
        stub.module("odoo.addons.queue_job.job", Job=self.job_class)
        super().setUp()
        self.order = self.id_of("sale.order", name="S00042")

    def job(self):
        return self.job_class(self.env(), self.order)

    def test_a_job_is_told_when_it_begins_and_after_it_is_done(self):
        job = self.job()
        job.set_started()
        self.assertEqual(self.one("odoo.queue.job.started")["event.id"], "shop:queue.job:u-1:started:1")
        job.perform()
        job.set_done()
        self.assertEqual(self.told("odoo.queue.job.done"), [])
        job.env.cr.commit()
        facts = self.one("odoo.queue.job.done")
        self.assertEqual(
            (facts["event.id"], facts["odoo.queue.channel"], facts["business.process_id"]),
            ("shop:queue.job:u-1:done:1", "root.orders", "S00042"),
        )
        self.assertEqual(self.one("odoo.sale.order.confirmed")["business.workload"], "scheduled")
        self.assertEqual([span.kind for span in self.spans() if span.name.startswith("job ")], ["consumer"])

    def test_a_failed_job_is_told_with_its_reason(self):
        self.database.errors["sale.order.action_confirm"].append(stub.UserError("no"))
        job = self.job()
        with self.assertRaises(stub.UserError):
            job.perform()
        job.set_failed(exc_name="odoo.exceptions.UserError")
        self.assertEqual(self.one("odoo.queue.job.done")["error.type"], "validation")
        self.assertEqual(self.one("odoo.sale.order.confirmed")["business.outcome"], "failed")

    def test_a_job_that_will_be_done_again_has_not_failed(self):
        self.database.errors["sale.order.action_confirm"].append(stub.SerializationFailure("x"))
        job = self.job()
        with self.assertRaises(stub.SerializationFailure):
            job.perform()
        job.env.cr.rollback()
        self.assertEqual(self.told(), [])
        job.perform()
        job.set_done()
        job.env.cr.commit()
        facts = self.one("odoo.queue.job.done")
        self.assertEqual((facts["odoo.retries"], facts["event.id"]), (1, "shop:queue.job:u-1:done:2"))


class Others(Quiet):
    def test_a_report_is_told_when_it_begins_and_when_it_ends(self):
        self.database.add("ir.actions.report", report_name="sale.report")
        env = self.env()
        env["ir.actions.report"]._render_qweb_pdf("sale.report", [1, 2, 3])
        started = self.one("odoo.ir.actions.report.started")
        self.assertEqual(
            (started["odoo.records"], started["odoo.res_id"]),
            (3, self.id_of("ir.actions.report", report_name="sale.report")),
        )
        facts = self.one("odoo.ir.actions.report.done")
        self.assertEqual((facts["business.workload"], facts["business.outcome"]), ("report", "ok"))
        self._told = []
        self.database.errors["ir.actions.report._render_qweb_pdf"].append(MemoryError())
        with self.assertRaises(MemoryError):
            env["ir.actions.report"]._render_qweb_pdf("sale.report", [1])
        self.assertEqual(self.one("odoo.ir.actions.report.done")["error.type"], "MemoryError")

    def test_a_mail_that_leaves_is_told_at_once_and_one_that_does_not_as_a_failure(self):
        mails = [self.database.add("mail.mail", state="outgoing") for _ in range(2)]
        self.database.errors["ir.mail_server.send_email"].append(ConnectionRefusedError("down"))
        with entered("scheduled"):
            self.env()["mail.mail"].browse(mails).send()
        told = [record.attributes for record in self.told("odoo.mail.mail.sent")]
        self.assertEqual(
            [(facts["business.outcome"], facts.get("error.type")) for facts in told],
            [("failed", "connection"), ("ok", None)],
        )
        self.assertEqual([facts["event.id"] for facts in told][1], "shop:mail.mail:%d:sent" % mails[1])
        self.assertTrue(all(facts["business.duration"] > 0 for facts in told))

    def test_a_mailbox_is_told_and_why_it_could_not_be_read(self):
        made = self.database.add("fetchmail.server", name="in")
        server = self.env()["fetchmail.server"].browse(made)
        fetch = server.fetch_mail if SERIES == "19.0" else lambda: server.fetch_mail(raise_exception=False)
        fetch()
        self.assertEqual(self.one("odoo.fetchmail.server.fetched")["business.outcome"], "ok")
        self._told = []
        self.database.errors["fetchmail.server.connect"].append(TimeoutError("slow"))
        try:
            fetch()
        except TimeoutError:
            self.assertEqual(SERIES, "19.0")
        self.assertEqual(self.one("odoo.fetchmail.server.fetched")["error.type"], "timeout")

    def test_electronic_invoices_and_edi_messages_are_told_by_what_was_written_on_them(self):
        kind = self.database.add("account.edi.format", code="ubl")
        move = self.id_of("account.move", invoice_origin="S00042")
        env = self.env()
        for job, outcome in (({}, "ok"), ({"refused": True}, "failed")):
            self._told = []
            made = self.database.add(
                "account.edi.document", state="to_send", move_id=move, edi_format_id=kind
            )
            env.cr.begin()
            env["account.edi.document"]._process_job(
                {"documents": env["account.edi.document"].browse(made), **job}
            )
            env.cr.commit()
            facts = self.one("odoo.account.edi.document.sent")
            self.assertEqual((facts["business.outcome"], facts["integration.name"]), (outcome, "ubl"))
        backend = self.database.add("edi.backend", name="Market")
        for method, outcome in (("exchange_send", "ok"), ("exchange_process", "failed")):
            self._told = []
            made = self.database.add(
                "edi.exchange.record",
                identifier="E1",
                edi_exchange_state="new",
                direction="output",
                backend_id=backend,
            )
            env.cr.begin()
            getattr(env["edi.backend"].browse(backend), method)(env["edi.exchange.record"].browse(made))
            env.cr.commit()
            facts = self.one("odoo.edi.exchange.record.processed")
            self.assertEqual(
                (facts["business.outcome"], facts["odoo.model"]), (outcome, "edi.exchange.record")
            )

    def login(self, password):
        users = self.env()["res.users"]
        credential = {"type": "password", "login": "someone@example.com", "password": password}
        if SERIES < "18":
            return type(users)._login("shop", "someone@example.com", password, user_agent_env={})
        if SERIES < "19":
            return type(users)._login("shop", credential, user_agent_env={})
        return users._login(credential, user_agent_env={})

    def test_a_login_is_a_pseudonym(self):
        self.assertTrue(self.login("right"))
        facts = self.one("odoo.res.users.logged_in")
        self.assertRegex(facts["business.customer"], "^[0-9a-f]{16}$")
        self.assertEqual(facts["odoo.login.method"], "password")
        self.assertNotIn("someone", str(facts))

    def test_a_refused_login_is_a_failure_and_still_refused(self):
        with self.assertRaises(stub.AccessDenied):
            self.login("wrong")
        facts = self.one("odoo.res.users.logged_in")
        self.assertEqual((facts["business.outcome"], facts["error.type"]), ("failed", "access"))
        self.assertNotIn("wrong", str(facts))

    def test_rights_are_told_by_how_many_and_of_whom(self):
        field = "groups_id" if SERIES < "19" else "group_ids"
        self.database.tables["res.users"][2][field] = [11, 12]
        env = self.env()
        user = env["res.users"].browse(2)
        user.write({"login": "x"})
        user.write({field: [12, 13, 14]})
        group = self.database.add("res.groups", name="Stock")
        env["res.groups"].browse(group)
        env.cr.commit()
        facts = self.one("odoo.res.users.privileges_changed")
        self.assertEqual(
            (facts["odoo.groups.added"], facts["odoo.groups.removed"], facts["audit.target"]),
            (2, 1, "res.users:2"),
        )

    def test_members_of_a_group_are_an_audit_event(self):
        group = self.database.add("res.groups", name="Stock")
        env = self.env()
        env["res.groups"].browse(group).write({"users": [2]})
        env.cr.commit()
        facts = self.one("audit.recorded")
        self.assertEqual(
            (facts["audit.action"], facts["audit.target"]), ("privileges.changed", "res.groups:%d" % group)
        )

    def test_a_parameter_is_a_change_by_name_and_never_by_value(self):
        env = self.env()
        with entered("interactive"):
            made = env["ir.config_parameter"].create([{"key": "web.base.url", "value": "https://hidden"}])
            made.write({"value": "https://hidden.too"})
            env.cr.commit()
        told = [record.attributes for record in self.told("change.recorded")]
        self.assertEqual({facts["change.entity"] for facts in told}, {"ir.config_parameter:web.base.url"})
        self.assertNotIn("hidden", str(told))
        self._told = []
        with entered("scheduled"):
            env["ir.config_parameter"].browse(made.ids).write({"value": "1"})
            env.cr.commit()
        self.assertEqual(self.told(), [])


class Changes(Quiet):
    def test_an_upgrade_is_a_change_of_each_addon(self):
        stub.Registry.new(stub.DB, update_module=True)
        facts = self.one("change.recorded")
        self.assertEqual(
            (facts["change.entity"], facts["change.version"], facts["change.kind"], facts["change.summary"]),
            ("sale", "1.4", "module_upgrade", "sale upgraded"),
        )
        self.assertLessEqual(facts["change.started"], facts["change.ended"])

    def test_a_plain_start_is_no_change(self):
        stub.Registry.new(stub.DB)
        self.assertEqual(self.told(), [])

    def test_an_upgrade_that_fails_is_a_failed_change(self):
        def fail():
            raise stub.ValidationError("bad data")

        self.database.errors["Registry.new"].append(fail)
        with self.assertRaises(stub.ValidationError):
            stub.Registry.new(stub.DB, update_module=True)
        facts = self.one("change.recorded")
        self.assertEqual((facts["business.outcome"], facts["change.entity"]), ("failed", "shop"))

    def test_a_database_that_says_no_is_left_alone(self):
        self.database.add("ir.config_parameter", key="plimsoll_events.enabled", value="False")
        self.registry = stub.Registry.new(stub.DB)
        env = self.env()
        env["sale.order"].browse(self.id_of("sale.order", name="S00042")).action_confirm()
        env.cr.commit()
        self.assertEqual(self.told(), [])

    def test_uninstalled_nothing_stays_patched(self):
        from odoo import http, sql_db
        from odoo.service import model

        places = [
            (http.Application, "__call__"),
            (http.Dispatcher, "pre_dispatch"),
            (model, "retrying"),
            (sql_db.Savepoint, "rollback"),
            (stub.Registry, "new"),
            (stub_addons.Template, "write"),
        ]
        placed = [owner.__dict__[name] for owner, name in places]
        ODOO.config["server_wide_modules"] = "base,web"
        self.addCleanup(ODOO.config.update, server_wide_modules="base,web,plimsoll_events")
        from odoo.addons import plimsoll_events

        plimsoll_events._uninstalled(self.env())
        for (owner, name), before in zip(places, placed):
            with self.subTest(name):
                self.assertIsNot(owner.__dict__[name], before)
        self.assertFalse(any(patching.MARK in model_class.__dict__ for model_class in self.registry.values()))
        self.assertNotIn("create", stub_addons.Order.__dict__)
        env = self.env()
        env["sale.order"].browse(self.id_of("sale.order", name="S00042")).action_confirm()
        env.cr.commit()
        self.assertEqual(self.told(), [])

    def test_another_process_takes_them_off_when_it_rebuilds_its_registry(self):
        from odoo.service import model

        ODOO.config["server_wide_modules"] = "base,web"
        self.addCleanup(ODOO.config.update, server_wide_modules="base,web,plimsoll_events")
        placed = model.retrying
        stub.Registry.new(stub.DB)
        self.assertIsNot(model.retrying, placed)

    def test_placing_twice_is_placing_once(self):
        from odoo.service import model

        once = model.retrying
        hooks._placed = False
        hooks.place()
        self.assertIs(model.retrying, once)
        confirm = self.registry["sale.order"].__dict__["action_confirm"]
        hooks.place_on(self.registry)
        self.assertIs(self.registry["sale.order"].__dict__["action_confirm"], confirm)

    def test_create_and_write_survive_an_addon_that_takes_its_own_off_the_registry(self):
        """As `base_automation` does whenever a rule of it changes."""
        for model_class in self.registry.values():
            for name in ("create", "write", "unlink"):
                if name in model_class.__dict__:
                    delattr(model_class, name)
        env = self.env()
        env["sale.order"].create([{"name": "S1", "state": "draft"}])
        env.cr.commit()
        self.one("odoo.sale.order.quoted")

    def test_a_wrapper_that_somebody_wrapped_lets_everything_through_once_it_is_taken_off(self):
        model_class = self.registry["sale.order"]
        ours = model_class.action_confirm
        model_class.action_confirm = lambda records: ours(records)
        patching.remove_from_registry(self.registry)
        env = self.env()
        order = env["sale.order"].browse(self.id_of("sale.order", name="S00042"))
        self.assertIs(order.action_confirm(), True)
        env.cr.commit()
        self.assertEqual(self.told("odoo.sale.order.confirmed"), [])

    def test_one_that_was_there_before_is_still_called(self):
        patching.remove_from_registry(self.registry)
        model_class, called = self.registry["sale.order"], []

        def before(records):
            called.append(records.ids)
            return super(model_class, records).action_confirm()

        model_class.action_confirm = before
        hooks.place_on(self.registry)
        env = self.env()
        order = env["sale.order"].browse(self.id_of("sale.order", name="S00042"))
        order.action_confirm()
        env.cr.commit()
        self.one("odoo.sale.order.confirmed")
        self.assertEqual(called, [order.ids])
        patching.remove_from_registry(self.registry)
        self.assertIs(model_class.__dict__["action_confirm"], before)

    def test_an_addon_that_is_not_watched_is_not_touched(self):
        self.assertEqual(
            set(vars(self.registry["library.book"])) - {"__module__", "__doc__"}, {"_name", "pool"}
        )


class Faults(Quiet):
    """A mistake of ours, wherever it is, costs an event and never an order."""

    def test_a_mistake_is_logged_once_in_a_while(self):
        with self.assertLogs("odoo.addons.plimsoll_events", "WARNING") as logs:
            for _ in range(100):
                runtime.get().fault("x", ValueError("y"))
        self.assertEqual(len(logs.output), 1)

    def test_a_database_error_of_ours_is_not_hidden_from_the_transaction(self):
        from odoo.addons.plimsoll_events import facts

        def broken(cr):
            raise stub.SerializationFailure("while reading")

        original, facts.transaction_start = facts.transaction_start, broken
        self.addCleanup(setattr, facts, "transaction_start", original)
        with self.assertRaises(stub.SerializationFailure):
            self.env()["sale.order"].browse(self.id_of("sale.order", name="S00042")).action_confirm()


if __name__ == "__main__":
    unittest.main()

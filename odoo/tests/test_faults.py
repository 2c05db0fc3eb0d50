"""A mistake in any function of the module costs telemetry, and never a request, an order, a scheduled action
or a job."""

from __future__ import annotations

import functools
import inspect
import logging

import stub_addons
import stub_server
from harness import Quiet, context, hooks, otlp, runtime, stub, unittest
from odoo.addons.plimsoll_events import errors, facts, queue, sender, transaction, vocabulary
from odoo.addons.plimsoll_events.hooks import (
    account,
    base,
    changes,
    http,
    jobs,
    queue_jobs,
    retries,
    sale,
    savepoints,
    stock,
)

# What does the wrapping stands between our mistakes and Odoo; it can't survive its own.
WRAPPING = {
    *("around", "_observed", "_run"),
    *("_request", "_route", "_json_error", "_retrying", "_execute_cr", "_begun", "_rolled_back", "_perform"),
    *("_set_started", "_set_done", "_set_failed", "where"),
    *("leave", "committed", "rolled_back"),
}
MODULES = (context, errors, facts, otlp, queue, sender, transaction, vocabulary)
HOOK_MODULES = (account, base, changes, http, jobs, queue_jobs, retries, sale, savepoints, stock)


def functions():
    """(owner, name) of every function and method that a test can break."""
    owners = [*MODULES, *HOOK_MODULES, runtime.Runtime]
    for module in (*MODULES, *HOOK_MODULES):
        owners.extend(
            found
            for found in vars(module).values()
            if inspect.isclass(found)
            and found.__module__ == module.__name__
            and not issubclass(found, Exception)
        )
    for owner in owners:
        for name, found in vars(owner).items():
            if inspect.isfunction(found) and found.__module__.startswith("odoo.addons.plimsoll_events"):
                home = getattr(owner, "__name__", "")
                if inspect.ismodule(owner) and found.__module__ != home:
                    continue
                wrapped = name in WRAPPING
                if not wrapped and name != "fault":
                    yield owner, name


def broken(*args, **kwargs):
    raise RuntimeError("a mistake of ours")


class Faults(Quiet):
    def setUp(self):
        super().setUp()
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.order = self.id_of("sale.order", name="S00042")
        action = self.database.add(
            "ir.actions.server", name="x", model_id=self.database.add("ir.model", model="x.y")
        )
        self.cron = action, self.database.add("ir.cron", cron_name="x")
        rule = stub_server.Rule("/web/dataset/call_kw/<path:path>", "json", self.confirm)
        self.application = stub_server.Application({"/web/dataset": rule})
        self.done = []

    def confirm(self, request):
        with request.env.cr.savepoint():
            found = request.env["sale.order"].browse(self.order).action_confirm()
        pickings = request.env["stock.picking"].browse(list(self.database.tables["stock.picking"]))
        pickings.move_ids._action_assign()
        pickings._action_done()
        return found

    def play(self):
        """A request that is tried twice, a scheduled action, a refused order."""
        self.database.errors["sale.order.action_confirm"].append(stub.SerializationFailure("x"))
        said = []
        body = self.application(
            {"PATH_INFO": "/web/dataset/call_kw/sale.order/action_confirm", "REQUEST_METHOD": "POST"},
            lambda status, headers, exc_info=None: said.append(status),
        )
        self.assertEqual((said, b"".join(body)), (["200 OK"], b'{"result": true}'))
        self.assertEqual(self.database.tables["sale.order"][self.order]["state"], "sale")
        self.assertEqual({row["state"] for row in self.database.tables["stock.picking"].values()}, {"done"})
        stub_addons.STATE["work"] = self.done.append
        env = self.env(uid=1)
        env["ir.cron"].run("x", *self.cron)
        env.cr.commit()
        self.assertEqual(len(self.done), 1)
        self.database.errors["account.move._post"].append(stub.UserError("no"))
        with self.assertRaises(stub.UserError):
            self.env()["account.move"].browse(list(self.database.tables["account.move"]))._post()
        self.assertIsNone(context._current.get())

    def test_a_mistake_anywhere_costs_no_work(self):
        tables = stub.copy.deepcopy(self.database.tables)
        found = list(functions())
        self.assertGreater(len(found), 150)
        for owner, name in found:
            with self.subTest("%s.%s" % (owner.__name__, name)):
                self.database.tables = stub.copy.deepcopy(tables)
                self.database.errors.clear()
                self.done.clear()
                self.runtime._memory.clear()
                original = vars(owner)[name]
                setattr(owner, name, functools.wraps(original)(broken))
                try:
                    self.play()
                finally:
                    setattr(owner, name, original)
                    context._current.set(None)

    def test_without_a_mistake_it_is_told(self):
        self.play()
        names = {record.name for record in self.told()}
        self.assertLessEqual(
            {"odoo.sale.order.confirmed", "odoo.stock.picking.done", "odoo.ir.cron.done"}, names
        )
        self.assertTrue(hooks.MODELS)


if __name__ == "__main__":
    unittest.main()

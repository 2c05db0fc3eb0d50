"""A database with a few records, the module placed on it, and a collector that writes down what it is
sent."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import http.server
import json
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import stub

SERIES = os.environ.get("STUB_SERIES", "17.0")
ODOO = stub.install(SERIES)

from odoo.addons import plimsoll_events  # noqa: E402
from odoo.addons.plimsoll_events import context, hooks, models, otlp, patching, runtime  # noqa: E402
from odoo.addons.plimsoll_events.settings import Settings  # noqa: E402

WAIT = 20.0
# Event name: every attribute that any test has seen it carry, with its type.
SEEN = {}


class Sink:
    """OTLP/HTTP on a port of its own. `answers` are (status, headers, body) of the next requests, or None to
    hang up."""

    def __init__(self):
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                # What the module counted about itself comes when it is due, and takes nobody's answer.
                scripted = sink.answers and not self.path.endswith("metrics")
                answer = sink.answers.pop(0) if scripted else (200, {}, b"{}")
                if callable(answer):
                    answer = answer()
                if answer is None:
                    self.close_connection = True
                    return
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                sink.requests.append((self.path, dict(self.headers.items()), json.loads(body), answer[0]))
                self.send_response(answer[0])
                for name, value in answer[1].items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer[2])))
                self.end_headers()
                self.wfile.write(answer[2])

            def log_message(self, *args):
                pass

        self.requests, self.answers = [], []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def items(self, signal):
        """Accepted log records, spans or metrics, attributes as a mapping; with the resource under
        `resource`."""
        outer, middle, inner = {
            "logs": ("resourceLogs", "scopeLogs", "logRecords"),
            "traces": ("resourceSpans", "scopeSpans", "spans"),
            "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
        }[signal]
        found = []
        for path, _, body, status in list(self.requests):
            if path.endswith(signal) and status == 200:
                for resource in body[outer]:
                    for scope in resource[middle]:
                        found.extend(
                            {
                                **item,
                                "attributes": plain(item.get("attributes", ())),
                                "resource": plain(resource["resource"]["attributes"]),
                            }
                            for item in scope[inner]
                        )
        return found


def plain(attributes):
    return {
        item["key"]: next(
            int(found) if kind == "intValue" else found for kind, found in item["value"].items()
        )
        for item in attributes
    }


def settings(endpoint, **more):
    return Settings(
        env={
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_BLRP_SCHEDULE_DELAY": "20",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2000",
            **more,
        }
    )


@contextlib.contextmanager
def entered(workload=None):
    """A unit of work, as a request or a scheduled action opens one."""
    scope = context.Scope(context.Unit(workload))
    scope.enter()
    try:
        yield scope.unit
    finally:
        scope.leave(lambda span: None)


def eventually(what, test):
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        found = test()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("not within %d s: %s" % (WAIT, what))


class Case(unittest.TestCase):
    """A fresh database, registry and runtime for each test; nothing of the module stays afterwards."""

    more_settings = {}

    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        self.database = stub.DATABASES[stub.DB] = stub.Database(stub.DB)
        fill(self.database)
        runtime._runtime = None
        self.runtime = runtime.start(settings(self.sink.url, **self.more_settings), release=SERIES)
        self.addCleanup(self._clean)
        plimsoll_events._post_load()
        self.registry = stub.Registry.new(stub.DB)

    def _clean(self):
        self.runtime.sender.stop(5)
        patching.remove_from_registry(self.registry)
        hooks.remove()
        runtime._runtime = None

    def env(self, uid=2):
        return stub.environment(uid=uid)

    def id_of(self, model, **values):
        rows = self.database.tables[model].values()
        return next(row["id"] for row in rows if all(row.get(key) == value for key, value in values.items()))

    def told(self, name=None):
        """Events that were queued so far, in their order."""
        self._told = [*getattr(self, "_told", []), *self.runtime.queues["logs"].take(10**6)]
        return [record for record in self._told if name in (None, record.name)]

    def quiet(self):
        """Keeps what is queued where `told` and `spans` find it: no thread takes it away."""
        self.runtime.sender.wake = lambda: None
        return self


class Quiet(Case):
    """For tests of what is told, rather than of how it is sent."""

    def setUp(self):
        super().setUp()
        self.runtime.sender.stop(5)
        self.quiet()
        self.told()
        self._told = []
        self._note_what_is_told()

    def _note_what_is_told(self):
        emit = self.runtime.emit

        def noted(record):
            attributes = SEEN.setdefault(record.name, {})
            attributes.update((key, type(value)) for key, value in record.attributes.items())
            emit(record)

        self.runtime.emit = noted

    def spans(self):
        self._spans = [*getattr(self, "_spans", []), *self.runtime.queues["traces"].take(10**6)]
        return self._spans

    def one(self, name):
        found = self.told(name)
        self.assertEqual(len(found), 1, "%s: %s" % (name, [record.name for record in self._told]))
        return found[0].attributes


def fill(database):
    """Two warehouses' worth of nothing much: an order, its transfer, an invoice, and who they belong to."""
    add = database.add
    add("ir.config_parameter", key="database.secret", value="s3cret")
    company = add("res.company", name="Nordic Parts")
    currency = add("res.currency", name="EUR")
    partner = add("res.partner", name="A person's name")
    database.tables["res.partner"][partner]["commercial_partner_id"] = partner
    database.tables["res.users"][1] = {"id": 1, "login": "__system__", "share": False}
    database.tables["res.users"][2] = {"id": 2, "login": "someone@example.com", "share": False}
    warehouse = add("stock.warehouse", code="OSL")
    kinds = {
        word: add("stock.picking.type", code=code, warehouse_id=warehouse)
        for word, code in (("pick", "internal"), ("ship", "outgoing"))
    }
    database.tables["stock.warehouse"][warehouse]["pick_type_id"] = kinds["pick"]
    money = {"company_id": company, "currency_id": currency, "partner_id": partner}
    order = add(
        "sale.order",
        name="S00042",
        state="draft",
        amount_untaxed=1250.5,
        warehouse_id=warehouse,
        commitment_date=datetime.datetime(2026, 11, 22, 12, 0),
        **money,
    )
    carrier = add("delivery.carrier", name="Post", delivery_type="post_api")
    product = add("product.product", default_code="BRK-7", lst_price=10.0)
    batch = add(
        "stock.picking.batch",
        name="BATCH/1",
        state="in_progress",
        is_wave=True,
        company_id=company,
        picking_type_id=kinds["pick"],
    )
    for kind in ("pick", "ship"):
        picking = add(
            "stock.picking",
            name="OSL/%s/1" % kind.upper(),
            state="confirmed",
            sale_id=order,
            company_id=company,
            picking_type_id=kinds[kind],
            carrier_id=carrier,
            batch_id=batch if kind == "pick" else None,
            date_deadline=datetime.datetime(2026, 11, 21, 16, 30),
        )
        move = add(
            "stock.move", state="confirmed", picking_id=picking, product_id=product, company_id=company
        )
        database.tables["stock.picking"][picking]["move_ids"] = [move]
        if kind == "pick":
            database.tables["stock.picking.batch"][batch]["picking_ids"] = [picking]
    journal = add("account.journal", code="INV")
    add(
        "account.move",
        name="/",
        state="draft",
        move_type="out_invoice",
        invoice_origin="S00042",
        amount_untaxed=1250.5,
        journal_id=journal,
        **money,
    )
    add("account.payment", name="PAY1", state="draft", amount=99.0, ref="S00042", journal_id=journal, **money)


__all__ = [
    "SEEN",
    "Case",
    "Quiet",
    "Settings",
    "Sink",
    "context",
    "entered",
    "eventually",
    "fill",
    "hooks",
    "models",
    "otlp",
    "patching",
    "plimsoll_events",
    "runtime",
    "settings",
    "stub",
]

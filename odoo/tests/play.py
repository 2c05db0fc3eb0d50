"""A short day at the stub: what Plimsoll's own tests look for in `business_events`. Prints what it did as
JSON.

`play.py ENDPOINT` plays it; `play.py --vocabulary` prints what the module may say.
"""

from __future__ import annotations

import json
import sys

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def vocabulary():
    from odoo.addons.plimsoll_events import hooks, vocabulary

    names = {int: "int", float: "double", bool: "boolean", str: "string"}
    attributes = {name for more in vocabulary.EVENTS.values() for name in more} | set(vocabulary.COMMON)
    told = {getattr(hook, name, None) for hook in hooks.MODELS for name in ("event", "starting")}
    return {
        "events": {name: sorted(more) for name, more in vocabulary.EVENTS.items()},
        "types": {name: names[vocabulary.TYPES.get(name, str)] for name in sorted(attributes)},
        "metrics": {name: [kind, unit, list(by)] for name, (unit, kind, by) in vocabulary.METRICS.items()},
        "server_span": sorted(vocabulary.SERVER_SPAN),
        "hooks": sorted(name for name in told if name),
    }


def play(endpoint):
    import stub_server
    from harness import fill, plimsoll_events, runtime, settings, stub

    database = stub.DATABASES[stub.DB] = stub.Database(stub.DB)
    fill(database)
    runtime.start(settings(endpoint, OTEL_SERVICE_NAME="odoo-shop"), release="17.0")
    plimsoll_events._post_load()
    stub.Registry.new(stub.DB)
    made = {
        name: database.add("sale.order", name=name, state="draft", amount_untaxed=10.0)
        for name in ("KEPT", "ROLLED", "REFUSED", "RETRIED")
    }
    kept = next(row["id"] for row in database.tables["sale.order"].values() if row["name"] == "S00042")

    def confirm(request):
        return request.env["sale.order"].browse(request.params["id"]).action_confirm()

    rule = stub_server.Rule("/web/dataset/call_kw/<path:path>", "json", confirm)
    application = stub_server.Application({"/web/dataset/call_kw": rule})

    def call(order, *errors):
        database.errors["sale.order.action_confirm"].extend(errors)
        environ = {
            "PATH_INFO": "/web/dataset/call_kw/sale.order/action_confirm",
            "REQUEST_METHOD": "POST",
            "HTTP_TRACEPARENT": "00-%s-00f067aa0ba902b7-01" % TRACE,
            "stub.params": {"id": order},
        }
        application(environ, lambda status, headers, exc_info=None: None)

    call(kept)
    call(made["REFUSED"], stub.UserError("no"))
    call(made["RETRIED"], stub.SerializationFailure("x"))
    env = stub.environment()
    env["sale.order"].browse(made["ROLLED"]).action_confirm()
    env.cr.rollback()
    env["stock.picking"].browse(list(database.tables["stock.picking"]))._action_done()
    env["account.move"].browse(list(database.tables["account.move"]))._post()
    env.cr.commit()
    runtime.get().sender.drain(20)
    return {"trace": TRACE, "kept": kept, "refused": made["REFUSED"], "counts": counts(runtime)}


def counts(runtime):
    return {
        "%s/%s" % (name, reason) if reason else name: value
        for (name, reason), value in runtime.get().counts().items()
    }


if __name__ == "__main__":
    import harness  # noqa: F401 - the stub is `odoo` from here on

    print(json.dumps(vocabulary() if sys.argv[1] == "--vocabulary" else play(sys.argv[1])))

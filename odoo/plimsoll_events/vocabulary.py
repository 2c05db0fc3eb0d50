"""What this module may say: the lines of Plimsoll's `docs/signals.yaml` that are marked `from: [module]`.

Whatever a hook knows beyond these names is not sent. A test compares both files, so neither can drift.
"""

from __future__ import annotations

# Of every event, as far as they are known.
COMMON = ("event.id", "business.outcome", "business.workload", "business.company", "odoo.db", "odoo.model")

_ATTEMPT = ("odoo.method", "odoo.retries", "odoo.commit_wait", "odoo.records", "business.duration")
_MONEY = ("business.amount", "business.currency")

# Name: what it carries besides.
EVENTS = {
    "odoo.sale.order.quoted": (
        "odoo.res_id",
        "business.process_id",
        "business.warehouse",
        "business.channel",
        "business.customer",
        *_MONEY,
        "business.due",
    ),
    "odoo.sale.order.confirmed": (
        "odoo.res_id",
        *_ATTEMPT,
        "odoo.record.age",
        "business.process_id",
        "business.warehouse",
        "business.channel",
        "business.customer",
        *_MONEY,
        "business.user_group",
        "business.due",
        "error.type",
    ),
    "odoo.sale.order.cancelled": (
        "odoo.res_id",
        "business.process_id",
        "business.warehouse",
        "business.channel",
        *_MONEY,
        "error.type",
        "business.customer",
        "business.due",
    ),
    "odoo.stock.picking.assigned": (
        "odoo.res_id",
        "odoo.picking.step",
        "business.process_id",
        "business.warehouse",
        "business.due",
        "business.carrier",
    ),
    "odoo.stock.picking.done": (
        "odoo.res_id",
        *_ATTEMPT,
        "odoo.record.age",
        "odoo.picking.step",
        "odoo.picking.backorder",
        "business.process_id",
        "business.warehouse",
        "business.carrier",
        "business.due",
        "business.user_group",
        "error.type",
    ),
    "odoo.stock.picking.cancelled": (
        "odoo.res_id",
        "odoo.picking.step",
        "business.process_id",
        "business.warehouse",
        "error.type",
        "business.carrier",
        "business.due",
    ),
    "odoo.stock.picking.labelled": (
        "odoo.res_id",
        "business.duration",
        "business.process_id",
        "business.warehouse",
        "business.carrier",
        "error.type",
    ),
    "odoo.stock.picking.batch.done": (
        "odoo.res_id",
        *_ATTEMPT,
        "odoo.record.age",
        "odoo.picking.wave",
        "odoo.picking.step",
        "business.process_id",
        "business.warehouse",
        "business.user_group",
        "error.type",
    ),
    "odoo.stock.move.done": (
        "odoo.res_id",
        *_ATTEMPT,
        "business.process_id",
        "business.warehouse",
        "business.product",
        "business.user_group",
        "error.type",
    ),
    "odoo.account.move.posted": (
        "odoo.res_id",
        *_ATTEMPT,
        "odoo.record.age",
        "odoo.move.type",
        "odoo.journal",
        "business.process_id",
        "business.customer",
        *_MONEY,
        "business.user_group",
        "error.type",
    ),
    "odoo.account.move.reset": (
        "odoo.res_id",
        "odoo.move.type",
        "odoo.journal",
        "business.process_id",
        *_MONEY,
        "error.type",
        "business.customer",
    ),
    "odoo.account.payment.registered": (
        "odoo.res_id",
        *_ATTEMPT,
        "odoo.journal",
        "business.process_id",
        "business.customer",
        *_MONEY,
        "error.type",
    ),
    "odoo.account.batch.done": ("odoo.cron.name", "odoo.records", "business.duration", "error.type"),
    "odoo.res.company.period_closed": ("odoo.res_id", "business.due", "error.type"),
    "odoo.payment.transaction.done": (
        "odoo.res_id",
        "integration.name",
        "integration.kind",
        "business.process_id",
        *_MONEY,
        "error.type",
    ),
    "odoo.purchase.order.confirmed": (
        "odoo.res_id",
        *_ATTEMPT,
        "odoo.record.age",
        "business.process_id",
        "business.warehouse",
        *_MONEY,
        "business.due",
        "error.type",
    ),
    "odoo.procurement.run.done": ("business.duration", "odoo.records", "error.type"),
    "odoo.stock.warehouse.orderpoint.replenished": (
        "odoo.res_id",
        "odoo.records",
        "business.duration",
        "business.warehouse",
        "error.type",
    ),
    "odoo.base.import.done": ("odoo.import.model", "odoo.records", "business.duration", "error.type"),
    "odoo.product.price.updated": ("odoo.records", "error.type"),
    "odoo.ir.cron.started": ("odoo.res_id", "odoo.cron.name", "odoo.worker.pid"),
    "odoo.ir.cron.done": (
        "odoo.res_id",
        "odoo.cron.name",
        "odoo.worker.pid",
        "odoo.records",
        "business.duration",
        "error.type",
    ),
    "odoo.queue.job.started": ("odoo.method", "odoo.queue.channel", "business.process_id", "odoo.worker.pid"),
    "odoo.queue.job.done": (
        "odoo.method",
        "odoo.queue.channel",
        "odoo.retries",
        "odoo.worker.pid",
        "business.duration",
        "business.process_id",
        "error.type",
    ),
    "odoo.ir.actions.report.started": ("odoo.res_id", "odoo.records"),
    "odoo.ir.actions.report.done": ("odoo.res_id", "odoo.records", "business.duration", "error.type"),
    "odoo.mail.mail.sent": ("odoo.res_id", "business.duration", "integration.kind", "error.type"),
    "odoo.fetchmail.server.fetched": (
        "odoo.res_id",
        "odoo.records",
        "business.duration",
        "integration.kind",
        "error.type",
    ),
    "odoo.account.edi.document.sent": (
        "odoo.res_id",
        "business.process_id",
        "integration.name",
        "integration.kind",
        "error.type",
    ),
    "odoo.edi.exchange.record.processed": (
        "odoo.res_id",
        "business.process_id",
        "business.duration",
        "integration.name",
        "integration.kind",
        "integration.direction",
        "error.type",
    ),
    "integration.call.done": (
        "integration.name",
        "integration.kind",
        "integration.direction",
        "business.duration",
        "business.process_id",
        "error.type",
    ),
    "change.recorded": (
        "change.id",
        "change.kind",
        "change.entity",
        "change.version",
        "change.summary",
        "change.url",
        "change.author",
        "change.started",
        "change.ended",
    ),
    "odoo.res.users.logged_in": ("business.customer", "odoo.login.method", "error.type"),
    "odoo.res.users.privileges_changed": (
        "odoo.res_id",
        "odoo.groups.added",
        "odoo.groups.removed",
        "audit.target",
        "error.type",
    ),
    "audit.recorded": ("audit.action", "audit.target", "odoo.res_id"),
}

_INTEGERS = (
    "odoo.res_id",
    "odoo.retries",
    "odoo.records",
    "odoo.worker.pid",
    "odoo.groups.added",
    "odoo.groups.removed",
    "odoo.http.queries",
    "http.response.status_code",
)
_DOUBLES = (
    "business.duration",
    "business.amount",
    "odoo.commit_wait",
    "odoo.http.sql_duration",
    "odoo.record.age",
)
_BOOLEANS = ("odoo.picking.wave", "odoo.picking.backorder")

# Everything else is text.
TYPES = {**dict.fromkeys(_INTEGERS, int), **dict.fromkeys(_DOUBLES, float), **dict.fromkeys(_BOOLEANS, bool)}

# Name: unit, kind, attributes of a point.
METRICS = {
    "plimsoll.odoo.events.sent": ("{event}", "sum", ()),
    "plimsoll.odoo.events.dropped": ("{event}", "sum", ("reason",)),
    "plimsoll.odoo.spans.dropped": ("{span}", "sum", ("reason",)),
    "plimsoll.odoo.queue.length": ("{event}", "gauge", ()),
}
DROP_REASONS = ("queue_full", "refused", "encoding", "limit")

SERVER_SPAN = (
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "url.path",
    "odoo.db",
    "odoo.model",
    "odoo.method",
    "odoo.http.queries",
    "odoo.http.sql_duration",
    "odoo.retries",
    "business.workload",
    "error.type",
)


def select(name, facts):
    """What `name` may carry of `facts`, each in the type that the catalogue promises."""
    allowed = EVENTS[name]
    chosen = {}
    for key in (*COMMON, *allowed):
        value = facts.get(key)
        if value is not None and value != "":
            chosen[key] = TYPES.get(key, str)(value)
    return chosen

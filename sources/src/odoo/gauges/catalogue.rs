//! The levels that are measured: names and units as in `docs/signals.yaml`, statements from what Odoo's tables mean.
//!
//! Each finds its rows by an indexed state where Odoo has one. Times of Odoo's are UTC without saying so.

use super::super::fields::picking_step;
use super::super::missed::{cron_due, cron_runs, gaps};
use super::super::schema::{Join, Schema};
use super::Gauge;

const NOW: &str = "(now() AT TIME ZONE 'UTC')";
const ORDER: &str = "{order}";

pub(crate) const GAUGES: &[Gauge] = &[
    Gauge {
        what: "unconfirmed orders",
        needs: &[("sale_order", &["id", "state", "create_date", "company_id"])],
        every: 1,
        labels: &["business.company", "business.warehouse"],
        levels: &[("odoo.sale.order.unconfirmed", ORDER), ("odoo.sale.order.unconfirmed.age", "s")],
        sql: |schema| {
            let (joins, company, warehouse) = company_and_warehouse(schema, "sale_order");
            format!(
                "SELECT {company}, {warehouse}, count(*)::float8, max({})::float8 FROM sale_order d{joins} \
                 WHERE d.state = 'sent' GROUP BY 1, 2",
                age("d.create_date")
            )
        },
    },
    Gauge {
        what: "orders to invoice",
        needs: &[("sale_order", &["id", "state", "invoice_status", "company_id"])],
        every: 1,
        labels: &["business.company"],
        levels: &[("odoo.sale.order.to_invoice", ORDER)],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "sale_order");
            format!(
                "SELECT {company}, count(*)::float8 FROM sale_order d{joins} \
                 WHERE d.state IN ('sale', 'done') AND d.invoice_status = 'to invoice' GROUP BY 1"
            )
        },
    },
    Gauge {
        what: "orders without a transfer",
        needs: &[
            ("sale_order", &["id", "state", "date_order", "company_id"]),
            ("sale_order_line", &["id", "order_id", "product_id", "product_uom_qty"]),
            ("stock_move", &["sale_line_id"]),
            ("product_product", &["id", "product_tmpl_id"]),
            ("product_template", &["id", "type"]),
        ],
        every: 1,
        labels: &["business.company", "business.warehouse"],
        levels: &[("odoo.sale.order.undelivered", ORDER)],
        sql: |schema| {
            let (joins, company, warehouse) = company_and_warehouse(schema, "sale_order");
            format!(
                "SELECT {company}, {warehouse}, count(DISTINCT d.id)::float8 FROM sale_order d \
                 JOIN sale_order_line l ON l.order_id = d.id JOIN product_product pp ON pp.id = l.product_id \
                 JOIN product_template pt ON pt.id = pp.product_tmpl_id{joins} \
                 WHERE d.state IN ('sale', 'done') AND pt.type IN ('product', 'consu') AND l.product_uom_qty > 0 \
                 AND d.date_order BETWEEN {NOW} - interval '1 day' AND {NOW} - interval '5 minutes' \
                 AND NOT EXISTS (SELECT 1 FROM stock_move m WHERE m.sale_line_id = l.id) GROUP BY 1, 2"
            )
        },
    },
    Gauge {
        what: "open transfers",
        needs: &[("stock_picking", &["id", "state", "date_deadline", "picking_type_id"]), TYPES, WAREHOUSES],
        every: 1,
        labels: &["business.warehouse", "odoo.picking.step"],
        levels: &[
            ("odoo.stock.picking.waiting", "{picking}"),
            ("odoo.stock.picking.late", "{picking}"),
            ("odoo.stock.picking.late.age", "s"),
        ],
        sql: |schema| {
            format!(
                "SELECT w.code::text, {}, count(*) FILTER (WHERE p.state = 'assigned')::float8, \
                 count(*) FILTER (WHERE p.date_deadline < {NOW})::float8, \
                 coalesce(max({}) FILTER (WHERE p.date_deadline < {NOW}), 0)::float8 FROM stock_picking p \
                 JOIN stock_picking_type t ON t.id = p.picking_type_id LEFT JOIN stock_warehouse w ON w.id = t.warehouse_id \
                 WHERE p.state IN ('waiting', 'confirmed', 'assigned') GROUP BY 1, 2",
                picking_step(schema),
                age("p.date_deadline")
            )
        },
    },
    Gauge {
        what: "stalled transfers",
        needs: &[
            ("stock_move_move_rel", &["move_orig_id", "move_dest_id"]),
            ("stock_move", &["id", "state", "picking_id", "picking_type_id"]),
            TYPES,
            WAREHOUSES,
        ],
        every: 2,
        labels: &["business.warehouse", "odoo.picking.step"],
        levels: &[("odoo.stock.picking.stalled", "{picking}")],
        sql: |schema| {
            format!(
                "SELECT w.code::text, {}, count(DISTINCT d.picking_id)::float8 FROM stock_move d \
                 JOIN stock_move_move_rel r ON r.move_dest_id = d.id JOIN stock_move o ON o.id = r.move_orig_id AND o.state = 'done' \
                 JOIN stock_picking_type t ON t.id = d.picking_type_id LEFT JOIN stock_warehouse w ON w.id = t.warehouse_id \
                 WHERE d.state IN ('waiting', 'confirmed', 'partially_available', 'assigned') GROUP BY 1, 2",
                picking_step(schema)
            )
        },
    },
    Gauge {
        what: "batches",
        needs: &[
            ("stock_picking_batch", &["id", "state", "is_wave", "create_date", "picking_type_id"]),
            TYPES,
            WAREHOUSES,
        ],
        every: 1,
        labels: &["business.warehouse", "odoo.picking.wave"],
        levels: &[("odoo.stock.picking.batch.open", "{batch}"), ("odoo.stock.picking.batch.age", "s")],
        sql: |_| {
            format!(
                "SELECT w.code::text, coalesce(b.is_wave, false)::text, count(*)::float8, max({})::float8 \
                 FROM stock_picking_batch b LEFT JOIN stock_picking_type t ON t.id = b.picking_type_id \
                 LEFT JOIN stock_warehouse w ON w.id = t.warehouse_id WHERE b.state = 'in_progress' GROUP BY 1, 2",
                age("b.create_date")
            )
        },
    },
    Gauge {
        what: "negative stock",
        needs: &[("stock_quant", &["id", "quantity", "location_id"]), ("stock_location", &["id", "usage"])],
        every: 5,
        labels: &["business.warehouse"],
        levels: &[("odoo.stock.quant.negative", "{quant}")],
        sql: |schema| {
            let (joins, warehouse) = of_location(schema);
            format!(
                "SELECT {warehouse}, count(*) FILTER (WHERE q.quantity < 0)::float8 FROM stock_quant q \
                 JOIN stock_location l ON l.id = q.location_id AND l.usage = 'internal'{joins} GROUP BY 1"
            )
        },
    },
    Gauge {
        what: "reservation drift",
        needs: &[
            ("stock_quant", &["product_id", "location_id", "reserved_quantity"]),
            ("stock_move_line", &["product_id", "location_id", "state"]),
            ("stock_location", &["id", "usage"]),
        ],
        every: 15,
        labels: &["business.warehouse"],
        levels: &[("odoo.stock.quant.reservation_drift", "{quant}")],
        sql: |schema| {
            let (joins, warehouse) = of_location(schema);
            let reserved = ["quantity_product_uom", "reserved_qty"]
                .into_iter()
                .find(|column| schema.has("stock_move_line", column))
                .unwrap_or("0");
            format!(
                "SELECT {warehouse}, count(*) FILTER (WHERE abs(x.stated - x.used) > 0.0001)::float8 FROM \
                 (SELECT product_id, location_id, sum(stated) AS stated, sum(used) AS used FROM \
                   (SELECT product_id, location_id, reserved_quantity AS stated, 0::numeric AS used FROM stock_quant \
                    UNION ALL SELECT product_id, location_id, 0, {reserved} FROM stock_move_line WHERE state NOT IN ('done', 'cancel')) both_sides \
                  GROUP BY 1, 2) x JOIN stock_location l ON l.id = x.location_id AND l.usage IN ('internal', 'transit'){joins} GROUP BY 1"
            )
        },
    },
    Gauge {
        what: "overdue drafts",
        needs: &[
            (
                "account_move",
                &["id", "state", "auto_post", "date", "invoice_date", "journal_id", "company_id"],
            ),
            JOURNALS,
        ],
        every: 5,
        labels: &["business.company", "odoo.journal"],
        levels: &[("odoo.account.move.draft_overdue", "{move}")],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "account_move");
            format!(
                "SELECT {company}, j.code::text, count(*)::float8 FROM account_move d JOIN account_journal j ON j.id = d.journal_id{joins} \
                 WHERE d.state = 'draft' AND CASE WHEN d.auto_post <> 'no' THEN d.date ELSE d.invoice_date END < {NOW}::date GROUP BY 1, 2"
            )
        },
    },
    Gauge {
        what: "sequence gaps",
        needs: &[
            ("account_move", &["id", "journal_id", "sequence_prefix", "sequence_number", "posted_before"]),
            ("account_journal", &["id", "code", "company_id"]),
        ],
        every: 15,
        labels: &["business.company", "odoo.journal"],
        levels: &[("odoo.account.move.sequence_gaps", "{gap}")],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "account_journal");
            format!(
                "SELECT {company}, d.code::text, count(g.first)::float8 FROM account_journal d \
                 JOIN ({}) g ON g.journal_id = d.id{joins} GROUP BY 1, 2",
                gaps()
            )
        },
    },
    Gauge {
        what: "unbalanced entries",
        needs: &[
            ("account_move", &["id", "state", "date", "company_id"]),
            ("account_move_line", &["move_id", "balance"]),
        ],
        every: 15,
        labels: &["business.company"],
        levels: &[("odoo.account.move.unbalanced", "{move}")],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "account_move");
            format!(
                "SELECT {company}, count(*) FILTER (WHERE x.off > 0.005)::float8 FROM \
                 (SELECT m.id, abs(sum(l.balance)) AS off FROM account_move m JOIN account_move_line l ON l.move_id = m.id \
                  WHERE m.state = 'posted' AND m.date >= {NOW}::date - 2 GROUP BY m.id) x JOIN account_move d ON d.id = x.id{joins} GROUP BY 1"
            )
        },
    },
    Gauge {
        what: "electronic invoices",
        needs: &[
            ("account_edi_document", &["id", "state", "edi_format_id"]),
            ("account_edi_format", &["id", "code"]),
        ],
        every: 1,
        labels: &["integration.name"],
        levels: &[("odoo.account.edi.document.pending", "{document}")],
        sql: |_| {
            "SELECT f.code::text, count(*)::float8 FROM account_edi_document e JOIN account_edi_format f ON f.id = e.edi_format_id \
             WHERE e.state IN ('to_send', 'to_cancel') GROUP BY 1".to_owned()
        },
    },
    Gauge {
        what: "EDI messages",
        needs: &[
            ("edi_exchange_record", &["id", "edi_exchange_state", "backend_id"]),
            ("edi_backend", &["id", "name"]),
        ],
        every: 1,
        labels: &["integration.name", "integration.direction"],
        levels: &[("odoo.edi.exchange.record.pending", "{record}")],
        sql: |schema| {
            format!(
                "SELECT {}, CASE WHEN e.edi_exchange_state LIKE 'input%' THEN 'in' WHEN e.edi_exchange_state LIKE 'output%' THEN 'out' END, \
                 count(*)::float8 FROM edi_exchange_record e JOIN edi_backend b ON b.id = e.backend_id \
                 WHERE e.edi_exchange_state LIKE '%error%' OR e.edi_exchange_state IN ('new', 'output_pending', 'input_pending', 'input_received') \
                 GROUP BY 1, 2",
                schema.label("b", "edi_backend", "name")
            )
        },
    },
    Gauge {
        what: "e-mails that wait",
        needs: &[("mail_mail", &["id", "state", "create_date"])],
        every: 1,
        labels: &[],
        levels: &[
            ("odoo.mail.mail.pending", "{mail}"),
            ("odoo.mail.mail.pending.age", "s"),
            ("odoo.mail.mail.failed", "{mail}"),
        ],
        sql: |schema| {
            let since = if schema.has("mail_mail", "scheduled_date") {
                "coalesce(scheduled_date::timestamp, create_date)"
            } else {
                "create_date"
            };
            format!(
                "SELECT count(*) FILTER (WHERE state = 'outgoing' AND {since} <= {NOW})::float8, \
                 coalesce(max({}) FILTER (WHERE state = 'outgoing' AND {since} <= {NOW}), 0)::float8, \
                 count(*) FILTER (WHERE state = 'exception')::float8 FROM mail_mail WHERE state IN ('outgoing', 'exception')",
                age(since)
            )
        },
    },
    Gauge {
        what: "scheduled actions",
        needs: &[("ir_cron", &["id", "cron_name", "active", "nextcall"])],
        every: 1,
        labels: &["odoo.cron.name"],
        levels: &[("odoo.ir.cron.lag", "s"), ("odoo.ir.cron.failures", "{failure}")],
        sql: |schema| {
            format!(
                "SELECT {}, max(greatest(0, {}))::float8, max({})::float8 FROM ir_cron c WHERE {} GROUP BY 1",
                schema.label("c", "ir_cron", "cron_name"),
                age(&cron_due(schema)),
                schema.or_null("c", "ir_cron", "failure_count", "float8"),
                cron_runs(schema)
            )
        },
    },
    Gauge {
        what: "queue jobs",
        needs: &[("queue_job", &["id", "channel", "state"])],
        every: 1,
        labels: &["odoo.queue.channel", "odoo.queue.job.state"],
        levels: &[("odoo.queue.job.count", "{job}")],
        sql: |_| {
            "SELECT channel::text, state::text, count(*)::float8 FROM queue_job \
             WHERE state IN ('wait_dependencies', 'pending', 'enqueued', 'started', 'failed') GROUP BY 1, 2"
                .to_owned()
        },
    },
    Gauge {
        what: "waiting queue jobs",
        needs: &[(
            "queue_job",
            &["id", "channel", "state", "date_created", "date_started", "eta", "graph_uuid"],
        )],
        every: 1,
        labels: &["odoo.queue.channel"],
        levels: &[("odoo.queue.job.age", "s"), ("odoo.queue.job.stuck", "{job}")],
        sql: |_| {
            let since = "greatest(j.date_created, coalesce(j.eta, j.date_created))";
            format!(
                "SELECT j.channel::text, coalesce(max(greatest(0, {})) FILTER (WHERE j.state IN ('pending', 'enqueued')), 0)::float8, \
                 count(*) FILTER (WHERE (j.state = 'started' AND j.date_started < {NOW} - interval '1 hour') \
                   OR (j.state = 'wait_dependencies' AND EXISTS (SELECT 1 FROM queue_job f WHERE f.graph_uuid = j.graph_uuid \
                       AND f.state IN ('failed', 'cancelled'))))::float8 FROM queue_job j \
                 WHERE j.state IN ('wait_dependencies', 'pending', 'enqueued', 'started') GROUP BY 1",
                age(since)
            )
        },
    },
    Gauge {
        what: "modules",
        needs: &[("ir_module_module", &["id", "state"])],
        every: 1,
        labels: &[],
        levels: &[("odoo.module.count", "{module}")],
        sql: |_| "SELECT count(*)::float8 FROM ir_module_module WHERE state = 'installed'".to_owned(),
    },
];

const TYPES: super::Need = ("stock_picking_type", &["id", "code", "warehouse_id"]);
const WAREHOUSES: super::Need = ("stock_warehouse", &["id", "code"]);
const JOURNALS: super::Need = ("account_journal", &["id", "code"]);

fn age(since: &str) -> String {
    format!("extract(epoch FROM {NOW} - {since})")
}

/// Joins to the company and the warehouse of `d`, and their names.
fn company_and_warehouse(schema: &Schema, table: &str) -> (String, String, String) {
    let join = |key, of, alias, column| {
        schema.joined(Join { from: "d", from_table: table, key, table: of, alias, column })
    };
    let (to_company, company) = join("company_id", "res_company", "co", "name");
    let (to_warehouse, warehouse) = join("warehouse_id", "stock_warehouse", "w", "code");
    (format!("{to_company}{to_warehouse}"), company, warehouse)
}

/// The warehouse that a location `l` belongs to, where the version says so.
fn of_location(schema: &Schema) -> (String, String) {
    schema.joined(Join {
        from: "l",
        from_table: "stock_location",
        key: "warehouse_id",
        table: "stock_warehouse",
        alias: "w",
        column: "code",
    })
}

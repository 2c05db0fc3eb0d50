//! Transfers, batches, stock.

use super::super::super::fields::picking_step;
use super::super::super::schema::{Join, Need, Schema};
use super::super::Gauge;
use super::{NOW, TYPES, WAREHOUSES, age, company_and_warehouse};

pub(super) const GAUGES: &[Gauge] = &[
    Gauge {
        what: "open transfers",
        needs: &[
            (
                "stock_picking",
                &["id", "state", "date_deadline", "picking_type_id", "scheduled_date", "has_deadline_issue"],
            ),
            TYPES,
            WAREHOUSES,
        ],
        every: 1,
        labels: &["business.warehouse", "odoo.picking.step"],
        levels: &[
            ("odoo.stock.picking.waiting", "{picking}"),
            ("odoo.stock.picking.late", "{picking}"),
            ("odoo.stock.picking.late.age", "s"),
            ("odoo.stock.picking.delayed", "{picking}"),
            ("odoo.stock.picking.deadline_issue", "{picking}"),
        ],
        sql: |schema| {
            format!(
                "SELECT w.code::text, {}, count(*) FILTER (WHERE p.state = 'assigned')::float8, \
                 count(*) FILTER (WHERE p.date_deadline < {NOW})::float8, \
                 coalesce(max({}) FILTER (WHERE p.date_deadline < {NOW}), 0)::float8, \
                 count(*) FILTER (WHERE p.scheduled_date < {NOW})::float8, count(*) FILTER (WHERE p.has_deadline_issue)::float8 FROM stock_picking p \
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
            ("stock_move", &["id", "state", "date", "picking_id", "picking_type_id"]),
            TYPES,
            WAREHOUSES,
        ],
        every: 2,
        labels: &["business.warehouse", "odoo.picking.step"],
        levels: &[("odoo.stock.picking.stalled", "{picking}"), ("odoo.stock.picking.stalled.age", "s")],
        sql: |schema| {
            format!(
                "SELECT w.code::text, {}, count(DISTINCT d.picking_id)::float8, max({})::float8 FROM stock_move d \
                 JOIN stock_move_move_rel r ON r.move_dest_id = d.id JOIN stock_move o ON o.id = r.move_orig_id AND o.state = 'done' \
                 JOIN stock_picking_type t ON t.id = d.picking_type_id LEFT JOIN stock_warehouse w ON w.id = t.warehouse_id \
                 WHERE d.state IN ('waiting', 'confirmed', 'partially_available', 'assigned') GROUP BY 1, 2",
                picking_step(schema),
                // The time of a move that is done is when that was.
                age("o.date")
            )
        },
    },
    Gauge {
        what: "batches",
        needs: &[
            (
                "stock_picking_batch",
                &["id", "state", "is_wave", "create_date", "scheduled_date", "picking_type_id"],
            ),
            ("stock_picking", &["id", "state", "batch_id"]),
            TYPES,
            WAREHOUSES,
        ],
        every: 1,
        labels: &["business.warehouse", "odoo.picking.wave"],
        levels: &[
            ("odoo.stock.picking.batch.open", "{batch}"),
            ("odoo.stock.picking.batch.age", "s"),
            ("odoo.stock.picking.batch.late", "{batch}"),
            ("odoo.stock.picking.batch.pickings", "{picking}"),
            ("odoo.stock.picking.batch.pickings_done", "{picking}"),
        ],
        sql: |_| {
            format!(
                "SELECT w.code::text, coalesce(b.is_wave, false)::text, count(*)::float8, max({})::float8, \
                 count(*) FILTER (WHERE b.scheduled_date < {NOW})::float8, sum(p.total)::float8, sum(p.done)::float8 \
                 FROM stock_picking_batch b LEFT JOIN LATERAL (SELECT count(*) AS total, count(*) FILTER (WHERE state = 'done') AS done \
                   FROM stock_picking WHERE batch_id = b.id) p ON true LEFT JOIN stock_picking_type t ON t.id = b.picking_type_id \
                 LEFT JOIN stock_warehouse w ON w.id = t.warehouse_id WHERE b.state = 'in_progress' GROUP BY 1, 2",
                age("b.create_date")
            )
        },
    },
    Gauge {
        what: "negative stock",
        needs: &[
            ("stock_quant", &["id", "quantity", "reserved_quantity", "location_id"]),
            ("stock_location", &["id", "usage"]),
        ],
        every: 5,
        labels: &["business.warehouse"],
        levels: &[
            ("odoo.stock.quant.negative", QUANT),
            ("odoo.stock.quant.over_reserved", QUANT),
            ("odoo.stock.quant.negative_reserved", QUANT),
        ],
        sql: |schema| {
            let (joins, warehouse) = of_location(schema);
            format!(
                "SELECT {warehouse}, count(*) FILTER (WHERE q.quantity < 0)::float8, \
                 count(*) FILTER (WHERE q.reserved_quantity > greatest(q.quantity, 0))::float8, \
                 count(*) FILTER (WHERE q.reserved_quantity < 0)::float8 FROM stock_quant q \
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
        what: "moves without a valuation layer",
        needs: &[
            MOVED,
            ("stock_move", &["product_id", "location_id", "location_dest_id"]),
            ("stock_valuation_layer", &["stock_move_id"]),
            ("stock_location", &["id", "usage"]),
            ("product_product", &["id", "product_tmpl_id"]),
            ("product_template", &["id", "type"]),
        ],
        every: 15,
        labels: &["business.company"],
        levels: &[("odoo.stock.move.unvalued", "{move}")],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "stock_move");
            let is_storable = if schema.has("product_template", "is_storable") {
                "pt.is_storable"
            } else {
                "pt.type = 'product'"
            };
            format!(
                "SELECT {company}, count(*)::float8 FROM stock_move d JOIN product_product pp ON pp.id = d.product_id \
                 JOIN product_template pt ON pt.id = pp.product_tmpl_id AND {is_storable} \
                 JOIN stock_location a ON a.id = d.location_id JOIN stock_location b ON b.id = d.location_dest_id{joins} \
                 WHERE {DONE_LATELY} AND (a.usage = 'internal') <> (b.usage = 'internal') \
                 AND NOT EXISTS (SELECT 1 FROM stock_valuation_layer v WHERE v.stock_move_id = d.id) GROUP BY 1"
            )
        },
    },
    // 19 has no layers: the value stands in the move.
    Gauge {
        what: "moves without a value",
        needs: &[MOVED, ("stock_move", &["is_in", "is_out", "value"])],
        every: 15,
        labels: &["business.company"],
        levels: &[("odoo.stock.move.unvalued", "{move}")],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "stock_move");
            format!(
                "SELECT {company}, count(*)::float8 FROM stock_move d{joins} \
                 WHERE {DONE_LATELY} AND (d.is_in OR d.is_out) AND d.value IS NULL GROUP BY 1"
            )
        },
    },
];

const MOVED: Need = ("stock_move", &["id", "state", "date", "company_id", "product_qty"]);
const DONE_LATELY: &str =
    "d.state = 'done' AND d.product_qty > 0 AND d.date >= (now() AT TIME ZONE 'UTC') - interval '1 day'";
const QUANT: &str = "{quant}";

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

//! What an event says about its record: read by key, a few at a time, in the snapshot that showed the event.

use super::fields::{As, Field, Fields, micros, picking_step};
use super::schema::{Join, Need, Schema};

/// Records of one model, and how their attributes are read.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) model: &'static str,
    /// `$1` is the ids; after the id comes when it was created, in microseconds, then the fields.
    pub(crate) sql: String,
    pub(crate) fields: Vec<Field>,
}

/// The models whose `state` Odoo tracks, with what is needed to say anything about them.
pub(crate) const MODELS: &[(&str, &str, &[Need])] = &[
    ("sale.order", "orders", &[("sale_order", &["id", "name"])]),
    (
        "stock.picking",
        "transfers",
        &[
            ("stock_picking", &["id", "name", "picking_type_id"]),
            ("stock_picking_type", &["id", "code", "warehouse_id"]),
            ("stock_warehouse", &["id", "code"]),
        ],
    ),
    ("stock.picking.batch", "batches", &[("stock_picking_batch", &["id", "name"])]),
    ("account.move", "journal entries", &[("account_move", &["id", "name", "move_type"])]),
    ("purchase.order", "purchase orders", &[("purchase_order", &["id", "name"])]),
];

impl Document {
    pub(crate) fn of(model: &str, schema: &Schema) -> Option<Self> {
        let (model, _, needs) = MODELS.iter().find(|(known, _, _)| *known == model)?;
        if !schema.has_all(needs) {
            return None;
        }
        let (table, fields) = match *model {
            "sale.order" => ("sale_order", order(schema)),
            "stock.picking" => ("stock_picking", picking(schema)),
            "stock.picking.batch" => ("stock_picking_batch", batch(schema)),
            "account.move" => ("account_move", entry(schema)),
            _ => ("purchase_order", purchase(schema)),
        };
        let sql = format!(
            "SELECT d.id::int8, {}{} FROM {table} d{} WHERE d.id = ANY($1)",
            micros(&schema.or_null("d", table, "create_date", "timestamp")),
            fields.list(),
            fields.joins()
        );
        Some(Self { model, sql, fields: fields.finish() })
    }
}

/// Whom an order is for: the company that its contact belongs to, as the Odoo module says it.
pub(super) const CUSTOMERS: &[Need] =
    &[("sale_order", &["partner_id"]), ("res_partner", &["id", "commercial_partner_id"])];

pub(super) fn order(schema: &Schema) -> Fields<'_> {
    let fields = if schema.has_all(CUSTOMERS) {
        Fields::of(schema).join(" LEFT JOIN res_partner rp ON rp.id = d.partner_id").raw(
            "business.customer",
            As::Partner,
            "coalesce(rp.commercial_partner_id, d.partner_id)",
        )
    } else {
        Fields::of(schema)
    };
    let fields = fields
        .raw("business.process_id", As::Text, "d.name")
        .named(
            "business.warehouse",
            Join {
                from: "d",
                from_table: "sale_order",
                key: "warehouse_id",
                table: "stock_warehouse",
                alias: "w",
                column: "code",
            },
        )
        .own("business.amount", As::Number, "d", "sale_order", "amount_untaxed")
        .own("business.due", As::Moment, "d", "sale_order", "commitment_date")
        .company("d", "sale_order")
        .currency("d", "sale_order");
    let (team, name) = schema.joined(Join {
        from: "d",
        from_table: "sale_order",
        key: "team_id",
        table: "crm_team",
        alias: "st",
        column: "name",
    });
    let website = if schema.has("sale_order", "website_id") {
        "CASE WHEN d.website_id IS NOT NULL THEN 'website' END"
    } else {
        "NULL::text"
    };
    fields.join(&team).raw("business.channel", As::Text, format!("coalesce({website}, {name}, 'backend')"))
}

fn picking(schema: &Schema) -> Fields<'_> {
    let order = if schema.has("stock_picking", "sale_id") && schema.has_all_of("sale_order", &["id", "name"])
    {
        " LEFT JOIN sale_order so ON so.id = d.sale_id"
    } else {
        ""
    };
    let order_name = if order.is_empty() { "NULL::text" } else { "so.name" };
    let origin = schema.or_null("d", "stock_picking", "origin", "text");
    let due = match ["date_deadline", "scheduled_date"].map(|column| schema.has("stock_picking", column)) {
        [true, true] => "coalesce(d.date_deadline, d.scheduled_date)",
        [true, false] => "d.date_deadline",
        [false, true] => "d.scheduled_date",
        [false, false] => "NULL::timestamp",
    };
    Fields::of(schema)
        .join(" JOIN stock_picking_type t ON t.id = d.picking_type_id LEFT JOIN stock_warehouse w ON w.id = t.warehouse_id")
        .join(order)
        .raw("business.process_id", As::Text, format!("coalesce({order_name}, nullif({origin}, ''), d.name)"))
        .raw("business.warehouse", As::Text, "w.code")
        .raw("odoo.picking.step", As::Text, picking_step(schema))
        .raw("business.due", As::Moment, due)
        .named("business.carrier", Join {
            from: "d",
            from_table: "stock_picking",
            key: "carrier_id",
            table: "delivery_carrier",
            alias: "dc",
            column: "name",
        })
        .company("d", "stock_picking")
}

fn batch(schema: &Schema) -> Fields<'_> {
    let mut fields = Fields::of(schema).raw("business.process_id", As::Text, "d.name");
    if schema.has("stock_picking_batch", "is_wave") {
        fields = fields.raw("odoo.picking.wave", As::Flag, "coalesce(d.is_wave, false)");
    }
    if schema.has("stock_picking_batch", "picking_type_id")
        && schema.has_all_of("stock_picking_type", &["id", "code", "warehouse_id"])
        && schema.has_all_of("stock_warehouse", &["id", "code"])
    {
        fields = fields
            .join(" LEFT JOIN stock_picking_type t ON t.id = d.picking_type_id LEFT JOIN stock_warehouse w ON w.id = t.warehouse_id")
            .raw("business.warehouse", As::Text, "w.code")
            .raw("odoo.picking.step", As::Text, picking_step(schema));
    }
    if schema.has("stock_picking", "batch_id") {
        fields = fields.raw(
            "odoo.records",
            As::Integer,
            "(SELECT count(*) FROM stock_picking p WHERE p.batch_id = d.id)",
        );
    }
    fields.company("d", "stock_picking_batch")
}

/// What kind of entry, in the vocabulary's words.
pub(super) const MOVE_TYPE: &str = "CASE d.move_type WHEN 'out_invoice' THEN 'invoice' WHEN 'in_invoice' THEN 'bill' \
     WHEN 'out_refund' THEN 'credit_note' WHEN 'in_refund' THEN 'refund' WHEN 'out_receipt' THEN 'receipt' \
     WHEN 'in_receipt' THEN 'receipt' ELSE 'entry' END";

pub(super) fn entry(schema: &Schema) -> Fields<'_> {
    let origin = schema.or_null("d", "account_move", "invoice_origin", "text");
    let partner =
        ["commercial_partner_id", "partner_id"].into_iter().find(|column| schema.has("account_move", column));
    let fields = Fields::of(schema)
        .raw("business.process_id", As::Text, format!("coalesce(nullif({origin}, ''), d.name)"))
        .raw("odoo.move.type", As::Text, MOVE_TYPE)
        .named(
            "odoo.journal",
            Join {
                from: "d",
                from_table: "account_move",
                key: "journal_id",
                table: "account_journal",
                alias: "j",
                column: "code",
            },
        )
        .own("business.amount", As::Number, "d", "account_move", "amount_untaxed")
        .company("d", "account_move")
        .currency("d", "account_move");
    match partner {
        Some(column) => fields.own("business.customer", As::Partner, "d", "account_move", column),
        None => fields,
    }
}

fn purchase(schema: &Schema) -> Fields<'_> {
    let mut fields = Fields::of(schema)
        .raw("business.process_id", As::Text, "d.name")
        .own("business.amount", As::Number, "d", "purchase_order", "amount_untaxed")
        .own("business.due", As::Moment, "d", "purchase_order", "date_planned")
        .company("d", "purchase_order")
        .currency("d", "purchase_order");
    if schema.has("purchase_order", "picking_type_id")
        && schema.has_all_of("stock_picking_type", &["id", "warehouse_id"])
        && schema.has_all_of("stock_warehouse", &["id", "code"])
    {
        fields = fields
            .join(" LEFT JOIN stock_picking_type t ON t.id = d.picking_type_id LEFT JOIN stock_warehouse w ON w.id = t.warehouse_id")
            .raw("business.warehouse", As::Text, "w.code");
    }
    fields
}

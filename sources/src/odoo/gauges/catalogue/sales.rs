//! The order book.

use super::super::Gauge;
use super::{NOW, ORDER, age, company_and_warehouse, currency};

pub(super) const GAUGES: &[Gauge] = &[
    Gauge {
        what: "unconfirmed orders",
        needs: &[("sale_order", &["id", "state", "create_date", "company_id"])],
        every: 1,
        labels: &["business.company", "business.warehouse"],
        levels: &[
            ("odoo.sale.order.unconfirmed", ORDER),
            ("odoo.sale.order.unconfirmed.age", "s"),
            ("odoo.sale.order.draft", ORDER),
            ("odoo.sale.order.expired", ORDER),
        ],
        sql: |schema| {
            let (joins, company, warehouse) = company_and_warehouse(schema, "sale_order");
            format!(
                "SELECT {company}, {warehouse}, count(*) FILTER (WHERE d.state = 'sent')::float8, \
                 coalesce(max({}) FILTER (WHERE d.state = 'sent'), 0)::float8, count(*) FILTER (WHERE d.state = 'draft')::float8, \
                 count(*) FILTER (WHERE {} < {NOW}::date)::float8 FROM sale_order d{joins} \
                 WHERE d.state IN ('draft', 'sent') GROUP BY 1, 2",
                age("d.create_date"),
                schema.or_null("d", "sale_order", "validity_date", "date")
            )
        },
    },
    Gauge {
        what: "orders to invoice",
        needs: &[(
            "sale_order",
            &["id", "state", "invoice_status", "company_id", "date_order", "amount_untaxed"],
        )],
        every: 1,
        labels: &["business.company", "business.currency"],
        levels: &[
            ("odoo.sale.order.to_invoice", ORDER),
            ("odoo.sale.order.to_invoice.amount", "1"),
            ("odoo.sale.order.to_invoice.age", "s"),
        ],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "sale_order");
            let (to_currency, currency) = currency(schema, "sale_order");
            format!(
                "SELECT {company}, {currency}, count(*)::float8, coalesce(sum(d.amount_untaxed), 0)::float8, max({})::float8 \
                 FROM sale_order d{joins}{to_currency} \
                 WHERE d.state IN ('sale', 'done') AND d.invoice_status = 'to invoice' GROUP BY 1, 2",
                age("d.date_order")
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
];

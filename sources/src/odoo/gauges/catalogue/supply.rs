//! What is bought.

use super::super::Gauge;
use super::{NOW, ORDER, age, company_and_warehouse};

pub(super) const GAUGES: &[Gauge] = &[
    Gauge {
        what: "unconfirmed purchase orders",
        needs: &[("purchase_order", &["id", "state", "create_date", "company_id"])],
        every: 1,
        labels: &["business.company"],
        levels: &[("odoo.purchase.order.unconfirmed", ORDER), ("odoo.purchase.order.unconfirmed.age", "s")],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "purchase_order");
            format!(
                "SELECT {company}, count(*)::float8, max({})::float8 FROM purchase_order d{joins} \
                 WHERE d.state IN ('draft', 'sent', 'to approve') GROUP BY 1",
                age("d.create_date")
            )
        },
    },
    Gauge {
        what: "receipts that are late",
        needs: &[("purchase_order", &["id", "state", "receipt_status", "date_planned", "company_id"])],
        every: 15,
        labels: &["business.company"],
        levels: &[("odoo.purchase.order.receipt_late", ORDER)],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "purchase_order");
            format!(
                "SELECT {company}, count(*)::float8 FROM purchase_order d{joins} WHERE d.state IN ('purchase', 'done') \
                 AND d.receipt_status <> 'full' AND d.date_planned < {NOW} GROUP BY 1"
            )
        },
    },
];

//! The books.

use super::super::super::missed::gaps;
use super::super::super::schema::Schema;
use super::super::Gauge;
use super::{JOURNALS, NOW, age, company_and_warehouse};

pub(super) const GAUGES: &[Gauge] = &[
    Gauge {
        what: "drafts",
        needs: &[
            (
                "account_move",
                &[
                    "id",
                    "state",
                    "auto_post",
                    "date",
                    "invoice_date",
                    "create_date",
                    "posted_before",
                    "journal_id",
                    "company_id",
                ],
            ),
            JOURNALS,
        ],
        every: 5,
        labels: &["business.company", "odoo.journal"],
        levels: &[
            ("odoo.account.move.draft", MOVE),
            ("odoo.account.move.draft.age", "s"),
            ("odoo.account.move.draft_overdue", MOVE),
            ("odoo.account.move.auto_post_missed", MOVE),
            ("odoo.account.move.draft_again", MOVE),
        ],
        sql: |schema| {
            let (joins, company, _) = company_and_warehouse(schema, "account_move");
            format!(
                "SELECT {company}, j.code::text, count(*)::float8, max({})::float8, \
                 count(*) FILTER (WHERE CASE WHEN d.auto_post <> 'no' THEN d.date ELSE d.invoice_date END < {NOW}::date)::float8, \
                 count(*) FILTER (WHERE d.auto_post <> 'no' AND d.date < {NOW}::date)::float8, \
                 count(*) FILTER (WHERE d.posted_before)::float8 \
                 FROM account_move d JOIN account_journal j ON j.id = d.journal_id{joins} WHERE d.state = 'draft' GROUP BY 1, 2",
                age("d.create_date")
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
        what: "invoices to send",
        needs: &[("account_move", &["id", "company_id", "write_date", "send_and_print_values"])],
        every: 15,
        labels: &["business.company"],
        levels: TO_SEND,
        sql: |schema| to_send(schema, "send_and_print_values"),
    },
    // The same from 18 on.
    Gauge {
        what: "invoices to be sent",
        needs: &[("account_move", &["id", "company_id", "write_date", "sending_data"])],
        every: 15,
        labels: &["business.company"],
        levels: TO_SEND,
        sql: |schema| to_send(schema, "sending_data"),
    },
];

const MOVE: &str = "{move}";
const TO_SEND: &[(&str, &str)] =
    &[("odoo.account.move.send_pending", MOVE), ("odoo.account.move.send_pending.age", "s")];

/// Invoices that Odoo was told to send later: how stands in `column` until it is done.
fn to_send(schema: &Schema, column: &str) -> String {
    let (joins, company, _) = company_and_warehouse(schema, "account_move");
    format!(
        "SELECT {company}, count(*)::float8, max({})::float8 FROM account_move d{joins} WHERE d.{column} IS NOT NULL GROUP BY 1",
        age("d.write_date")
    )
}

//! What is to reach others.

use super::super::Gauge;
use super::{NOW, age};

pub(super) const GAUGES: &[Gauge] = &[
    Gauge {
        what: "electronic invoices",
        needs: &[
            ("account_edi_document", &["id", "state", "blocking_level", "write_date", "edi_format_id"]),
            ("account_edi_format", &["id", "code"]),
        ],
        every: 1,
        labels: &["integration.name"],
        levels: &[
            ("odoo.account.edi.document.pending", "{document}"),
            ("odoo.account.edi.document.age", "s"),
            ("odoo.account.edi.document.failed", "{document}"),
        ],
        sql: |_| {
            format!(
                "SELECT f.code::text, count(*)::float8, max({})::float8, count(*) FILTER (WHERE e.blocking_level = 'error')::float8 \
                 FROM account_edi_document e JOIN account_edi_format f ON f.id = e.edi_format_id \
                 WHERE e.state IN ('to_send', 'to_cancel') GROUP BY 1",
                age("e.write_date")
            )
        },
    },
    Gauge {
        what: "EDI messages",
        needs: &[
            ("edi_exchange_record", &["id", "edi_exchange_state", "backend_id", "create_date"]),
            ("edi_backend", &["id", "name"]),
        ],
        every: 1,
        labels: &["integration.name", "integration.direction"],
        levels: &[
            ("odoo.edi.exchange.record.pending", "{record}"),
            ("odoo.edi.exchange.record.age", "s"),
            ("odoo.edi.exchange.record.failed", "{record}"),
        ],
        sql: |schema| {
            format!(
                "SELECT {}, CASE WHEN e.edi_exchange_state LIKE 'input%' THEN 'in' WHEN e.edi_exchange_state LIKE 'output%' THEN 'out' END, \
                 count(*)::float8, max({})::float8, count(*) FILTER (WHERE e.edi_exchange_state LIKE '%error%')::float8 \
                 FROM edi_exchange_record e JOIN edi_backend b ON b.id = e.backend_id \
                 WHERE e.edi_exchange_state LIKE '%error%' OR e.edi_exchange_state IN ('new', 'output_pending', 'input_pending', 'input_received') \
                 GROUP BY 1, 2",
                schema.label("b", "edi_backend", "name"),
                age("e.create_date")
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
        what: "notifications that failed",
        needs: &[("mail_notification", &["notification_type", "notification_status", "failure_type"])],
        every: 5,
        labels: &["odoo.notification.type", "error.type"],
        levels: &[("odoo.mail.notification.failed", "{notification}")],
        sql: |_| {
            "SELECT notification_type::text, coalesce(nullif(failure_type, ''), notification_status)::text, count(*)::float8 \
             FROM mail_notification WHERE notification_status IN ('bounce', 'exception') GROUP BY 1, 2"
                .to_owned()
        },
    },
];

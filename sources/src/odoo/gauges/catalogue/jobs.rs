//! What runs by itself.

use super::super::super::missed::{cron_due, cron_runs};
use super::super::Gauge;
use super::{NOW, age};

pub(super) const GAUGES: &[Gauge] = &[
    Gauge {
        what: "scheduled actions",
        needs: &[("ir_cron", &["id", "cron_name", "active", "nextcall"])],
        every: 1,
        labels: &["odoo.cron.name"],
        levels: &[
            ("odoo.ir.cron.lag", "s"),
            ("odoo.ir.cron.failures", "{failure}"),
            ("odoo.ir.cron.timeouts", "{timeout}"),
            ("odoo.ir.cron.remaining", "{record}"),
        ],
        sql: |schema| {
            let progress = ["cron_id", "id", "timed_out_counter", "remaining"];
            let (join, timeouts, remaining) = if schema.has_all_of("ir_cron_progress", &progress) {
                let latest = " LEFT JOIN LATERAL (SELECT timed_out_counter, remaining FROM ir_cron_progress \
                     WHERE cron_id = c.id ORDER BY id DESC LIMIT 1) g ON true";
                (latest, "max(g.timed_out_counter)::float8", "max(g.remaining)::float8")
            } else {
                ("", "NULL::float8", "NULL::float8")
            };
            format!(
                "SELECT {}, max(greatest(0, {}))::float8, max({})::float8, {timeouts}, {remaining} FROM ir_cron c{join} WHERE {} GROUP BY 1",
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
        levels: &[
            ("odoo.queue.job.age", "s"),
            ("odoo.queue.job.running.age", "s"),
            ("odoo.queue.job.stuck", "{job}"),
        ],
        sql: |_| {
            let since = "greatest(j.date_created, coalesce(j.eta, j.date_created))";
            format!(
                "SELECT j.channel::text, coalesce(max(greatest(0, {})) FILTER (WHERE j.state IN ('pending', 'enqueued')), 0)::float8, \
                 coalesce(max(greatest(0, {})) FILTER (WHERE j.state = 'started'), 0)::float8, \
                 count(*) FILTER (WHERE (j.state = 'started' AND j.date_started < {NOW} - interval '1 hour') \
                   OR (j.state = 'wait_dependencies' AND EXISTS (SELECT 1 FROM queue_job f WHERE f.graph_uuid = j.graph_uuid \
                       AND f.state IN ('failed', 'cancelled'))))::float8 FROM queue_job j \
                 WHERE j.state IN ('wait_dependencies', 'pending', 'enqueued', 'started') GROUP BY 1",
                age(since),
                age("j.date_started")
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
    Gauge {
        what: "Odoo's log in its database",
        needs: &[("ir_logging", &["id", "type", "level", "name", "create_date"])],
        every: 5,
        labels: &["odoo.logger", "odoo.log.level"],
        levels: &[("odoo.ir.logging.recent", "{record}")],
        // By the key alone, and no further back than this.
        sql: |_| {
            format!(
                "SELECT r.name::text, r.level::text, count(*)::float8 FROM (SELECT name, level, type, create_date FROM ir_logging \
                 ORDER BY id DESC LIMIT 10000) r WHERE r.type = 'server' AND r.create_date >= {NOW} - interval '1 hour' GROUP BY 1, 2"
            )
        },
    },
];

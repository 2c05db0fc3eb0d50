//! What the demo's terminal shows, as text.

use std::time::Duration;

use plimsoll_model::Timestamp;
use serde_json::Value;

use super::console::Progress;
use super::fault::ValuationReport;
use super::mailbox::Mail;
use crate::app::Addresses;

/// Wide enough for a mail, narrow enough for a terminal.
const WIDTH: usize = 100;

pub(super) const THE_END: &str =
    "\nThat was the whole story. The day goes on, and everything stays here to be asked: Ctrl-C ends it.\n";

pub(super) fn opening(doors: &Addresses, times_faster: u32) -> String {
    format!(
        "A distributor's day on Odoo, {times_faster} times as fast: three warehouses, two companies, and in a while a fault.\n\
         Telemetry comes in through OTLP on {}; the console is at http://{}\n",
        doors.grpc, doors.console
    )
}

pub(super) fn progress(now: Timestamp, phase: &str, progress: &Progress) -> String {
    let unknown = || "?".to_owned();
    let orders = progress.orders.map_or_else(unknown, |orders| format!("{:.0}", orders / 2.0));
    let seconds = progress.p95_ms.map_or_else(unknown, |p95_ms| format!("{:.2} s", p95_ms / 1000.0));
    let budget = progress.budget_left.map_or_else(unknown, budget);
    let now = clock(now);
    format!("{now}  {phase:<8}  {orders:>3} orders a minute, 95 % of them within {seconds:>7}, {budget}")
}

/// Half an hour's budget is soon spent many times over, and "-4,900 % left" says little.
fn budget(left: f64) -> String {
    if left >= 0.0 {
        format!("error budget left {:.0} %", left * 100.0)
    } else {
        format!("error budget spent {:.1} times over", 1.0 - left)
    }
}

pub(super) fn fault_begins(report: &ValuationReport) -> String {
    format!(
        "\n{}  An analyst starts a stock valuation report for warehouse {}. It locks the stock that it values.\n",
        clock(report.starts),
        report.warehouse
    )
}

pub(super) fn fault_ends(report: &ValuationReport) -> String {
    format!("\n{}  The report is through, its locks are gone, and what waited goes on.\n", clock(report.ends))
}

/// The mail as its reader sees it, framed.
pub(super) fn mail(mail: &Mail) -> String {
    let title = format!("┌─ e-mail to {} ", mail.to.join(", "));
    let mut lines = vec![String::new(), format!("{title:─<WIDTH$}")];
    lines.extend(wrap(&mail.subject).into_iter().map(|line| format!("│ {line}")));
    lines.push("│".to_owned());
    for line in mail.text.trim_end().lines() {
        lines.extend(wrap(line).into_iter().map(|line| format!("│ {line}").trim_end().to_owned()));
    }
    lines.push(format!("└{}\n", "─".repeat(WIDTH - 1)));
    lines.join("\n")
}

/// What went to a machine needs one line only.
pub(super) fn posted(path: &str, body: &Value) -> String {
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    match (text("event_action"), text("status")) {
        (Some(action), _) => {
            format!("  pager: {action}, dedup key {}", text("dedup_key").unwrap_or_default())
        }
        (None, Some(status)) => {
            format!("  webhook {path}: {status}, group {}", text("groupKey").unwrap_or_default())
        }
        (None, None) => format!("  webhook {path}"),
    }
}

pub(super) fn page_left(after: Duration, wall: Duration) -> String {
    format!(
        "That page left {} after the report began; you waited {} s for it.\n",
        minutes(after),
        wall.as_secs()
    )
}

pub(super) fn where_to_look(doors: &Addresses, program: &str) -> String {
    let url = format!("http://{}", doors.console);
    let asks = QUERIES.map(|(what, sql)| format!("  # {what}\n  {program} sql --url {url} \"{sql}\"\n"));
    format!(
        "Where to look:\n\n\
         \x20 console  {url}\n\
         \x20 psql     psql -h {} -p {} -U demo default\n\n{}",
        doors.postgres.ip(),
        doors.postgres.port(),
        asks.join("\n"),
    )
}

/// Worth trying: they run as they stand, here and in psql.
pub(super) const QUERIES: [(&str, &str); 3] = [
    (
        "how do orders post, by warehouse?",
        "SELECT warehouse, count(*) AS orders, count(*) FILTER (WHERE duration_ms > 2000 OR outcome <> 'ok') AS late, \
         round(approx_percentile_cont(duration_ms, 0.95)) AS p95_ms FROM business_events \
         WHERE event_name = 'odoo.sale.order.confirmed' AND time > now() - INTERVAL '10 minutes' \
         GROUP BY warehouse ORDER BY late DESC",
    ),
    (
        "who waits for whom in PostgreSQL?",
        "SELECT attributes['postgresql.blocking.application_name'] AS blocker, \
         attributes['postgresql.blocking.query.summary'] AS holds, attributes['db.query.summary'] AS waits, \
         count(*) AS times, max(CAST(attributes['postgresql.lock.wait_ms'] AS DOUBLE)) AS longest_ms FROM logs \
         WHERE service_name = 'postgresql' AND attributes['postgresql.lock.wait_ms'] IS NOT NULL \
         GROUP BY 1, 2, 3 ORDER BY times DESC",
    ),
    (
        "and who started that?",
        "SELECT time, event_name, warehouse, company, user_group, trace_id FROM business_events \
         WHERE workload = 'report' ORDER BY time DESC LIMIT 5",
    ),
];

fn wrap(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("begins with one");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > WIDTH - 2 {
            lines.push(word.to_owned());
            continue;
        }
        if !last.is_empty() || word.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines
}

fn clock(at: Timestamp) -> String {
    at.to_utc().format("%H:%M:%S").to_string()
}

fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

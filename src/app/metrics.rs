//! What `/metrics` shows: the rooms' own counts, gathered at the moment of the scrape.

use std::sync::Weak;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use plimsoll_collector::{SignalStats, Stats, TenantStats};
use plimsoll_dashboards::{Health, MetricKind, MetricsSource, Sample};
use plimsoll_lake::{FileTotals, LakeStats, UpkeepStats};
use plimsoll_model::{Table, TenantName, Timestamp};
use plimsoll_query::LaneStats;

use super::rooms::Rooms;
use super::{App, delivery, sources};

/// Holds the app weakly: the console must not keep alive what it looks at.
#[derive(Debug)]
pub(super) struct AppMetrics(pub(super) Weak<App>);

impl MetricsSource for AppMetrics {
    fn samples(&self) -> Vec<Sample> {
        let Some(app) = self.0.upgrade() else { return Vec::new() };
        let mut samples = collector(&app.collector.stats());
        for rooms in &app.rooms {
            let mut own = lake(&rooms.lake.stats());
            own.extend(queues(rooms));
            samples.extend(own.into_iter().map(|sample| of_tenant(sample, &rooms.tenant)));
        }
        let (requests, bytes) = app.collector.taken();
        samples.extend([
            gauge(
                "plimsoll_collector_requests_under_way",
                "Requests being decoded and stored.",
                requests as u64,
            ),
            gauge(
                "plimsoll_collector_memory_bytes",
                "Memory that requests hold until their answer.",
                bytes as u64,
            ),
        ]);
        samples.extend(reloads(app.reloads.is_last_good(), app.reloads.last_good_at()));
        samples.extend(delivery::heartbeat(app.heartbeat.as_deref()));
        samples.extend(app.engine().lanes().iter().flat_map(lane));
        samples.extend(app.collector.tenant_stats().iter().flat_map(tenant));
        samples.extend(app.sources.stats().iter().flat_map(sources::samples));
        samples.extend(app.health.parts().into_iter().map(|(part, trouble)| Sample {
            name: "plimsoll_health_part_up",
            help: "1 while a part of the process does its work.",
            kind: MetricKind::Gauge,
            labels: vec![("part", part)],
            value: if trouble.is_none() { 1.0 } else { 0.0 },
        }));
        samples
    }
}

/// As Prometheus and Alertmanager call them.
fn reloads(is_last_good: bool, last_good_at: Timestamp) -> [Sample; 2] {
    [
        gauge(
            "plimsoll_config_last_reload_successful",
            "1 when the last reload took up what the files say.",
            u64::from(is_last_good),
        ),
        Sample {
            value: last_good_at.nanos() as f64 / 1e9,
            ..gauge("plimsoll_config_last_reload_success_timestamp_seconds", "When one last did.", 0)
        },
    ]
}

/// What is the default tenant's carries no label: there may be no other.
pub(super) fn of_tenant(mut sample: Sample, tenant: &TenantName) -> Sample {
    if !tenant.is_default() {
        sample.labels.push(("tenant", tenant.to_string()));
    }
    sample
}

fn tenant(stats: &TenantStats) -> [Sample; 3] {
    [
        counter("plimsoll_collector_tenant_requests_total", "Requests of a tenant.", stats.requests),
        counter(
            "plimsoll_collector_tenant_over_quota_total",
            "Requests told to come back: the tenant's quota was used up.",
            stats.over_quota,
        ),
        gauge(
            "plimsoll_collector_tenant_series",
            "Distinct series of metrics this hour, where a quota limits them.",
            stats.series as u64,
        ),
    ]
    .map(|sample| Sample { labels: vec![("tenant", stats.tenant.to_string())], ..sample })
}

/// Of one tenant, on the way to its rules, alerts and files.
fn queues(rooms: &Rooms) -> Vec<Sample> {
    let oldest = rooms.lake.stats().oldest_row;
    let mut samples = vec![
        gauge(
            "plimsoll_lake_oldest_row_seconds",
            "How long the oldest row has waited for its flush.",
            oldest.map_or(0, |since| rooms.clock.now().since(since).as_secs()),
        ),
        gauge(
            "plimsoll_ledger_waiting_decisions",
            "Decisions on their way into the lake.",
            rooms.ledger.waiting() as u64,
        ),
        counter(
            "plimsoll_ledger_dropped_decisions_total",
            "Decisions that found the ledger's queue full.",
            rooms.ledger.dropped(),
        ),
        counter(
            "plimsoll_rules_dropped_ticks_total",
            "Ticks whose alerts found alerting busy; the next tick states them again.",
            rooms.dropped_ticks.load(Relaxed),
        ),
        counter(
            "plimsoll_rules_passes_total",
            "Passes over all objectives and rules.",
            rooms.passes.load(Relaxed),
        ),
        Sample {
            value: Duration::from_micros(rooms.passes_took.load(Relaxed)).as_secs_f64(),
            ..counter("plimsoll_rules_passes_seconds_total", "Time that the passes took.", 0)
        },
    ];
    let (leads, taken) = rooms.alerting.leadership();
    samples.push(gauge(
        "plimsoll_alerting_leads",
        "1 while this process decides and sends; 0 while it stands by.",
        u64::from(leads),
    ));
    samples.push(counter(
        "plimsoll_alerting_leads_taken_total",
        "Times that this process took the lead of several on one database.",
        taken,
    ));
    // A store that can't be read is told by the health of alerting.
    if let Ok((since, _)) = rooms.alerting.waiting_since() {
        samples.push(gauge(
            "plimsoll_alerting_oldest_waiting_seconds",
            "How long the notification that waits the longest has waited.",
            since.map_or(0, |since| rooms.clock.now().since(since).as_secs()),
        ));
    }
    samples.extend(rooms.alerting.delivery_stats().iter().flat_map(delivery::samples));
    if let Ok(waiting) = rooms.alerting.waiting_notifications() {
        samples.push(gauge(
            "plimsoll_alerting_waiting_notifications",
            "Notifications that no receiver has taken yet.",
            waiting,
        ));
    }
    samples
}

fn lane(stats: &LaneStats) -> [Sample; 3] {
    let of_lane = |sample: Sample| Sample { labels: vec![("lane", stats.name.to_owned())], ..sample };
    [
        gauge("plimsoll_query_running_statements", "Statements that have their turn.", stats.running as u64),
        gauge(
            "plimsoll_query_waiting_statements",
            "Statements that wait for their turn.",
            stats.waiting as u64,
        ),
        counter(
            "plimsoll_query_refused_statements_total",
            "Statements refused because too many waited.",
            stats.refused,
        ),
    ]
    .map(of_lane)
}

fn lake(stats: &LakeStats) -> Vec<Sample> {
    let mut samples = vec![
        counter("plimsoll_lake_appends_total", "Appends acknowledged since the start.", stats.appends),
        counter("plimsoll_lake_log_syncs_total", "Group commits of the write-ahead log.", stats.log_syncs),
        counter(
            "plimsoll_lake_log_failures_total",
            "Writes or syncs of the log that failed.",
            stats.log_failures,
        ),
        counter(
            "plimsoll_lake_duplicate_events_total",
            "Business events acknowledged and not stored again: their event.id was there.",
            stats.duplicate_events,
        ),
        gauge(
            "plimsoll_lake_log_failing",
            "1 while the log can't be written and appends are refused.",
            u64::from(stats.is_log_failing),
        ),
        gauge(
            "plimsoll_lake_log_stopped",
            "1 when the thread that writes the log is dead.",
            u64::from(stats.is_log_stopped),
        ),
        gauge(
            "plimsoll_lake_log_waiting_appends",
            "Appends that wait for the log.",
            stats.waiting_appends as u64,
        ),
        gauge(
            "plimsoll_lake_log_waiting_bytes",
            "Bytes of the records that wait for the log.",
            stats.waiting_bytes as u64,
        ),
        counter("plimsoll_lake_log_bytes_total", "Bytes of the records in the log.", stats.log_bytes),
        counter(
            "plimsoll_lake_lost_log_entries_total",
            "Acknowledged log entries that were missing or unreadable at the start.",
            stats.lost_log_entries,
        ),
        counter("plimsoll_lake_flushes_total", "Flushes of a table to Delta.", stats.flushes),
        counter("plimsoll_lake_flush_failures_total", "Flushes that failed.", stats.flush_failures),
        counter(
            "plimsoll_lake_quarantined_total",
            "Unreadable records and commits kept aside.",
            stats.quarantined,
        ),
        gauge(
            "plimsoll_lake_buffered_bytes",
            "Arrow memory that no file holds yet.",
            stats.buffered_bytes as u64,
        ),
        gauge("plimsoll_lake_buffered_rows", "Rows that no file holds yet.", stats.buffered_rows as u64),
    ];
    samples.extend(room(stats));
    samples.extend(upkeep(&stats.upkeep));
    samples.extend(stats.files.iter().flat_map(|(table, totals)| files(*table, totals)));
    samples.extend(stats.appended_rows.iter().map(|(table, rows)| Sample {
        labels: vec![("table", table.to_string())],
        ..counter("plimsoll_lake_appended_rows_total", "Rows acknowledged since the start.", *rows)
    }));
    samples
}

/// In the buffer: who found none.
fn room(stats: &LakeStats) -> [Sample; 3] {
    [
        counter(
            "plimsoll_lake_refused_appends_total",
            "Appends refused: the buffer was full.",
            stats.refused_appends,
        ),
        counter(
            "plimsoll_lake_delayed_appends_total",
            "Appends that found the buffer full and waited for a flush.",
            stats.delayed_appends,
        ),
        gauge(
            "plimsoll_lake_appends_waiting_for_room",
            "Appends that wait for a flush now.",
            stats.waiting_for_room as u64,
        ),
    ]
}

fn upkeep(stats: &UpkeepStats) -> Vec<Sample> {
    let counters = [
        ("plimsoll_lake_compactions_total", "Merges of small files.", stats.compactions),
        ("plimsoll_lake_compacted_files_total", "Files that merges replaced.", stats.compacted_files),
        ("plimsoll_lake_compacted_bytes_total", "Bytes that merges wrote.", stats.compacted_bytes),
        ("plimsoll_lake_expired_files_total", "Files whose rows were kept long enough.", stats.expired_files),
        ("plimsoll_lake_expired_rows_total", "Rows that were kept long enough.", stats.expired_rows),
        ("plimsoll_lake_vacuumed_files_total", "Unreferenced files deleted.", stats.vacuumed_files),
        ("plimsoll_lake_vacuumed_bytes_total", "Bytes of unreferenced files deleted.", stats.vacuumed_bytes),
        ("plimsoll_lake_checkpoints_total", "Checkpoints of tables' logs.", stats.checkpoints),
        ("plimsoll_lake_upkeep_failures_total", "Passes of upkeep that failed in part.", stats.failures),
        ("plimsoll_lake_restored_commits_total", "Damaged commits put right.", stats.restored_commits),
    ];
    let mut samples = counters.map(|(name, help, value)| counter(name, help, value)).to_vec();
    samples.push(gauge(
        "plimsoll_lake_damaged_files",
        "Data files left out as damaged.",
        stats.damaged_files,
    ));
    samples.push(gauge("plimsoll_lake_damaged_rows", "Rows in files left out.", stats.damaged_rows));
    samples
}

fn files(table: Table, totals: &FileTotals) -> [Sample; 3] {
    let of_table = |sample: Sample| Sample { labels: vec![("table", table.to_string())], ..sample };
    [
        gauge("plimsoll_lake_files", "Data files of a table.", totals.files),
        gauge("plimsoll_lake_file_rows", "Rows in data files of a table.", totals.rows),
        gauge("plimsoll_lake_file_bytes", "Bytes of the data files of a table.", totals.bytes),
    ]
    .map(of_table)
}

fn collector(stats: &Stats) -> Vec<Sample> {
    let mut samples = vec![counter(
        "plimsoll_collector_unrouted_requests_total",
        "Requests to an address that is no signal's.",
        stats.unrouted_requests,
    )];
    samples.extend(stats.signals.iter().flat_map(signal));
    samples
}

/// received = stored + refused by reason + in flight, for each signal.
fn signal(stats: &SignalStats) -> Vec<Sample> {
    let of_signal =
        |sample: Sample| Sample { labels: vec![("signal", stats.signal.name().to_owned())], ..sample };
    let mut samples = vec![
        of_signal(counter("plimsoll_collector_requests_total", "Requests of a signal.", stats.requests)),
        of_signal(counter("plimsoll_collector_bytes_total", "Bytes after decompression.", stats.bytes)),
        of_signal(counter("plimsoll_collector_received_items_total", "Items decoded.", stats.received)),
        of_signal(counter("plimsoll_collector_stored_items_total", "Items made durable.", stats.stored)),
    ];
    samples.push(of_signal(Sample {
        kind: MetricKind::Gauge,
        ..counter("plimsoll_collector_in_flight_items", "Items decoded and not yet durable.", stats.in_flight)
    }));
    samples.push(of_signal(counter(
        "plimsoll_collector_duplicate_keys_total",
        "Attributes whose key came again in the same item.",
        stats.duplicate_keys,
    )));
    samples.push(of_signal(counter(
        "plimsoll_collector_redacted_values_total",
        "Attribute values and bodies of which personal data was taken out.",
        stats.redacted_values,
    )));
    let flagged = "plimsoll_collector_flagged_items_total";
    samples.extend(stats.flagged.iter().map(|(flag, count)| {
        with_reason(of_signal(counter(flagged, "Items kept that look wrong.", *count)), flag.as_str())
    }));
    let refused = "plimsoll_collector_refused_items_total";
    samples.extend(stats.refused.iter().map(|(reason, count)| {
        with_reason(of_signal(counter(refused, "Items refused, by reason.", *count)), reason.as_str())
    }));
    let refused = "plimsoll_collector_refused_requests_total";
    samples.extend(stats.refused_requests.iter().map(|(reason, count)| {
        with_reason(
            of_signal(counter(refused, "Whole requests refused, by reason.", *count)),
            reason.as_str(),
        )
    }));
    samples
}

fn with_reason(mut sample: Sample, reason: &str) -> Sample {
    sample.labels.push(("reason", reason.to_owned()));
    sample
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles")]
pub(super) fn counter(name: &'static str, help: &'static str, value: u64) -> Sample {
    Sample { name, help, kind: MetricKind::Counter, labels: Vec::new(), value: value as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles")]
pub(super) fn gauge(name: &'static str, help: &'static str, value: u64) -> Sample {
    Sample { name, help, kind: MetricKind::Gauge, labels: Vec::new(), value: value as f64 }
}

//! `INFO`, line by line, under the names of OpenTelemetry's receiver.

use std::collections::HashMap;

use plimsoll_model::Timestamp;

use crate::otlp::{Readings, text};

/// What a number is.
#[derive(Clone, Copy)]
enum Of {
    Level,
    Amount,
    Count,
}

const NUMBERS: &[(&str, &str, &str, Of)] = &[
    ("uptime_in_seconds", "redis.uptime", "s", Of::Count),
    ("connected_clients", "redis.clients.connected", "{client}", Of::Amount),
    ("blocked_clients", "redis.clients.blocked", "{client}", Of::Amount),
    ("rejected_connections", "redis.connections.rejected", "{connection}", Of::Count),
    ("used_memory", "redis.memory.used", "By", Of::Level),
    ("maxmemory", "redis.maxmemory", "By", Of::Level),
    ("mem_fragmentation_ratio", "redis.memory.fragmentation_ratio", "1", Of::Level),
    ("evicted_keys", "redis.keys.evicted", "{key}", Of::Count),
    ("expired_keys", "redis.keys.expired", "{event}", Of::Count),
    ("keyspace_hits", "redis.keyspace.hits", "{hit}", Of::Count),
    ("keyspace_misses", "redis.keyspace.misses", "{miss}", Of::Count),
    ("instantaneous_ops_per_sec", "redis.commands", "{ops}/s", Of::Level),
    ("total_commands_processed", "redis.commands.processed", "{command}", Of::Count),
    ("latest_fork_usec", "redis.latest_fork", "us", Of::Level),
    ("rdb_changes_since_last_save", "redis.rdb.changes_since_last_save", "{change}", Of::Amount),
    ("connected_slaves", "redis.slaves.connected", "{replica}", Of::Amount),
    ("master_repl_offset", "redis.replication.offset", "By", Of::Level),
];

const CPU: &[(&str, &str)] = &[
    ("used_cpu_sys", "sys"),
    ("used_cpu_user", "user"),
    ("used_cpu_sys_children", "sys_children"),
    ("used_cpu_user_children", "user_children"),
];

/// What a server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info(HashMap<String, String>);

impl Info {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.trim_end().split_once(':'));
        Self(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.parse().ok()
    }

    /// A replica that has lost its master shows what is old.
    pub(crate) fn lost_master(&self) -> bool {
        self.get("role") == Some("slave") && self.get("master_link_status") == Some("down")
    }

    pub(crate) fn measure(&self, readings: &mut Readings, now: Timestamp) {
        let uptime = self.number("uptime_in_seconds").unwrap_or_default().max(0.0);
        let start = Some(now - std::time::Duration::from_secs_f64(uptime));
        for (key, name, unit, of) in NUMBERS {
            let Some(value) = self.number(key) else { continue };
            match of {
                Of::Level => readings.gauge(name, unit, Vec::new(), value),
                Of::Amount => readings.amount(name, unit, Vec::new(), value),
                Of::Count => readings.count(name, unit, start, Vec::new(), value),
            }
        }
        for (key, state) in CPU {
            if let Some(value) = self.number(key) {
                readings.count("redis.cpu.time", "s", start, vec![text("state", *state)], value);
            }
        }
        if let Some(role) = self.get("role") {
            readings.amount("redis.role", "{role}", vec![text("role", role)], 1_i64);
        }
        self.measure_databases(readings);
    }

    /// `db0:keys=3,expires=1,avg_ttl=0`
    fn measure_databases(&self, readings: &mut Readings) {
        for (key, value) in &self.0 {
            let Some(number) =
                key.strip_prefix("db").filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
            else {
                continue;
            };
            for (field, value) in value.split(',').filter_map(|pair| pair.split_once('=')) {
                let Ok(value) = value.parse::<f64>() else { continue };
                let of = vec![text("db", number)];
                match field {
                    "keys" => readings.gauge("redis.db.keys", "{key}", of, value),
                    "expires" => readings.gauge("redis.db.expires", "{key}", of, value),
                    _ => {}
                }
            }
        }
    }
}

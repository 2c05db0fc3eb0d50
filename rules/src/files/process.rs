//! An objective on the way from one business event to another: good when the second comes by the deadline, bad at the
//! deadline when it hasn't, also while the case is still open.
//!
//! Each event that begins is a case of its own, and the first event of the same key at or after it that ends or calls it
//! off decides. So what a case counts as depends on nothing before it began, and no event changes anything before its own
//! time: an end that is told late corrects the slice of the deadline, one that happened late doesn't. A case that is
//! over and begins again is two.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::durations;
use crate::finding::{Finding, Place};
use crate::objective::is_label_name;

const KEY: &str = "process_id";
const LONGEST: Duration = Duration::from_secs(14 * 86_400);
const LONGEST_OF_ALL: Duration = Duration::from_secs(90 * 86_400);

/// `process:` of the short form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Process {
    pub(super) from: Spanned<String>,
    to: Spanned<String>,
    /// The column that joins the two.
    key: Option<Spanned<String>>,
    within: Option<Spanned<String>>,
    due: Option<Spanned<bool>>,
    by: Option<Spanned<String>>,
    deadline: Option<Spanned<String>>,
    cancelled_by: Option<Spanned<String>>,
    /// Which of the events begin, and which end: SQL over their columns.
    from_where: Option<Spanned<String>>,
    to_where: Option<Spanned<String>>,
    longest: Option<Spanned<String>>,
}

/// When a case must be over, and how long after its beginning that can be at most.
struct Deadline {
    sql: String,
    longest: Duration,
}

impl Process {
    /// The indicator's query.
    pub(super) fn sql(&self, group_by: &[Spanned<String>], file: &Path) -> Result<String, Finding> {
        let key = self.key(file)?;
        let is_told_apart = self.from_where.is_some() && self.to_where.is_some();
        if self.from.value == self.to.value && !is_told_apart {
            let message = "`from` and `to` are the same event: name another one, or tell them apart by `from_where` \
                           and `to_where`";
            return Err(Place::of(file, &self.to).error(message));
        }
        let Deadline { sql: deadline, longest } = self.deadline(file)?;
        let (from, to) = (text(&self.from.value), text(&self.to.value));
        let cancelled = self.cancelled_by.as_ref().map(|name| text(&name.value));
        let names = [Some(from.clone()), Some(to.clone()), cancelled.clone()];
        let names = names.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let first = |condition: &str| {
            format!(
                "min(CASE WHEN {condition} THEN time END) OVER (PARTITION BY \"{key}\" ORDER BY time \
                 RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
            )
        };
        let only = |sql: &Option<Spanned<String>>| {
            sql.as_ref().map_or_else(String::new, |sql| format!(" AND ({})", sql.value.trim()))
        };
        let ends = format!("event_name = {to}{}", only(&self.to_where));
        let called_off = cancelled.as_deref().map_or_else(String::new, |name| {
            format!(",\n             {} AS called_off", first(&format!("event_name = {name}")))
        });
        let still_on = cancelled.map_or_else(String::new, |_| {
            " AND (called_off IS NULL OR called_off >= least(deadline, coalesce(ended, deadline)))".to_owned()
        });
        let only = only(&self.from_where);
        let seconds = longest.as_secs();
        let columns = columns(group_by, &key);
        Ok(format!(
            "SELECT time, good, {columns}\n\
             FROM (\n  \
             SELECT least(ended, deadline) AS time,\n         \
             coalesce(ended <= deadline, false) AS good, {columns}\n  \
             FROM (\n    \
             SELECT *, greatest({deadline}, time) AS deadline\n    \
             FROM (\n      \
             SELECT *, CAST(\"{key}\" AS VARCHAR) AS example_{key},\n             \
             {ended} AS ended{called_off}\n      \
             FROM business_events\n      \
             WHERE event_name IN ({names}) AND \"{key}\" IS NOT NULL AND coalesce(outcome, 'ok') <> 'failed'\n        \
             AND time >= $from - INTERVAL '{seconds} seconds' AND time < $until\n    \
             ) AS steps\n    \
             WHERE event_name = {from} AND ({deadline}) IS NOT NULL{only}\n  \
             ) AS cases\n  \
             WHERE deadline <= time + INTERVAL '{seconds} seconds'{still_on}\n\
             ) AS outcomes\n\
             WHERE time <= $now",
            ended = first(&ends),
        ))
    }

    fn key(&self, file: &Path) -> Result<String, Finding> {
        let Some(key) = &self.key else { return Ok(KEY.to_owned()) };
        if is_label_name(&key.value) {
            return Ok(key.value.clone());
        }
        let message = format!("`{}` is not a column: name one of business_events, such as {KEY}", key.value);
        Err(Place::of(file, key).error(message))
    }

    fn deadline(&self, file: &Path) -> Result<Deadline, Finding> {
        let longest = match &self.longest {
            Some(text) => length(text, file)?,
            None => LONGEST,
        };
        match (&self.within, &self.due, &self.by, &self.deadline) {
            (Some(within), None, None, None) => {
                let longest = length(within, file)?;
                let sql = format!("time + INTERVAL '{} seconds'", longest.as_secs());
                Ok(Deadline { sql, longest })
            }
            (None, Some(due), None, None) if due.value => Ok(Deadline { sql: "due".to_owned(), longest }),
            (None, None, Some(by), None) if by.value == "cut_off" => {
                Ok(Deadline { sql: "next_cutoff(warehouse, time, carrier)".to_owned(), longest })
            }
            (None, None, Some(by), None) => {
                let message = format!("`by: {}` is not known: write `by: cut_off`, or `deadline:`", by.value);
                Err(Place::of(file, by).error(message))
            }
            (None, None, None, Some(deadline)) => {
                Ok(Deadline { sql: deadline.value.trim().to_owned(), longest })
            }
            _ => {
                let message = "a process has one deadline: write `within: 4h`, `due: true`, `by: cut_off`, or \
                               `deadline:` with an SQL expression over the event that begins";
                Err(Place::of(file, &self.from).error(message))
            }
        }
    }
}

fn length(text: &Spanned<String>, file: &Path) -> Result<Duration, Finding> {
    let place = Place::of(file, text);
    let length = durations::parse(&text.value).map_err(|message| place.error(message))?;
    if length.is_zero() || length > LONGEST_OF_ALL {
        return Err(
            place.error(format!("`{}` is out of reach: write more than 0 and at most 90d", text.value))
        );
    }
    Ok(length)
}

/// The groups, and what helps whoever is woken.
fn columns(group_by: &[Spanned<String>], key: &str) -> String {
    let groups = group_by.iter().map(|group| format!("\"{}\"", group.value.replace('"', "\"\"")));
    let is_new = |name: &&str| group_by.iter().all(|group| group.value != **name);
    let helping = ["amount", "trace_id"].into_iter().filter(is_new).map(str::to_owned);
    groups.chain(helping).chain([format!("example_{key}")]).collect::<Vec<_>>().join(", ")
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

//! A replay in words, and as JSON.

use std::time::Duration;

use chrono::Timelike;
use plimsoll_model::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{Difference, Episode, Replayed, Told, WARM_UP};

/// Hours in which a page wakes somebody.
const NIGHT: [u32; 8] = [22, 23, 0, 1, 2, 3, 4, 5];
/// Moments that the first sentence names.
const NAMED: usize = 10;

/// Where the clock on the wall hangs.
#[derive(Clone, Copy, Debug)]
pub struct Zone(pub chrono_tz::Tz);

impl Zone {
    fn is_night(self, time: Timestamp) -> bool {
        NIGHT.contains(&time.to_utc().with_timezone(&self.0).hour())
    }

    fn day_and_time(self, time: Timestamp) -> String {
        time.to_utc().with_timezone(&self.0).format("%a %d %b %H:%M:%S").to_string()
    }
}

/// One run, or two to be compared.
#[derive(Clone, Debug)]
pub struct Report {
    pub run: Replayed,
    /// The other rules, and what is different with them.
    pub new: Option<(Replayed, Vec<Difference>)>,
    pub zone: Zone,
    /// How long it took, on the wall's clock.
    pub took: Duration,
}

/// What the first sentence says.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Summary {
    pages: usize,
    /// In RFC 3339.
    pages_at: Vec<String>,
    pages_at_night: usize,
    /// Of the pages, from the first bad event to the alert.
    median_detection_seconds: Option<u64>,
    tickets: usize,
    came_to_nothing: usize,
    carried_over: usize,
}

impl Summary {
    fn of(episodes: &[Episode], zone: Zone) -> Self {
        let fired = || episodes.iter().filter(|episode| episode.firing.is_some() && !episode.is_carried_over);
        let pages: Vec<&Episode> = fired().filter(|episode| episode.is_page()).collect();
        let at: Vec<Timestamp> = pages.iter().filter_map(|episode| episode.firing).collect();
        let mut detection: Vec<u64> = pages
            .iter()
            .filter_map(|episode| episode.detected_after())
            .map(|after| after.as_secs())
            .collect();
        detection.sort_unstable();
        Self {
            pages: pages.len(),
            pages_at: at.iter().map(|at| at.to_rfc3339()).collect(),
            pages_at_night: at.iter().filter(|at| zone.is_night(**at)).count(),
            median_detection_seconds: detection.get(detection.len() / 2).copied(),
            tickets: fired().count() - pages.len(),
            came_to_nothing: episodes.iter().filter(|episode| episode.firing.is_none()).count(),
            carried_over: episodes.iter().filter(|episode| episode.is_carried_over).count(),
        }
    }
}

impl Report {
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let run = |run: &Replayed| {
            json!({
                "summary": Summary::of(&run.episodes, self.zone),
                "passes": run.passes,
                "rows": run.rows,
                "alerts": run.episodes,
                "not_replayed": run.unfaithful.iter()
                    .map(|(rule, table)| json!({"rule": rule, "table": table})).collect::<Vec<_>>(),
            })
        };
        let stretch = self.run.stretch;
        let mut report = run(&self.run);
        report["since"] = stretch.since.to_rfc3339().into();
        report["until"] = stretch.until.to_rfc3339().into();
        report["step_seconds"] = stretch.step.as_secs_f64().into();
        report["took_seconds"] = self.took.as_secs_f64().into();
        report["timezone"] = self.zone.0.name().into();
        if let Some((new, differences)) = &self.new {
            report["new"] = run(new);
            report["differences"] = json!(differences);
        }
        report
    }

    #[must_use]
    pub fn to_text(&self) -> String {
        let stretch = self.run.stretch;
        let mut lines = vec![format!(
            "Replayed {} to {} in steps of {}: {} passes over {} rows in {}. Rows count from {} before.",
            stretch.since,
            stretch.until,
            say(stretch.step),
            self.run.passes,
            self.run.rows,
            say(self.took),
            say(WARM_UP)
        )];
        lines.extend(self.sentences(&self.run, "The rules"));
        lines.extend(self.run.episodes.iter().flat_map(|episode| self.episode(episode)));
        if let Some((new, differences)) = &self.new {
            lines.push(String::new());
            lines.extend(self.sentences(new, "The new rules"));
            if differences.is_empty() {
                lines.push("Nothing is different: the same alerts at the same times.".to_owned());
            }
            lines.extend(differences.iter().flat_map(|difference| self.difference(difference)));
        }
        lines.join("\n")
    }

    fn sentences(&self, run: &Replayed, who: &str) -> Vec<String> {
        let summary = Summary::of(&run.episodes, self.zone);
        let pages =
            run.episodes.iter().filter(|it| it.is_page() && !it.is_carried_over).filter_map(|it| it.firing);
        let at: Vec<String> = pages.take(NAMED).map(|at| self.zone.day_and_time(at)).collect();
        let times = if summary.pages == 1 { "once" } else { &format!("{} times", summary.pages) };
        let mut sentence = format!("{who} would have paged {times}");
        if !at.is_empty() {
            let more = if summary.pages > NAMED { ", ..." } else { "" };
            sentence.push_str(&format!(", at {}{more} ({})", at.join(", "), self.zone.0.name()));
        }
        if let Some(seconds) = summary.median_detection_seconds {
            sentence.push_str(&format!(", detected {seconds} s after onset (median)"));
        }
        if summary.pages > 0 {
            sentence.push_str(&format!(", {} of them at night (22:00 to 06:00)", summary.pages_at_night));
        }
        let mut lines = vec![
            format!("{sentence}."),
            format!(
                "{} tickets fired, {} alerts were pending and came to nothing, {} were there at the start.",
                summary.tickets, summary.came_to_nothing, summary.carried_over
            ),
        ];
        for (rule, table) in &run.unfaithful {
            lines.push(format!("Not as it was: {rule} asks `{table}`, whose past nobody keeps."));
        }
        lines
    }

    fn episode(&self, episode: &Episode) -> Vec<String> {
        let Some(firing) = episode.firing else { return Vec::new() };
        let time = |time| self.zone.day_and_time(time);
        let mut life = format!("  pending {}, firing {}", time(episode.pending), time(firing));
        match episode.detected_after() {
            Some(after) => life.push_str(&format!(" ({} s after onset)", after.as_secs())),
            None => life.push_str(" (it was there at the start)"),
        }
        let resolved =
            episode.resolved.map_or_else(|| "still firing".to_owned(), |at| format!("resolved {}", time(at)));
        let mut lines = vec![
            String::new(),
            format!(
                "{} {}",
                if episode.severity.is_empty() { "alert" } else { &episode.severity },
                episode.labels
            ),
            format!("{life}, {resolved}"),
        ];
        let tell = |told: &[Told]| {
            told.iter()
                .map(|told| format!("{} at {}", told.receiver, time(told.at)))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let nobody = |told: &[Told]| if told.is_empty() { "nobody".to_owned() } else { tell(told) };
        lines.push(format!(
            "  would tell {}; then, {} was told",
            nobody(&episode.told),
            nobody(&episode.told_then)
        ));
        if !episode.summary.is_empty() {
            lines.push(format!("  {}", episode.summary));
        }
        if !episode.impact.is_empty() {
            let impact = episode.impact.iter().map(|(name, value)| format!("{name}={value}"));
            lines.push(format!("  {}", impact.collect::<Vec<_>>().join(", ")));
        }
        lines
    }

    fn difference(&self, difference: &Difference) -> Vec<String> {
        let (sign, alert, what) = match difference {
            Difference::Added { alert } => ("+", alert, "added".to_owned()),
            Difference::Removed { alert } => ("-", alert, "removed".to_owned()),
            Difference::Earlier { alert, seconds } => {
                ("<", alert, format!("{} earlier", say(Duration::from_secs(*seconds))))
            }
            Difference::Later { alert, seconds } => {
                (">", alert, format!("{} later", say(Duration::from_secs(*seconds))))
            }
        };
        let firing = alert.firing.map(|at| self.zone.day_and_time(at)).unwrap_or_default();
        vec![format!("{sign} {what}: {} {}, {firing}", alert.severity, alert.labels)]
    }
}

fn say(duration: Duration) -> String {
    let secs = duration.as_secs();
    match secs {
        0 => format!("{} ms", duration.as_millis()),
        1..120 => format!("{secs} s"),
        120..7_200 => format!("{} min", secs / 60),
        7_200..172_800 => format!("{} h", secs / 3_600),
        _ => format!("{} d", secs / 86_400),
    }
}

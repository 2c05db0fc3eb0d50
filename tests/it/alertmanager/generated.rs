//! Timelines drawn by lot, the same at each run. Whatever is posted is posted at even seconds, and groups tick at odd ones, so
//! that which of two comes first is never a matter of milliseconds.

use serde_json::json;

use super::timeline::{Posted, Timeline, alert};

const STEPS: u32 = 5;
const ALERTS: [&str; 5] = [
    "A,service=sales,severity=page",
    "A,service=sales,severity=ticket",
    "A,service=stock,severity=page",
    "B,service=sales,severity=ticket",
    "B,service=stock,severity=ticket,warehouse=R1",
];

pub(super) fn timelines(count: usize) -> Vec<Timeline> {
    (0..count).map(|index| timeline(index, Lots(0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1)))).collect()
}

/// SplitMix64: enough for drawing lots.
struct Lots(u64);

impl Lots {
    fn draw(&mut self, below: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % below).expect("small")
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.draw(n) == 0
    }
}

fn timeline(index: usize, mut lots: Lots) -> Timeline {
    let mut timeline = tree(Timeline::new(&format!("generated-{index:02}")), &mut lots);
    let inhibits = lots.one_in(3);
    if inhibits {
        let equal: &[&str] = if lots.one_in(2) { &["service"] } else { &["alertname", "service"] };
        timeline = timeline.inhibits("severity=\"page\"", "severity=\"ticket\"", equal);
    }
    // Whoever was told of an alert hears of its end from us though it is suppressed by then, and from Alertmanager never: that is
    // a difference of its own, so what may be suppressed goes on here.
    let mut may_end = [true; ALERTS.len()];
    let silenced = lots.one_in(3).then(|| (lots.draw(3), lots.draw(2)));
    for (may_end, text) in may_end.iter_mut().zip(ALERTS) {
        let may_be_silenced = silenced.is_some_and(|(_, what)| {
            if what == 1 { text.starts_with("B,service=stock") } else { text.starts_with('A') }
        });
        *may_end = !(may_be_silenced || (inhibits && text.contains("ticket")));
    }
    let mut firing = [false; ALERTS.len()];
    for step in 0..STEPS {
        let at = f64::from(step) * 2.0;
        // Before the alerts of this moment, so that they find it in force.
        if let Some((when, what)) = silenced.filter(|(when, _)| *when == step as usize) {
            let alerts = ["A", "B,service=stock"][usize::from(what == 1)];
            timeline = timeline.silence(
                at - 0.4 * f64::from(u8::from(when > 0)),
                "quiet",
                alerts,
                at - 0.4,
                at + 4.0,
            );
        }
        let alerts = statements(&mut lots, &mut firing, may_end, at);
        if !alerts.is_empty() {
            timeline = timeline.post(at, &alerts);
        }
    }
    timeline
}

fn tree(timeline: Timeline, lots: &mut Lots) -> Timeline {
    let group_by = [json!(["alertname"]), json!([]), json!(["..."]), json!(["service", "warehouse"])];
    let mut timeline = timeline.route("group_by", group_by[lots.draw(4)].clone());
    // A tick later than it says, or never: a multiple of the tick would be a matter of milliseconds.
    if lots.one_in(3) {
        timeline = timeline.route("repeat_interval", json!("3s"));
    }
    if lots.one_in(4) {
        timeline = timeline.setting("main", "send_resolved", json!(false));
    }
    if lots.one_in(2) {
        let goes_on = lots.one_in(2);
        timeline = timeline.receiver("page").receiver("stock").route(
            "routes",
            json!([
                {"matchers": ["severity=~\"pa.e\""], "receiver": "page", "continue": goes_on},
                {"matchers": ["service=\"stock\"", "warehouse!=\"R9\""], "receiver": "stock", "group_by": ["alertname"]},
            ]),
        );
    }
    timeline
}

/// Of each alert: it begins, is stated again, ends, will end by itself, or nothing is said.
fn statements(
    lots: &mut Lots,
    firing: &mut [bool; ALERTS.len()],
    may_end: [bool; ALERTS.len()],
    at: f64,
) -> Vec<Posted> {
    let mut posted = Vec::new();
    for ((text, is_firing), may_end) in ALERTS.iter().zip(firing).zip(may_end) {
        let words = |lots: &mut Lots| alert(text).says(&format!("as of {}", lots.draw(3)));
        match (lots.draw(5), *is_firing) {
            (0 | 1, false) => {
                posted.push(words(lots));
                *is_firing = true;
            }
            (2, false) if may_end => {
                // It runs out at an even second, and somebody may state it again before.
                posted.push(words(lots).starts(at).ends(at + 4.0));
                *is_firing = true;
            }
            (0, true) => posted.push(words(lots)),
            (1 | 2, true) if may_end => {
                posted.push(words(lots).ends(at));
                *is_firing = false;
            }
            _ => {}
        }
    }
    posted
}

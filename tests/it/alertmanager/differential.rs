//! The same file and the same timelines for Debian's Alertmanager and for us: at least 60 that were generated and 30 that
//! people wrote, side by side in one pair of processes.

use std::sync::Arc;

use super::judge::{order_differs, try_all, verdict};
use super::known::{ORDER, differences};
use super::timeline::Timeline;
use super::{generated, hand_written};

const GENERATED: usize = 60;
const HAND_WRITTEN: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn we_tell_what_alertmanager_tells_but_for_what_is_listed() {
    let timelines: Vec<Arc<Timeline>> =
        hand_written::timelines().into_iter().chain(generated::timelines(GENERATED)).map(Arc::new).collect();
    let alone: Vec<Arc<Timeline>> = hand_written::alone().into_iter().map(Arc::new).collect();
    assert!(timelines.len() >= GENERATED + HAND_WRITTEN, "only {} timelines", timelines.len());

    let known = differences();
    let (mut outcomes, alone_outcomes) = tokio::join!(try_all(&timelines, &known), try_all(&alone, &known));
    outcomes.extend(alone_outcomes);
    assert_eq!(outcomes.len(), timelines.len() + alone.len(), "each timeline has a name of its own");
    let faults = verdict(&outcomes, &known);
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), outcomes.len(), faults.join("\n"));
    assert!(
        known.contains_key(ORDER) && order_differs(&outcomes),
        "alerts stand alike now: {ORDER} need not be listed"
    );
}

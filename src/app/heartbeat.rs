//! The dead-man's switch: told that we are alive while every tenant's evaluation, alerting and delivery are, and no page
//! waits.

use std::sync::Arc;

use plimsoll_alerting::Heartbeat;
use plimsoll_dashboards::Health;
use plimsoll_model::Timestamp;
use tokio_util::sync::CancellationToken;

use super::App;
use crate::health::part_of;

/// The loops that a page goes through.
const PARTS: [&str; 3] = ["evaluation", "alerting", "delivery"];

pub(super) async fn beat(app: Arc<App>, heartbeat: Arc<Heartbeat>, stop: CancellationToken) {
    loop {
        // After the first rest: the loops have run by then, or say that they have not.
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.clock.sleep(heartbeat.interval()) => {}
        }
        heartbeat.beat(trouble(&app), page_waits(&app), app.clock.now()).await;
    }
}

/// What is wrong with one of the loops, whoever's it is.
fn trouble(app: &App) -> Option<String> {
    let ours: Vec<String> =
        app.rooms.iter().flat_map(|rooms| PARTS.map(|part| part_of(part, &rooms.tenant))).collect();
    let parts = app.health.parts().into_iter().filter(|(part, _)| ours.contains(part));
    parts.filter_map(|(part, trouble)| Some(format!("{part}: {}", trouble?))).next()
}

/// Since when the page that waits the longest does. A store that can't be read is told by the health of alerting.
fn page_waits(app: &App) -> Option<Timestamp> {
    let pages = app.rooms.iter().filter_map(|rooms| rooms.alerting.waiting_since().ok()?.1);
    pages.min()
}

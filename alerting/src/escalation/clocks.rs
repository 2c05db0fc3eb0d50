//! What hour it is for the business: time intervals of the routing file, and calendars.

use std::sync::Arc;

use plimsoll_model::{BusinessClock, Labels, Timestamp};

use super::Hours;
use crate::config::Routing;
use crate::schedule::Intervals;

/// The routing in use with the calendars beside it.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    pub(crate) routing: Arc<Routing>,
    pub(crate) business: Option<Arc<dyn BusinessClock>>,
}

impl Intervals for Clocks {
    fn hold(&self, name: &str, at: Timestamp) -> bool {
        self.routing.time_interval_holds(name, at).unwrap_or_default()
    }
}

impl Hours for Clocks {
    /// A time interval goes before a calendar of the same name. A calendar may be a warehouse's own.
    fn hold(&self, name: &str, labels: &Labels, at: Timestamp) -> bool {
        if let Some(holds) = self.routing.time_interval_holds(name, at) {
            return holds;
        }
        let warehouse = Some(labels.get("warehouse")).filter(|warehouse| !warehouse.is_empty());
        let answers = self.business.as_ref().and_then(|clock| clock.in_calendar(name, warehouse, &[at]));
        answers.is_some_and(|answers| answers.first().copied().unwrap_or_default())
    }
}

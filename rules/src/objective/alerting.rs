//! What OpenSLO's alert policies ask of an objective, in place of the tiers that are built in.

use std::time::Duration;

use plimsoll_model::Severity;

use super::sli::Op;
use crate::burn::{Threshold, Tier};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerting {
    /// `None` while no policy says anything: the built-in tiers.
    pub conditions: Option<Vec<BurnCondition>>,
    /// Name and kind of who should hear of it; routes match the label `notification_target`.
    pub targets: Vec<(String, String)>,
}

/// One condition of kind `burnrate`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnCondition {
    pub severity: Severity,
    pub op: Op,
    pub threshold: f64,
    pub lookback: Duration,
    pub after: Duration,
}

/// More than any rounding, less than any difference that matters.
const HAIR: f64 = 1e-8;

impl BurnCondition {
    /// Stands for conditions that alert nobody.
    pub(crate) const fn never(period: Duration) -> Self {
        let (op, after) = (Op::Gte, Duration::ZERO);
        Self { severity: Severity::Ticket, op, threshold: 1.0, lookback: period, after }
    }

    /// A condition has one window, so that is the long and the short one.
    pub(crate) fn threshold(self, period: Duration, target: f64) -> Threshold {
        let ceiling = 1.0 / (1.0 - target);
        let asked = if self.op == Op::Gt { self.threshold * (1.0 + HAIR) } else { self.threshold };
        let budget_share = asked * self.lookback.as_secs_f64() / period.as_secs_f64();
        let tier = Tier { severity: self.severity, long: self.lookback, short: self.lookback, budget_share };
        let clamped_from = (self.threshold > ceiling * (1.0 + HAIR)).then_some(self.threshold);
        Threshold { tier, burn: asked.min(ceiling), clamped_from, after: self.after }
    }
}

impl Alerting {
    pub(crate) const LABEL: &'static str = "notification_target";

    /// Whether this label is made of the targets.
    pub(crate) fn sets(&self, label: &str) -> bool {
        label == Self::LABEL && !self.targets.is_empty()
    }

    pub(crate) fn label(&self) -> Option<String> {
        let names: Vec<&str> = self.targets.iter().map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

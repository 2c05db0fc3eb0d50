//! What a calendar's hours are to the business.

use std::fmt;

/// What a calendar's hours are to the business; nothing in the engine depends on it, queries and people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Shift,
    CutOff,
    Holiday,
    Close,
    Peak,
    Freeze,
    Maintenance,
    BusinessHours,
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::CutOff => "cut_off",
            Self::Holiday => "holiday",
            Self::Close => "close",
            Self::Peak => "peak",
            Self::Freeze => "freeze",
            Self::Maintenance => "maintenance",
            Self::BusinessHours => "business_hours",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

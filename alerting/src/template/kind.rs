//! What is known of a value before it is there.

use super::value::RecordKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unknown,
    Data,
    Alert,
    Pair,
    Alerts,
    SomeAlerts,
    Pairs,
    Kv,
    Texts,
    Text,
    /// A time or a duration, whose methods are looked for when it is there.
    Time,
    /// Numbers and truth values.
    Other,
}

impl Kind {
    /// Of `.name`; `Err` where there is none, whatever the alerts.
    pub(super) fn member(self, name: &str) -> Result<Self, String> {
        let kind = match (self, name) {
            (Self::Unknown | Self::Time, _) => Some(Self::Unknown),
            (Self::Data, "Alerts") => Some(Self::Alerts),
            (Self::Data, "GroupLabels" | "CommonLabels" | "CommonAnnotations" | "RouteLabels") => {
                Some(Self::Kv)
            }
            (Self::Alert, "Labels" | "Annotations") => Some(Self::Kv),
            (Self::Alert, "StartsAt" | "EndsAt") => Some(Self::Time),
            (Self::Data | Self::Alert | Self::Pair, name) => {
                self.fields().contains(&name).then_some(Self::Text)
            }
            (Self::Alerts, "Firing" | "Resolved") => Some(Self::SomeAlerts),
            (Self::Kv, "SortedPairs") => Some(Self::Pairs),
            (Self::Kv, "Remove") => Some(Self::Kv),
            (Self::Kv | Self::Pairs, "Names" | "Values") => Some(Self::Texts),
            (Self::Kv, _) | (Self::Pairs, "String") => Some(Self::Text),
            _ => None,
        };
        kind.ok_or_else(|| {
            let fields = self.fields();
            let cure =
                if fields.is_empty() { String::new() } else { format!(": use one of {}", fields.join(", ")) };
            format!("{} has no `.{name}`{cure}", self.name())
        })
    }

    /// Of what a range over it gives.
    pub(super) fn item(self) -> Result<Self, String> {
        match self {
            Self::Unknown => Ok(Self::Unknown),
            Self::Alerts | Self::SomeAlerts => Ok(Self::Alert),
            Self::Pairs => Ok(Self::Pair),
            Self::Texts | Self::Kv => Ok(Self::Text),
            other => Err(format!("range can't go over {}", other.name())),
        }
    }

    pub(super) fn of_function(name: &str) -> Self {
        match name {
            "stringSlice" => Self::Texts,
            "date" | "html" | "humanizeDuration" | "join" | "print" | "printf" | "println"
            | "reReplaceAll" | "title" | "toJson" | "toLower" | "toUpper" | "trimSpace" | "urlquery" => {
                Self::Text
            }
            "now" | "tz" | "since" => Self::Time,
            "len" | "match" | "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "not" => Self::Other,
            _ => Self::Unknown,
        }
    }

    fn fields(self) -> Vec<&'static str> {
        let names = |kind: RecordKind| kind.fields().iter().map(|(name, _)| *name).collect();
        match self {
            Self::Data => names(RecordKind::Data),
            Self::Alert => names(RecordKind::Alert),
            Self::Pair => names(RecordKind::Pair),
            Self::Alerts => vec!["Firing", "Resolved"],
            Self::Pairs => vec!["Names", "Values"],
            _ => Vec::new(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "this",
            Self::Data => "the message",
            Self::Alert => "an alert",
            Self::Pair => "a pair",
            Self::Alerts | Self::SomeAlerts => "a list of alerts",
            Self::Pairs => "a list of pairs",
            Self::Kv => "a set of labels",
            Self::Texts => "a list of strings",
            Self::Text => "a string",
            Self::Time => "a time",
            Self::Other => "a number or truth value",
        }
    }
}

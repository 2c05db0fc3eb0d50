//! What an objective measures, as the files state it. `check` makes one query of it: one row an event with a boolean
//! `good`, or rows with the numbers `good` and `total`.

/// The indicator, in the words of OpenSLO.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Sli {
    /// `raw` of `rawType: success`, and `events:` of the short form: the objective's query as it stands.
    #[default]
    Success,
    /// `raw` of `rawType: failure`: the query says what went wrong.
    Failure,
    /// Two queries; the objective's own is `total`.
    Ratio { part: Part, query: String, is_counter: bool },
    /// A measurement that is good while it compares with `value` like this.
    Threshold { op: Op, value: f64 },
    /// Several indicators, weighed against each other slice by slice.
    Composite(Vec<Component>),
}

/// One indicator of a composite, with what it weighs and demands.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    pub name: String,
    pub query: String,
    pub sli: Sli,
    /// Percent.
    pub percent: f64,
    pub weight: f64,
    /// A slice is wholly good from this ratio on, wholly bad below; without it, it is as good as its ratio.
    pub slice_target: Option<f64>,
}

/// By weight, the mean of what the components demand.
pub(crate) fn mean_percent(components: &[Component]) -> f64 {
    let weights: f64 = components.iter().map(|it| it.weight).sum();
    let demanded: f64 = components.iter().map(|it| it.weight * it.percent).sum();
    (demanded / weights * 1e9).round() / 1e9
}

/// Which part of `total` the other query gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Good,
    Bad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    Lt,
    Lte,
    Gt,
    Gte,
}

impl Op {
    /// As SQL writes it.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Gt => ">",
            Self::Gte => ">=",
        }
    }
}

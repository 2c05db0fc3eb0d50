//! A timeline: a part of a routing tree, and what is posted when. Each has a label `case` of its own, by which the route
//! tree, the inhibition and the silences of many of them are kept apart in one process.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

/// Seconds from the timeline's beginning.
pub(super) type Secs = f64;

#[derive(Clone, Debug)]
pub(super) struct Timeline {
    pub(super) name: String,
    /// What stands in its route beside the matcher: `group_by`, timers, `routes`.
    route: Value,
    /// Its receivers by their short names: settings of the webhook, and how the sink answers it.
    receivers: BTreeMap<&'static str, Receiver>,
    inhibit_rules: Vec<Value>,
    pub(super) steps: Vec<Step>,
    /// When it is over.
    pub(super) until: Secs,
    /// How far apart two moments may be that count as the same.
    pub(super) tolerance: Secs,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Receiver {
    settings: Vec<(&'static str, Value)>,
    pub(super) answers: Vec<Answer>,
}

/// To the next request; when none is left, 200.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Status(u16),
    /// None for so long.
    Hang(Secs),
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) at: Secs,
    pub(super) act: Act,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Post(Vec<Posted>),
    /// Until so many seconds from the beginning; later steps know it by its key.
    Silence {
        key: &'static str,
        matchers: Vec<Value>,
        from: Secs,
        until: Secs,
    },
    Expire {
        key: &'static str,
    },
}

/// An alert as it is posted.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) starts: Option<Secs>,
    pub(super) ends: Option<Secs>,
}

/// `A,service=sales`: the name, and more labels. Without a start and an end.
pub(super) fn alert(text: &str) -> Posted {
    let mut parts = text.split(',');
    let mut labels = BTreeMap::from([("alertname".to_owned(), parts.next().unwrap_or_default().to_owned())]);
    labels.extend(parts.filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())));
    let annotations = BTreeMap::from([("summary".to_owned(), format!("about {text}"))]);
    Posted { labels, annotations, starts: None, ends: None }
}

impl Posted {
    pub(super) fn starts(mut self, at: Secs) -> Self {
        self.starts = Some(at);
        self
    }

    pub(super) fn ends(mut self, at: Secs) -> Self {
        self.ends = Some(at);
        self
    }

    pub(super) fn says(mut self, summary: &str) -> Self {
        self.annotations.insert("summary".to_owned(), summary.to_owned());
        self
    }

    pub(super) fn wordless(mut self) -> Self {
        self.annotations.clear();
        self
    }
}

impl Timeline {
    /// Groups by `alertname`; a group waits 1 s, ticks each 2 s and repeats after an hour. Two seconds after the last step
    /// nothing more is expected, but for one tick.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            route: json!({
                "group_by": ["alertname"], "group_wait": "1s", "group_interval": "2s", "repeat_interval": "1h",
            }),
            receivers: BTreeMap::from([("main", Receiver::default())]),
            inhibit_rules: Vec::new(),
            steps: Vec::new(),
            until: 0.0,
            tolerance: 0.9,
        }
    }

    /// Sets a key of the route. Receivers in it are named shortly.
    pub(super) fn route(mut self, key: &str, value: Value) -> Self {
        self.route[key] = value;
        self
    }

    pub(super) fn receiver(mut self, name: &'static str) -> Self {
        self.receivers.entry(name).or_default();
        self
    }

    pub(super) fn setting(mut self, receiver: &'static str, key: &'static str, value: Value) -> Self {
        self.receivers.entry(receiver).or_default().settings.push((key, value));
        self
    }

    pub(super) fn answers(mut self, receiver: &'static str, answers: &[Answer]) -> Self {
        self.receivers.entry(receiver).or_default().answers = answers.to_vec();
        self
    }

    pub(super) fn inhibits(mut self, source: &str, target: &str, equal: &[&str]) -> Self {
        self.inhibit_rules.push(json!({"source": source, "target": target, "equal": equal}));
        self
    }

    fn step(mut self, at: Secs, act: Act) -> Self {
        self.steps.push(Step { at, act });
        self.until = self.until.max(at + 4.0);
        self
    }

    pub(super) fn post(self, at: Secs, alerts: &[Posted]) -> Self {
        self.step(at, Act::Post(alerts.to_vec()))
    }

    pub(super) fn fire(self, at: Secs, alerts: &[&str]) -> Self {
        let alerts: Vec<Posted> = alerts.iter().map(|text| alert(text)).collect();
        self.post(at, &alerts)
    }

    /// Ends them as they are posted.
    pub(super) fn resolve(self, at: Secs, alerts: &[&str]) -> Self {
        let alerts: Vec<Posted> = alerts.iter().map(|text| alert(text).ends(at)).collect();
        self.post(at, &alerts)
    }

    /// `A,service=sales`: alerts of that name and label.
    pub(super) fn silence(self, at: Secs, key: &'static str, alerts: &str, from: Secs, until: Secs) -> Self {
        let labels = alert(alerts).labels;
        let matchers =
            labels.iter().map(|(name, value)| json!({"name": name, "value": value, "isRegex": false}));
        self.step(at, Act::Silence { key, matchers: matchers.collect(), from, until })
    }

    pub(super) fn expire(self, at: Secs, key: &'static str) -> Self {
        self.step(at, Act::Expire { key })
    }

    pub(super) fn until(mut self, at: Secs) -> Self {
        self.until = at;
        self
    }

    /// Retries are told when each side's back-off lets them: within seconds, not within a tick.
    pub(super) fn tolerating(mut self, secs: Secs) -> Self {
        self.tolerance = secs;
        self
    }
}

/// A timeline's place in a process.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) timeline: Arc<Timeline>,
    pub(super) label: String,
}

impl Case {
    pub(super) fn new(timeline: &Arc<Timeline>) -> Self {
        Self { timeline: Arc::clone(timeline), label: timeline.name.clone() }
    }

    pub(super) fn receivers(&self) -> impl Iterator<Item = (String, &Receiver)> {
        self.timeline.receivers.iter().map(|(name, receiver)| (self.receiver(name), receiver))
    }

    /// Without characters of regular expressions: Alertmanager 0.25 tells a receiver's name with those escaped.
    pub(super) fn receiver(&self, name: &str) -> String {
        format!("{}, {name}", self.label)
    }

    fn route(&self) -> Value {
        let mut route = self.timeline.route.clone();
        route["matchers"] = json!([format!("case=\"{}\"", self.label)]);
        if route["receiver"].is_null() {
            route["receiver"] = "main".into();
        }
        self.name_receivers(&mut route);
        route
    }

    fn name_receivers(&self, route: &mut Value) {
        if let Some(name) = route["receiver"].as_str() {
            route["receiver"] = self.receiver(name).into();
        }
        for child in route.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten() {
            self.name_receivers(child);
        }
    }

    fn inhibit_rules(&self) -> impl Iterator<Item = Value> {
        self.timeline.inhibit_rules.iter().map(|rule| {
            let mine = |part: &str| {
                json!([format!("case=\"{}\"", self.label), rule[part].as_str().expect("a matcher")])
            };
            json!({"source_matchers": mine("source"), "target_matchers": mine("target"), "equal": rule["equal"]})
        })
    }
}

/// One file for all of them. JSON is YAML.
pub(super) fn routing(cases: &[Case], url: impl Fn(&str) -> String) -> String {
    let webhook = |name: &str, receiver: &Receiver| {
        let mut settings = json!({"url": url(name)});
        for (key, value) in &receiver.settings {
            settings[key] = value.clone();
        }
        json!({"name": name, "webhook_configs": [settings]})
    };
    let mut receivers = vec![json!({"name": "nobody"})];
    for case in cases {
        receivers.extend(case.receivers().map(|(name, receiver)| webhook(&name, receiver)));
    }
    let routes: Vec<Value> = cases.iter().map(Case::route).collect();
    json!({
        "route": {"receiver": "nobody", "routes": routes},
        "time_intervals": [
            {"name": "always", "time_intervals": [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]},
            {"name": "never", "time_intervals": [{"years": ["1999"]}]},
        ],
        "inhibit_rules": cases.iter().flat_map(Case::inhibit_rules).collect::<Vec<_>>(),
        "receivers": receivers,
    })
    .to_string()
}

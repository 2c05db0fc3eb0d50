//! Where a silence for these alerts is written: `PUBLIC_URL/#/silences/new?filter={...}`, Alertmanager's own address.

use crate::notification::{Notification, Purpose};

/// Browsers and mail programs cut longer ones.
const MAX_URL_BYTES: usize = 1800;

/// Filled with what all alerts of the message have in common; `None` when that is nothing, or too long for a link: a
/// silence must not mute more than the message tells of.
pub(super) fn silence_url(notification: &Notification, public_url: &str) -> Option<String> {
    let common = notification.common_labels();
    let is_named = common.iter().any(|(_, value)| !value.is_empty());
    let matchers: Vec<String> = common
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            format!("{}=\"{}\"", name_of(name), value.replace('\\', "\\\\").replace('"', "\\\""))
        })
        .collect();
    let filter = percent_encoded(&format!("{{{}}}", matchers.join(",")));
    let url = format!("{public_url}/#/silences/new?filter={filter}");
    let is_told_of = notification.is_firing() && notification.purpose != Purpose::Test;
    (is_named && is_told_of && url.len() <= MAX_URL_BYTES).then_some(url)
}

/// A name that is more than letters stands in quotes, as matchers have it since UTF-8 came.
fn name_of(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn filter_of(url: &str) -> String {
        let (_, query) = url.split_once('?').expect("a query");
        let pair = url::form_urlencoded::parse(query.as_bytes()).next();
        pair.expect("a filter").1.into_owned()
    }

    #[test]
    fn the_form_is_filled_with_what_the_alerts_have_in_common() {
        let url = silence_url(&samples::firing(), "https://plimsoll.example.org").expect("a link");
        assert!(
            url.starts_with("https://plimsoll.example.org/#/silences/new?filter=%7Balertname%3D%22"),
            "{url}"
        );
        assert_eq!(
            filter_of(&url),
            r#"{alertname="OrdersPostedLate",service="sales",severity="page",warehouse="WH1"}"#
        );
        assert!(silence_url(&samples::three_firing(), "").is_none(), "nothing in common, nothing to mute");
        assert!(silence_url(&samples::resolved(), "").is_none(), "it is over");
    }

    #[test]
    fn no_label_leaves_its_quotes() {
        let mut notification = samples::firing();
        notification.alerts[0].labels.set("warehouse", "W\"},x=\"\\");
        notification.alerts[0].labels.set("a b", "ü");
        let filter = filter_of(&silence_url(&notification, "").expect("a link"));
        assert!(filter.starts_with(r#"{"a b"="ü",alertname="#), "{filter}");
        assert!(filter.ends_with(r#"warehouse="W\"},x=\"\\"}"#), "{filter}");
    }
}

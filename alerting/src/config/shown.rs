//! The routing file as it may be shown: what it says, without what would open a door.
//!
//! Below `global` and `receivers` a text is hidden unless its key is known to be harmless, so that a key that somebody
//! adds later is hidden until somebody thinks about it. What is shown is still a file that Alertmanager and amtool read.

use serde_json::Value;

/// As Alertmanager writes it.
const HIDDEN: &str = "<secret>";

/// Texts that say who, how and in what words, and open nothing.
const HARMLESS: [&str; 46] = [
    "name",
    "to",
    "from",
    "hello",
    "smarthost",
    "auth_identity",
    "auth_username",
    "smtp_from",
    "smtp_hello",
    "smtp_smarthost",
    "smtp_auth_identity",
    "smtp_auth_username",
    "resolve_timeout",
    "timeout",
    "type",
    "username",
    "client_id",
    "scopes",
    "ca_file",
    "cert_file",
    "server_name",
    "min_version",
    "max_version",
    "channel",
    "icon_emoji",
    "color",
    "title",
    "text",
    "html",
    "fallback",
    "pretext",
    "footer",
    "short",
    "value",
    "summary",
    "subject",
    "class",
    "component",
    "group",
    "severity",
    "client",
    "description",
    "source",
    "action",
    "style",
    "callback_id",
];
/// Whose members' names the writer makes up, and whose values are words for people.
const HARMLESS_MAPS: [&str; 2] = ["details", "headers"];

/// `text` has been read as a routing file before.
pub(super) fn shown(text: &str) -> String {
    let Ok(mut file) = serde_saphyr::from_str::<Value>(text) else {
        return String::new();
    };
    for part in ["global", "receivers"] {
        if let Some(value) = file.get_mut(part) {
            hide(value, "");
        }
    }
    serde_saphyr::to_string(&file).unwrap_or_default()
}

fn hide(value: &mut Value, key: &str) {
    match value {
        Value::Object(members) => {
            // A mail's headers are words; those of a request may be credentials.
            let all_harmless = HARMLESS_MAPS.contains(&key);
            for (name, member) in members {
                if !(all_harmless && member.is_string()) {
                    hide(member, name);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, key)),
        Value::String(text) if is_address(key) => *text = hide_path(text),
        Value::String(text) if !HARMLESS.contains(&key) && !key.ends_with("_file") => HIDDEN.clone_into(text),
        // A password may be all digits.
        Value::Number(_) if key != "max_alerts" => *value = HIDDEN.into(),
        _ => {}
    }
}

fn is_address(key: &str) -> bool {
    key == "url" || key.ends_with("_url")
}

/// Where it goes, and not what opens the door there. An address of this form is one that Alertmanager reads.
fn hide_path(text: &str) -> String {
    let Ok(url) = url::Url::parse(text) else { return HIDDEN.to_owned() };
    let Some(host) = url.host_str() else { return HIDDEN.to_owned() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let is_bare = url.username().is_empty() && url.path() == "/" && url.query().is_none();
    let path = if is_bare { "/" } else { "/<secret>" };
    format!("{}://{host}{port}{path}", url.scheme())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
global:
  smtp_smarthost: mail.example.com:587
  smtp_auth_username: plimsoll
  smtp_auth_password: topsecret1
  slack_api_url: https://hooks.slack.example/services/topsecret2
  resolve_timeout: 5m
route:
  receiver: ops
  group_by: [alertname]
  routes:
    - matchers: ['team=\"topsecret-is-a-team\"']
      receiver: ops
receivers:
  - name: ops
    email_configs:
      - to: ops@example.com
        auth_password: topsecret3
        headers: {Subject: '{{ .GroupLabels.alertname }}'}
        send_resolved: true
    pagerduty_configs:
      - routing_key: topsecret4
        routing_key_file: /run/key
        details: {runbook: 'see the wiki'}
    webhook_configs:
      - url: https://user:topsecret5@example.com:8443/topsecret6?topsecret7#topsecret8
        max_alerts: 3
        http_config:
          authorization: {type: Bearer, credentials: topsecret9}
          basic_auth: {username: u, password: topsecret10}
          oauth2: {client_id: c, client_secret: topsecret11, token_url: 'https://id.example.com/topsecret12'}
          proxy_url: http://u:topsecret13@proxy.example.com:3128
          a_key_of_the_future: topsecret14
      - url: topsecret15
    pushover_configs: [{token: 20418}]
";

    #[test]
    fn nothing_that_opens_a_door_is_shown() {
        let shown = shown(FILE);
        let left: Vec<&str> = shown.lines().filter(|line| line.contains("topsecret")).collect();
        assert_eq!(left.len(), 1, "{shown}");
        assert!(!shown.contains("20418"), "{shown}");
        assert!(left[0].contains("topsecret-is-a-team"), "the route tree is shown as it is: {left:?}");
    }

    #[test]
    fn the_rest_is_there_and_reads_as_it_did() {
        let read: Value = serde_saphyr::from_str(&shown(FILE)).expect("YAML");
        let written: Value = serde_saphyr::from_str(FILE).expect("YAML");
        assert_eq!(read["route"], written["route"]);
        assert_eq!(read["global"]["smtp_smarthost"], "mail.example.com:587");
        assert_eq!(read["global"]["smtp_auth_password"], HIDDEN);
        assert_eq!(read["global"]["slack_api_url"], "https://hooks.slack.example/<secret>");
        let ops = &read["receivers"][0];
        assert_eq!(
            ops["email_configs"][0]["headers"],
            written["receivers"][0]["email_configs"][0]["headers"]
        );
        assert_eq!(ops["pagerduty_configs"][0]["routing_key_file"], "/run/key");
        assert_eq!(ops["webhook_configs"][0]["url"], "https://example.com:8443/<secret>");
        assert_eq!(ops["webhook_configs"][0]["max_alerts"], 3);
        assert_eq!(ops["webhook_configs"][1]["url"], HIDDEN);
    }
}

//! What to do about keys that Alertmanager knows and we don't.

/// Receivers that Alertmanager has and we don't; their global keys begin alike.
const OTHERS: [&str; 14] = [
    "discord",
    "incidentio",
    "jira",
    "mattermost",
    "msteams",
    "opsgenie",
    "pushover",
    "rocketchat",
    "sns",
    "telegram",
    "victorops",
    "webex",
    "wechat",
    "hipchat",
];

pub(in crate::config) fn cure(field: &str) -> Option<String> {
    Some(match field {
        "service_key" | "service_key_file" => {
            format!("`{field}` is PagerDuty's Events v1: create an Events v2 integration and use routing_key")
        }
        "msteams_configs" => {
            "receiver type `msteams_configs` is Office 365's connectors, which Microsoft has \
            shut: make a webhook with Teams' Workflows and use msteamsv2_configs"
                .to_owned()
        }
        "message_strategy" | "threaded_options" | "update_message" | "edit_messages" => {
            format!("`{field}` is not supported: remove it, each notification is a Slack message of its own")
        }
        _ if field.ends_with("_ref") => {
            format!(
                "`{field}` needs a secret manager, which is not supported: name a file with the key that ends in _file"
            )
        }
        _ if field.ends_with("_configs") => format!(
            "receiver type `{field}` does not exist here: use email_configs, pagerduty_configs, webhook_configs, \
             slack_configs or msteamsv2_configs"
        ),
        _ if OTHERS.iter().any(|name| field.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'))) => {
            format!("`{field}` is of a receiver type that does not exist here: remove it")
        }
        _ => return None,
    })
}

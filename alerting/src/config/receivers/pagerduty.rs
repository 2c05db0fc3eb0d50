//! `pagerduty_configs`: Events v2.

use std::collections::BTreeMap;

use super::nodes::{Global, PagerDutyNode};
use super::wording;
use crate::config::check::{Report, line};
use crate::config::http::{HttpConfig, is_web_address};
use crate::config::secret::SecretSource;
use crate::config::wording::Wording;

const URL: &str = "https://events.pagerduty.com/v2/enqueue";
pub(crate) const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];

#[derive(Debug)]
pub(crate) struct PagerDutyConfig {
    pub(crate) routing_key: SecretSource,
    pub(crate) url: String,
    pub(crate) client: Option<Wording>,
    pub(crate) client_url: Option<Wording>,
    pub(crate) description: Option<Wording>,
    pub(crate) severity: Option<Wording>,
    pub(crate) source: Option<Wording>,
    pub(crate) class: Option<Wording>,
    pub(crate) component: Option<Wording>,
    pub(crate) group: Option<Wording>,
    pub(crate) details: BTreeMap<String, Wording>,
    pub(crate) images: Vec<Image>,
    pub(crate) links: Vec<Link>,
    pub(crate) http: HttpConfig,
}

#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) src: Wording,
    pub(crate) alt: Option<Wording>,
    pub(crate) href: Option<Wording>,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) href: Wording,
    pub(crate) text: Option<Wording>,
}

pub(super) fn read(
    node: &PagerDutyNode,
    at: u64,
    global: &Global,
    report: &mut Report,
) -> Option<PagerDutyConfig> {
    let http = HttpConfig::read(node.http_config.as_ref(), global.http_config.as_ref(), report);
    let routing_key =
        report.secret(node.routing_key.clone(), node.routing_key_file.clone(), "routing_key", at);
    let url = node.url.as_ref().or(global.pagerduty_url.as_ref());
    if let Some(url) = url.filter(|url| !is_web_address(&url.value)) {
        report.error(line(url), "`url` is not a web address: it starts with https:// or http:// and a host");
    }
    let severity = node.severity.as_ref();
    if let Some(text) =
        severity.filter(|text| !text.value.contains("{{") && !SEVERITIES.contains(&text.value.as_str()))
    {
        report.error(
            line(text),
            "PagerDuty knows the severities critical, error, warning and info: use one of them",
        );
    }
    let details = node.details.iter().filter_map(|(name, text)| {
        Some((name.clone(), wording(&Some(text.clone()), &format!("details.{name}"), report)?))
    });
    let details = details.collect();
    Some(PagerDutyConfig {
        routing_key: routing_key?,
        url: url.map_or_else(|| URL.to_owned(), |url| url.value.clone()),
        client: wording(&node.client, "client", report),
        client_url: wording(&node.client_url, "client_url", report),
        description: wording(&node.description, "description", report),
        severity: wording(&node.severity, "severity", report),
        source: wording(&node.source, "source", report),
        class: wording(&node.class, "class", report),
        component: wording(&node.component, "component", report),
        group: wording(&node.group, "group", report),
        details,
        images: images(node, at, report),
        links: links(node, at, report),
        http,
    })
}

fn images(node: &PagerDutyNode, at: u64, report: &mut Report) -> Vec<Image> {
    let mut images = Vec::new();
    for image in &node.images {
        if image.src.is_none() {
            report.error(at, "an image has no `src`: set it to the image's https address");
        }
        let (alt, href) = (wording(&image.alt, "alt", report), wording(&image.href, "href", report));
        images.extend(wording(&image.src, "src", report).map(|src| Image { src, alt, href }));
    }
    images
}

fn links(node: &PagerDutyNode, at: u64, report: &mut Report) -> Vec<Link> {
    let mut links = Vec::new();
    for link in &node.links {
        if link.href.is_none() {
            report.error(at, "a link has no `href`: set it to a web address");
        }
        let text = wording(&link.text, "text", report);
        links.extend(wording(&link.href, "href", report).map(|href| Link { href, text }));
    }
    links
}

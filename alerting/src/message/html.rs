//! Sections as a page that reads well on a phone, by day and by night: one column, nothing loaded, no script. Styles
//! stand with their elements, since some mail programs drop the head; what they can't say (the dark) is in the head.

use std::fmt::Write;

use super::subject::{news, scope};
use super::tone::Tone;
use super::{Kind, Line, Section};
use crate::notification::Notification;

const STYLE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}
a{color:#0b5cad}
@media (max-width:480px){.in{padding-left:16px!important;padding-right:16px!important}h1{font-size:20px!important}}
@media (prefers-color-scheme:dark){
.page{background:#0e1116!important;color:#e6e8eb!important}
.card{background:#171b21!important;border-color:#2b313a!important}
.soft{color:#a4acb6!important}
.box,.code{background:#222832!important;border-color:#2f3742!important}
.row td,.line{border-color:#2b313a!important}
.quiet{background:#222832!important;color:#e6e8eb!important;border-color:#3a4350!important}
a{color:#7db7ff}}
";
const FONT: &str =
    "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";
/// Long words break rather than push the page wide.
const BREAKS: &str = "overflow-wrap:anywhere;word-break:break-word";

pub(super) fn page(notification: &Notification, subject: &str, sections: &[Section]) -> String {
    let mut page = Page(String::new());
    let tone = Tone::of(notification);
    page.put(format_args!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"supported-color-schemes\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n",
        escaped(subject)
    ));
    page.put(format_args!(
        "<body class=\"page\" style=\"margin:0;padding:0;background:#f1f3f5;color:#1b1f24;{FONT};font-size:16px;\
         line-height:1.45;-webkit-text-size-adjust:100%\">\n"
    ));
    page.preview(notification);
    page.put(format_args!(
        "<div class=\"card\" style=\"max-width:600px;margin:0 auto;background:#ffffff;border:1px solid #dde1e6;{BREAKS}\">\n"
    ));
    let (opening, rest) =
        sections.split_first().map_or((None, sections), |(first, rest)| (Some(first), rest));
    page.band(notification, tone, opening);
    page.put(format_args!("<div class=\"in\" style=\"padding:16px 24px 24px\">\n"));
    for line in opening.map(|section| section.lines.as_slice()).unwrap_or_default() {
        page.paragraph(line);
    }
    page.buttons(sections, tone);
    for section in rest {
        page.section(section);
    }
    page.footer(notification);
    page.0.push_str("</div>\n</div>\n</body>\n</html>\n");
    page.0
}

struct Page(String);

impl Page {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes everything");
    }

    /// What a list of mails shows beside the subject.
    fn preview(&mut self, notification: &Notification) {
        let Some(lead) = notification.alerts.first() else { return };
        self.put(format_args!(
            "<div style=\"display:none;max-height:0;overflow:hidden\">{}</div>\n",
            escaped(&news(lead))
        ));
    }

    fn band(&mut self, notification: &Notification, tone: Tone, opening: Option<&Section>) {
        let state = match (tone, notification.is_firing()) {
            (Tone::Resolved, false) => "RESOLVED",
            (Tone::Blind, _) => "BLIND",
            (Tone::Test, _) => "TEST",
            _ => "FIRING",
        };
        let scope = notification.alerts.first().map(scope).unwrap_or_default();
        let above = if scope.is_empty() { state.to_owned() } else { format!("{state} · {scope}") };
        let title = opening.map(|section| section.title.as_str()).unwrap_or_default();
        self.put(format_args!(
            "<div class=\"in\" style=\"background:{};color:#ffffff;padding:16px 24px\">\n\
             <div style=\"font-size:13px;letter-spacing:.04em;opacity:.92\"><bdi>{}</bdi></div>\n\
             <h1 style=\"margin:4px 0 0;font-size:22px;line-height:1.25;font-weight:650\"><bdi>{}</bdi></h1>\n</div>\n",
            tone.color(),
            escaped(&above),
            escaped(title)
        ));
    }

    /// What can be done with a thumb, before what must be read.
    fn buttons(&mut self, sections: &[Section], tone: Tone) {
        let of = |kind: Kind| sections.iter().filter(move |section| section.kind == kind);
        let links = |section: &'_ Section| -> Vec<(String, String)> {
            let link = |line: &Line| match line {
                Line::Link { label, url } => Some((label.clone(), url.clone())),
                _ => None,
            };
            section.lines.iter().filter_map(link).collect()
        };
        let answers: Vec<_> = of(Kind::Answer).flat_map(links).collect();
        let incident = of(Kind::Links).flat_map(links).find(|(label, _)| label.starts_with("Incident "));
        let mut others: Vec<_> = incident.into_iter().collect();
        others.extend(sections.iter().flat_map(links).find(|(label, _)| label == "Runbook"));
        if answers.is_empty() && others.is_empty() {
            return;
        }
        self.put(format_args!("<div style=\"margin:16px 0 4px\">\n"));
        for (label, url) in &answers {
            self.button(
                label,
                url,
                &format!("background:{};color:#ffffff;border:1px solid {0}", tone.color()),
                "",
            );
        }
        for (label, url) in &others {
            let label = if label.starts_with("Incident ") { "Open incident" } else { label };
            self.button(label, url, "background:#f6f7f9;color:#1b1f24;border:1px solid #c9ced6", "quiet");
        }
        self.put(format_args!("</div>\n"));
    }

    fn button(&mut self, label: &str, url: &str, colors: &str, class: &str) {
        self.put(format_args!(
            "<a class=\"{class}\" href=\"{}\" style=\"display:inline-block;margin:0 8px 8px 0;padding:11px 18px;\
             border-radius:6px;font-weight:600;text-decoration:none;{colors}\">{}</a>\n",
            escaped(url),
            escaped(label)
        ));
    }

    fn section(&mut self, section: &Section) {
        if section.kind == Kind::Small {
            return self.small(section);
        }
        if section.lines.iter().all(|line| is_button(section, line)) {
            return;
        }
        self.put(format_args!(
            "<h2 style=\"margin:22px 0 6px;font-size:15px;line-height:1.3;font-weight:700\">{}</h2>\n",
            escaped(&section.title)
        ));
        match section.kind {
            Kind::Figures => self.figures(section),
            Kind::Links => self.links(section),
            _ => self.lines(section),
        }
    }

    /// Numbers large, their names below.
    fn figures(&mut self, section: &Section) {
        self.put(format_args!("<div>\n"));
        for line in &section.lines {
            let Line::Item { label, value } = line else {
                self.paragraph(line);
                continue;
            };
            self.put(format_args!(
                "<div class=\"box\" style=\"display:inline-block;vertical-align:top;margin:0 8px 8px 0;padding:10px 14px;\
                 border:1px solid #e1e4e8;border-radius:6px;background:#f6f7f9\">\
                 <div style=\"font-size:20px;font-weight:700;line-height:1.2\"><bdi>{}</bdi></div>\
                 <div class=\"soft\" style=\"font-size:13px;color:#57606a\"><bdi>{}</bdi></div></div>\n",
                escaped(value),
                escaped(label)
            ));
        }
        self.put(format_args!("</div>\n"));
    }

    /// Sentences as they are, and items below each other in one table.
    fn lines(&mut self, section: &Section) {
        let mut is_open = false;
        let names = if section.kind == Kind::Table { 28 } else { 38 };
        for line in &section.lines {
            if is_button(section, line) {
                continue;
            }
            let Line::Item { label, value } = line else {
                self.close_table(&mut is_open);
                self.paragraph(line);
                continue;
            };
            if !is_open {
                self.put(format_args!(
                    "<table role=\"presentation\" style=\"width:100%;border-collapse:collapse;table-layout:fixed\">\n"
                ));
                is_open = true;
            }
            self.put(format_args!(
                "<tr class=\"row\"><td class=\"soft\" style=\"width:{names}%;padding:6px 10px 6px 0;border-top:1px solid \
                 #e6e9ed;vertical-align:top;font-size:14px;color:#57606a\"><bdi>{}</bdi></td><td style=\"padding:6px 0;\
                 border-top:1px solid #e6e9ed;vertical-align:top;font-size:15px\"><bdi>{}</bdi></td></tr>\n",
                escaped(label),
                escaped(value)
            ));
        }
        self.close_table(&mut is_open);
    }

    fn close_table(&mut self, is_open: &mut bool) {
        if std::mem::take(is_open) {
            self.put(format_args!("</table>\n"));
        }
    }

    fn links(&mut self, section: &Section) {
        self.put(format_args!("<p style=\"margin:0\">"));
        for (index, line) in section.lines.iter().enumerate() {
            self.put(format_args!("{}", if index > 0 { " &middot; " } else { "" }));
            match line {
                Line::Link { label, url } => {
                    self.put(format_args!("<a href=\"{}\">{}</a>", escaped(url), escaped(label)));
                }
                Line::Item { label, value } => {
                    self.put(format_args!("{}: <bdi>{}</bdi>", escaped(label), escaped(value)));
                }
                Line::Text(text) => self.put(format_args!("{}", escaped(text))),
            }
        }
        self.put(format_args!("</p>\n"));
    }

    /// Names and values one after the other, in small letters; a query as it would be typed.
    fn small(&mut self, section: &Section) {
        self.put(format_args!(
            "<div class=\"soft line\" style=\"margin-top:18px;padding-top:10px;border-top:1px solid #e6e9ed;\
             font-size:13px;color:#57606a\">\n<div style=\"font-weight:700\">{}</div>\n",
            escaped(&section.title)
        ));
        for line in &section.lines {
            match line {
                Line::Text(text) => self.put(format_args!(
                    "<div class=\"code\" style=\"margin-top:4px;padding:8px 10px;background:#f6f7f9;border-radius:4px;\
                     font-family:ui-monospace,Consolas,monospace;font-size:12px\"><bdi>{}</bdi></div>\n",
                    escaped(text)
                )),
                Line::Item { label, value } => {
                    self.put(format_args!("<div><bdi>{}</bdi>: <bdi>{}</bdi></div>\n", escaped(label), escaped(value)));
                }
                Line::Link { label, url } => {
                    self.put(format_args!("<div><a href=\"{}\">{}</a></div>\n", escaped(url), escaped(label)));
                }
            }
        }
        self.put(format_args!("</div>\n"));
    }

    fn paragraph(&mut self, line: &Line) {
        let open = "<p style=\"margin:6px 0\">";
        match line {
            Line::Text(text) => self.put(format_args!("{open}<bdi>{}</bdi></p>\n", escaped(text))),
            Line::Item { label, value } => {
                self.put(format_args!(
                    "{open}<bdi>{}</bdi>: <bdi>{}</bdi></p>\n",
                    escaped(label),
                    escaped(value)
                ));
            }
            Line::Link { label, url } => {
                self.put(format_args!("{open}<a href=\"{}\">{}</a></p>\n", escaped(url), escaped(label)));
            }
        }
    }

    /// Why the reader has it.
    fn footer(&mut self, notification: &Notification) {
        self.put(format_args!(
            "<p class=\"soft\" style=\"margin:20px 0 0;font-size:12px;color:#6a737d\">Plimsoll told <bdi>{}</bdi>: {}.</p>\n",
            escaped(&super::words::clean(&notification.receiver)),
            escaped(notification.reason.as_str())
        ));
    }
}

/// What the reader is asked to answer stands above as buttons.
fn is_button(section: &Section, line: &Line) -> bool {
    section.kind == Kind::Answer && matches!(line, Line::Link { .. })
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

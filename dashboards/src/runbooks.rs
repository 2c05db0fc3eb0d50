//! Runbooks as pages that can be read on a phone: the links of alerts lead here. Text and links only: no script, and
//! nothing of what a runbook's author wrote as HTML reaches the page as HTML.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use serde::Deserialize;

use crate::Faces;

/// What to do when an alert fires, in Markdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runbook {
    /// As in its address: `/runbooks/order-posting`.
    pub name: String,
    pub text: String,
}

/// Alerts of every tenant lead to the same texts: a tenant in the path changes nothing.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    name: String,
}

/// The whole list.
pub(crate) async fn list(State(faces): State<Arc<Faces>>) -> Response {
    page("Runbooks", &format!("<h1>Runbooks</h1>{}", links(&faces.runbooks)))
}

/// One of them; links between runbooks name files (`stock-locks.md`), and both forms are answered.
pub(crate) async fn show(State(faces): State<Arc<Faces>>, Path(asked): Path<Asked>) -> Response {
    let name = asked.name.strip_suffix(".md").unwrap_or(&asked.name);
    match faces.runbooks.iter().find(|runbook| runbook.name == name) {
        Some(runbook) => page(title(&runbook.text), &render(&runbook.text)),
        None => {
            let known = links(&faces.runbooks);
            let body = format!("<h1>There is no runbook {}</h1>{known}", escaped(name));
            (StatusCode::NOT_FOUND, page("No such runbook", &body)).into_response()
        }
    }
}

fn page(title: &str, body: &str) -> Response {
    let title = escaped(title);
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · Plimsoll</title>\n\
         <link rel=\"icon\" href=\"/assets/mark.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"/assets/app.css\">\n<link rel=\"stylesheet\" href=\"/assets/runbook.css\">\n\
         </head>\n<body>\n<header class=\"masthead\"><a class=\"brand\" href=\"/\">Plimsoll</a>\
         <a href=\"/runbooks\">Runbooks</a></header>\n<main class=\"runbook\">\n{body}</main>\n</body>\n</html>\n"
    );
    // Asked for anew each time, like the console: after an upgrade nobody follows the old advice.
    let fresh = (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    ([fresh], Html(page)).into_response()
}

fn links(runbooks: &[Runbook]) -> String {
    if runbooks.is_empty() {
        return "<p>There is none: <code>rules.packs</code> names no pack.</p>".to_owned();
    }
    let items = runbooks.iter().map(|Runbook { name, text }| {
        let (name, title) = (escaped(name), escaped(title(text)));
        format!("<li><a href=\"/runbooks/{name}\">{name}</a>: {title}</li>\n")
    });
    format!("<ul>\n{}</ul>\n", items.collect::<String>())
}

/// The first heading.
fn title(text: &str) -> &str {
    let heading = text.lines().find_map(|line| line.strip_prefix("# "));
    heading.unwrap_or("Runbook")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

fn render(text: &str) -> String {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).filter_map(harmless);
    let mut body = String::with_capacity(text.len() * 2);
    html::push_html(&mut body, events);
    body
}

/// HTML becomes the text that it is, a picture its description, and a link that leads anywhere but to a page of ours or of
/// the web leads nowhere.
fn harmless(event: Event<'_>) -> Option<Event<'_>> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(Tag::Image { .. } | Tag::HtmlBlock) | Event::End(TagEnd::Image | TagEnd::HtmlBlock) => {
            None
        }
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = if leads_to_a_page(&dest_url) { dest_url } else { CowStr::Borrowed("#") };
            Some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
        }
        event => Some(event),
    }
}

/// `javascript:` and its like have a colon before any slash, whatever stands between the letters.
fn leads_to_a_page(link: &str) -> bool {
    let path = link.split(['/', '?', '#']).next().unwrap_or_default();
    link.starts_with("https://") || link.starts_with("http://") || !path.contains([':', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runbook_is_headings_tables_code_and_links() {
        let text = "# Late\n\n**Do** see [the locks](stock-locks.md).\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```sql\nSELECT 1 < 2\n```\n";
        let page = render(text);
        for part in [
            "<h1>Late</h1>",
            "<strong>Do</strong>",
            "<a href=\"stock-locks.md\">the locks</a>",
            "<td>1</td>",
            "<code class=\"language-sql\">SELECT 1 &lt; 2\n</code>",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert_eq!(title(text), "Late");
    }

    #[test]
    fn whatever_a_hostile_author_writes_stays_text() {
        let hostile = [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div onclick=\"alert(1)\">\n\n# x\n\n</div>",
            "<svg/onload=alert(1)>",
            "<!-- --><script src=//evil.example></script>",
            "`<script>`\n\n    <script>\n",
            "```\"><script>alert(1)</script>\nx\n```",
            "| <script> |\n| --- |\n| <iframe src=javascript:alert(1)> |",
            "![<script>alert(1)</script>](https://evil.example/pixel.png)",
            "![x](x \"\\\" onerror=\\\"alert(1)\")",
            "<https://evil.example/\"onmouseover=alert(1)>",
        ];
        for text in hostile {
            let page = render(text);
            let allowed = [
                "<p>", "</p>", "<h1>", "</h1>", "<pre>", "</pre>", "</code>", "<table>", "</table>",
                "<thead>", "</thead>", "<tbody>", "</tbody>", "<tr>", "</tr>", "<th>", "</th>", "<td>",
                "</td>", "</a>", "<code>",
            ];
            for tag in
                page.split('<').skip(1).map(|rest| rest.split_inclusive('>').next().unwrap_or_default())
            {
                let tag = format!("<{tag}");
                let is_link = tag.starts_with("<a href=\"") && tag.matches('"').count() == 2;
                let is_block = tag.starts_with("<code class=\"language-") && tag.matches('"').count() == 2;
                assert!(is_link || is_block || allowed.contains(&&*tag), "{tag} in {page}, of {text}");
            }
        }
    }

    #[test]
    fn a_link_leads_to_a_page_or_nowhere() {
        let nowhere = [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            "&#106;avascript:alert(1)",
            "javascript&colon;alert(1)",
            "\u{1}javascript:alert(1)",
            "vbscript:x",
            "data:text/html,<script>alert(1)</script>",
            "file:///etc/passwd",
        ];
        for link in nowhere {
            let page = render(&format!("[x](<{link}>) and [y][z]\n\n[z]: <{link}>\n"));
            let links = page.matches("href=\"").count();
            assert_eq!(links, page.matches("href=\"#\"").count(), "{link}: {page}");
            assert!(!page.contains("<script"), "{page}");
        }
        for link in [
            "stock-locks.md",
            "/incidents/7",
            "#meanwhile",
            "https://status.example/?a=b:c",
            "jobs?x=javascript:1",
        ] {
            let page = render(&format!("[x]({link})"));
            assert!(page.contains(&format!("href=\"{link}\"")), "{link}: {page}");
        }
    }
}

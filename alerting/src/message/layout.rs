//! Sections written as plain text that fits a phone, and as HTML that needs no style sheet.

use std::fmt::Write;

use super::{Line, Section};

const WIDTH: usize = 77;

/// The first section's title is the sentence itself; the others' are capitals.
pub(super) fn text(sections: &[Section]) -> String {
    let mut out = String::new();
    for (index, section) in sections.iter().enumerate() {
        let indent = if index == 0 {
            wrap(&mut out, "", &section.title);
            ""
        } else {
            out.push('\n');
            wrap(&mut out, "", &section.title.to_uppercase());
            "  "
        };
        for line in &section.lines {
            match line {
                Line::Text(text) => wrap(&mut out, indent, text),
                Line::Item { label, value } => wrap(&mut out, indent, &format!("{label}: {value}")),
                Line::Link { label, url } => wrap(&mut out, indent, &format!("{label}: {url}")),
            }
        }
    }
    out
}

/// Continued lines are indented once more. A word longer than the line, like an address, stays whole.
fn wrap(out: &mut String, indent: &str, text: &str) {
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width == 0 {
            out.push_str(indent);
            width = indent.len();
        } else if width + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            out.push_str("  ");
            width = indent.len() + 2;
        } else {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push('\n');
}

pub(super) fn html(sections: &[Section]) -> String {
    let mut out = String::from("<!DOCTYPE html>\n<html><body style=\"font-family:sans-serif\">\n");
    for (index, section) in sections.iter().enumerate() {
        let tag = if index == 0 { "h2" } else { "h3" };
        write_to(&mut out, format_args!("<{tag}>{}</{tag}>\n", escaped(&section.title)));
        for line in &section.lines {
            html_line(&mut out, line);
        }
    }
    out.push_str("</body></html>\n");
    out
}

fn html_line(out: &mut String, line: &Line) {
    match line {
        Line::Text(text) => write_to(out, format_args!("<p>{}</p>\n", escaped(text))),
        Line::Item { label, value } => {
            write_to(out, format_args!("<p>{}: <b>{}</b></p>\n", escaped(label), escaped(value)));
        }
        Line::Link { label, url } => {
            write_to(out, format_args!("<p><a href=\"{}\">{}</a></p>\n", escaped(url), escaped(label)));
        }
    }
}

fn write_to(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes everything");
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

//! Sections as plain text that fits a phone.

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

/// Continued lines are indented once more. An address that is longer than the line stays whole, other words are cut.
fn wrap(out: &mut String, indent: &str, text: &str) {
    let mut width = 0;
    for word in text.split(' ') {
        let length: usize = word.chars().map(columns).sum();
        if width == 0 {
            out.push_str(indent);
            width = indent.len();
        } else if width + 1 + length > WIDTH {
            begin_line(out, indent, &mut width);
        } else {
            out.push(' ');
            width += 1;
        }
        let is_address = word.contains("://");
        for c in word.chars() {
            if !is_address && width + columns(c) > WIDTH {
                begin_line(out, indent, &mut width);
            }
            out.push(c);
            width += columns(c);
        }
    }
    out.push('\n');
}

fn begin_line(out: &mut String, indent: &str, width: &mut usize) {
    out.push('\n');
    out.push_str(indent);
    out.push_str("  ");
    *width = indent.len() + 2;
}

/// Letters of the Far East are two columns wide.
fn columns(c: char) -> usize {
    let is_wide = matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    if is_wide { 2 } else { 1 }
}

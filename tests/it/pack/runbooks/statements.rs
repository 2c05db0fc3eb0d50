//! Pages of Markdown, and the fenced blocks in them.

use std::fs;
use std::path::Path;

/// What stands between two fences, where it begins (counted from 1), and as what.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Block {
    /// Signals and attributes that a statement names: its literals that are words with dots between them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.text.split('\'').skip(1).step_by(2).filter(|literal| {
            let is_word = |word: &str| {
                !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
            };
            literal.contains('.') && literal.split('.').all(is_word)
        })
    }
}

/// File name and text of each page in a folder, by name.
pub(crate) fn texts_in(folder: &Path) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = fs::read_dir(folder)
        .expect("there are pages")
        .map(|entry| entry.expect("a folder can be listed").path())
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("a page is text"))
        })
        .collect();
    found.sort();
    found
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (open.take(), line.strip_prefix("```")) {
            (None, None) => {}
            (None, Some(language)) => {
                open = Some(Block { language: language.to_owned(), line: index + 1, text: String::new() });
            }
            (Some(block), Some(_)) => found.push(block),
            (Some(mut block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    found
}

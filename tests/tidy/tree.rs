//! The files of the work tree that people wrote: nothing that is built, installed or measured.

use std::fs;
use std::path::Path;

/// A text file; `path` is relative to the root, with `/`.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// Every text file whose path is wanted, sorted by path.
pub(crate) fn read(wanted: impl Fn(&str) -> bool) -> Vec<File> {
    let mut files = Vec::new();
    walk(root(), "", &wanted, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The folders at the root.
pub(crate) fn folders() -> Vec<String> {
    let entries = fs::read_dir(root()).expect("the root is readable").map(|entry| entry.expect("readable"));
    let names = entries.filter(|entry| entry.path().is_dir()).map(|entry| name_of(&entry.path()));
    names.filter(|name| !is_made_by_tools(name) && name != ".ci").collect()
}

fn walk(folder: &Path, prefix: &str, wanted: &impl Fn(&str) -> bool, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the work tree is readable") {
        let path = entry.expect("an entry of the work tree is readable").path();
        let name = name_of(&path);
        let relative = format!("{prefix}{name}");
        if path.is_dir() {
            if !is_made_by_tools(&relative) && !is_made_by_tools(&name) {
                walk(&path, &format!("{relative}/"), wanted, files);
            }
        } else if wanted(&relative)
            && let Ok(text) = fs::read_to_string(&path)
        {
            files.push(File { path: relative, text });
        }
    }
}

/// What `.gitignore` names, and hidden folders but for `.ci`.
fn is_made_by_tools(path: &str) -> bool {
    let hidden = path.starts_with('.') && path != ".ci";
    hidden || matches!(path, "target" | "data" | "node_modules" | "__pycache__" | "proptest-regressions")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("an entry has a name").to_string_lossy().into_owned()
}

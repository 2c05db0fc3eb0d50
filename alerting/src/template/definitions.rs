//! Templates that others call: those of the files that `templates:` names, over those that every Alertmanager brings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::syntax::Bodies;
use super::{TemplateError, check, parse};

/// A larger file is a mistake.
const MAX_FILE_BYTES: u64 = 512 << 10;
const MAX_FILES: usize = 200;
/// What stands under Alertmanager's own names.
const DEFAULTS: &str = include_str!("default.tmpl");

/// Bodies by name; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Definitions(Arc<Bodies>);

impl Default for Definitions {
    fn default() -> Self {
        let (_, bodies) = parse::parse("default.tmpl", DEFAULTS).expect("ours is right: a test holds it");
        Self(Arc::new(bodies))
    }
}

impl Definitions {
    /// The files that each pattern means, in the order of their names. A later definition takes the place of an earlier one
    /// of the same name.
    pub(crate) fn load(patterns: &[PathBuf]) -> (Self, Vec<TemplateError>) {
        let (mut definitions, mut errors) = (Self::default(), Vec::new());
        let mut read = 0;
        for pattern in patterns {
            match files(pattern) {
                Ok(files) => {
                    for file in files {
                        read += 1;
                        let added = definitions.add_file(&file, read);
                        errors.extend(added.err());
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        errors.extend(
            definitions.0.values().filter_map(|body| check::check_definition(body, &definitions.0).err()),
        );
        errors.dedup();
        (definitions, errors)
    }

    fn add_file(&mut self, file: &Path, count: usize) -> Result<(), TemplateError> {
        let origin = file.display().to_string();
        let refused = |message: String| TemplateError::new(&origin, 1, message);
        if count > MAX_FILES {
            return Err(refused(format!("more than {MAX_FILES} template files: narrow the pattern")));
        }
        let size = std::fs::metadata(file).map_err(|error| refused(error.to_string()))?.len();
        if size > MAX_FILE_BYTES {
            return Err(refused(format!("the file is larger than {MAX_FILE_BYTES} bytes: split it")));
        }
        let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
        self.add(&origin, &text)
    }

    /// What `text` defines; what it says outside of a definition is under the file's own name, as in Go.
    pub(crate) fn add(&mut self, origin: &str, text: &str) -> Result<(), TemplateError> {
        let parsed = parse::parse(origin, text);
        let (body, bodies) = parsed.map_err(|fault| TemplateError::new(origin, fault.line, fault.message))?;
        let all = Arc::make_mut(&mut self.0);
        let name = Path::new(origin).file_name().map_or(origin.into(), |name| name.to_string_lossy());
        all.insert(name.into_owned(), Arc::new(body));
        all.extend(bodies);
        Ok(())
    }

    /// These, and a text's own over them.
    pub(super) fn with(&self, own: Bodies) -> Arc<Bodies> {
        if own.is_empty() {
            return Arc::clone(&self.0);
        }
        let mut all = Bodies::clone(&self.0);
        all.extend(own);
        Arc::new(all)
    }
}

/// Sorted; none is no error, as in Alertmanager.
fn files(pattern: &Path) -> Result<Vec<PathBuf>, TemplateError> {
    let text = pattern.display().to_string();
    let paths = glob::glob(&text)
        .map_err(|error| TemplateError::new(&text, 1, format!("this is not a pattern of files: {error}")))?;
    let files: Result<Vec<_>, _> = paths.collect();
    files.map_err(|error| TemplateError::new(&text, 1, error.to_string()))
}

//! Secrets are named in the configuration, by `KEY_env` or `KEY_file`, and never written there.

use std::path::Path;

use anyhow::bail;

/// What was named, and where: errors name the place and never what stands there.
pub(super) struct Named {
    pub(super) place: String,
    pub(super) text: String,
}

/// `None` when neither is set.
pub(super) fn read(
    key: &str,
    env: Option<&str>,
    file: Option<&Path>,
    base: &Path,
) -> anyhow::Result<Option<Named>> {
    let (place, text) = match (env, file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => bail!("{key}_env and {key}_file are both set: keep one"),
        (Some(name), None) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "the configuration names it, and this is where that is read"
            )]
            let text = std::env::var(name).ok();
            (format!("{key}_env: the environment variable {name}"), text)
        }
        (None, Some(path)) => {
            let path = base.join(path);
            (format!("{key}_file: {}", path.display()), std::fs::read_to_string(&path).ok())
        }
    };
    let Some(text) = text else { bail!("{place} can't be read") };
    Ok(Some(Named { place, text }))
}

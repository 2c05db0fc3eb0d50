//! Rule packs: objectives, rules, views and runbooks that come with the binary. What a file of one's own defines under the
//! same name takes the place of the pack's, so a pack is a beginning and never in the way.

/// A pack and what lies in its folder under `rules/packs/`.
#[derive(Debug)]
pub struct Pack {
    pub name: &'static str,
    files: &'static [PackFile],
}

/// A file of a pack, its path within the pack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackFile {
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
}

/// The files of a pack, as they lie in its folder.
macro_rules! pack {
    ($name:literal: $($path:literal),+ $(,)?) => {
        Pack {
            name: $name,
            files: &[$(PackFile {
                path: $path,
                text: include_str!(concat!("../packs/", $name, "/", $path)),
            }),+],
        }
    };
}

static PACKS: [Pack; 1] = [pack!("odoo-distribution":
    "calendars.yml",
    "rules/database.yaml",
    "rules/jobs.yaml",
    "rules/posting.yaml",
    "rules/sources.yaml",
    "rules/warehouse.yaml",
    "rules/workers.yaml",
    "slos/finance.yaml",
    "slos/integrations.yaml",
    "slos/sales.yaml",
    "slos/warehouse.yaml",
    "views/backing_up.sql",
    "views/changes_and_latency.sql",
    "views/database_load_by_application.sql",
    "views/imports_delayed.sql",
    "views/maintenance_effect.sql",
    "views/slow_where.sql",
    "runbooks/backups.md",
    "runbooks/database.md",
    "runbooks/integrations.md",
    "runbooks/invoice-posting.md",
    "runbooks/jobs.md",
    "runbooks/order-posting.md",
    "runbooks/shipping.md",
    "runbooks/sources.md",
    "runbooks/stock-locks.md",
    "runbooks/workers.md",
    "tests/database.test.yml",
    "tests/jobs.test.yml",
    "tests/objectives-finance.test.yml",
    "tests/objectives-integrations.test.yml",
    "tests/objectives-sales.test.yml",
    "tests/objectives-warehouse.test.yml",
    "tests/posting.test.yml",
    "tests/sources.test.yml",
    "tests/warehouse.test.yml",
    "tests/workers.test.yml",
)];

impl Pack {
    #[must_use]
    pub fn all() -> &'static [Self] {
        &PACKS
    }

    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PACKS.iter().find(|pack| pack.name == name)
    }

    /// Everything, by its path within the pack.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.files.iter().map(|file| (file.path, file.text))
    }

    /// Objectives and rule groups.
    pub(crate) fn rule_files(&self) -> impl Iterator<Item = PackFile> {
        self.files.iter().copied().filter(|file| file.is_in("slos") || file.is_in("rules"))
    }

    pub(crate) fn calendars(&self) -> Option<PackFile> {
        self.files.iter().copied().find(|file| file.path == "calendars.yml")
    }

    /// Name and statement of each view.
    pub fn views(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.files.iter().filter(|file| file.is_in("views")).map(|file| (file.stem(), file.text))
    }

    /// Name and text of each runbook.
    pub fn runbooks(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.files.iter().filter(|file| file.is_in("runbooks")).map(|file| (file.stem(), file.text))
    }
}

impl PackFile {
    fn is_in(self, folder: &str) -> bool {
        self.path.split_once('/').is_some_and(|(first, _)| first == folder)
    }

    /// `views/slow_where.sql` is `slow_where`.
    fn stem(self) -> &'static str {
        let name = self.path.rsplit('/').next().unwrap_or(self.path);
        name.split_once('.').map_or(name, |(stem, _)| stem)
    }
}

#[cfg(test)]
mod tests;

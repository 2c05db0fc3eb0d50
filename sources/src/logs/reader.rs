//! The reader of one pattern of files: which files there are, what came since, and what it means.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use plimsoll_model::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

use super::follow::{Followed, Found};
use super::lines::assemble;
use super::odoo::is_head;
use super::records::{Place, Records};
use crate::config::{LogFormat, LogsConfig};
use crate::cursor;
use crate::source::{FetchError, Fetched, Source};

/// Read of one file in one look; what is behind it is read in the next, at once.
const AT_ONCE: u64 = 1024 * 1024;
const LONGEST_RECORD: usize = 256 * 1024;
const MOST_FILES: usize = 200;
/// Looks at which a file that nothing names any more is kept in mind.
const FORGOTTEN_AFTER: u32 = 20;

/// What is remembered over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    files: Vec<Followed>,
    /// When each worker was last said to have ended, in seconds: the watchdog says it up to four times.
    #[serde(default)]
    pub(super) ended: HashMap<i64, i64>,
}

#[derive(Debug)]
pub(crate) struct LogReader {
    config: LogsConfig,
    name: String,
    clock: Arc<dyn Clock>,
    memory: Memory,
    next: Option<Memory>,
    /// A first start: files that are there begin at their end.
    is_first: bool,
    /// Ends of files as of the last look: one that hasn't grown ends with a whole record.
    ends: HashMap<String, u64>,
    next_ends: HashMap<String, u64>,
}

impl LogReader {
    pub(crate) fn new(
        name: &str,
        config: LogsConfig,
        remembered: Option<serde_json::Value>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let is_first = remembered.is_none() && !config.from_beginning;
        let memory: Memory = cursor::memory(remembered)?;
        let (ends, next_ends) = (HashMap::new(), HashMap::new());
        Ok(Self { config, name: name.to_owned(), clock, memory, next: None, is_first, ends, next_ends })
    }

    fn look(&mut self) -> Result<Fetched, FetchError> {
        let now = self.clock.now();
        let mut memory = self.memory.clone();
        let mut lacks = Vec::new();
        self.meet_files(&mut memory, &mut lacks)?;
        let mut fetched = Fetched::default();
        let mut ends = HashMap::new();
        let mut records = Records::new(&self.config, &self.name, now);
        for i in 0..memory.files.len() {
            let more = self.read(&mut memory, i, &mut records, &mut ends, now, &mut lacks);
            fetched.more |= more;
        }
        memory.ended.retain(|_, at| now.nanos() / 1_000_000_000 - *at < 600);
        records.into_batches(&mut fetched.batches);
        fetched.lacks = lacks;
        fetched.cursor =
            (memory != self.memory || self.is_first).then(|| serde_json::to_value(&memory).ok()).flatten();
        self.next = Some(memory);
        self.next_ends = ends;
        Ok(fetched)
    }

    /// What the pattern names now, and what was known and has another name.
    fn meet_files(&self, memory: &mut Memory, lacks: &mut Vec<String>) -> Result<(), FetchError> {
        let paths =
            glob::glob(&self.config.path).map_err(|error| FetchError::new(format!("path: {error}")))?;
        let mut found: Vec<Found> = Vec::new();
        for path in paths {
            match path {
                Ok(path) if !is_packed(&path) => found.extend(Found::at(path)),
                Ok(_) => {}
                Err(error) => lacks.push(format!(
                    "{}: {}: let the user of this process read it",
                    error.path().display(),
                    error.error()
                )),
            }
        }
        if found.is_empty() && memory.files.is_empty() {
            return Err(FetchError::new(format!(
                "no file is named {}, or this process may not list its folder",
                self.config.path
            )));
        }
        found.truncate(MOST_FILES);
        let copies = copies(&memory.files, &found);
        for file in &mut memory.files {
            let here = found.iter().find(|found| found.is(file));
            let renamed = if here.is_none() { siblings(file).find(|found| found.is(file)) } else { None };
            match here.or(renamed.as_ref()) {
                Some(place) => drop(file.meet(place)),
                None => file.gone += 1,
            }
        }
        memory.files.retain(|file| file.gone < FORGOTTEN_AFTER);
        memory.files.extend(copies);
        for place in found {
            if memory.files.iter().any(|known| place.is(known)) {
                continue;
            }
            match place.follow(self.is_first) {
                Ok(file) => memory.files.push(file),
                Err(error) => lacks.push(format!(
                    "{}: {error}: let the user of this process read it",
                    place.path().display()
                )),
            }
        }
        Ok(())
    }

    /// True when there is more to read in it now.
    fn read(
        &self,
        memory: &mut Memory,
        i: usize,
        records: &mut Records<'_>,
        ends: &mut HashMap<String, u64>,
        now: Timestamp,
        lacks: &mut Vec<String>,
    ) -> bool {
        let Memory { files, ended } = memory;
        let Some(file) = files.get_mut(i).filter(|file| file.gone == 0) else { return false };
        let identity = file.identity();
        let bytes = match file.read(AT_ONCE) {
            Ok(bytes) => bytes,
            Err(error) => {
                lacks.push(format!("{}: {error}: let the user of this process read it", file.path.display()));
                return false;
            }
        };
        let end = file.offset + bytes.len() as u64;
        let is_full = bytes.len() as u64 == AT_ONCE;
        let settled =
            is_full || self.ends.get(&identity) == Some(&end) || self.config.format != LogFormat::Odoo;
        let is_odoo = self.config.format == LogFormat::Odoo;
        let assembly = assemble(&bytes, LONGEST_RECORD, settled, |line| !is_odoo || is_head(line));
        ends.insert(identity.clone(), end);
        for record in &assembly.records {
            let place = Place { path: &file.path, identity: &identity, offset: file.offset + record.start };
            records.add(record, &place, ended, now);
        }
        file.offset += assembly.consumed;
        is_full && assembly.consumed > 0
    }
}

/// Copies that were made of files before they were emptied, whether the pattern names them or not: the end of what was
/// written stands only there.
fn copies(known: &[Followed], found: &[Found]) -> Vec<Followed> {
    let is_known = |place: &Found| known.iter().any(|file| place.is(file));
    let mut copies = Vec::new();
    for file in known {
        let emptied =
            found.iter().find(|place| place.is(file)).is_some_and(|place| place.is_shorter_than(file));
        let elsewhere: Vec<Found> = if emptied { siblings(file).collect() } else { Vec::new() };
        let candidates = found.iter().chain(&elsewhere).filter(|place| !is_known(place));
        let mut continued = candidates.filter_map(|place| place.continues(file).ok().flatten());
        copies.extend(continued.next());
    }
    copies
}

/// Of rotated and compressed files nothing is read: they were read before.
fn is_packed(path: &std::path::Path) -> bool {
    let packed = ["gz", "xz", "bz2", "zst", "zip"];
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| packed.contains(&extension))
}

/// The other files of its folder: a rotation renames within it.
fn siblings(file: &Followed) -> impl Iterator<Item = Found> + use<> {
    let folder = file.path.parent().map(std::path::Path::to_owned).unwrap_or_else(|| PathBuf::from("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| !is_packed(path)).filter_map(Found::at)
}

#[async_trait]
impl Source for LogReader {
    async fn fetch(&mut self) -> Result<Fetched, FetchError> {
        // A few system calls on local files; nothing here waits for anybody.
        self.look()
    }

    fn taken(&mut self) {
        if let Some(next) = self.next.take() {
            self.memory = next;
            self.is_first = false;
            self.ends = std::mem::take(&mut self.next_ends);
        }
    }
}

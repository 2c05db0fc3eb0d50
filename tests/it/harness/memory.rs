//! What the kernel says about a process: `/proc/PID`.

use std::fs;

/// Resident memory of a process, and how far it rises above what it was.
#[derive(Debug)]
pub(crate) struct Memory {
    pid: u32,
    before: u64,
}

impl Memory {
    /// Notes what is resident now and makes the kernel forget the highest so far.
    pub(crate) fn mark(pid: u32) -> Self {
        fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("the peak of a child can be forgotten");
        Self { pid, before: status_bytes(pid, "VmRSS:") }
    }

    /// The highest since then, above what it was then, in bytes.
    pub(crate) fn rise(&self) -> u64 {
        status_bytes(self.pid, "VmHWM:").saturating_sub(self.before)
    }
}

/// How many files and sockets it has open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("a child's descriptors can be listed").count()
}

fn status_bytes(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a child's status can be read");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the kernel tells it");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kilobytes * 1024
}

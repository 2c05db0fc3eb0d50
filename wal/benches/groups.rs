//! How big a group should be, and what room made ahead is worth: append and fdatasync of 4 KiB to 4 MiB, behind the end
//! of a file, into room that was only allocated, and over bytes that are already there.
//!
//! `cargo bench -p plimsoll-wal [-- FOLDER]`. On a machine with other work, give it a priority of its own
//! (`chrt -f 10`): else it measures how long a woken thread waits for its turn.

#![expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SEGMENT_BYTES: u64 = 16 << 20;
const ROUNDS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Room {
    None,
    /// As long as a segment, but a hole: the blocks come with the writes.
    Length,
    Zeros,
}

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(std::env::temp_dir, PathBuf::from);
    println!("{:>9} {:>8} {:>9} {:>9} {:>8}", "group", "room", "p50 ms", "p99 ms", "MB/s");
    for kib in [4, 16, 64, 128, 256, 512, 1024, 4096] {
        for room in [Room::None, Room::Length, Room::Zeros] {
            report(kib << 10, room, &folder);
        }
    }
}

fn report(bytes: usize, room: Room, folder: &Path) {
    let count = ((24 << 20) / bytes).clamp(12, 150);
    let mut times: Vec<Duration> = (0..ROUNDS).flat_map(|_| measure(bytes, count, room, folder)).collect();
    times.sort();
    let all: Duration = times.iter().sum();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (half, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let rate = f64::from(u32::try_from(bytes * times.len()).expect("below 4 GB")) / all.as_secs_f64() / 1e6;
    let (half, most, kib) = (ms(half), ms(most), bytes >> 10);
    println!("{kib:>5} KiB {:>8} {half:>9.2} {most:>9.2} {rate:>8.0}", format!("{room:?}"));
}

fn measure(bytes: usize, count: usize, room: Room, folder: &Path) -> Vec<Duration> {
    let path = folder.join("plimsoll-groups.bench");
    let file = File::create(&path).expect("the folder takes files");
    match room {
        Room::None => {}
        Room::Length => file.set_len(SEGMENT_BYTES).expect("room"),
        Room::Zeros => {
            let zeros = vec![0; 1 << 20];
            (0..SEGMENT_BYTES).step_by(1 << 20).for_each(|at| file.write_all_at(&zeros, at).expect("room"));
        }
    }
    file.sync_all().expect("syncs");
    let group: Vec<u8> = (0..bytes).map(|at| u8::try_from(at * 31 % 251).expect("below 251")).collect();
    let times = (0..count as u64).map(|index| {
        let begun = Instant::now();
        file.write_all_at(&group, index * bytes as u64 % (SEGMENT_BYTES - bytes as u64)).expect("room");
        file.sync_data().expect("syncs");
        begun.elapsed()
    });
    let times = times.collect();
    std::fs::remove_file(&path).expect("there");
    times
}

//! What a process asked of its files, as `strace` wrote it down: writes, names and syncs, in the order in which they ended.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What `strace` is asked to write down. A call that could change a file and is not here would be a hole in the test.
pub(super) const CALLS: &str = "trace=openat,creat,write,writev,pwrite64,pwritev,pwritev2,lseek,truncate,ftruncate,fallocate,\
     copy_file_range,sendfile,splice,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,\
     mkdir,mkdirat,rmdir";

#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Lines of the trace.
    pub(super) began: usize,
    pub(super) ended: usize,
    /// By the wall's clock, in microseconds, when it began.
    pub(super) time_micros: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Open {
        path: PathBuf,
        is_created: bool,
        is_truncated: bool,
    },
    Write {
        path: PathBuf,
        offset: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        path: PathBuf,
        length: u64,
    },
    Sync {
        path: PathBuf,
        is_ok: bool,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    /// A new folder.
    Folder {
        path: PathBuf,
    },
}

/// The calls on files that are ours.
pub(super) fn read(trace: &str, is_ours: &dyn Fn(&Path) -> bool) -> Vec<Call> {
    let mut reader =
        Reader { is_ours, calls: Vec::new(), unfinished: HashMap::new(), offsets: HashMap::new() };
    let mut lines = 0;
    for (number, line) in trace.lines().enumerate() {
        reader.line(number, line);
        lines = number;
    }
    reader.interrupted(lines);
    reader.calls
}

struct Reader<'t> {
    is_ours: &'t dyn Fn(&Path) -> bool,
    calls: Vec<Call>,
    /// By thread: a call that another thread's came between.
    unfinished: HashMap<&'t str, (usize, u64, &'t str)>,
    /// By descriptor: where the next plain write goes.
    offsets: HashMap<String, u64>,
}

impl<'t> Reader<'t> {
    fn line(&mut self, number: usize, line: &'t str) {
        let mut words = line.splitn(2, ' ');
        let (thread, rest) =
            (words.next().unwrap_or_default(), words.next().unwrap_or_default().trim_start());
        let Some((time, rest)) = rest.split_once(' ') else { return };
        let time = micros(time);
        let rest = rest.strip_suffix(") = ?").unwrap_or(rest);
        if let Some(begin) = rest.strip_suffix(" <unfinished ...>") {
            self.unfinished.insert(thread, (number, time, begin));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some((began, time, begin)) = self.unfinished.remove(thread) else { return };
            let end = resumed.split_once(" resumed>").expect("strace says so").1;
            self.call(began, number, time, &[begin, end].concat());
        } else {
            self.call(number, number, time, rest);
        }
    }

    /// Calls of which nobody heard the end: a thread that is killed ends its call and is not asked what came of it.
    fn interrupted(&mut self, ended: usize) {
        for (_, (began, time, begin)) in std::mem::take(&mut self.unfinished) {
            let Some((name, rest)) = begin.split_once('(') else { continue };
            let Some((arguments, _)) = arguments(&format!("{rest}) = ?")) else { continue };
            let result = match name {
                "fsync" | "fdatasync" => continue,
                "write" | "pwrite64" => arguments.get(2).cloned().unwrap_or_default(),
                "openat" => format!("0<{}>", arguments[1].trim_matches('"')),
                _ => "0".to_owned(),
            };
            self.found(began, ended, time, name, &arguments, &result);
            if self.calls.last().is_some_and(|call| call.began == began && !call.what.is_there()) {
                self.calls.pop();
            }
        }
    }

    fn call(&mut self, began: usize, ended: usize, time_micros: u64, text: &str) {
        let Some((name, rest)) = text.split_once('(') else { return };
        let Some((arguments, result)) = arguments(rest) else { return };
        self.found(began, ended, time_micros, name, &arguments, &result);
    }

    fn found(
        &mut self,
        began: usize,
        ended: usize,
        time_micros: u64,
        name: &str,
        arguments: &[String],
        result: &str,
    ) {
        // A failed fsync says something, any other failure changed nothing.
        let is_ok = !result.starts_with("-1") && !result.starts_with('?');
        if let Some(what) = self.what(name, arguments, result, is_ok)
            && what.paths().into_iter().any(self.is_ours)
        {
            self.calls.push(Call { began, ended, time_micros, what });
        }
    }

    fn what(&mut self, name: &str, arguments: &[String], result: &str, is_ok: bool) -> Option<What> {
        let argument = |index: usize| arguments.get(index).map_or("", String::as_str);
        let named = |index: usize| PathBuf::from(argument(index).trim_matches('"'));
        match name {
            "fsync" | "fdatasync" => return Some(What::Sync { path: path_of(argument(0))?, is_ok }),
            _ if !is_ok => return None,
            _ => {}
        }
        match name {
            "openat" => {
                self.offsets.insert(descriptor(result), 0);
                let is_created = argument(2).contains("O_CREAT");
                let is_truncated = argument(2).contains("O_TRUNC");
                let is_changed = is_created || is_truncated;
                is_changed.then_some(What::Open { path: path_of(result)?, is_created, is_truncated })
            }
            "write" => {
                let path = path_of(argument(0))?;
                let bytes = bytes_of(argument(1), result);
                let offset = self.offsets.entry(descriptor(argument(0))).or_default();
                let at = *offset;
                *offset += bytes.len() as u64;
                Some(What::Write { path, offset: at, bytes })
            }
            "lseek" => {
                self.offsets.insert(descriptor(argument(0)), number(result));
                None
            }
            "pwrite64" => {
                let (path, offset) = (path_of(argument(0))?, number(argument(3)));
                Some(What::Write { path, offset, bytes: bytes_of(argument(1), result) })
            }
            "ftruncate" => Some(What::Truncate { path: path_of(argument(0))?, length: number(argument(1)) }),
            "rename" => Some(What::Rename { from: named(0), to: named(1) }),
            "renameat" | "renameat2" => Some(What::Rename { from: named(1), to: named(3) }),
            "link" => Some(What::Link { from: named(0), to: named(1) }),
            "linkat" => Some(What::Link { from: named(1), to: named(3) }),
            "unlink" => Some(What::Remove { path: named(0) }),
            "unlinkat" => Some(What::Remove { path: named(1) }),
            "mkdir" => Some(What::Folder { path: named(0) }),
            _ => {
                let touched = arguments.iter().filter_map(|argument| path_of(argument));
                let ours = touched.filter(|path| (self.is_ours)(path));
                assert_eq!(ours.count(), 0, "{name} changes a file in a way that this test does not know");
                None
            }
        }
    }
}

impl What {
    /// Whether the files of this machine show it.
    fn is_there(&self) -> bool {
        match self {
            Self::Open { path, is_created, .. } => *is_created && path.exists(),
            Self::Write { path, offset, bytes } => {
                let start = usize::try_from(*offset).expect("small");
                let found = fs::read(path).unwrap_or_default();
                found.get(start..).is_some_and(|found| found.starts_with(bytes))
            }
            Self::Truncate { path, length } => path.metadata().is_ok_and(|file| file.len() == *length),
            Self::Sync { .. } => false,
            Self::Rename { from, to } => !from.exists() && to.exists(),
            Self::Link { to: path, .. } | Self::Folder { path } => path.exists(),
            Self::Remove { path } => !path.exists(),
        }
    }

    fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Open { path, .. }
            | Self::Write { path, .. }
            | Self::Truncate { path, .. }
            | Self::Sync { path, .. }
            | Self::Remove { path }
            | Self::Folder { path } => vec![path],
            Self::Rename { from, to } | Self::Link { from, to } => vec![from, to],
        }
    }
}

/// Up to the closing parenthesis, texts in quotes with their escapes resolved into Latin-1; and what is behind it.
fn arguments(text: &str) -> Option<(Vec<String>, String)> {
    let mut arguments = vec![String::new()];
    let mut chars = text.char_indices();
    let mut depth = 0_i32;
    while let Some((index, char)) = chars.next() {
        let last = arguments.last_mut().expect("begins with one");
        match char {
            '"' => {
                last.push('"');
                quoted(&mut chars, last);
                last.push('"');
            }
            ',' if depth == 0 => arguments.push(String::new()),
            ')' if depth == 0 => {
                let result = text.get(index + 1..)?.trim_start().strip_prefix('=')?;
                let arguments = arguments.iter().map(|argument| argument.trim_start().to_owned());
                return Some((arguments.collect(), result.trim().to_owned()));
            }
            _ => {
                depth += i32::from("([{<".contains(char)) - i32::from(")]}>".contains(char));
                last.push(char);
            }
        }
    }
    None
}

fn quoted(chars: &mut std::str::CharIndices<'_>, text: &mut String) {
    while let Some((_, char)) = chars.next() {
        match char {
            '"' => return,
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).map(|(_, digit)| digit).collect();
                    text.push(char::from(u8::from_str_radix(&digits, 16).expect("two digits")));
                }
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('v') => text.push('\u{b}'),
                Some('f') => text.push('\u{c}'),
                Some(other) => text.push(other),
                None => return,
            },
            other => text.push(other),
        }
    }
}

/// As many as the call says it wrote.
fn bytes_of(argument: &str, result: &str) -> Vec<u8> {
    let text = argument.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let text = text.expect("strace shows every byte that is written");
    let bytes: Vec<u8> = text.chars().map(|char| u8::try_from(u32::from(char)).expect("Latin-1")).collect();
    let written = usize::try_from(number(result)).expect("small");
    bytes.get(..written).expect("no more than there was").to_vec()
}

/// `5</path>`
fn path_of(descriptor: &str) -> Option<PathBuf> {
    let path = descriptor.split_once('<')?.1.split_once('>')?.0;
    path.starts_with('/').then(|| path.into())
}

fn descriptor(text: &str) -> String {
    text.split('<').next().unwrap_or_default().to_owned()
}

fn number(text: &str) -> u64 {
    let digits = text.split(|char: char| !char.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("a number begins {text:?}"))
}

fn micros(time: &str) -> u64 {
    time.replace('.', "").parse().unwrap_or(0)
}

#[test]
fn a_trace_is_read_with_what_came_between_and_what_failed() {
    let trace = r#"7 10.000001 openat(AT_FDCWD</w>, "/d/a", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 5</d/a>
8 10.000002 fsync(5</d/a> <unfinished ...>
7 10.000003 write(5</d/a>, "a,\")\x00\xff\n", 6) = 6
7 10.000004 write(5</d/a>, "more", 4) = 2
8 10.000005 <... fsync resumed>) = 0
7 10.000006 pwrite64(5</d/a>, "xy", 2, 90) = 2
7 10.000007 fdatasync(5</d/a>) = -1 EIO (Input/output error) (INJECTED)
7 10.000008 linkat(AT_FDCWD</w>, "/d/a", AT_FDCWD</w>, "/d/b", 0) = 0
7 10.000009 unlink("/d/c") = -1 ENOENT (No such file or directory)
7 10.000010 write(1</e/out>, "elsewhere", 9) = 9
7 10.000011 +++ exited with 0 +++"#;
    let calls = read(trace, &|path| path.starts_with("/d"));
    let a = PathBuf::from("/d/a");
    let write = |offset, bytes: &[u8]| What::Write { path: a.clone(), offset, bytes: bytes.to_vec() };
    let expected = [
        What::Open { path: a.clone(), is_created: true, is_truncated: true },
        write(0, b"a,\")\x00\xff"),
        write(6, b"mo"),
        What::Sync { path: a.clone(), is_ok: true },
        write(90, b"xy"),
        What::Sync { path: a.clone(), is_ok: false },
        What::Link { from: a.clone(), to: "/d/b".into() },
    ];
    let whats: Vec<_> = calls.iter().map(|call| call.what.clone()).collect();
    assert_eq!(whats, expected);
    assert_eq!((calls[3].began, calls[3].ended, calls[3].time_micros), (1, 4, 10_000_002));
}

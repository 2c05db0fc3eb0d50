//! How many heaps the allocator keeps. glibc gives each thread one of its own, up to eight a core, and each holds on to what
//! its largest moment took. With two of them, two million spans take 245 MB instead of 400, at the same speed;
//! mimalloc and jemalloc come to 340 (measured, see `benches/README.md`).

use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

const VARIABLE: &str = "MALLOC_ARENA_MAX";
const HEAPS: &str = "2";

/// glibc looks at its environment before `main`, so the process begins once more, as itself, with the variable set. Whoever
/// set it already is left alone, and so is who can't begin again: it is a matter of memory only.
pub(super) fn keep_few() {
    if env::var_os(VARIABLE).is_some() || !cfg!(target_env = "gnu") {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let name = arguments.next();
    let mut again = Command::new(&program);
    again.arg0(name.as_deref().unwrap_or(OsStr::new("plimsoll"))).args(arguments).env(VARIABLE, HEAPS);
    // Comes back only with an error.
    let _error = again.exec();
}

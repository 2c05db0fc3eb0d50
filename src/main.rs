//! The binary: one program whose sub-commands are all the verbs.

use std::process::ExitCode;

fn main() -> ExitCode {
    plimsoll::cli::main()
}

//! `cargo xtask fuzz TARGET` for the targets of the storage engine.

use std::process::ExitCode;

fn main() -> ExitCode {
    fuzz::program(fuzz_storage::TARGETS, &fuzz::folder(), std::env::args().skip(1))
}

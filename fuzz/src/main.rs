//! `cargo xtask fuzz TARGET`: hostile input for one target for a while.

use std::process::ExitCode;

fn main() -> ExitCode {
    fuzz::program(fuzz::TARGETS, &fuzz::folder(), std::env::args().skip(1))
}

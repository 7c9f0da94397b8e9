//! The `lapidary` program: the server and its command line.

use std::process::ExitCode;

use server::cli::Args;

fn main() -> ExitCode {
    match Args::read() {
        Ok(args) => args.run(),
        Err(code) => code,
    }
}

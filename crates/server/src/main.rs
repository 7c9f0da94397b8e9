//! The `lapidary` program: the server and its command line.

use std::process::ExitCode;

use clap::Parser as _;
use server::cli::Args;

fn main() -> ExitCode {
    Args::parse().run()
}

//! The program `lapidary-agent`.

mod commands;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = commands::Args::parse();
    match commands::run(args) {
        Ok(code) => code,
        Err(error) => commands::fail(&error),
    }
}

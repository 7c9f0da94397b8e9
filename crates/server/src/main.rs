//! The `lapidary` program: the server and its command line.

use std::process::ExitCode;

use server::cli::Args;

/// Buffers of megabytes come and go on many threads: glibc keeps twice of what is in use. Settings are in
/// `.cargo/config.toml`.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match Args::read() {
        Ok(args) => args.run(),
        Err(code) => code,
    }
}

//! The command line: one target for a while, watched for hangs; what breaks it is made small and kept.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use stdx::parse_duration;

use crate::driver::{Progress, attempt, watched};
use crate::{Budget, Crash, Report, Target, corpus};

/// One input that takes longer hangs.
const HANG: Duration = Duration::from_secs(10);
const NO_END: &str = "no end within";
/// Attempts at making an input smaller.
const MAX_ATTEMPTS: usize = 20_000;

/// `fuzz TARGET [--for 60s] [--seed N]` over `targets`, whose inputs lie in `folder`. Fails when a law was broken.
pub fn program(targets: &[Target], folder: &Path, args: impl IntoIterator<Item = String>) -> ExitCode {
    match fuzz(targets, folder, args.into_iter()) {
        Ok(report) => {
            say(&format!("{} inputs, no law broken", report.inputs));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("fuzz: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn fuzz(targets: &[Target], folder: &Path, mut args: impl Iterator<Item = String>) -> Result<Report> {
    let names: Vec<_> = targets.iter().map(|target| target.name).collect();
    let usage = format!("usage: fuzz TARGET [--for 60s] [--seed N]; the targets are {}", names.join(", "));
    let name = args.next().context(usage.clone())?;
    let target = *targets.iter().find(|target| target.name == name).context(usage.clone())?;
    let (mut time, mut seed) = (Duration::from_secs(60), None);
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| usage.clone())?;
        match flag.as_str() {
            "--for" => time = parse_duration(&value).with_context(|| format!("`{value}` is no time such as `60s`"))?,
            "--seed" => seed = Some(value.parse().with_context(|| format!("`{value}` is no number"))?),
            _ => bail!("`{flag}` is unknown; {usage}"),
        }
    }
    let seed = seed.unwrap_or_else(|| stdx::Rng::from_entropy().bits());
    say(&format!("fuzzing {name} for {time:?} with seed {seed}"));
    let inputs =
        crate::load(folder, &name).with_context(|| format!("no corpus of `{name}` in {}", folder.display()))?;
    match watch(target, inputs, seed, time)? {
        Ok(report) => Ok(report),
        Err(crash) => {
            let small = shrink(&target, crash);
            let path = corpus::save(folder, &name, &small.input)?;
            bail!("{small}\nkept as {}", path.display());
        }
    }
}

/// Runs on a thread of its own, so that an input without an end is noticed.
fn watch(target: Target, inputs: Vec<Vec<u8>>, seed: u64, time: Duration) -> Result<Result<Report, Crash>> {
    let progress = Arc::new(Progress::default());
    let (done, wait) = channel();
    let seen = Arc::clone(&progress);
    let work = move || done.send(watched(&target, &inputs, seed, Budget::Time(time), &seen)).is_ok();
    std::thread::Builder::new().name(target.name.to_owned()).spawn(work)?;
    let mut before = 0;
    loop {
        match wait.recv_timeout(HANG) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => bail!("the run ended without a result"),
            Err(RecvTimeoutError::Timeout) => {
                let (begun, input) = progress.now();
                if begun == before {
                    return Ok(Err(Crash { input, message: format!("{NO_END} {HANG:?}") }));
                }
                before = begun;
            }
        }
    }
}

/// Leaves out pieces, ever smaller ones, as long as the law stays broken. An input that hangs is kept as it is.
fn shrink(target: &Target, crash: Crash) -> Crash {
    if crash.message.starts_with(NO_END) {
        return crash;
    }
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut smallest = crash;
    let (mut size, mut attempts) = (smallest.input.len().div_ceil(2), 0);
    while 0 < size {
        let mut at = 0;
        while at < smallest.input.len() && attempts < MAX_ATTEMPTS {
            attempts += 1;
            let mut input = smallest.input.clone();
            drop(input.drain(at..(at + size).min(input.len())));
            match attempt(target, &input) {
                Ok(()) => at += size,
                Err(smaller) => smallest = smaller,
            }
        }
        size /= 2;
    }
    std::panic::set_hook(hook);
    smallest
}

#[expect(clippy::print_stderr, reason = "this is a program for people")]
fn say(text: &str) {
    eprintln!("{text}");
}

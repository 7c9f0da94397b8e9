//! The project's commands: `cargo xtask demo | test | check | bench | fuzz | docs | deb`.

mod needs;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

/// The profile of what is measured, and its folder.
const MEASURED: &str = "measured";

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [OPTIONS]   build everything and run the demo: three services, two weeks of history, the server and the agent;
                   options are lapidary-demo's (`cargo xtask demo --help` lists them)
  test [FILTER]    build everything and run every test: documentation examples, units, the real binaries; brings other
                   programs that suites need (as root, on Debian), and names the suites that go without
  check            formatting, clippy, the tidy rules, documentation; licences too where cargo-deny is installed
  bench [OPTIONS]  the whole system under load, and its peers by their addresses; options are those of `bench run`:
                   --lines 10000000, --out FILE, --peer loki=http://127.0.0.1:3101 …; it is built as a release but without
                   link-time optimisation, or with --dev as the demo and the tests are
  bench hot [NAME] the benchmarks of the hot paths
  fuzz TARGET      hostile input for one target, for a minute or `--for 10m`; what breaks it is kept as a test
  deb [FOLDER]     the Debian package of the agent, from a release build; FOLDER is target/deb if not given
  docs             the API documentation of every crate, and the generated references in docs/reference
";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match command.as_str() {
        "demo" => demo(&rest),
        "test" => test(&rest),
        "check" => check(),
        "bench" => bench(&rest),
        "fuzz" => fuzz(&rest),
        "docs" => docs(),
        "deb" => deb(&rest),
        _ => {
            say(USAGE);
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("xtask {command}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn demo(args: &[String]) -> Result<()> {
    build_programs()?;
    run(Command::new(program("lapidary-demo")).args(args))
}

/// Ends on the test runner's own summary, so documentation examples come first.
fn test(args: &[String]) -> Result<()> {
    needs::bring(&target_dir().join("debug"));
    build_programs()?;
    if args.is_empty() {
        run(&mut cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    }
    if succeeds(cargo(&["nextest", "--version"])) {
        run(cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]).args(args))
    } else {
        run(cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast", "--"]).args(args))
    }
}

fn check() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    run(&mut cargo(&["test", "--package", "tests", "--test", "tidy", "--quiet"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    if is_installed("machete") {
        run(&mut cargo(&["machete", "--with-metadata"]))?;
    }
    if is_installed("deny") {
        run(&mut cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
        advisories()?;
    }
    Ok(())
}

/// Whether cargo has this command; says what is left out if not.
fn is_installed(tool: &str) -> bool {
    let is_there = succeeds(cargo(&[tool, "--version"]));
    if !is_there {
        say(&format!("xtask check: LEFT OUT: cargo-{tool} is not installed (cargo install cargo-{tool} --locked)"));
    }
    is_there
}

/// Known holes of what is linked; the database comes from the network.
fn advisories() -> Result<()> {
    if !succeeds(cargo(&["deny", "fetch", "db"])) {
        say("xtask check: LEFT OUT: advisories: their database could not be had");
        return Ok(());
    }
    run(&mut cargo(&["deny", "check", "--disable-fetch", "advisories"]))
}

fn bench(args: &[String]) -> Result<()> {
    if args.first().is_some_and(|first| first == "hot") {
        return run(cargo(&["bench", "--workspace", "--benches"]).args(&args[1..]));
    }
    let (dev, options): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| *arg == "--dev");
    let bench = if dev.is_empty() {
        run(&mut cargo(&["build", "--workspace", "--bins", "--profile", MEASURED]))?;
        program_of(MEASURED, "bench")
    } else {
        build_programs()?;
        program("bench")
    };
    run(Command::new(bench).arg("run").args(options))
}

/// Targets of the storage engine have a program of their own, which is built with everything else.
fn fuzz(args: &[String]) -> Result<()> {
    let folder = root().join("fuzz/storage");
    if !args.first().is_some_and(|target| folder.join("corpus").join(target).is_dir()) {
        return run(cargo(&["run", "--package", "fuzz", "--"]).args(args));
    }
    build_programs()?;
    run(Command::new(program("fuzz-storage")).args(args).env("CARGO_MANIFEST_DIR", folder))
}

fn docs() -> Result<()> {
    run(cargo(&["test", "--workspace", "--lib", "--tests", "generated"]).env("UPDATE_EXPECT", "1"))?;
    run(&mut cargo(&["doc", "--workspace", "--no-deps"]))
}

fn deb(args: &[String]) -> Result<()> {
    run(&mut cargo(&["build", "--release", "--package", "agent"]))?;
    let folder = args.first().map_or_else(|| target_dir().join("deb"), PathBuf::from);
    let program = target_dir().join("release/lapidary-agent");
    run(Command::new(root().join("deploy/deb/build")).args([program, folder]).arg(env!("CARGO_PKG_VERSION")))
}

/// The same selection of packages everywhere, so that everything is built with one set of features.
fn build_programs() -> Result<()> {
    run(&mut cargo(&["build", "--workspace", "--bins"]))
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    // What `cargo run` tells of xtask itself would make build scripts (ring's) run again, and DataFusion behind them.
    for (name, _) in env::vars_os() {
        let of_xtask = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if of_xtask.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} {:?} ended with {status}", command.get_program().display(), command.get_args().collect::<Vec<_>>());
    }
    Ok(())
}

fn succeeds(mut command: Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Asked at run time: a build in a shared target folder may come from another clone.
fn root() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), |xtask| PathBuf::from(xtask).join(".."))
}

/// A program that [`build_programs`] built; run by itself, since `cargo run` would choose other features.
fn program(name: &str) -> PathBuf {
    program_of("debug", name)
}

/// A program of one folder of the target folder.
fn program_of(folder: &str, name: &str) -> PathBuf {
    target_dir().join(folder).join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

#[expect(clippy::print_stderr, reason = "this is a program for people")]
fn say(text: &str) {
    eprintln!("{text}");
}

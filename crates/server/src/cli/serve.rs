//! `lapidary serve` and `lapidary check`.

use std::env;
use std::fs;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::terminal::Color;
use super::{Failure, complain, say};
use crate::config::{Config, Flags};

/// What is logged when `LAPIDARY_LOG` does not say otherwise: the Delta library tells every step at `info`.
const DEFAULT_LOG: &str = "info,buoyant_kernel=warn,deltalake_core=warn";

/// Flags say where the server runs; how it behaves stands in the configuration.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder that holds everything the server keeps [default: ./lapidary-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address and port [default: 127.0.0.1:3100].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// `none` lets everybody in; on loopback only.
    #[arg(long, value_enum)]
    auth: Option<AuthFlag>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AuthFlag {
    None,
}

/// What `lapidary check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl ServeArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let flags = Flags { data_dir: self.data_dir, listen: self.listen, no_auth: self.auth.is_some() };
        let config = load(self.config.as_deref(), &flags)?;
        let filter = EnvFilter::try_from_env("LAPIDARY_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(Color::Auto.is_wanted(std::io::stderr().is_terminal()))
            .with_writer(std::io::stderr)
            .init();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start the runtime: {error}")))?;
        runtime.block_on(crate::serve(config)).map_err(|error| Failure::Failed(format!("{error:#}")))
    }
}

impl CheckArgs {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let config = load(Some(&self.config), &Flags::default())?;
        for warning in &config.notify.routing.warnings {
            complain(warning);
        }
        say(&format!("{} is fine\n", self.config.display()));
        Ok(())
    }
}

/// Reads a configuration; flags win over it.
pub(super) fn load(path: Option<&std::path::Path>, flags: &Flags) -> Result<Config, Failure> {
    let text = match path {
        None => String::new(),
        Some(path) => fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("cannot read the configuration `{}`: {error}", path.display())))?,
    };
    let name = path.map_or_else(|| "the configuration".to_owned(), |path| path.display().to_string());
    Config::load(&text, env::vars(), flags)
        .map_err(|problems| Failure::Usage(format!("{name} cannot be used:\n{problems}")))
}

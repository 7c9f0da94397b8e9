//! `lapidary storage`: looks after a data folder, and moves lines in and out of a server.

mod export;
mod folder;
mod import;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use stdx::Clock as _;
use storage::folder::{Folder, Progress, Target};

use super::{Failure, say, serve};
use crate::config::Flags;

/// What to do with a data folder, or with the lines of a server.
#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Shows what a data folder holds: tables, versions, files, space by column, tenants, streams, write-ahead log.
    Inspect {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        print: Print,
    },
    /// Reads everything in a data folder, or in a place for backups, and names every damage. Exit code 1 if there is any.
    Verify {
        #[command(flatten)]
        place: Place,
        /// Verifies this place for backups instead.
        #[arg(long, value_name = "TARGET", conflicts_with = "data_dir")]
        backups: Option<String>,
        #[command(flatten)]
        print: Print,
    },
    /// Copies a data folder as it is now, also while a server uses it; only what is new since the backup before.
    Backup {
        /// Where backups are kept: a folder, or `s3://bucket/prefix`, reached as `storage.s3` of the configuration says.
        target: String,
        #[command(flatten)]
        place: Place,
        /// Takes files in by hard links instead of copies, on the same file system: no space, but the same disk blocks.
        #[arg(long)]
        link: bool,
        #[command(flatten)]
        print: Print,
    },
    /// Lists the backups in a place.
    Backups {
        /// Where backups are kept: a folder, or `s3://bucket/prefix`.
        target: String,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        print: Print,
    },
    /// Makes a data folder from a backup; refuses a folder that holds anything.
    Restore {
        /// Where backups are kept: a folder, or `s3://bucket/prefix`.
        target: String,
        /// The new data folder. When the configuration names a bucket, the tables go there.
        #[command(flatten)]
        place: Place,
        /// Which backup, as `lapidary storage backups` names it [default: the newest].
        #[arg(long, value_name = "ID")]
        id: Option<String>,
    },
    /// Writes lines of a server to a file, as NDJSON or Parquet.
    Export(export::ExportArgs),
    /// Sends files of lines, NDJSON or Parquet, to a server. Sending a file again does not double its lines.
    Import(import::ImportArgs),
}

/// Which data folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Configuration file (TOML) of the server.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder [default: ./lapidary-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// How to print.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Print {
    /// How to print the answer.
    #[arg(long, visible_alias = "output", value_enum, default_value_t = Shape::Table)]
    format: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl StorageCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Inspect { place, print } => {
                let found = with_bar("reading footers", |tell| place.open()?.inspect(tell).map_err(failed))?;
                print.show(&found, folder::inspection)
            }
            Self::Verify { place, backups: None, print } => {
                let found = with_bar("verifying", |tell| place.open()?.verify(tell).map_err(failed))?;
                print.show(&found, folder::verified)?;
                folder::sound(&found.damages)
            }
            Self::Verify { place, backups: Some(target), print } => {
                let target = place.target(&target)?;
                let all = target.backups().map_err(failed)?;
                let damages = with_bar("verifying", |tell| target.verify(&all, tell).map_err(failed))?;
                print.show(&damages, |damages| folder::damages(damages))?;
                folder::sound(&damages)
            }
            Self::Backup { target, place, link, print } => {
                let (target, now) = (place.target(&target)?, stdx::SystemClock.now().into());
                let made = with_bar("copying", |tell| place.open()?.backup(&target, link, now, tell).map_err(failed))?;
                print.show(&made, |made| folder::backups(std::slice::from_ref(made)))
            }
            Self::Backups { target, place, print } => {
                let all = place.target(&target)?.backups().map_err(failed)?;
                print.show(&all, |all| folder::backups(all))
            }
            Self::Restore { target, place, id } => restore(&target, &place, id.as_deref()),
            Self::Export(args) => args.run(),
            Self::Import(args) => args.run(),
        }
    }
}

fn restore(target: &str, place: &Place, id: Option<&str>) -> Result<(), Failure> {
    if place.data_dir.is_none() && place.config.is_none() {
        return Err(Failure::Usage("name the new data folder with --data-dir, or a --config that does".to_owned()));
    }
    let (target, config) = (place.target(target)?, place.config()?);
    let backup = target.backup(id).map_err(failed)?;
    with_bar("copying", |tell| {
        storage::folder::restore(&target, &backup, &config.data_dir, config.bucket.as_ref(), tell).map_err(failed)
    })?;
    let folder = config.data_dir.display();
    let how = match &place.config {
        Some(path) => format!("--config {}", path.display()),
        None => format!("--data-dir {folder}"),
    };
    say(&format!("{folder} is backup {}; start it with `lapidary serve {how}`\n", backup.id));
    Ok(())
}

impl Place {
    fn config(&self) -> Result<storage::Config, Failure> {
        let flags = Flags { data_dir: self.data_dir.clone(), ..Flags::default() };
        Ok(serve::load(self.config.as_deref(), &flags)?.storage)
    }

    fn open(&self) -> Result<Folder, Failure> {
        Folder::open(&self.config()?).map_err(failed)
    }

    /// A place for backups; a bucket is reached like that of the tables, if they are in one.
    fn target(&self, text: &str) -> Result<Target, Failure> {
        if !text.starts_with("s3://") {
            return Ok(Target::folder(text));
        }
        let url: storage::BucketUrl =
            text.parse().map_err(|reason| Failure::Usage(format!("the place for backups `{text}` {reason}")))?;
        let bucket = match self.config()?.bucket {
            Some(tables) => storage::BucketConfig { url, ..tables },
            None => storage::BucketConfig::at(url),
        };
        Target::bucket(&bucket).map_err(failed)
    }
}

impl Print {
    fn show<T: serde::Serialize>(self, found: &T, draw: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        match self.format {
            Shape::Table => say(&draw(found)),
            Shape::Json => {
                let text = serde_json::to_string_pretty(found);
                say(&(text.map_err(|error| Failure::Failed(format!("the answer cannot be printed: {error}")))? + "\n"));
            }
        }
        Ok(())
    }
}

/// Shows how far a piece of work is, to people only.
fn with_bar<T>(
    what: &'static str,
    work: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {bytes}/{total_bytes} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    let done = work(&mut |progress: Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    done
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: storage::Error) -> Failure {
    match error.kind() {
        storage::Kind::Invalid => Failure::Usage(error.to_string()),
        _ => Failure::Failed(error.to_string()),
    }
}

//! `lapidary rules unit`: each test in a storage of its own, in a folder that goes with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alert::eval::{Failure as Refused, Source};
use alert::rule::{Group, InvalidRules, parse_file};
use alert::unit::{self, UnitFile, World};
use async_trait::async_trait;
use auth::{AuditEvent, AuditSink, Scope};
use logline::{Batch, Reader, Tenant};
use query::Engine;
use stdx::{Clock, Language, SystemClock, Tasks};
use storage::{AckLevel, Components, Storage};

use super::{configured, read, wrong};
use crate::cli::{Failure, say};

pub(super) fn run(files: &[PathBuf], config: Option<&Path>, language: Language) -> Result<(), Failure> {
    let reader = match config.map(configured).transpose()? {
        Some(config) => config.reading.reader(&config.graphs),
        None => Arc::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start the runtime: {error}")))?;
    let (mut good, mut bad) = (0, 0);
    for file in files {
        let tests = unit::parse(&read(file)?).map_err(|error| wrong(file, &error.to_string()))?;
        let groups = groups(file, &tests)?;
        let outcomes = runtime.block_on(async {
            let world = Folder::new(Arc::clone(&reader))?;
            unit::run(&tests, &groups, &world).await.map_err(|error| wrong(file, &error.to_string()))
        })?;
        for outcome in outcomes {
            let well = outcome.differences.is_empty();
            let (mark, number) = if well { ("✓", &mut good) } else { ("✗", &mut bad) };
            *number += 1;
            say(&format!("{mark} {}: {}\n", file.display(), outcome.name));
            outcome.differences.iter().for_each(|text| say(&format!("    {}\n", text.replace('\n', "\n    "))));
        }
    }
    match (language, bad) {
        (Language::English, 0) => say(&format!("{good} tests, all well\n")),
        (Language::Russian, 0) => say(&format!("тестов {good}, все в порядке\n")),
        (Language::English, bad) => return Err(Failure::Failed(format!("{bad} of {} tests failed", good + bad))),
        (Language::Russian, bad) => return Err(Failure::Failed(format!("не прошли тесты: {bad} из {}", good + bad))),
    }
    Ok(())
}

/// The groups of the file itself and of the files it names.
fn groups(file: &Path, tests: &UnitFile) -> Result<Vec<Arc<Group>>, Failure> {
    let mut groups = Vec::new();
    for raw in &tests.groups {
        let checked: Result<Group, InvalidRules> = Group::check(raw.clone(), None);
        groups.push(Arc::new(checked.map_err(|error| wrong(file, &error.to_string()))?));
    }
    let beside = file.parent().unwrap_or(Path::new(""));
    for name in &tests.rule_files {
        let path = beside.join(name);
        let parsed = parse_file(&read(&path)?).map_err(|error| wrong(&path, &error.to_string()))?;
        groups.extend(parsed.into_iter().map(Arc::new));
    }
    Ok(groups)
}

/// Storages in a temporary folder; gone when it is dropped.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    reader: Arc<Reader>,
    opened: std::sync::atomic::AtomicUsize,
}

impl Folder {
    fn new(reader: Arc<Reader>) -> Result<Self, Failure> {
        let name = format!("lapidary-rules-{}-{:x}", std::process::id(), stdx::Rng::from_entropy().bits());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)
            .map_err(|error| Failure::Failed(format!("cannot make the folder `{}`: {error}", path.display())))?;
        Ok(Self { path, reader, opened: <_>::default() })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.path));
    }
}

#[async_trait]
impl World for Folder {
    async fn source(&self, lines: Vec<Batch>) -> Result<Source, Refused> {
        let refused = |error: &dyn std::fmt::Display| Refused::Failed(error.to_string());
        let number = self.opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut config = storage::Config::at(self.path.join(number.to_string()));
        config.ack = AckLevel::Memory;
        config.flush_interval = Duration::from_secs(3_600);
        let components = Components { clock: Arc::clone(&clock), derives: Vec::new(), tasks: Tasks::default() };
        let storage = Storage::open(config, components).await.map_err(|error| refused(&error))?;
        for batch in lines {
            storage.append(batch).await.map_err(|error| refused(&error))?;
        }
        let config = query::Config { reader: Arc::clone(&self.reader), ..query::Config::default() };
        let engine = Engine::new(storage, config, clock).map_err(|error| refused(&error))?;
        let scope = Scope::system("a unit test of rules", Tenant::default(), &NoAudit);
        Source::new(Arc::new(engine), scope, None)
    }
}

/// Nothing but what a test brings is read.
#[derive(Debug)]
struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _: AuditEvent) {}
}

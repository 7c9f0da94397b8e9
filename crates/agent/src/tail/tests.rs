//! Files under all that happens to files, with crashes at every step, against a plain list of what was written.

mod archives;
mod copies;

use std::fs::OpenOptions;
use std::io::Write;

use ingest::loki::{Context, Version, decode};
use ingest::{Limits, Masking};
use logline::Timestamp;
use proptest::prelude::*;
use stdx::{Clock, SystemClock};

use super::*;
use crate::present::Present;
use crate::state::State;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Lines are written, the last one perhaps not to its end.
    Write { lines: u8, open: bool },
    /// The file is renamed to a name that no input knows, with or without a late line in it.
    Rotate { late: bool },
    /// The file is cut once it is read, as copytruncate does.
    Cut,
    /// The file is copied to a name that an input may know and then cut, read or not, as copytruncate does; between the two
    /// the agent may read, and crash.
    Copy(Option<Option<Crash>>),
    /// The agent reads; the crash, if any, comes then.
    Ship(Option<Crash>),
    /// The agent ends in good order and starts again.
    Restart,
    /// Nothing happens for long.
    Wait,
}

#[derive(Clone, Copy, Debug)]
enum Crash {
    BeforeTheSpoolHasIt,
    BehindIt,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let crash = prop_oneof![Just(Crash::BeforeTheSpoolHasIt), Just(Crash::BehindIt)];
    let step = prop_oneof![
        4 => (0..40_u8, any::<bool>()).prop_map(|(lines, open)| Step::Write { lines, open }),
        2 => any::<bool>().prop_map(|late| Step::Rotate { late }),
        1 => Just(Step::Cut),
        1 => proptest::option::of(proptest::option::of(crash.clone())).prop_map(Step::Copy),
        4 => proptest::option::of(crash).prop_map(Step::Ship),
        1 => Just(Step::Restart),
        1 => Just(Step::Wait),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What the input is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    /// A line is an event, and rotated files have names that no input knows.
    Plain,
    /// Rotated files match too.
    Matching,
    /// Some events have two lines.
    Joined,
    /// Two bytes a character.
    Utf16,
    /// The kernel is not asked.
    Polled,
}

const VARIANTS: [Variant; 5] = [Variant::Plain, Variant::Matching, Variant::Joined, Variant::Utf16, Variant::Polled];

struct World {
    variant: Variant,
    folder: tempfile::TempDir,
    config: Config,
    treatment: Arc<Treatment>,
    tail: Tail,
    store: Arc<Store>,
    /// The lines in the spool.
    spool: Vec<String>,
    /// What was saved with them, and the state on disk.
    saved: State,
    written: Vec<String>,
    is_line_open: bool,
    rotations: usize,
    now: Instant,
}

impl World {
    fn new(variant: Variant) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().display();
        let more = match variant {
            Variant::Plain | Variant::Matching => "",
            Variant::Joined => "join_start = '^(line|open) '",
            Variant::Utf16 => "encoding = \"utf-16le\"",
            Variant::Polled => "watch = \"poll\"",
        };
        let text = format!(
            "state_dir = \"{base}/state\"\n[[input]]\npaths = [\"{base}/*.log\"]\nlabels = {{ service = \"s\" }}\n{more}\n\
             [spool]\nbatch_bytes = \"1KiB\""
        );
        let config = Config::load(&text, []).unwrap();
        let masker = mask::Masker::new(&mask::Config::default()).unwrap();
        let treatment = Arc::new(Treatment { masker, reader: logline::Reader::default(), present: Present::default() });
        let store = Arc::new(Store::open(Arc::new(crate::disk::RealFs), &config.state_dir).unwrap());
        let now = SystemClock.instant();
        let tail = Tail::open(&config, Arc::clone(&treatment), Arc::clone(&store), now, Timestamp(1));
        let (spool, written) = (Vec::new(), Vec::new());
        let saved = State::load(&config.state_dir).unwrap().unwrap();
        let (is_line_open, rotations) = (false, 0);
        Self { variant, folder, config, treatment, tail, store, spool, saved, written, is_line_open, rotations, now }
    }

    fn batch(&self) -> Batch {
        Batch::new(Arc::clone(&self.treatment), self.config.spool.batch_bytes, Timestamp(1), self.now)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("a.log")
    }

    fn write(&mut self, path: &Path, lines: u16, open: bool) {
        let mut text = if self.is_line_open { "end\n".to_owned() } else { String::new() };
        for _ in 0..lines {
            let mut line = format!("line {} of the log", self.written.len());
            if self.variant == Variant::Joined && self.written.len().is_multiple_of(3) {
                line += "\n  which goes on";
            }
            text += &format!("{line}\n");
            self.written.push(line);
        }
        if self.is_line_open {
            let line = self.written.len() - 1 - usize::from(lines);
            self.written[line] += "end";
        }
        if open {
            let line = format!("open {} ", self.written.len());
            text += &line;
            self.written.push(line);
        }
        self.is_line_open = open;
        let mut bytes = text.into_bytes();
        if self.variant == Variant::Utf16 {
            bytes = bytes.into_iter().flat_map(|byte| [byte, 0]).collect();
        }
        OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(&bytes).unwrap();
    }

    fn step(&mut self, step: Step) {
        self.now += 2 * SCAN_EVERY;
        match step {
            Step::Write { lines, open } => self.write(&self.log(), u16::from(lines), open),
            Step::Rotate { late } if self.log().exists() => {
                self.ship(None);
                self.rotations += 1;
                let end = if self.variant == Variant::Matching { "log" } else { "old" };
                let old = self.folder.path().join(format!("a.{}.{end}", self.rotations));
                fs::rename(self.log(), &old).unwrap();
                if late || self.is_line_open {
                    self.write(&old, u16::from(late), false);
                }
            }
            Step::Cut if !self.is_line_open => {
                self.drain();
                if self.log().exists() {
                    fs::File::create(self.log()).unwrap();
                }
                self.ship(None);
            }
            Step::Copy(between) if !self.is_line_open && self.variant == Variant::Matching && self.log().exists() => {
                self.rotations += 1;
                fs::copy(self.log(), self.folder.path().join(format!("a.{}.log", self.rotations))).unwrap();
                if let Some(crash) = between {
                    self.ship(crash);
                }
                fs::File::create(self.log()).unwrap();
                self.now += 2 * SCAN_EVERY;
                self.ship(None);
            }
            Step::Rotate { .. } | Step::Cut | Step::Copy(_) => {}
            Step::Ship(crash) => self.ship(crash),
            Step::Restart => {
                self.store.save().unwrap();
                self.saved = State::load(&self.config.state_dir).unwrap().unwrap();
                self.restart();
            }
            Step::Wait => {
                self.drain();
                // An open line stays open only while its file does.
                if !self.is_line_open {
                    self.now += 2 * GONE_WAIT;
                    self.drain();
                }
            }
        }
    }

    fn ship(&mut self, crash: Option<Crash>) {
        let mut batch = self.batch();
        self.tail.fill(&mut batch, self.now);
        let prepared = self.tail.finish(batch, Timestamp(1));
        self.append(&prepared, crash);
    }

    /// A record of the spool holds the lines and the places: both or neither are there after a crash.
    fn append(&mut self, prepared: &Prepared, crash: Option<Crash>) {
        // Whatever the agent saved of itself before stands on disk.
        let saved = State::load(&self.config.state_dir).unwrap().unwrap();
        if saved.sequence >= self.saved.sequence {
            self.saved = saved;
        }
        if matches!(crash, Some(Crash::BeforeTheSpoolHasIt)) {
            return self.restart();
        }
        self.spool.extend(lines(&prepared.body));
        let sequence = self.store.with(|state| state.sequence + 1);
        self.store.with(|state| state.apply(sequence, &prepared.covered));
        self.saved.apply(sequence, &prepared.covered);
        if matches!(crash, Some(Crash::BehindIt)) {
            self.restart();
        }
    }

    /// Starts again from what is on disk: the saved state and the records behind it.
    fn restart(&mut self) {
        let saved = self.saved.clone();
        self.store.with(|state| *state = saved);
        self.tail =
            Tail::open(&self.config, Arc::clone(&self.treatment), Arc::clone(&self.store), self.now, Timestamp(1));
        self.store.save().unwrap();
    }

    fn drain(&mut self) {
        loop {
            self.now += 2 * SCAN_EVERY;
            let mut batch = self.batch();
            let any = self.tail.fill(&mut batch, self.now);
            let prepared = self.tail.finish(batch, Timestamp(1));
            self.append(&prepared, None);
            if !any {
                return;
            }
        }
    }
}

fn lines(body: &[u8]) -> Vec<String> {
    if body.is_empty() {
        return Vec::new();
    }
    let limits = Limits::default();
    let context = Context { limits: &limits, masking: &Masking::Off, now: Timestamp(1) };
    let decoded = decode(Some("application/x-protobuf"), None, body, Version::V1, &context).unwrap();
    decoded.streams.into_iter().flat_map(|stream| stream.entries).map(|entry| entry.line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_arrives_once_whatever_happens_to_files_and_agent(
        variant in proptest::sample::select(&VARIANTS),
        steps in steps(),
    ) {
        let mut world = World::new(variant);
        for step in steps {
            world.step(step);
        }
        if world.is_line_open {
            world.write(&world.log(), 0, false);
        }
        world.drain();
        let mut got = world.spool;
        let mut want = world.written;
        got.sort();
        want.sort();
        prop_assert_eq!(got, want);
    }
}

#[test]
fn the_last_line_of_a_file_that_is_gone_needs_no_end() {
    let mut world = World::new(Variant::Plain);
    world.write(&world.log(), 2, true);
    world.now += SCAN_EVERY;
    world.ship(None);
    assert_eq!(world.spool.len(), 2);
    fs::remove_file(world.log()).unwrap();
    world.now += SCAN_EVERY;
    world.drain();
    world.now += GONE_WAIT;
    world.drain();
    assert_eq!(world.spool, world.written);
    assert!(world.tail.files.is_empty() && world.store.with(|state| state.files.is_empty()));
}

#[test]
fn two_files_are_read_in_turn_when_batches_are_small() {
    let mut world = World::new(Variant::Plain);
    let other = world.folder.path().join("b.log");
    world.write(&world.log(), 200, false);
    world.write(&other, 200, false);
    let files =
        |prepared: &Prepared| prepared.covered.files.iter().map(|position| position.file).collect::<BTreeSet<_>>();
    let mut seen = BTreeSet::new();
    world.now += SCAN_EVERY;
    for _ in 0..2 {
        let mut batch = world.batch();
        world.tail.fill(&mut batch, world.now);
        seen.extend(files(&world.tail.finish(batch, Timestamp(1))));
    }
    assert_eq!(seen.len(), 2);
}

fn gzip(path: &Path) -> PathBuf {
    let target = PathBuf::from(format!("{}.gz", path.display()));
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&target).unwrap(), flate2::Compression::fast());
    encoder.write_all(&fs::read(path).unwrap()).unwrap();
    encoder.finish().unwrap();
    fs::remove_file(path).unwrap();
    target
}

/// A world whose input finds compressed files too, and files in a folder for old ones.
fn compressing(more: &str) -> World {
    let mut world = World::new(Variant::Plain);
    let base = world.folder.path().display();
    let text = format!(
        "state_dir = \"{base}/state\"\n[[input]]\npaths = [\"{base}/*.log*\", \"{base}/old/*\"]\nlabels = {{ service = \"s\" }}\n{more}\n\
         [spool]\nbatch_bytes = \"1KiB\""
    );
    world.config = Config::load(&text, []).unwrap();
    world.restart();
    world
}

#[test]
fn a_compressed_file_is_read_once_and_not_if_it_was_read_before() {
    let mut world = compressing("");
    world.write(&world.log(), 100, false);
    world.drain();
    // Rotated and compressed while the agent looks on: its content is known.
    let old = world.folder.path().join("a.log.1");
    fs::rename(world.log(), &old).unwrap();
    world.drain();
    gzip(&old);
    world.drain();
    world.drain();
    assert_eq!(world.spool, world.written);
    // One that nobody has seen is read, in parts, and on behind a restart.
    let other = world.folder.path().join("other.log");
    world.write(&other, 200, false);
    gzip(&other);
    for _ in 0..4 {
        world.now += 2 * SCAN_EVERY;
        world.ship(None);
    }
    assert!(world.spool.len() > 100);
    world.restart();
    world.drain();
    world.drain();
    assert_eq!(world.spool, world.written);
}

#[test]
fn a_file_that_was_compressed_while_the_agent_was_stopped_is_read_on() {
    let mut world = compressing("");
    world.write(&world.log(), 50, false);
    world.drain();
    world.store.save().unwrap();
    world.write(&world.log(), 50, false);
    gzip(&world.log());
    world.restart();
    world.drain();
    world.drain();
    assert_eq!(world.spool, world.written);
}

#[test]
fn files_that_were_compressed_long_before_the_start_are_not_read_again() {
    let mut world = compressing("");
    let old = world.folder.path().join("old");
    fs::create_dir(&old).unwrap();
    world.write(&world.log(), 50, false);
    world.drain();
    world.store.save().unwrap();
    // As gzip leaves it: as old as what it was made of.
    let moved = old.join("a.log.1");
    fs::rename(world.log(), &moved).unwrap();
    let archive = fs::File::options().append(true).open(gzip(&moved)).unwrap();
    archive.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    world.restart();
    world.drain();
    world.drain();
    assert_eq!(world.spool, world.written);
}

#[test]
fn a_damaged_archive_gives_what_stands_before_the_damage() {
    let mut world = compressing("");
    world.write(&world.log(), 20_000, false);
    let target = gzip(&world.log());
    let bytes = fs::read(&target).unwrap();
    fs::write(&target, &bytes[..bytes.len() / 2]).unwrap();
    world.drain();
    world.drain();
    assert!(world.spool.len() > 1_000 && world.written.starts_with(&world.spool), "{}", world.spool.len());
    let before = world.spool.len();
    world.restart();
    world.drain();
    world.drain();
    assert_eq!(world.spool.len(), before);
}

#[test]
fn a_compressed_file_may_have_two_bytes_a_character() {
    let mut world = compressing("encoding = \"utf-16le\"");
    let (old, text) = (world.folder.path().join("old.log"), "первая ਊ\nвторая\n".repeat(40_000));
    fs::write(&old, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()).unwrap();
    gzip(&old);
    world.drain();
    world.drain();
    assert!(world.spool.iter().eq(text.lines()), "{} lines", world.spool.len());
}

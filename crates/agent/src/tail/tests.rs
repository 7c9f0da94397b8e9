//! Files under all that happens to files, with crashes at every step, against a plain list of what was written.

use std::fs::OpenOptions;
use std::io::Write;

use ingest::loki::{Context, Version, decode};
use ingest::{Limits, Masking};
use logline::Timestamp;
use proptest::prelude::*;
use stdx::{Clock, SystemClock};

use super::*;
use crate::state::State;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Lines are written, the last one perhaps not to its end.
    Write { lines: u8, open: bool },
    /// The file is renamed to a name that no input knows, with or without a late line in it.
    Rotate { late: bool },
    /// The file is cut once it is delivered, as copytruncate does.
    Cut,
    /// The agent reads and ships; the crash, if any, comes then.
    Ship(Option<Crash>),
    /// The agent ends in good order and starts again.
    Restart,
    /// Nothing happens for long.
    Wait,
}

#[derive(Clone, Copy, Debug)]
enum Crash {
    BeforeTheServerHasIt,
    BeforeTheAnswer,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let crash = prop_oneof![Just(Crash::BeforeTheServerHasIt), Just(Crash::BeforeTheAnswer)];
    let step = prop_oneof![
        4 => (0..40_u8, any::<bool>()).prop_map(|(lines, open)| Step::Write { lines, open }),
        2 => any::<bool>().prop_map(|late| Step::Rotate { late }),
        1 => Just(Step::Cut),
        4 => proptest::option::of(crash).prop_map(Step::Ship),
        1 => Just(Step::Restart),
        1 => Just(Step::Wait),
    ];
    proptest::collection::vec(step, 1..40)
}

struct World {
    folder: tempfile::TempDir,
    config: Config,
    treatment: Arc<Treatment>,
    tail: Tail,
    store: Arc<Store>,
    server: BTreeMap<u64, Vec<String>>,
    written: Vec<String>,
    is_line_open: bool,
    rotations: usize,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().display();
        let text = format!(
            "state_dir = \"{base}/state\"\n[[input]]\npaths = [\"{base}/*.log\"]\nlabels = {{ service = \"s\" }}\n\
             [output]\nbatch_bytes = \"1KiB\""
        );
        let config = Config::load(&text, []).unwrap();
        let masker = mask::Masker::new(mask::Config::default()).unwrap();
        let treatment = Arc::new(Treatment { masker, reader: logline::Reader::default() });
        let store = Arc::new(Store::open(&config.state_dir).unwrap());
        let now = SystemClock.instant();
        let tail = Tail::open(&config, Arc::clone(&treatment), Arc::clone(&store), now);
        let (server, written) = (BTreeMap::new(), Vec::new());
        Self { folder, config, treatment, tail, store, server, written, is_line_open: false, rotations: 0, now }
    }

    fn batch(&self) -> Batch {
        Batch::new(Arc::clone(&self.treatment), self.config.output.batch_bytes, Timestamp(1), self.now)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("a.log")
    }

    fn write(&mut self, path: &Path, lines: u8, open: bool) {
        let mut text = if self.is_line_open { "end\n".to_owned() } else { String::new() };
        for _ in 0..lines {
            let line = format!("line {} of the log", self.written.len());
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
        OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn step(&mut self, step: Step) {
        self.now += 2 * SCAN_EVERY;
        match step {
            Step::Write { lines, open } => self.write(&self.log(), lines, open),
            Step::Rotate { late } if self.log().exists() => {
                self.ship(None);
                self.rotations += 1;
                let old = self.folder.path().join(format!("a.{}", self.rotations));
                fs::rename(self.log(), &old).unwrap();
                if late || self.is_line_open {
                    self.write(&old, u8::from(late), false);
                }
            }
            Step::Cut if !self.is_line_open => {
                self.drain();
                if self.log().exists() {
                    fs::File::create(self.log()).unwrap();
                }
                self.ship(None);
            }
            Step::Rotate { .. } | Step::Cut => {}
            Step::Ship(crash) => self.ship(crash),
            Step::Restart => {
                self.store.save().unwrap();
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
        let prepared = self.tail.finish(batch);
        self.send(&prepared, crash);
    }

    fn send(&mut self, prepared: &Prepared, crash: Option<Crash>) {
        let sequence = self.store.with(|state| state.begin(prepared.sequence, &prepared.parts));
        self.store.save().unwrap();
        if matches!(crash, Some(Crash::BeforeTheServerHasIt)) {
            return self.restart();
        }
        self.server.entry(sequence).or_insert_with(|| lines(&prepared.body));
        if matches!(crash, Some(Crash::BeforeTheAnswer)) {
            return self.restart();
        }
        self.store.with(|state| {
            state.commit();
            state.files.retain(|position| !prepared.forget.contains(&position.file));
        });
    }

    /// Starts again from what is on disk.
    fn restart(&mut self) {
        let saved = State::load(&self.config.state_dir).unwrap().unwrap();
        self.store.with(|state| *state = saved.clone());
        self.tail = Tail::open(&self.config, Arc::clone(&self.treatment), Arc::clone(&self.store), self.now);
        let repeated = saved.in_flight.and_then(|under_way| self.tail.repeat(&under_way, self.batch()));
        assert_eq!(self.store.with(|state| state.totals.lost_parts), 0);
        self.store.save().unwrap();
        if let Some(prepared) = repeated {
            self.send(&prepared, None);
        }
    }

    fn drain(&mut self) {
        loop {
            self.now += 2 * SCAN_EVERY;
            let mut batch = self.batch();
            let any = self.tail.fill(&mut batch, self.now);
            let prepared = self.tail.finish(batch);
            self.send(&prepared, None);
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
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_arrives_once_whatever_happens_to_files_and_agent(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        if world.is_line_open {
            world.write(&world.log(), 0, false);
        }
        world.drain();
        let mut got: Vec<_> = world.server.into_values().flatten().collect();
        let mut want = world.written;
        got.sort();
        want.sort();
        prop_assert_eq!(got, want);
    }
}

#[test]
fn the_last_line_of_a_file_that_is_gone_needs_no_end() {
    let mut world = World::new();
    world.write(&world.log(), 2, true);
    world.now += SCAN_EVERY;
    world.ship(None);
    assert_eq!(world.server[&1].len(), 2);
    fs::remove_file(world.log()).unwrap();
    world.now += SCAN_EVERY;
    world.drain();
    world.now += GONE_WAIT;
    world.drain();
    let got: Vec<_> = world.server.values().flatten().cloned().collect();
    assert_eq!(got, world.written);
    assert!(world.tail.files.is_empty() && world.store.with(|state| state.files.is_empty()));
}

#[test]
fn two_files_are_read_in_turn_when_batches_are_small() {
    let mut world = World::new();
    let other = world.folder.path().join("b.log");
    world.write(&world.log(), 200, false);
    world.write(&other, 200, false);
    let files = |prepared: &Prepared| prepared.parts.iter().map(|part| part.file).collect::<BTreeSet<_>>();
    let mut seen = BTreeSet::new();
    world.now += SCAN_EVERY;
    for _ in 0..2 {
        let mut batch = world.batch();
        world.tail.fill(&mut batch, world.now);
        seen.extend(files(&world.tail.finish(batch)));
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn under_way_lines_that_are_gone_are_counted_and_the_rest_is_repeated() {
    let mut world = World::new();
    let other = world.folder.path().join("b.log");
    world.write(&world.log(), 3, false);
    world.write(&other, 3, false);
    world.now += 2 * SCAN_EVERY;
    let mut batch = world.batch();
    world.tail.fill(&mut batch, world.now);
    let prepared = world.tail.finish(batch);
    assert_eq!(world.store.with(|state| state.begin(None, &prepared.parts)), 1);
    fs::write(&other, "another text\n").unwrap();
    let under_way = world.store.with(|state| state.in_flight.clone()).unwrap();
    world.tail = Tail::open(&world.config, Arc::clone(&world.treatment), Arc::clone(&world.store), world.now);
    let batch = world.batch();
    let repeated = world.tail.repeat(&under_way, batch).unwrap();
    assert_eq!((world.store.with(|state| state.totals.lost_parts), repeated.sequence), (1, Some(1)));
    assert_eq!(lines(&repeated.body), world.written[..3]);
    let mut batch = world.batch();
    world.tail.fill(&mut batch, world.now);
    assert_eq!(lines(&world.tail.finish(batch).body), ["another text"]);
}

//! The spool on a disk that fails at any step, against a plain list of what was acknowledged.

use std::collections::BTreeMap;

use logline::Timestamp;
use proptest::prelude::*;

use super::reader::Missing;
use super::*;
use crate::disk::simulated::Disk;
use crate::disk::{RealFs, replace};
use crate::state::Covered;

const LIMITS: Limits = Limits { max_bytes: 64 << 10, segment_bytes: 2 << 10, drop_oldest: false };

/// A batch that can be told from every other.
fn batch(id: u64, size: usize) -> Prepared {
    let covered = Covered { cursors: BTreeMap::from([("n".to_owned(), id.to_string())]), ..Covered::default() };
    let encoded = serde_json::to_vec(&covered).unwrap();
    let body: Vec<u8> = id.to_le_bytes().into_iter().cycle().take(8 + size).collect();
    Prepared { at: Timestamp(1), lines: 3, body: body.into(), covered, encoded, receipts: Vec::new() }
}

fn id(record: &Record) -> u64 {
    let id = u64::from_le_bytes(record.body[..8].try_into().unwrap());
    assert_eq!(record.covered.cursors["n"], id.to_string());
    id
}

fn all(reader: &mut Reader) -> Vec<Record> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// These many batches of about this size.
    Append(u8, u16),
    /// The output takes so many records.
    Read(u8),
    Save,
    /// The disk fails after so many steps, for so many.
    Fail(u8, u8),
    /// The disk fails after so many steps, and the agent starts again then.
    Crash {
        after: u8,
        power: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..5_u8, 0..900_u16).prop_map(|(count, size)| Step::Append(count, size)),
        4 => (0..12_u8).prop_map(Step::Read),
        2 => Just(Step::Save),
        2 => (0..8_u8, 1..12_u8).prop_map(|(after, lasting)| Step::Fail(after, lasting)),
        3 => (0..10_u8, any::<bool>()).prop_map(|(after, power)| Step::Crash { after, power }),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What the agent does with a spool, and what it must be able to rely on.
struct World {
    disk: Disk,
    spool: Arc<Spool>,
    reader: Reader,
    /// The numbers of all records that count, by id.
    want: Vec<u64>,
    /// How many of them the output has.
    read: usize,
    next_id: u64,
    /// Places in the sources, as the agent knows them.
    place: (u64, u64),
}

const DIR: &str = "/spool";

impl World {
    fn new(seed: u64) -> Self {
        let disk = Disk::new(seed);
        let spool = Arc::new(Spool::open(Arc::new(disk.clone()), DIR.into(), LIMITS, (0, 0)).unwrap());
        let reader = spool.reader(0, None);
        Self { disk, spool, reader, want: Vec::new(), read: 0, next_id: 1, place: (0, 0) }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Append(count, size) => self.append(count, size),
            Step::Read(count) => self.read(count),
            Step::Save => drop(self.save()),
            Step::Fail(after, lasting) => self.disk.fail(after.into(), lasting.into()),
            Step::Crash { after, power } => {
                self.disk.fail(after.into(), u64::MAX);
                self.append(2, 300);
                if power {
                    self.disk.cut_power()
                } else {
                    self.disk.kill()
                }
                self.restart();
            }
        }
    }

    /// As the writer does: save and close a full segment, append, try again.
    fn append(&mut self, count: u8, size: u16) {
        let group: Vec<_> = (0..count).map(|n| batch(self.next_id + u64::from(n), size.into())).collect();
        self.next_id += u64::from(count);
        for _ in 0..20 {
            if self.spool.is_segment_full() {
                if self.save().is_err() {
                    continue;
                }
                self.spool.close_segment();
            }
            match self.spool.append(&group) {
                Ok(first) => {
                    assert_eq!(first, self.want.len() as u64 + 1);
                    self.want
                        .extend(group.iter().map(|batch| batch.body[..8].try_into().map(u64::from_le_bytes).unwrap()));
                    self.place = (self.want.len() as u64, *self.want.last().unwrap());
                    return;
                }
                Err(Refused::Full) => {
                    self.read(u8::MAX);
                    if self.save().is_ok() {
                        self.spool.close_segment();
                    }
                    self.spool.release(self.read as u64);
                }
                Err(Refused::Failed(_)) => {}
            }
        }
    }

    fn read(&mut self, count: u8) {
        for _ in 0..count {
            let Some(record) = self.reader.next().unwrap() else { break };
            assert_eq!(id(&record), self.want[self.read]);
            assert_eq!((record.head.sequence, record.missing), (self.read as u64 + 1, Missing::default()));
            assert_eq!(record.head.lines_before, 3 * self.read as u64);
            self.read += 1;
        }
        self.spool.release(self.read as u64);
    }

    fn save(&self) -> io::Result<()> {
        let text = format!("{} {}", self.place.0, self.place.1);
        replace(&self.disk, Path::new("/"), "state", text.as_bytes())?;
        self.spool.mark_saved(self.place.0);
        Ok(())
    }

    fn saved(&self) -> (u64, u64) {
        let Ok(file) = self.disk.open(Path::new("/state")) else { return (0, 0) };
        let mut text = vec![0; 100];
        let got = file.read_at(&mut text, 0).unwrap();
        let text = String::from_utf8(text[..got].to_vec()).unwrap();
        let (sequence, id) = text.split_once(' ').unwrap();
        (sequence.parse().unwrap(), id.parse().unwrap())
    }

    /// What counted before is there; of what did not, a beginning may be.
    fn restart(&mut self) {
        let saved = self.saved();
        let known = (saved.0, 3 * saved.0);
        self.spool = Arc::new(Spool::open(Arc::new(self.disk.clone()), DIR.into(), LIMITS, known).unwrap());
        let behind = all(&mut self.spool.reader(saved.0, None));
        self.place = behind.last().map_or(saved, |last| (last.head.sequence, id(last)));
        assert!(self.place.0 >= self.want.len() as u64, "acknowledged records are gone");
        for record in &behind {
            match self.want.get(usize::try_from(record.head.sequence).unwrap() - 1) {
                Some(want) => assert_eq!(id(record), *want),
                None => {
                    assert_eq!(record.head.sequence, self.want.len() as u64 + 1);
                    self.want.push(id(record));
                }
            }
        }
        assert_eq!(self.place.0, self.want.len() as u64);
        let lines = (self.read > 0).then_some(3 * self.read as u64);
        self.reader = self.spool.reader(self.read as u64, lines);
        self.save().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_read_once_and_in_order_whatever_the_disk_does(seed: u64, steps in steps()) {
        let mut world = World::new(seed);
        for step in steps {
            world.step(step);
        }
        world.disk.kill();
        world.restart();
        while world.read < world.want.len() {
            let before = world.read;
            world.read(u8::MAX);
            assert!(before < world.read, "stuck before the end");
        }
        // A ready spool keeps at most the segment that takes records.
        world.save().unwrap();
        world.spool.close_segment();
        world.spool.release(world.read as u64);
        prop_assert_eq!(world.spool.fill().segments, 0);
    }
}

fn real(limits: Limits) -> (tempfile::TempDir, Arc<Spool>) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Arc::new(Spool::open(Arc::new(RealFs), folder.path().to_owned(), limits, (0, 0)).unwrap());
    (folder, spool)
}

fn reopen(folder: &tempfile::TempDir, limits: Limits) -> Arc<Spool> {
    Arc::new(Spool::open(Arc::new(RealFs), folder.path().to_owned(), limits, (0, 0)).unwrap())
}

#[test]
fn a_full_spool_says_so_until_a_segment_is_passed_and_saved() {
    let limits = Limits { max_bytes: 4 << 10, segment_bytes: 1 << 10, drop_oldest: false };
    let (_folder, spool) = real(limits);
    let mut appended = 0;
    while spool.append(&[batch(appended + 1, 500)]).is_ok() {
        appended += 1;
        if spool.is_segment_full() {
            spool.close_segment();
        }
    }
    assert!(appended > 4);
    assert!(!spool.release(appended), "the state does not cover it yet");
    spool.mark_saved(appended);
    assert!(spool.release(2));
    assert!(spool.append(&[batch(appended + 1, 500)]).is_ok());
}

#[test]
fn a_full_spool_that_may_drops_its_oldest_and_readers_learn_how_much() {
    let limits = Limits { max_bytes: 4 << 10, segment_bytes: 1 << 10, drop_oldest: true };
    let (_folder, spool) = real(limits);
    let mut reader = spool.reader(0, Some(0));
    for n in 1..=20 {
        spool.append(&[batch(n, 500)]).unwrap();
        spool.mark_saved(n);
        if spool.is_segment_full() {
            spool.close_segment();
        }
    }
    let records = all(&mut reader);
    let missing = records[0].missing;
    assert_eq!(missing.batches + records.len() as u64, 20);
    assert_eq!(missing.lines, 3 * missing.batches);
    assert!(missing.batches > 5 && records.iter().skip(1).all(|record| record.missing == Missing::default()));
    assert!(spool.fill().bytes <= 4 << 10);
}

#[test]
fn damage_behind_which_synced_records_stand_is_passed_over_and_counted() {
    let (folder, spool) = real(LIMITS);
    for n in 1..=6 {
        spool.append(&[batch(n, 100)]).unwrap();
    }
    drop(spool);
    let path = folder.path().join(segment_name(1));
    let mut bytes = std::fs::read(&path).unwrap();
    let record = (bytes.len() - SEGMENT_HEAD) / 6;
    bytes[SEGMENT_HEAD + record + 60] ^= 1;
    bytes[SEGMENT_HEAD + 3 * record + 10] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let spool = reopen(&folder, LIMITS);
    assert_eq!((spool.fill().damaged, spool.fill().last), (2, 6));
    let records = all(&mut spool.reader(0, Some(0)));
    let seen: Vec<_> = records.iter().map(|record| (record.head.sequence, record.missing.lines)).collect();
    assert_eq!(seen, [(1, 0), (3, 3), (5, 3), (6, 0)]);
}

#[test]
fn a_spool_cut_at_any_byte_keeps_what_stands_whole_before_it() {
    let (folder, spool) = real(LIMITS);
    let mut ends = Vec::new();
    for n in 1..=4 {
        spool.append(&[batch(n, 40)]).unwrap();
        ends.push(spool.fill().bytes);
    }
    drop(spool);
    let path = folder.path().join(segment_name(1));
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let spool = reopen(&folder, LIMITS);
        let got = all(&mut spool.reader(0, Some(0)));
        let want = ends.iter().filter(|end| **end <= cut as u64).count();
        assert_eq!(got.iter().map(id).collect::<Vec<_>>(), (1..=want as u64).collect::<Vec<_>>(), "cut at {cut}");
        assert_eq!(spool.append(&[batch(9, 1)]).unwrap(), want as u64 + 1);
        drop(spool);
        for file in std::fs::read_dir(folder.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
}

#[test]
fn any_bytes_in_a_segment_are_survived() {
    let (folder, spool) = real(LIMITS);
    spool.append(&(1..=5).map(|n| batch(n, 200)).collect::<Vec<_>>()).unwrap();
    drop(spool);
    let path = folder.path().join(segment_name(1));
    let whole = std::fs::read(&path).unwrap();
    let mut rng = stdx::Rng::seeded(7);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..=rng.below(8) {
            let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
            bytes[at] = u8::try_from(rng.below(256)).unwrap();
        }
        std::fs::write(&path, &bytes).unwrap();
        let spool = reopen(&folder, LIMITS);
        for record in all(&mut spool.reader(0, Some(0))) {
            assert!((1..=5).contains(&id(&record)));
        }
    }
}

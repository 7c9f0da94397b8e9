//! Everything that changes files, in any order, against a model that is a list of lines: nothing is lost, doubled, or
//! seen although it is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use logline::Tenant;
use proptest::prelude::*;

use super::super::*;
use super::crash::{POINTS, Point, flush_until};
use super::support::*;
use crate::store::faulty::Faulty;
use crate::{DeleteState, NewDelete, Predicate, Retention, StreamRetention, TextMatch, TimeRange};

const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// Days that lines are kept: of most services, of one with a rule, and of what is derived.
const KEPT: (i64, i64, i64) = (30, 7, 12);

#[derive(Clone, Debug)]
enum Step {
    /// So many lines of a service, so many hours old, with this word.
    Append {
        lines: u8,
        short: bool,
        age: u16,
        word: u8,
    },
    Flush,
    FlushUntil(Point),
    /// So many hours pass, then background work is done.
    Maintain(u16),
    /// The same, but given up after so many microseconds, with or without a kill.
    Interrupted {
        hours: u16,
        micros: u16,
        kill: bool,
    },
    /// Deletes what has this word and is at most so many hours old.
    Delete {
        word: u8,
        age: u16,
    },
    /// Takes back the oldest request that can be.
    Cancel,
    /// The bucket, if there is one, does not answer while rows are flushed and work is done.
    Outage,
    Kill,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let append = (1_u8..6, any::<bool>(), 0_u16..400, 0_u8..4);
    prop_oneof![
        8 => append.prop_map(|(lines, short, age, word)| Step::Append { lines, short, age: (age / 4) * (age / 4) / 10, word }),
        5 => Just(Step::Flush),
        2 => proptest::sample::select(POINTS.to_vec()).prop_map(Step::FlushUntil),
        3 => (0_u16..40).prop_map(Step::Maintain),
        2 => (0_u16..40, 0_u16..4_000, any::<bool>())
            .prop_map(|(hours, micros, kill)| Step::Interrupted { hours, micros, kill }),
        1 => (0_u8..4, 1_u16..600).prop_map(|(word, age)| Step::Delete { word, age }),
        1 => Just(Step::Cancel),
        1 => Just(Step::Outage),
        1 => Just(Step::Kill),
        1 => Just(Step::Close),
    ]
}

#[derive(Clone, Debug)]
struct Line {
    time: i64,
    short: bool,
    word: u8,
}

/// What there must be.
#[derive(Default)]
struct Model {
    /// By the text of the line, which begins with its mark.
    lines: BTreeMap<String, Line>,
    /// Lines and marks that retention took; they must not come back.
    expired: (BTreeSet<String>, BTreeSet<String>),
    /// Marks of lines that retention had taken when somebody wanted them deleted: nobody can tell that they are meant.
    outlived: BTreeSet<String>,
    requests: BTreeMap<String, (u8, TimeRange)>,
    next: usize,
    history: String,
}

impl Model {
    fn is_hidden(&self, line: &Line) -> bool {
        self.requests.values().any(|(word, range)| *word == line.word && range.contains(logline::Timestamp(line.time)))
    }

    /// What is seen against what must be, may be, or must not be seen. `now` decides what retention may have taken.
    fn check(&mut self, now: i64, seen: &BTreeMap<String, usize>, marks: &BTreeMap<String, usize>) {
        let days = |days: i64| now - days * DAY;
        for (text, line) in &self.lines {
            let mark = text.split(' ').next().unwrap().to_owned();
            let hidden = self.is_hidden(line);
            let period = if line.short { KEPT.1 } else { KEPT.0 };
            let cases = [
                (text, seen.get(text), period, &mut self.expired.0),
                (&mark, marks.get(&mark), KEPT.2, &mut self.expired.1),
            ];
            for (name, found, period, expired) in cases {
                let may_be_gone = line.time < days(period);
                if name == &mark && hidden && line.time < days(if line.short { KEPT.1 } else { KEPT.0 }) {
                    self.outlived.insert(mark.clone());
                    continue;
                }
                match found {
                    Some(1) if !hidden && !expired.contains(name) => {}
                    Some(times) => panic!(
                        "{name} is seen {times} times, hidden {hidden}, expired {}\n{}",
                        expired.contains(name),
                        self.history
                    ),
                    None if hidden => {}
                    None if may_be_gone => drop(expired.insert(name.clone())),
                    None => panic!("{name} is lost: {line:?}\n{}", self.history),
                }
            }
        }
        let strange = seen.keys().find(|text| !self.lines.contains_key(*text));
        assert_eq!(strange, None, "is seen and should not be\n{}", self.history);
        let marks_known: BTreeSet<&str> = self.lines.keys().filter_map(|text| text.split(' ').next()).collect();
        let is_strange = |mark: &&String| !marks_known.contains(mark.as_str()) && !self.outlived.contains(*mark);
        let strange = marks.keys().find(is_strange);
        assert_eq!(strange, None, "is derived from nothing\n{}", self.history);
    }
}

fn lived(mut bench: Bench) -> Bench {
    bench.clock.advance(Duration::from_nanos(u64::try_from(MIDNIGHT).unwrap()));
    let lifecycle = &mut bench.config.lifecycle;
    let days = |days: i64| Duration::from_hours(24 * u64::try_from(days).unwrap());
    let text = TextMatch::Equals("short".to_owned());
    let selector = Predicate::Label { name: "service_name".to_owned(), text };
    let rule = StreamRetention { selector, priority: 1, period: days(KEPT.1) };
    lifecycle.retention = Retention { period: Some(days(KEPT.0)), streams: vec![rule] };
    lifecycle.tables = [(MARKS.to_owned(), days(KEPT.2))].into();
    lifecycle.retention_enabled = true;
    bench
}

/// The storage that the steps work on; none while it is closed.
struct Run {
    bench: Bench,
    storage: Option<Arc<Storage>>,
    model: Model,
}

impl Run {
    fn storage(&self) -> &Arc<Storage> {
        self.storage.as_ref().unwrap()
    }

    fn now(&self) -> i64 {
        logline::Timestamp::from(stdx::Clock::now(&*self.bench.clock)).0
    }

    async fn reopen(&mut self) {
        self.storage = None;
        self.storage = Some(self.bench.open().await);
    }

    fn pass(&self, hours: u16) {
        self.bench.clock.advance(Duration::from_hours(hours.into()));
    }

    async fn step(&mut self, step: Step) {
        writeln!(self.model.history, "{step:?}").unwrap();
        match step {
            Step::Append { lines, short, age, word } => self.append(lines, short, age, word).await,
            Step::Flush => self.storage().flush().await.unwrap(),
            Step::FlushUntil(point) => {
                self.storage().flush().await.unwrap();
                flush_until(self.storage(), point).await;
            }
            Step::Maintain(hours) => {
                self.pass(hours);
                self.storage().maintain().await.unwrap();
                assert_eq!(self.storage().status().job_errors, Vec::<String>::new(), "{}", self.model.history);
            }
            Step::Interrupted { hours, micros, kill } => {
                self.pass(hours);
                let given_up = Duration::from_micros(micros.into());
                drop(tokio::time::timeout(given_up, self.storage().maintain()).await);
                if kill {
                    self.reopen().await;
                }
            }
            Step::Delete { word, age } => {
                let text = TextMatch::Contains(format!(" w{word} "));
                let end = logline::Timestamp(self.now());
                let range = TimeRange { start: logline::Timestamp(self.now() - i64::from(age) * HOUR), end };
                let predicate = Predicate::Column { name: crate::logs::LINE.to_owned(), text };
                let new = NewDelete { tenant: Tenant::default(), query: String::new(), predicate, range };
                let made = self.storage().delete(new).await.unwrap();
                assert_eq!(made.state, DeleteState::Hidden);
                self.model.requests.insert(made.id, (word, range));
            }
            Step::Cancel => {
                let made = self.storage().deletes(&Tenant::default()).await.unwrap();
                let open = made.iter().find(|made| made.state == DeleteState::Hidden);
                if let Some(made) = open {
                    self.storage().cancel_delete(&Tenant::default(), &made.id, true).await.unwrap();
                    self.model.requests.remove(&made.id);
                }
            }
            Step::Outage => self.outage().await,
            Step::Kill => self.reopen().await,
            Step::Close => {
                self.storage().close().await.unwrap();
                self.reopen().await;
            }
        }
        self.settle().await;
    }

    async fn outage(&self) {
        let Some(store) = &self.bench.store else { return };
        store.outage(true);
        drop(self.storage().flush().await);
        drop(self.storage().maintain().await);
        store.outage(false);
        // What has failed is tried again by then.
        self.pass(1);
    }

    async fn append(&mut self, lines: u8, short: bool, age: u16, word: u8) {
        let service = if short { "short" } else { "long" };
        let mut texts = Vec::new();
        for _ in 0..lines {
            self.model.next += 1;
            let time = self.now() - i64::from(age) * HOUR + i64::try_from(self.model.next % 7).unwrap();
            let text = format!("mark{} w{word} x", self.model.next);
            self.model.lines.insert(text.clone(), Line { time, short, word });
            texts.push((time, text));
        }
        let lines: Vec<(i64, &str)> = texts.iter().map(|(time, text)| (*time, text.as_str())).collect();
        self.storage().append(batch(service, &lines)).await.unwrap();
    }

    /// Takes out of the model what was written out of the files, and compares.
    async fn settle(&mut self) {
        for made in self.storage().deletes(&Tenant::default()).await.unwrap() {
            let done = matches!(made.state, DeleteState::Rewritten | DeleteState::Gone);
            if let Some((word, range)) = self.model.requests.get(&made.id).filter(|_| done).copied() {
                self.model.requests.remove(&made.id);
                let meant = |line: &Line| line.word == word && range.contains(logline::Timestamp(line.time));
                self.model.lines.retain(|_, line| !meant(line));
            }
        }
        let (seen, marks) = (counts(self.storage()).await, marks(self.storage()).await);
        let now = self.now();
        self.model.check(now, &seen, &marks);
    }
}

/// Takes all steps, and then so much time that nothing may be left.
async fn live(bench: Bench, steps: Vec<Step>) {
    let storage = Some(bench.open().await);
    let mut run = Run { bench, storage, model: Model::default() };
    for step in steps {
        run.step(step).await;
    }
    run.pass(24 * 32);
    for hours in [0, 1, 3, 3] {
        run.storage().flush().await.unwrap();
        run.pass(hours);
        run.storage().maintain().await.unwrap();
    }
    run.settle().await;
    assert_eq!(counts(run.storage()).await.len(), 0, "{}", run.model.history);
    let left = run.storage().status();
    assert_eq!(left.tables.iter().map(|table| table.files).sum::<u64>(), 0);
    assert_eq!(left.deletes_waiting, 0);
}

fn run_to_the_end(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("RUN_SLOW").is_some() { 500 } else { 12 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_done_to_files_just_the_lines_that_should_be_are_there(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        run_to_the_end(async { live(lived(Bench::new()), steps).await });
    }

    /// Of one write in five the answer gets lost, and it is sent again.
    #[test]
    fn whatever_is_done_to_files_in_a_bucket_just_the_lines_that_should_be_are_there(
        steps in proptest::collection::vec(step(), 1..60), seed in any::<u64>()
    ) {
        run_to_the_end(async {
            let store = Faulty::seeded(seed);
            store.resend(200);
            live(lived(Bench::in_bucket(&store, "one")), steps).await;
        });
    }
}

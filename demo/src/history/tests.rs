//! The past is repeatable, follows the graph but for the faults, and its lines read without defects.

use std::collections::{BTreeMap, BTreeSet};

use logline::{Defect, Format, Kind, Reader};

use super::*;
use crate::faults::Fault;
use crate::lines::legacy;
use crate::world::{Status, luhn_valid};

/// A company small enough for a test, on an ordinary Wednesday at noon.
fn small(seed: u64, length: Duration) -> Plan {
    let end: Timestamp = "2026-11-18T09:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
    Plan { orders_per_day: 400.0, visits_per_day: 60.0, ..Plan::usual(seed, end, length) }
}

fn run(plan: &Plan) -> (State, [String; 3]) {
    let (state, outs) = simulate(plan, [Vec::new(), Vec::new(), Vec::new()], |_| {}).unwrap();
    (state, outs.map(|out| String::from_utf8(out).unwrap()))
}

const DAY: Duration = Duration::from_hours(24);

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_others() {
    let (state, files) = run(&small(7, DAY));
    let (again, same) = run(&small(7, DAY));
    assert!(files == same && state == again);
    let (_, other) = run(&small(8, DAY));
    assert!(files.iter().zip(&other).all(|(one, other)| one != other));
    assert_eq!(state.lines, files.iter().map(|file| file.lines().count() as u64).sum::<u64>());
}

/// What the lines of all three services say.
#[derive(Default)]
struct Told {
    /// Transitions of each order, in order of time.
    ways: BTreeMap<String, Vec<(Timestamp, Option<String>, String)>>,
    services_by_trace: BTreeMap<String, BTreeSet<usize>>,
    failed: BTreeMap<(String, u16), u32>,
    without_confirmation: BTreeSet<String>,
    formats: BTreeMap<&'static str, u32>,
    without_status: u32,
}

impl Told {
    fn by(files: &[String; 3]) -> Self {
        let (mut told, reader, context) = (Self::default(), Reader::default(), logline::Context::default());
        for (service, file) in files.iter().enumerate() {
            let mut last = None;
            for line in file.lines() {
                let record = reader.read(line, &context);
                let intended = record.message() == Some(legacy::PRINTED_AGAIN);
                let defects: Vec<_> = record.defects().iter().collect();
                assert_eq!(defects, if intended { vec![Defect::NoStatus] } else { vec![] }, "{line}");
                told.without_status += u32::from(intended);
                let time = record.time().map(|time| time.at);
                assert!(time.is_none() || last <= time, "out of order: {line}");
                last = time.or(last);
                told.take(service, &record);
            }
        }
        told.ways.values_mut().for_each(|way| way.sort());
        told
    }

    fn take(&mut self, service: usize, record: &logline::Record<'_>) {
        *self.formats.entry(record.format().as_str()).or_default() += 1;
        if let Some(trace) = record.trace_id() {
            self.services_by_trace.entry(trace.to_owned()).or_default().insert(service);
        }
        if let (Some(code @ 400..), Some(Kind::Resp)) = (record.http_status(), record.kind()) {
            *self.failed.entry((record.endpoint().to_owned(), code)).or_default() += 1;
        }
        if record.endpoint() == "PUBLISH handovers" && record.attempt() == Some(3) {
            self.without_confirmation.extend(record.order_id().map(str::to_owned));
        }
        if let (Some(Kind::Status), "order", Some(order), Some(to)) =
            (record.kind(), record.endpoint(), record.order_id(), record.to())
        {
            let at = record.time().unwrap().at;
            let step = (at, record.from().map(str::to_owned), to.to_owned());
            self.ways.entry(order.to_owned()).or_default().push(step);
        }
    }

    /// Orders of which nobody will ever hear again, by the fault that keeps them.
    fn stuck(&self, state: &State) -> BTreeMap<Status, u32> {
        let mut stuck = BTreeMap::new();
        for order in state.open.iter().filter(|order| order.next.is_none()) {
            assert_eq!(self.ways[&order.id.to_string()].last().unwrap().2, order.status.as_str());
            *stuck.entry(order.status).or_default() += 1;
        }
        stuck
    }
}

#[test]
fn two_weeks_follow_the_graph_but_for_the_faults() {
    let plan = small(7, 14 * DAY);
    let (state, files) = run(&plan);
    let told = Told::by(&files);
    for (order, way) in &told.ways {
        let mut before: Option<Status> = None;
        for (_, from, to) in way {
            let to = Status::parse(to).unwrap();
            assert_eq!(from.as_deref(), before.map(Status::as_str), "order {order}");
            assert!(
                before.map_or(to == Status::Created, |from| from.may_become(to)),
                "order {order}: {before:?} to {to}"
            );
            before = Some(to);
        }
    }
    let reworks =
        told.ways.values().flatten().filter(|(_, from, to)| {
            from.as_deref() == Some("MANUFACTURING_COMPLETED") && to == "MANUFACTURING_STARTED"
        });
    let share = reworks.count() as f64 / told.ways.len() as f64;
    assert!((0.01..0.03).contains(&share), "{share} of the orders came back from quality control");

    // Who is stuck is stuck by a fault, and every fault has its victims.
    let victims = |fault: Fault| fault.victims();
    let stuck = told.stuck(&state);
    assert_eq!(
        stuck.keys().copied().collect::<Vec<_>>(),
        [Status::ManufacturingApproved, Status::ManufacturingCompleted, Status::Shipped]
    );
    assert!((1..=victims(Fault::FailedChange)).contains(&stuck[&Status::ManufacturingApproved]));
    assert_eq!(stuck[&Status::ManufacturingCompleted], victims(Fault::StuckStatus));
    assert_eq!(stuck[&Status::Shipped], victims(Fault::LostHandover));
    assert_eq!(told.without_confirmation.len() as u64, u64::from(victims(Fault::LostHandover)));
}

#[test]
fn every_incident_leaves_its_traces() {
    let plan = small(7, 14 * DAY);
    let (_, files) = run(&plan);
    let told = Told::by(&files);
    let failed = |endpoint: &str, code| told.failed.get(&(endpoint.to_owned(), code)).copied().unwrap_or(0);
    assert!(failed("POST /api/v1/orders/{id}/manufacturing/start", 500) > 5);
    assert!(failed("POST /api/v1/cart/items", 400) > 500);
    assert!(failed("POST /api/v1/orders/{id}/submit", 503) > 3);

    let incidents = crate::faults::Incidents::of_history(plan.start, plan.end);
    let of = |fault| incidents.iter().find(|incident| incident.fault == fault).unwrap();
    let lines = |file: &str, from: Timestamp, to: Timestamp| {
        let time = |line: &str| Reader::default().read(line, &logline::Context::default()).time().map(|time| time.at);
        file.lines().filter_map(time).filter(|at| (from..to).contains(at)).count()
    };
    // A call that was under way when the silence began may still end.
    let silence = of(Fault::SilentService);
    assert_eq!(lines(&files[1], silence.from.after(Duration::from_secs(5)), silence.to), 0);
    let spike = of(Fault::TrafficSpike);
    let (now, day_before) =
        (lines(&files[0], spike.from, spike.to), lines(&files[0], spike.from.before(DAY), spike.to.before(DAY)));
    assert!(day_before * 2 < now, "{now} lines in the spike, {day_before} the day before");
}

#[test]
fn only_faults_make_an_order_miss_the_deadlines_of_the_platform() {
    const HOUR: u64 = 3_600;
    let deadline = |status| match status {
        Status::Submitted => HOUR / 2,
        Status::PriceCalculated => 48 * HOUR,
        Status::ManufacturingStarted | Status::Delivered => 72 * HOUR,
        Status::ManufacturingCompleted => 12 * HOUR,
        Status::Shipped => 7 * 24 * HOUR,
        _ => 24 * HOUR,
    };
    let mut plan = small(7, 14 * DAY);
    plan.faults.clear();
    let (state, files) = run(&plan);
    assert!(state.open.iter().all(|order| order.next.is_some()));
    for (order, way) in Told::by(&files).ways {
        for pair in way.windows(2) {
            let stayed = pair[1].0.since(pair[0].0);
            let status = Status::parse(&pair[0].2).unwrap();
            assert!(stayed.as_secs() < deadline(status), "order {order} was {status} for {stayed:?}");
        }
    }
}

#[test]
fn chains_of_calls_carry_one_trace_through_two_services_and_the_old_logger_tells_all() {
    let (state, files) = run(&small(7, 3 * DAY));
    let told = Told::by(&files);
    let pairs: BTreeSet<_> = told.services_by_trace.values().filter(|services| services.len() > 1).collect();
    let want = [BTreeSet::from([0, 1]), BTreeSet::from([0, 2]), BTreeSet::from([1, 2])];
    assert_eq!(pairs, want.iter().collect());
    assert!(state.story.is_some());
    assert!(
        [Format::House, Format::Json, Format::Unknown].iter().all(|format| told.formats.contains_key(format.as_str()))
    );

    assert!(told.without_status > 0);

    // SHOP and CRM mask; MES writes phones, e-mails, cards and tokens as they come.
    let [shop, crm, mes] = &files;
    for masking in [shop, crm] {
        assert!(!masking.contains("@example.") && !masking.contains("+7") && masking.contains("<phone>"));
    }
    let raw = |part: &str| mes.lines().filter(|line| line.contains(part)).count();
    assert!(raw("@example.") > 100 && raw(r#""phone":"+7"#) > 50 && raw("Bearer mes.") > 0);
    let cards = mes.lines().filter_map(|line| line.split_once(r#""card":""#)).filter_map(|(_, rest)| rest.get(..19));
    let cards: Vec<_> = cards.collect();
    assert!(!cards.is_empty() && cards.iter().all(|card| luhn_valid(card)));
}

#[test]
fn nothing_lies_under_its_final_name_until_all_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut shares = Vec::new();
    let log = |service| log_file(folder.path(), service);
    let plan = small(3, DAY);
    let state = write(folder.path(), &plan, &mut |progress| {
        assert!(Service::ALL.into_iter().all(|service| !log(service).exists()));
        shares.push(progress.share);
    })
    .unwrap();
    assert!(shares.is_sorted() && shares.last() == Some(&1.0));
    let lines = |service| fs::read_to_string(log(service)).unwrap().lines().count() as u64;
    assert_eq!(Service::ALL.map(lines).iter().sum::<u64>(), state.lines);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

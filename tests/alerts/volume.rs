//! The detector of volumes beside three sigma and EWMA: 35 days of the demo with planted faults, one table; and the
//! first weeks of a company of the usual size, in which nothing is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use alert::anomaly::{Counts, DaysOff, Detector, Judgement, Settings, Side};
use demo::history::{Plan, log_file, write};
use demo::lines::Service;
use logline::{Context, Reader, Timestamp};
use stdx::Rng;

use super::past::end;

const BUCKET: Duration = Duration::from_secs(300);
const DAY: i64 = 288;
const WEEK: i64 = 7 * DAY;
/// How often each fault is planted in each series.
const TIMES: usize = 12;

/// One service's lines by bucket.
type Series = Vec<f64>;

/// The lines of each service, by bucket.
fn history(plan: &Plan) -> BTreeMap<&'static str, Series> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), plan, &mut |_| {}).unwrap();
    let (reader, context) = (Reader::default(), Context::default());
    let length = usize::try_from(plan.end.since(plan.start).as_secs() / BUCKET.as_secs()).unwrap();
    let count = |service: Service| {
        let (mut series, mut bucket) = (vec![0.0; length], 0);
        for line in BufReader::new(File::open(log_file(folder.path(), service)).unwrap()).lines() {
            // What has no time belongs to the line before it.
            if let Some(time) = reader.read(&line.unwrap(), &context).time() {
                bucket = usize::try_from(time.at.since(plan.start).as_secs() / BUCKET.as_secs()).unwrap();
            }
            series[bucket.min(length - 1)] += 1.0;
        }
        (service.name(), series)
    };
    Service::ALL.into_iter().map(count).collect()
}

/// A company a third as large as the demo's.
fn third(seed: u64) -> Plan {
    let usual = Plan::usual(seed, end(), Duration::from_hours(24 * 35));
    Plan { orders_per_day: 520.0, visits_per_day: 190.0, faults: BTreeSet::new(), ..usual }
}

/// What judges the buckets before an end: low, high or nothing.
trait Judge {
    fn name(&self) -> &'static str;
    fn judge(&mut self, series: &Series, end: usize) -> Option<Side>;
}

/// Ours.
struct Ours {
    detector: Detector,
    counts: Option<(Vec<f64>, Counts)>,
}

impl Ours {
    fn new(days_off: DaysOff) -> Self {
        Self { detector: Detector::new(Settings { days_off, ..Settings::default() }), counts: None }
    }
}

fn begin() -> Timestamp {
    end().before(Duration::from_hours(24 * 35))
}

impl Judge for Ours {
    fn name(&self) -> &'static str {
        "hour of week (ours)"
    }

    fn judge(&mut self, series: &Series, end: usize) -> Option<Side> {
        if self.counts.as_ref().is_none_or(|(known, _)| known != series) {
            let mut counts = Counts::new(begin(), BUCKET);
            series.iter().for_each(|count| counts.push(*count));
            self.detector = Detector::new(self.detector.settings().clone());
            self.counts = Some((series.clone(), counts));
        }
        let (_, counts) = self.counts.as_ref().unwrap();
        match self.detector.judge(counts, counts.first() + i64::try_from(end).unwrap()) {
            Judgement::Unusual(finding) => Some(finding.side),
            _ => None,
        }
    }
}

/// Three deviations from the mean of four weeks.
struct Sigma;

impl Judge for Sigma {
    fn name(&self) -> &'static str {
        "mean ± 3 sigma"
    }

    fn judge(&mut self, series: &Series, end: usize) -> Option<Side> {
        let past = &series[end.saturating_sub(4 * 2_016)..end - 1];
        let mean = past.iter().sum::<f64>() / past.len() as f64;
        let sigma = (past.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / past.len() as f64).sqrt();
        side(series[end - 1], mean, 3.0 * sigma)
    }
}

/// Three deviations from a mean that forgets.
struct Ewma;

impl Judge for Ewma {
    fn name(&self) -> &'static str {
        "EWMA ± 3 sigma"
    }

    fn judge(&mut self, series: &Series, end: usize) -> Option<Side> {
        const ALPHA: f64 = 0.1;
        let (mut mean, mut variance) = (series[end.saturating_sub(200)], 1.0);
        for x in &series[end.saturating_sub(200)..end - 1] {
            let delta = x - mean;
            mean += ALPHA * delta;
            variance = (1.0 - ALPHA) * (variance + ALPHA * delta * delta);
        }
        side(series[end - 1], mean, 3.0 * variance.sqrt())
    }
}

fn side(x: f64, mean: f64, reach: f64) -> Option<Side> {
    if x < mean - reach {
        Some(Side::Low)
    } else if mean + reach < x {
        Some(Side::High)
    } else {
        None
    }
}

/// A fault: its name, the local hours in which it begins, buckets, what it makes of a count, and its side.
const FAULTS: [Planted; 4] = [
    ("outage, 30 min by day", (10, 20), 6, 0.0, Side::Low),
    ("outage, 60 min at night", (1, 5), 12, 0.0, Side::Low),
    ("half drop, 60 min by day", (10, 20), 12, 0.5, Side::Low),
    ("spike ×3, 20 min by day", (10, 20), 4, 3.0, Side::High),
];

type Planted = (&'static str, (i64, i64), usize, f64, Side);

/// Shares of planted faults that are seen, and false episodes a week.
struct Score {
    recall: Vec<f64>,
    quiet: f64,
    growth: f64,
    promotion: f64,
}

fn score(judge: &mut dyn Judge, promoted: &mut dyn Judge, all: &[Series]) -> Score {
    let mut rng = Rng::seeded(3);
    let last = usize::try_from(4 * WEEK).unwrap();
    let mut recall = Vec::new();
    for (_, (from, to), length, factor, wanted) in FAULTS {
        let mut seen = 0;
        for series in all {
            for _ in 0..TIMES {
                // The history begins at noon, local time.
                let day = i64::try_from(rng.below(6)).unwrap();
                let hour = from + i64::try_from(rng.below(u64::try_from(to - from).unwrap())).unwrap();
                let at = last + usize::try_from(day * DAY + (hour + 12) * 12 % DAY).unwrap();
                let mut changed = series.clone();
                changed[at..at + length].iter_mut().for_each(|x| *x = changed_count(*x, factor, &mut rng));
                let found = (at + 1..=at + length + 2).any(|end| judge.judge(&changed, end) == Some(wanted));
                seen += usize::from(found);
            }
        }
        recall.push(seen as f64 / (all.len() * TIMES) as f64);
    }
    let episodes = |judge: &mut dyn Judge, change: &dyn Fn(usize, f64) -> f64| {
        let mut count = 0;
        for series in all {
            let series: Series = series.iter().enumerate().map(|(at, x)| change(at, *x)).collect();
            let mut going_on = false;
            for end in last + 1..=series.len() {
                let unusual = judge.judge(&series, end).is_some();
                count += usize::from(unusual && !going_on);
                going_on = unusual;
            }
        }
        count as f64 / all.len() as f64
    };
    let day = usize::try_from(DAY).unwrap();
    Score {
        recall,
        quiet: episodes(judge, &|_, x| x),
        growth: episodes(judge, &|at, x| (x * 1.02_f64.powf(at as f64 / WEEK as f64)).round()),
        promotion: episodes(promoted, &|at, x| {
            if (last + 2 * day + 144..last + 3 * day + 144).contains(&at) { (x * 1.8).round() } else { x }
        }),
    }
}

/// Drops or repeats each line by chance, so that the noise stays what it is.
fn changed_count(x: f64, factor: f64, rng: &mut Rng) -> f64 {
    if factor >= 1.0 {
        return (x * factor).round();
    }
    let mut left = x;
    let mut kept = 0.0;
    while left >= 1.0 {
        kept += f64::from(u8::from(rng.chance(factor)));
        left -= 1.0;
    }
    kept
}

#[test]
fn ours_sees_what_others_do_not_and_stays_quiet_in_ordinary_weeks() {
    // One seed always, two with `RUN_SLOW=1`.
    let seeds = if std::env::var_os("RUN_SLOW").is_some() { 11..13 } else { 11..12 };
    let all: Vec<Series> = seeds.flat_map(|seed| history(&third(seed)).into_values()).collect();
    let promotion = jiff::Timestamp::from(begin().after(Duration::from_hours(24 * 30 + 12)));
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(3));
    let day = promotion.to_zoned(zone.clone()).date();
    let declared = DaysOff::new([day], zone);
    let rows: Vec<(&str, Score)> = vec![
        {
            let (mut ours, mut promoted) = (Ours::new(DaysOff::default()), Ours::new(declared));
            (ours.name(), score(&mut ours, &mut promoted, &all))
        },
        (Sigma.name(), score(&mut Sigma, &mut Sigma, &all)),
        (Ewma.name(), score(&mut Ewma, &mut Ewma, &all)),
    ];
    println!(
        "| method | {} | false episodes a week | with growth of 2 % a week | with a promotion day |",
        FAULTS.map(|fault| fault.0).join(" | ")
    );
    for (name, score) in &rows {
        let recall: Vec<String> = score.recall.iter().map(|share| format!("{:.0} %", share * 100.0)).collect();
        println!(
            "| {name} | {} | {:.2} | {:.2} | {:.2} |",
            recall.join(" | "),
            score.quiet,
            score.growth,
            score.promotion
        );
    }
    let ours = &rows[0].1;
    assert!(ours.recall[0] >= 0.9 && ours.recall[2] >= 0.5 && ours.recall[3] >= 0.9, "{:?}", ours.recall);
    assert!(ours.quiet <= 0.2 && ours.growth <= 0.3 && ours.promotion <= 0.2);
    let plain = rows.iter().skip(1).map(|(_, score)| score.recall[0]).fold(0.0, f64::max);
    assert!(ours.recall[0] > plain, "an outage by day is what the plain ones miss");
}

#[test]
fn a_company_of_the_usual_size_wakes_nobody_from_its_first_day_on() {
    // Beginnings on each day of the week with `RUN_SLOW=1`, on a Saturday always: its first weekend has little to do.
    let lengths = if std::env::var_os("RUN_SLOW").is_some() { 25..32 } else { 25..26 };
    for days in lengths {
        let plan = Plan::usual(100 + days, end(), Duration::from_hours(24 * days));
        for (service, series) in history(&Plan { faults: BTreeSet::new(), ..plan.clone() }) {
            let mut counts = Counts::new(plan.start, BUCKET);
            series.iter().for_each(|count| counts.push(*count));
            let mut detector = Detector::new(Settings::default());
            let unusual = |end: i64| match detector.judge(&counts, end) {
                Judgement::Unusual(finding) => Some(format!("{} {finding:?}", jiff::Timestamp::from(counts.time(end)))),
                _ => None,
            };
            let told: Vec<String> = (counts.first() + WEEK..=counts.end()).filter_map(unusual).collect();
            assert!(told.is_empty(), "{service}, {days} days: {}", told.join("\n"));
        }
    }
}

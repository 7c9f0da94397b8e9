//! `volume_anomaly`: counts by bucket, judged by the detector, with a picture for those who read it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use logline::{Labels, Timestamp};
use stdx::Language;

use super::super::found::{About, Findings, Found, Grid, owned};
use super::super::history::History;
use super::super::source::{Failure, Source};
use super::Memory;
use crate::anomaly::{Chart, Detector, Finding, Judgement, Settings, Side, png};
use crate::model::Picture;
use crate::rule::{Span, VolumeAnomaly, Way};

/// How much of the past a picture shows.
const SHOWN: Duration = Duration::from_secs(24 * 3_600);
/// History that is kept at least, for comparing hours of the day.
const LEAST: Duration = Duration::from_secs(15 * 86_400);
/// The label that tells which way a volume is wrong.
const SIDE: &str = "side";

fn settings(with: &VolumeAnomaly) -> Result<Settings, Failure> {
    Ok(Settings {
        bucket: with.bucket.0,
        weeks: with.weeks,
        threshold: with.threshold,
        low: with.low,
        high: with.high,
        min_volume: with.min_volume,
        learning: with.learning.0,
        days_off: with.days().map_err(Failure::Failed)?,
        ..Settings::default()
    })
}

pub(super) async fn find(
    with: &VolumeAnomaly,
    source: &Source,
    grid: Grid,
    memory: &mut Memory,
) -> Result<Findings, Failure> {
    let settings = settings(with)?;
    let span = grid.end().since(grid.start);
    let weeks = Duration::from_secs(7 * 86_400) * u32::try_from(with.weeks + 1).unwrap_or(5);
    let length = weeks.max(LEAST) + SHOWN + span;
    let history = memory.history.get_or_insert_with(|| History::new(&with.selector, &with.by, with.bucket.0, length));
    for labels in history.advance(source, grid.end()).await? {
        memory.detectors.get_mut(&labels).into_iter().for_each(Detector::forget);
    }
    let mut findings = Findings::default();
    for (labels, counts) in history.series() {
        let detector = memory.detectors.entry(labels.clone()).or_insert_with(|| Detector::new(settings.clone()));
        let mut last: Option<(i64, Option<Finding>)> = None;
        for (point, time) in grid.times() {
            let end = history.number(time);
            if last.as_ref().is_none_or(|(judged, _)| *judged != end) {
                let unusual = match detector.judge(counts, end) {
                    Judgement::Unusual(finding) if wanted(with, finding.side) => Some(finding),
                    _ => None,
                };
                last = Some((end, unusual));
            }
            if let Some((_, Some(finding))) = &last {
                let since = counts.time(end).before(finding.window);
                findings.add(point, found(labels, finding, since));
            }
        }
    }
    let gone = |labels: &Labels| !history.series().contains_key(labels);
    memory.detectors.retain(|labels, _| !gone(labels));
    Ok(findings)
}

fn wanted(with: &VolumeAnomaly, side: Side) -> bool {
    with.sides.contains(&match side {
        Side::Low => Way::Low,
        Side::High => Way::High,
    })
}

fn found(labels: &Labels, finding: &Finding, since: Timestamp) -> Found {
    let mut labels = owned(labels);
    labels.insert(SIDE.to_owned(), finding.side.name().to_owned());
    let about = About { first_seen: Some(since), ..About::default() }
        .fact("Came", finding.came)
        .fact("Expected", finding.expected.round())
        .fact("Window", Span(finding.window))
        .fact("Basis", finding.basis.name());
    let ratio = if finding.expected > 0.0 { finding.came / finding.expected } else { f64::INFINITY };
    Found { labels, value: ratio, about }
}

/// The band against what came, for an alert of this rule; none if there is nothing to draw.
pub(crate) fn picture(
    with: &VolumeAnomaly,
    memory: &mut Memory,
    labels: &BTreeMap<String, String>,
    (since, now): (Timestamp, Timestamp),
    language: Language,
) -> Option<Picture> {
    let history = memory.history.as_ref()?;
    let of_alert = |own: &Labels| own.iter().all(|(name, value)| labels.get(name).is_some_and(|has| has == value));
    let (own, counts) = history.series().iter().find(|(own, _)| of_alert(own))?;
    let detector = memory.detectors.get_mut(own)?;
    let window = with.bucket.0 * 3;
    let points = detector.chart(counts, history.number(now), window, SHOWN);
    let last = points.last()?;
    let names: Vec<&str> = own.iter().map(|(_, value)| value).collect();
    let low = labels.get(SIDE).is_some_and(|side| side == Side::Low.name());
    let what = match (low, language) {
        (true, Language::English) => "fewer lines than usual",
        (true, Language::Russian) => "строк меньше обычного",
        (false, Language::English) => "more lines than usual",
        (false, Language::Russian) => "строк больше обычного",
    };
    let title = format!("{}: {what}", names.join(", "));
    let unit = match language {
        Language::English => format!("lines in {} min", window.as_secs() / 60),
        Language::Russian => format!("строк за {} мин", window.as_secs() / 60),
    };
    let alt = match language {
        Language::English => format!("{title}; {:.0} {unit}, usually {:.0}", last.came, last.expected),
        Language::Russian => format!("{title}; {:.0} {unit}, обычно {:.0}", last.came, last.expected),
    };
    let legend = [language.pick("came", "пришло").to_owned(), language.pick("usual", "обычно").to_owned()];
    let zone = with.zone().unwrap_or(TimeZone::UTC);
    let chart = Chart { title, unit, legend, points, since: Some(since), zone };
    // An alert without its picture is better than none.
    png(&chart).ok().map(|png| Picture { png, alt })
}

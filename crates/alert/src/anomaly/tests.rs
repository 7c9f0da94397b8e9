//! Judgements over synthetic months: what must be seen, what must not, and what is said while there is little history.

use stdx::Rng;

use super::*;
use logline::Timestamp;

const BUCKET: Duration = Duration::from_secs(300);
/// A Monday, midnight UTC.
const MONDAY: i64 = 1_791_763_200_000_000_000;

/// A day's shape, with nights of a tenth and weekends of seven tenths.
fn shape(number: i64) -> f64 {
    let day = number.div_euclid(288).rem_euclid(7);
    let hour = number.rem_euclid(288) as f64 / 12.0;
    let bell = 0.1 + 0.9 * (std::f64::consts::PI * ((hour - 4.0) / 20.0)).sin().max(0.0);
    bell * if day < 5 { 1.0 } else { 0.7 }
}

/// A count with this mean, by the normal distribution for large ones.
fn poisson(mean: f64, rng: &mut Rng) -> f64 {
    if mean > 50.0 {
        let sum: f64 = (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0;
        return (mean + sum * mean.sqrt()).round().max(0.0);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), rng.unit(), 0.0);
    while product > limit {
        product *= rng.unit();
        count += 1.0;
    }
    count
}

/// Weeks of counts, changed by `fault` of (bucket since the start).
fn counts(weeks: i64, peak: f64, fault: impl Fn(i64) -> f64) -> Counts {
    let mut rng = Rng::seeded(11);
    let mut counts = Counts::new(Timestamp(MONDAY), BUCKET);
    for number in 0..weeks * 7 * 288 {
        counts.push(poisson(peak * shape(number) * fault(number), &mut rng));
    }
    counts
}

fn judge(counts: &Counts, settings: Settings) -> Judgement {
    Detector::new(settings).judge(counts, counts.end())
}

/// Noon of the last Thursday: the history ends there.
fn until_thursday_noon(weeks: i64, peak: f64, fault: impl Fn(i64) -> f64) -> Counts {
    let end = ((weeks - 1) * 7 + 3) * 288 + 144;
    let mut rng = Rng::seeded(12);
    let mut counts = Counts::new(Timestamp(MONDAY), BUCKET);
    for number in 0..end {
        counts.push(poisson(peak * shape(number) * fault(end - number), &mut rng));
    }
    counts
}

#[test]
fn an_ordinary_moment_is_usual() {
    assert_eq!(judge(&until_thursday_noon(5, 40.0, |_| 1.0), Settings::default()), Judgement::Usual);
}

#[test]
fn silence_half_and_threefold_volume_are_found_with_their_side() {
    let cases: [(f64, i64, Side); 3] = [(0.0, 3, Side::Low), (0.5, 12, Side::Low), (3.0, 2, Side::High)];
    for (factor, lasts, side) in cases {
        let counts = until_thursday_noon(5, 40.0, |ago| if ago <= lasts { factor } else { 1.0 });
        let Judgement::Unusual(finding) = judge(&counts, Settings::default()) else { panic!("{factor} is not seen") };
        assert_eq!((finding.side, finding.basis), (side, Basis::HourOfWeek));
        let ratio = finding.came / finding.expected;
        assert!((ratio - factor).abs() < 0.4, "{ratio} instead of {factor}");
    }
}

#[test]
fn what_is_over_is_no_longer_told() {
    let counts = until_thursday_noon(5, 40.0, |ago| if (4..16).contains(&ago) { 0.0 } else { 1.0 });
    assert_eq!(judge(&counts, Settings::default()), Judgement::Usual);
}

#[test]
fn a_past_incident_does_not_become_what_is_usual() {
    let week = 7 * 288;
    let counts = until_thursday_noon(5, 40.0, |ago| match ago {
        0..=6 => 0.0,
        ago if (week..week + 6).contains(&ago) => 0.0,
        _ => 1.0,
    });
    assert!(matches!(judge(&counts, Settings::default()), Judgement::Unusual(Finding { side: Side::Low, .. })));
}

#[test]
fn with_little_history_it_learns_then_compares_days_and_says_so() {
    let young = until_thursday_noon(1, 40.0, |_| 1.0);
    let Judgement::Learning(left) = judge(&young, Settings::default()) else {
        panic!("three days and a half are enough")
    };
    assert!((Duration::from_secs(3 * 86_400)..Duration::from_secs(4 * 86_400)).contains(&left), "{left:?}");
    let quiet = until_thursday_noon(2, 40.0, |ago| if ago <= 6 { 0.0 } else { 1.0 });
    let Judgement::Unusual(finding) = judge(&quiet, Settings::default()) else { panic!("silence is not seen") };
    assert_eq!(finding.basis, Basis::HourOfDay);
    let nothing = Counts::new(Timestamp(MONDAY), BUCKET);
    assert_eq!(judge(&nothing, Settings::default()), Judgement::Learning(Duration::from_secs(7 * 86_400)));
}

#[test]
fn nothing_is_judged_on_a_day_off() {
    let counts = until_thursday_noon(5, 40.0, |ago| if ago <= 12 { 3.0 } else { 1.0 });
    let day = jiff::Timestamp::from(counts.time(counts.end() - 1)).to_zoned(jiff::tz::TimeZone::UTC).date();
    let days_off = DaysOff::new([day], jiff::tz::TimeZone::UTC);
    assert_eq!(judge(&counts, Settings { days_off, ..Settings::default() }), Judgement::DayOff);
}

#[test]
fn a_day_off_does_not_change_what_is_usual_after_it() {
    let tuesday = 433..=720;
    let counts = until_thursday_noon(6, 40.0, |ago| if tuesday.contains(&ago) { 10.0 } else { 1.0 });
    let day = jiff::Timestamp::from(counts.time(counts.end() - 720)).to_zoned(jiff::tz::TimeZone::UTC).date();
    let days_off = DaysOff::new([day], jiff::tz::TimeZone::UTC);
    assert_eq!(judge(&counts, Settings { days_off, ..Settings::default() }), Judgement::Usual);
}

#[test]
fn too_small_a_volume_is_left_to_absence() {
    let counts = until_thursday_noon(5, 0.2, |ago| if ago <= 6 { 0.0 } else { 1.0 });
    assert_eq!(judge(&counts, Settings::default()), Judgement::Usual);
}

#[test]
fn an_ordinary_month_has_no_episodes_at_any_volume() {
    for peak in [2.0, 40.0, 2_000.0] {
        let counts = counts(6, peak, |number| 1.0 + 0.02 * number as f64 / 2_016.0);
        let mut detector = Detector::new(Settings::default());
        let ends = counts.first() + 4 * 2_016..=counts.end();
        let false_ones = ends.filter(|end| matches!(detector.judge(&counts, *end), Judgement::Unusual(_))).count();
        assert_eq!(false_ones, 0, "at a peak of {peak}, growing by two percent a week");
    }
}

#[test]
fn a_young_system_that_has_more_to_do_every_day_wakes_nobody_and_its_outages_are_seen() {
    let steadily = |day: f64| 0.2 + 0.8 * (day / 14.0).min(1.0);
    let ever_less = |day: f64| 0.15 + 0.85 * (1.0 - (-day / 5.0).exp());
    let noon = 10 * 288 + 144;
    for grown in [&steadily as &dyn Fn(f64) -> f64, &ever_less] {
        let healthy = counts(3, 40.0, |number| grown(number as f64 / 288.0));
        let mut detector = Detector::new(Settings::default());
        let unusual = |end: &i64| matches!(detector.judge(&healthy, *end), Judgement::Unusual(_));
        let told: Vec<i64> = (healthy.first() + 7 * 288..=healthy.end()).filter(unusual).collect();
        assert!(
            told.is_empty(),
            "{:?}",
            told.iter().map(|end| (end - healthy.first()) as f64 / 288.0).collect::<Vec<_>>()
        );
        let broken =
            counts(
                3,
                40.0,
                |number| {
                    if (noon..noon + 6).contains(&number) { 0.0 } else { grown(number as f64 / 288.0) }
                },
            );
        let judged = Detector::new(Settings::default()).judge(&broken, broken.first() + noon + 6);
        assert!(matches!(judged, Judgement::Unusual(Finding { side: Side::Low, .. })), "{judged:?}");
    }
}

#[test]
fn a_first_weekend_with_little_to_do_is_not_taken_for_what_weekends_are() {
    let of_first_weekend = |number: i64| (5 * 288..7 * 288).contains(&number) && (72..264).contains(&(number % 288));
    let healthy = counts(4, 40.0, |number| if of_first_weekend(number) { 0.25 } else { 1.0 });
    let mut detector = Detector::new(Settings::default());
    let unusual = |end: &i64| matches!(detector.judge(&healthy, *end), Judgement::Unusual(_));
    assert_eq!((healthy.first() + 7 * 288..=healthy.end()).find(unusual), None);
}

#[test]
fn the_picture_is_a_png_of_its_size() {
    let counts = until_thursday_noon(5, 40.0, |ago| if ago <= 8 { 0.1 } else { 1.0 });
    let mut detector = Detector::new(Settings::default());
    let points = detector.chart(&counts, counts.end(), BUCKET * 3, Duration::from_secs(86_400));
    assert!(
        points.len() == 289 && points.iter().all(|point| point.low <= point.expected && point.expected <= point.high)
    );
    let chart = Chart {
        title: "shop-api: слишком мало строк".to_owned(),
        unit: "строк за 15 мин".to_owned(),
        legend: ["пришло".to_owned(), "обычно".to_owned()],
        since: Some(counts.time(counts.end() - 8)),
        zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(3)),
        points,
    };
    let png = png(&chart).unwrap();
    assert_eq!(png.get(..8), Some(&b"\x89PNG\r\n\x1a\n"[..]));
    assert_eq!(png.get(16..24), Some(&[0, 0, 3, 32, 0, 0, 1, 84][..]), "800 by 340");
    if let Some(folder) = std::env::var_os("LAPIDARY_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join("anomaly.png"), &png).unwrap();
    }
    let empty = Chart { points: Vec::new(), since: None, ..chart };
    assert!(super::png(&empty).is_ok());
}

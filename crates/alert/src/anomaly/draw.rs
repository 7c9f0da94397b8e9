//! Draws a chart: an SVG of our own, made a PNG by resvg with the letters of DejaVu Sans.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Time;
use resvg::{tiny_skia, usvg};

use super::Chart;
use super::chart::Point;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 340.0;
/// Room for the words around the curves: left, top, right, bottom.
const ROOM: [f64; 4] = [64.0, 48.0, 16.0, 34.0];
/// Lines across, without the lowest.
const RULES: u32 = 4;

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the picture cannot be drawn: {0}")]
pub struct PictureError(String);

/// The letters of every picture.
static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    Arc::new(fonts)
});

/// The chart as a PNG file.
///
/// # Errors
/// The drawing is refused by the renderer.
pub fn png(chart: &Chart) -> Result<Vec<u8>, PictureError> {
    let wrong = |error: &dyn std::fmt::Display| PictureError(error.to_string());
    let options = usvg::Options { fontdb: Arc::clone(&FONTS), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(&svg(chart), &options).map_err(|error| wrong(&error))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a constant")]
    let mut pixels = tiny_skia::Pixmap::new(WIDTH as u32, HEIGHT as u32).ok_or_else(|| wrong(&"it has no size"))?;
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| wrong(&error))
}

/// Where times and counts lie on the paper.
struct Paper<'c> {
    chart: &'c Chart,
    first: i64,
    span: f64,
    top: f64,
}

fn svg(chart: &Chart) -> String {
    let highest = chart.points.iter().map(|point| point.came.max(point.high)).fold(1.0, f64::max);
    let (first, last) = match (chart.points.first(), chart.points.last()) {
        (Some(first), Some(last)) => (first.time.0, last.time.0),
        _ => (0, 1),
    };
    let paper = Paper { chart, first, span: ((last - first) as f64).max(1.0), top: round_up(highest) };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"DejaVu Sans\" \
         font-size=\"11\" fill=\"#4a5568\"><rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    );
    paper.heading(&mut out);
    paper.rules(&mut out);
    paper.since(&mut out);
    paper.curves(&mut out);
    paper.hours(&mut out);
    out.push_str("</svg>");
    out
}

impl Paper<'_> {
    fn x(&self, time: i64) -> f64 {
        ROOM[0] + (time - self.first) as f64 / self.span * (WIDTH - ROOM[0] - ROOM[2])
    }

    fn y(&self, count: f64) -> f64 {
        HEIGHT - ROOM[3] - count / self.top * (HEIGHT - ROOM[1] - ROOM[3])
    }

    fn heading(&self, out: &mut String) {
        let chart = self.chart;
        text(out, ROOM[0], 20.0, "font-size=\"14\" fill=\"#1a202c\"", &chart.title);
        text(out, ROOM[0], 37.0, "", &chart.unit);
        let [came, usual] = &chart.legend;
        let right = WIDTH - ROOM[2];
        text(out, right, 37.0, "text-anchor=\"end\"", usual);
        // About 6.6 units a letter of this size.
        let left = right - 6.6 * usual.chars().count() as f64 - 26.0;
        put(out, format_args!("<rect x=\"{left:.0}\" y=\"28\" width=\"18\" height=\"10\" fill=\"#bcd7ef\"/>"));
        text(out, left - 12.0, 37.0, "text-anchor=\"end\"", came);
        let left = left - 12.0 - 6.6 * came.chars().count() as f64 - 26.0;
        put(out, format_args!("<rect x=\"{left:.0}\" y=\"32\" width=\"18\" height=\"2.5\" fill=\"#12305c\"/>"));
    }

    fn rules(&self, out: &mut String) {
        for rule in 0..=RULES {
            let count = self.top * f64::from(rule) / f64::from(RULES);
            let y = self.y(count);
            let right = WIDTH - ROOM[2];
            put(out, format_args!("<path d=\"M{} {y:.1}H{right}\" stroke=\"#e2e8f0\" fill=\"none\"/>", ROOM[0]));
            text(out, ROOM[0] - 8.0, y + 4.0, "text-anchor=\"end\"", &short(count));
        }
    }

    /// What strays stands on red ground.
    fn since(&self, out: &mut String) {
        let Some(since) = self.chart.since else { return };
        let x = self.x(since.0.max(self.first));
        let (width, height) = (WIDTH - ROOM[2] - x, HEIGHT - ROOM[1] - ROOM[3]);
        if width > 0.0 {
            put(
                out,
                format_args!(
                    "<rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{height}\" fill=\"#e53e3e\" fill-opacity=\"0.16\"/>",
                    ROOM[1]
                ),
            );
        }
    }

    fn curves(&self, out: &mut String) {
        let points = &self.chart.points;
        let along =
            |value: fn(&Point) -> f64| points.iter().map(move |point| (self.x(point.time.0), self.y(value(point))));
        let band = along(|point| point.high).chain(along(|point| point.low).rev());
        put(out, format_args!("<path d=\"{}Z\" fill=\"#bcd7ef\" fill-opacity=\"0.75\"/>", path(band)));
        let usual = path(along(|point| point.expected));
        put(
            out,
            format_args!(
                "<path d=\"{usual}\" fill=\"none\" stroke=\"#5b8db8\" stroke-width=\"1\" stroke-dasharray=\"4 3\"/>"
            ),
        );
        let came = path(along(|point| point.came));
        put(out, format_args!("<path d=\"{came}\" fill=\"none\" stroke=\"#12305c\" stroke-width=\"1.8\"/>"));
    }

    /// Every few hours the time, and at midnight the day.
    fn hours(&self, out: &mut String) {
        let hours = self.span / 3.6e12;
        let every =
            [1, 2, 3, 4, 6, 12, 24, 48].into_iter().find(|every| hours / f64::from(*every) <= 9.0).unwrap_or(96);
        let end = self.first.saturating_add(span_nanos(self.span));
        let mut at = self.zoned(self.first).start_of_day().ok();
        while let Some(time) = at.filter(|time| time.timestamp().as_nanosecond() <= i128::from(end)) {
            let nanos = i64::try_from(time.timestamp().as_nanosecond()).unwrap_or(i64::MAX);
            if self.first <= nanos {
                let midnight = time.time() == Time::midnight();
                let words = time.strftime(if midnight { "%d.%m" } else { "%H:%M" }).to_string();
                let x = self.x(nanos);
                let (low, y) = (HEIGHT - ROOM[3], HEIGHT - 14.0);
                put(out, format_args!("<path d=\"M{x:.1} {low}v4\" stroke=\"#a0aec0\" fill=\"none\"/>"));
                text(out, x, y, "text-anchor=\"middle\"", &words);
            }
            at = time.checked_add(Duration::from_secs(3_600 * u64::try_from(every).unwrap_or(1))).ok();
        }
    }

    fn zoned(&self, nanos: i64) -> Zoned {
        jiff::Timestamp::from(logline::Timestamp(nanos)).to_zoned(self.chart.zone.clone())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it was made from whole nanoseconds")]
const fn span_nanos(span: f64) -> i64 {
    span as i64
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    for (index, (x, y)) in points.enumerate() {
        put(&mut out, format_args!("{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' }));
    }
    out
}

fn text(out: &mut String, x: f64, y: f64, style: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    put(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{words}</text>"));
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing to a string cannot fail");
}

/// The next number that reads well: 1, 2, 2.5, 4, 5, 8 or 10 times a power of ten, four of which make a scale.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    let step = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0].into_iter().find(|step| value <= step * power);
    (step.unwrap_or(10.0) * power).max(4.0)
}

fn short(count: f64) -> String {
    match count {
        count if 1e6 <= count => format!("{:.1}M", count / 1e6),
        count if 1e4 <= count => format!("{:.0}k", count / 1e3),
        count if count.fract() == 0.0 => format!("{count:.0}"),
        count => format!("{count:.1}"),
    }
}

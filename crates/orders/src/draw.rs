//! Draws a graph: as DOT for Graphviz, and as SVG by a layout of our own.
//!
//! A status is a box; the boxes stand in layers, each below all from which objects come. Ways to the next layer run down,
//! ways that leave layers out run by on the left, ways back on the right; each has its count and median. The widest line is
//! the way most objects took. A broken red line is a way the graph does not have.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use stdx::Language;

use crate::render::Words;
use crate::{Picture, PictureEdge, PictureStatus};

const BOX: (f64, f64) = (250.0, 52.0);
/// Between two layers, and between two boxes of one.
const GAP: (f64, f64) = (150.0, 58.0);
/// Room of one way that runs by.
const LANE: f64 = 120.0;
/// Ways the graph does not have that are drawn; of more, the most frequent.
const UNKNOWN: usize = 8;
/// Pixels of a letter, about.
const LETTER: f64 = 6.2;

/// The graph in the language of Graphviz.
pub fn dot(picture: &Picture, language: Language) -> String {
    let words = Words { language, zone: &TimeZone::UTC };
    let mut out = String::from(
        "digraph {\n  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
    );
    for status in &picture.statuses {
        let (name, text) = (quoted(&status.name), quoted(&format!("{}\n{}", status.name, under(status, &words))));
        let peripheries = if status.end { ", peripheries=2" } else { "" };
        let colour = if status.known { "" } else { ", color=\"#b42318\", style=\"rounded,dashed\"" };
        // Writing to a String cannot fail.
        writeln!(out, "  {name} [label={text}{peripheries}{colour}];").unwrap_or_default();
    }
    let most = most(picture);
    for edge in shown(picture) {
        let (from, to, text) = (quoted(&edge.from), quoted(&edge.to), quoted(&label(edge, &words)));
        let look = match (edge.known, edge.count) {
            (false, _) => ", color=\"#b42318\", style=dashed".to_owned(),
            (true, 0) => ", color=gray, style=dotted".to_owned(),
            (true, count) => format!(", penwidth={:.1}", width(count, most)),
        };
        writeln!(out, "  {from} -> {to} [label={text}{look}];").unwrap_or_default();
    }
    out + "}\n"
}

/// The graph as a picture.
pub fn svg(picture: &Picture, language: Language) -> String {
    let words = Words { language, zone: &TimeZone::UTC };
    let layout = Layout::of(picture);
    let edges: Vec<&PictureEdge> = shown(picture);
    let left = edges.iter().filter(|edge| layout.runs(edge) == Runs::Past).count();
    let right = edges.iter().filter(|edge| layout.runs(edge) == Runs::Back).count();
    let (before, after) = (left as f64 * LANE + 24.0, right as f64 * LANE + 24.0);
    let (width, height) = (before + layout.width + after, layout.height + 40.0);
    let title = words.pick("Status graph", "Граф статусов");
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"system-ui, sans-serif\" role=\"img\"><title>{}: {}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        title,
        escaped(words.object_type(&picture.basis.object)),
    );
    out += "<defs>";
    for (id, colour) in [("known", "#475467"), ("unknown", "#b42318"), ("unused", "#98a2b3")] {
        out += &format!(
            "<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"9\" markerHeight=\"9\" \
             markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{colour}\"/></marker>"
        );
    }
    out += "</defs>\n";
    let mut pen = Pen {
        layout: &layout,
        before,
        out: &mut out,
        labels: String::new(),
        most: most(picture),
        words: &words,
        lanes: [0; 2],
    };
    let mut by_span = edges;
    by_span.sort_by_key(|edge| layout.span(edge));
    by_span.iter().for_each(|edge| pen.edge(edge));
    let labels = std::mem::take(&mut pen.labels);
    for status in &picture.statuses {
        pen.status(status);
    }
    out + &labels + "</svg>\n"
}

/// Where boxes stand.
#[derive(Debug)]
struct Layout<'a> {
    /// Layer, and the middle of the box from the left.
    places: BTreeMap<&'a str, (usize, f64)>,
    width: f64,
    height: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    Down,
    Past,
    Back,
}

impl<'a> Layout<'a> {
    fn of(picture: &'a Picture) -> Self {
        let rank = |name: &str| picture.statuses.iter().position(|status| status.name == name);
        let mut layers: Vec<usize> = vec![0; picture.statuses.len()];
        // Statuses come in the order in which they are passed, so that one look at each is enough.
        for (index, status) in picture.statuses.iter().enumerate() {
            let ahead = picture.edges.iter().filter(|edge| edge.from == status.name && (edge.known || !status.known));
            for to in ahead.filter_map(|edge| rank(&edge.to)).filter(|to| index < *to) {
                layers[to] = layers[to].max(layers[index] + 1);
            }
            // What no way of the graph leads to stands at the end of its layer, below what was passed before.
            if !status.known {
                let from =
                    picture.edges.iter().filter(|edge| edge.to == status.name).filter_map(|edge| rank(&edge.from));
                layers[index] = from.filter(|from| *from < index).map(|from| layers[from] + 1).max().unwrap_or(0);
            }
        }
        let deepest = layers.iter().max().copied().unwrap_or(0);
        let widest = (0..=deepest).map(|layer| layers.iter().filter(|one| **one == layer).count()).max().unwrap_or(1);
        let width = widest as f64 * (BOX.0 + GAP.0) - GAP.0;
        let mut places = BTreeMap::new();
        for layer in 0..=deepest {
            let here: Vec<&PictureStatus> = picture
                .statuses
                .iter()
                .zip(&layers)
                .filter(|(_, one)| **one == layer)
                .map(|(status, _)| status)
                .collect();
            let own = here.len() as f64 * (BOX.0 + GAP.0) - GAP.0;
            for (index, status) in here.iter().enumerate() {
                let x = (width - own) / 2.0 + index as f64 * (BOX.0 + GAP.0) + BOX.0 / 2.0;
                places.insert(status.name.as_str(), (layer, x));
            }
        }
        Self { places, width, height: (deepest + 1) as f64 * (BOX.1 + GAP.1) - GAP.1 }
    }

    fn place(&self, name: &str) -> (usize, f64) {
        self.places.get(name).copied().unwrap_or((0, 0.0))
    }

    /// How many layers a way goes.
    fn span(&self, edge: &PictureEdge) -> usize {
        self.place(&edge.from).0.abs_diff(self.place(&edge.to).0)
    }

    fn runs(&self, edge: &PictureEdge) -> Runs {
        let (from, to) = (self.place(&edge.from).0, self.place(&edge.to).0);
        match to.checked_sub(from) {
            Some(1) => Runs::Down,
            Some(2..) => Runs::Past,
            _ => Runs::Back,
        }
    }
}

struct Pen<'a> {
    layout: &'a Layout<'a>,
    before: f64,
    out: &'a mut String,
    /// Written last, so that no line runs through them.
    labels: String,
    most: u64,
    words: &'a Words<'a>,
    /// Ways that run by on the left and on the right so far.
    lanes: [usize; 2],
}

impl Pen<'_> {
    fn at(&self, name: &str) -> (f64, f64) {
        let (layer, x) = self.layout.place(name);
        (self.before + x, 20.0 + layer as f64 * (BOX.1 + GAP.1))
    }

    fn status(&mut self, status: &PictureStatus) {
        let (x, y) = self.at(&status.name);
        let (line, fill, dash) = match (status.known, status.end) {
            (false, _) => ("#b42318", "#fef3f2", " stroke-dasharray=\"5 3\""),
            (true, true) => ("#027a48", "#ecfdf3", ""),
            (true, false) => ("#344054", "#f9fafb", ""),
        };
        let (left, under) = (x - BOX.0 / 2.0, under(status, self.words));
        let (name, under) = (escaped(&shortened(&status.name, 32)), escaped(&shortened(&under, 44)));
        *self.out += &format!(
            "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"{fill}\" stroke=\"{line}\"{dash}/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"13\" font-weight=\"600\" fill=\"#101828\">{name}</text>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#475467\">{under}</text>\n",
            BOX.0,
            BOX.1,
            y + 21.0,
            y + 39.0,
        );
    }

    fn edge(&mut self, edge: &PictureEdge) {
        let ((x, y), (to_x, to_y)) = (self.at(&edge.from), self.at(&edge.to));
        let half = BOX.0 / 2.0;
        let (path, label_at) = match self.layout.runs(edge) {
            Runs::Down => {
                let (start, end) = (y + BOX.1, to_y);
                let middle = f64::midpoint(start, end);
                let path = format!("M{x:.1} {start:.1}C{x:.1} {middle:.1} {to_x:.1} {middle:.1} {to_x:.1} {end:.1}");
                (path, (f64::midpoint(x, to_x), middle))
            }
            Runs::Past => {
                let lane = 24.0 + (self.side(0) as f64 + 0.5) * LANE;
                // From the inside out, so that lines do not cross.
                let lane = self.before - lane;
                (
                    aside((x - half, y + BOX.1 * 0.65), (to_x - half, to_y + BOX.1 * 0.35), lane),
                    (lane, f64::midpoint(y + BOX.1, to_y)),
                )
            }
            Runs::Back => {
                let lane = self.before + self.layout.width + 24.0 + (self.side(1) as f64 + 0.5) * LANE;
                let (from, to) = ((x + half, y + BOX.1 * 0.35), (to_x + half, to_y + BOX.1 * 0.65));
                (aside(from, to, lane), (lane, f64::midpoint(y, to_y + BOX.1)))
            }
        };
        let (colour, look, marker) = match (edge.known, edge.count) {
            (false, _) => {
                ("#b42318", format!("{:.1}\" stroke-dasharray=\"5 4", width(edge.count, self.most)), "unknown")
            }
            (true, 0) => ("#98a2b3", "1\" stroke-dasharray=\"1 4".to_owned(), "unused"),
            (true, count) => ("#475467", format!("{:.1}", width(count, self.most)), "known"),
        };
        *self.out += &format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{look}\" marker-end=\"url(#{marker})\"/>\n"
        );
        self.label(edge, label_at, colour);
    }

    fn label(&mut self, edge: &PictureEdge, (x, y): (f64, f64), colour: &str) {
        let rows: Vec<String> = label(edge, self.words).split('\n').map(str::to_owned).collect();
        let letters = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
        let (width, height) = (letters as f64 * LETTER + 8.0, rows.len() as f64 * 14.0 + 3.0);
        self.labels += &format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"3\" fill=\"#ffffff\" fill-opacity=\"0.92\"/>\n",
            x - width / 2.0,
            y - height / 2.0,
        );
        for (index, row) in rows.iter().enumerate() {
            let baseline = y - height / 2.0 + 12.0 + index as f64 * 14.0;
            self.labels += &format!(
                "<text x=\"{x:.1}\" y=\"{baseline:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"{colour}\">{}</text>\n",
                escaped(row),
            );
        }
    }

    /// The number of the next way that runs by on a side.
    fn side(&mut self, side: usize) -> usize {
        let next = self.lanes[side];
        self.lanes[side] += 1;
        next
    }
}

/// Out to a lane, along it, and back in, with round corners.
fn aside((x, y): (f64, f64), (to_x, to_y): (f64, f64), lane: f64) -> String {
    let way = if y < to_y { 1.0 } else { -1.0 };
    let (out, back) = (if x < lane { 1.0 } else { -1.0 }, if lane < to_x { 1.0 } else { -1.0 });
    let r = 12.0;
    format!(
        "M{x:.1} {y:.1}H{:.1}Q{lane:.1} {y:.1} {lane:.1} {:.1}V{:.1}Q{lane:.1} {to_y:.1} {:.1} {to_y:.1}H{to_x:.1}",
        lane - out * r,
        y + way * r,
        to_y - way * r,
        lane + back * r,
    )
}

/// The ways that are drawn.
fn shown(picture: &Picture) -> Vec<&PictureEdge> {
    let mut unknown: Vec<&PictureEdge> = picture.edges.iter().filter(|edge| !edge.known).collect();
    unknown.sort_by_key(|edge| std::cmp::Reverse(edge.count));
    unknown.truncate(UNKNOWN);
    picture.edges.iter().filter(|edge| edge.known).chain(unknown).collect()
}

fn most(picture: &Picture) -> u64 {
    picture.edges.iter().map(|edge| edge.count).max().unwrap_or(0)
}

/// From 1 to 5 pixels, by the root of the share, so that rare ways are still seen.
fn width(count: u64, most: u64) -> f64 {
    1.0 + 4.0 * crate::analysis::share(count, most).sqrt()
}

fn label(edge: &PictureEdge, words: &Words<'_>) -> String {
    let count = words.grouped(edge.count);
    edge.median_ms.map_or_else(|| count.clone(), |median| format!("{count}\n{}", words.span(median)))
}

/// What stands below the name of a status.
fn under(status: &PictureStatus, words: &Words<'_>) -> String {
    let waiting = format!("{} {}", words.grouped(status.waiting), words.pick("here", "сейчас"));
    let limit = status.limit_ms.map(|limit| format!("{} {}", words.pick("limit", "срок"), words.span(limit)));
    let waiting = (!status.end || status.waiting != 0).then_some(waiting);
    [status.owner.clone(), waiting, limit].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters - 1).chain(['…']).collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    crate::export::escaped(&mut out, text);
    out
}

#[cfg(test)]
mod tests;

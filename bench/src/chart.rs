//! Draws results as an SVG that reads on light and dark ground: one row a question, one bar a system, times as powers of ten.

use std::fmt::Write as _;

use crate::results::{Measured, Results};

const WIDTH: f64 = 880.0;
const LEFT: f64 = 270.0;
const RIGHT: f64 = 90.0;
const BAR: f64 = 11.0;
const GAP: f64 = 12.0;
const TOP: f64 = 64.0;
/// The axis begins at one millisecond and ends at a hundred seconds.
const DECADES: f64 = 5.0;
const COLOURS: [&str; 4] = ["#2f9e8f", "#e0803a", "#8468c4", "#7a8794"];

/// One chart of the questions of the first results, with the systems of all.
pub fn draw(results: &[Results]) -> String {
    let systems: Vec<&Measured> = results.iter().flat_map(|results| &results.systems).collect();
    let names: Vec<&str> = systems
        .first()
        .map(|system| system.questions.iter().map(|asked| asked.name.as_str()).collect())
        .unwrap_or_default();
    let row = BAR * systems.len() as f64 + GAP;
    let height = TOP + row * names.len() as f64 + 30.0;
    let mut out = head(height, results);
    legend(&mut out, &systems);
    axis(&mut out, height);
    for (index, name) in names.iter().enumerate() {
        let top = TOP + row * index as f64;
        let middle = top + BAR * systems.len() as f64 / 2.0;
        text(&mut out, LEFT - 10.0, middle + 4.0, "end", "name", name);
        for (place, system) in systems.iter().enumerate() {
            let Some(asked) = system.questions.iter().find(|asked| asked.name == *name) else { continue };
            let (y, end) = (top + BAR * place as f64, x(asked.warm_ms));
            let colour = COLOURS[place % COLOURS.len()];
            writeln!(
                out,
                "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{colour}\"/>",
                y + 1.0,
                (end - LEFT).max(2.0),
                BAR - 2.0
            )
            .unwrap_or_default();
            text(&mut out, end + 5.0, y + BAR - 2.0, "start", "value", &duration(asked.warm_ms));
        }
    }
    out.push_str("</svg>\n");
    out
}

fn head(height: f64, results: &[Results]) -> String {
    let title = results.first().map_or_else(String::new, |results| {
        format!(
            "{:.1} million lines, {:.2} GB of text, whole range, warm, {}",
            results.workload.lines as f64 / 1e6,
            results.workload.text_bytes as f64 / 1e9,
            results.machine
        )
    });
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" aria-label=\"Time of each question\">\n<style>\n\
         text {{ font: 12px system-ui, sans-serif; fill: #24292f }}\n.value {{ font-size: 10px; fill: #57606a }}\n\
         .title {{ font-size: 13px; font-weight: 600 }}\n.grid {{ stroke: #8c959f; stroke-opacity: .3 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .value {{ fill: #9da7b3 }} }}\n</style>\n"
    );
    text(&mut out, 10.0, 20.0, "start", "title", &title);
    out
}

fn legend(out: &mut String, systems: &[&Measured]) {
    let mut left = LEFT;
    for (place, system) in systems.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        writeln!(out, "<rect x=\"{left}\" y=\"31\" width=\"10\" height=\"10\" rx=\"2\" fill=\"{colour}\"/>")
            .unwrap_or_default();
        text(out, left + 15.0, 40.0, "start", "name", &system.name);
        left += 40.0 + 7.5 * system.name.len() as f64;
    }
}

fn axis(out: &mut String, height: f64) {
    for (decade, label) in ["1 ms", "10 ms", "100 ms", "1 s", "10 s"].iter().enumerate() {
        let x = LEFT + (WIDTH - LEFT - RIGHT) * decade as f64 / DECADES;
        let bottom = height - 24.0;
        writeln!(out, "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom}\"/>", TOP - 8.0)
            .unwrap_or_default();
        text(out, x, height - 10.0, "middle", "value", label);
    }
}

fn x(ms: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * ms.max(1.0).log10().min(DECADES) / DECADES
}

fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}</text>")
        .unwrap_or_default();
}

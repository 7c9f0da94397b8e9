//! `http_errors`: answers of 400 and more, by whatever they are grouped by, as a share of all answers.

use std::collections::BTreeMap;

use logline::{Labels, Timestamp};

use super::super::found::{About, Findings, Found, Grid, owned};
use super::super::history::counted;
use super::super::source::{Failure, Source};
use super::own;
use crate::rule::HttpErrors;

/// Reads status and endpoint of a line as the reader of lines does, whatever its format and however many members they are
/// spread over; calls that a service makes itself are left out.
const STAGES: &str = r#" | facts | http_status!="" | dir!="out""#;
/// All default names of an answer's code end so; with others any line may have one.
const NAMED: &str = r#" |= "tatus" or "TATUS""#;
/// The label that holds an answer's code.
const CODE: &str = "http_status";

/// Answers of one group at one moment.
#[derive(Debug, Default)]
struct Answers {
    all: f64,
    by_class: BTreeMap<String, f64>,
}

pub(super) async fn find(with: &HttpErrors, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let mut by = with.by.clone();
    by.push(CODE.to_owned());
    let named = if source.reader().is_by_default() { NAMED } else { "" };
    let query = counted(&format!("{}{named}{STAGES}", with.selector), &by, with.window.0, std::time::Duration::ZERO);
    let mut groups: BTreeMap<(u32, Labels), Answers> = BTreeMap::new();
    for series in source.series(&query, grid).await? {
        let mut labels = series.labels.clone();
        let class = format!("{}xx", series.labels.get(CODE).and_then(|code| code.get(..1)).unwrap_or("?"));
        labels.set(CODE, "");
        for (time, count) in &series.points {
            let answers = groups.entry((grid.point(*time), labels.clone())).or_default();
            answers.all += count;
            *answers.by_class.entry(class.clone()).or_default() += count;
        }
    }
    let mut findings = Findings::default();
    for ((point, labels), answers) in groups {
        for class in &with.classes {
            let count = answers.by_class.get(class).copied().unwrap_or(0.0);
            let rate = count / answers.all;
            if (with.count as f64) <= count && with.rate <= rate && (with.min_requests as f64) <= answers.all {
                let mut labels = owned(&labels);
                labels.insert("status_class".to_owned(), class.clone());
                let about = About::default().fact("Count", count).fact("Requests", answers.all);
                let about = about.fact("Window", with.window);
                findings.add(point, Found { labels, value: rate, about });
            }
        }
    }
    Ok(findings)
}

/// The lines behind a class of answers.
pub(super) fn lines(with: &HttpErrors, labels: &BTreeMap<String, String>) -> String {
    let class = labels.get("status_class").and_then(|class| class.get(..1)).unwrap_or("5");
    format!("{}{STAGES} | http_status=~\"{class}..\"{}", with.selector, own(&with.by, labels))
}

/// The first bad answer of the window in which there were too many.
pub(super) async fn first(
    with: &HttpErrors,
    source: &Source,
    found: &Found,
    time: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    source.first_line(&lines(with, &found.labels), (time.before(with.window.0), time)).await
}

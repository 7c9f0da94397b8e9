//! When the data first showed what a rule has found: looked for once, when it is found first.

use std::collections::BTreeMap;

use logline::Timestamp;

use super::super::found::{Findings, Found, Grid};
use super::super::source::{Failure, Source};
use super::{change, http, spike};
use crate::rule::Kind;

/// Most things whose first evidence is looked for in one evaluation; of further ones it is the moment they are found.
const MOST: usize = 100;

/// First evidence of what was found last, by its labels.
#[derive(Debug, Default)]
pub(super) struct Evidence(BTreeMap<BTreeMap<String, String>, Timestamp>);

impl Evidence {
    /// Gives everything that was found the time of its first evidence.
    pub(super) async fn note(&mut self, kind: &Kind, source: &Source, grid: Grid, findings: &mut Findings) {
        let mut left = MOST;
        for (point, time) in grid.times() {
            let known = std::mem::take(&mut self.0);
            for found in findings.at(point) {
                let mut since = known.get(&found.labels).copied();
                if since.is_none() && left > 0 {
                    left -= 1;
                    // An alert without it is better than none.
                    since = first(kind, source, found, time).await.unwrap_or_default();
                }
                found.about.first_seen = since;
                self.0.extend(since.map(|since| (found.labels.clone(), since)));
            }
        }
    }
}

/// The first evidence of something that is found at `time`.
async fn first(kind: &Kind, source: &Source, found: &Found, time: Timestamp) -> Result<Option<Timestamp>, Failure> {
    match kind {
        Kind::HttpErrors(with) => http::first(with, source, found, time).await,
        Kind::Spike(with) => spike::first(with, source, found, time).await,
        Kind::Change(with) => change::first(with, source, found, time).await,
        _ => Ok(None),
    }
}

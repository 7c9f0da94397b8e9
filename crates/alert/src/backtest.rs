//! Runs rules over stored lines at the speed of the machine: what would have fired, when, for how long, how often.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::eval::{Failure, Grid, GroupKey, GroupState, Instance, Running, Source, Standing, Surroundings};
use crate::rule::{Group, Role};

/// Moments that are looked at in one go.
const POINTS: u32 = 2_880;
/// And the time they may span.
const CHUNK: Duration = Duration::from_secs(86_400);
/// Episodes of one rule that are told; of more it is counted.
const EPISODES: usize = 1_000;

/// What became of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleHistory {
    /// Its group.
    pub group: String,
    /// Its name.
    pub rule: String,
    /// LogQL, or the kind with its settings.
    pub query: String,
    /// When it would have fired, the first first.
    pub episodes: Vec<Episode>,
    /// How often it would have fired in all.
    pub fired: u64,
    /// How often it was pending and never fired.
    pub passed: u64,
    /// Why some moments could not be judged.
    pub error: Option<String>,
}

/// An alert from when it held to when it was over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Since when it held.
    #[serde(with = "crate::time")]
    pub active_at: Timestamp,
    /// When it would have fired.
    #[serde(with = "crate::time")]
    pub fired_at: Timestamp,
    /// When it would have been resolved; none if it fires still.
    #[serde(with = "crate::time::optional")]
    pub resolved_at: Option<Timestamp>,
    /// The last value.
    #[serde(with = "crate::model::number")]
    pub value: f64,
    /// Its `summary`, as far as it has one.
    pub summary: String,
}

/// How far a back-test is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Moments that were looked at.
    pub done: u64,
    /// Of so many.
    pub total: u64,
}

/// Runs groups over `start..=end`. Each call of `source` gives a look at what is stored, for one stretch of time.
///
/// # Errors
/// Nothing can be looked at. What goes wrong with single rules stands in their histories.
pub async fn run(
    groups: &[Arc<Group>],
    (start, end): (Timestamp, Timestamp),
    source: &(dyn Fn() -> Result<Source, Failure> + Sync),
    around: &Surroundings,
    mut progress: impl FnMut(Progress),
) -> Result<Vec<RuleHistory>, Failure> {
    let whole: Vec<Grid> = groups.iter().map(|group| aligned(start, end, group.interval)).collect();
    let total = whole.iter().map(|grid| u64::from(grid.points)).sum();
    let mut done = 0;
    let mut histories = Vec::new();
    for (group, whole) in groups.iter().zip(whole) {
        let key = GroupKey { tenant: Tenant::default(), namespace: String::new(), group: group.name.clone() };
        let mut running = Running::new(key, None, Arc::clone(group), GroupState::default());
        let mut watch = Watch::new(group);
        for chunk in chunks(whole) {
            let mut looked = running.look(&source()?.of_the_past(), chunk).await;
            for moment in chunk.times() {
                drop(running.step(&mut looked, moment, around));
                watch.note(&running);
            }
            done += u64::from(chunk.points);
            progress(Progress { done, total });
        }
        histories.extend(watch.finish());
    }
    Ok(histories)
}

/// Moments that are multiples of the interval.
fn aligned(start: Timestamp, end: Timestamp, interval: Duration) -> Grid {
    let step = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1);
    let up = start.0.div_euclid(step).saturating_add(i64::from(start.0.rem_euclid(step) != 0)).saturating_mul(step);
    Grid::between(Timestamp(up), end.max(Timestamp(up)), interval)
}

fn chunks(whole: Grid) -> impl Iterator<Item = Grid> {
    let by_time = u32::try_from(CHUNK.as_nanos() / whole.step.as_nanos().max(1)).unwrap_or(POINTS);
    let size = by_time.clamp(1, POINTS);
    (0..whole.points).step_by(usize::try_from(size).unwrap_or(1)).map(move |first| Grid {
        start: whole.time(first),
        step: whole.step,
        points: size.min(whole.points - first),
    })
}

/// Follows the alerts of a group.
struct Watch {
    histories: Vec<RuleHistory>,
    /// Episodes that go on, and pending alerts, by rule and fingerprint.
    open: BTreeMap<(usize, u64), Open>,
}

enum Open {
    Pending,
    /// The place of the episode; none of those beyond the limit.
    Firing(Timestamp, Option<usize>),
}

impl Watch {
    fn new(group: &Group) -> Self {
        let history = |rule: &crate::rule::Rule| RuleHistory {
            group: group.name.clone(),
            rule: rule.name.clone(),
            query: rule.query(),
            episodes: Vec::new(),
            fired: 0,
            passed: 0,
            error: None,
        };
        Self { histories: group.rules.iter().map(history).collect(), open: BTreeMap::new() }
    }

    fn note(&mut self, running: &Running) {
        let mut pending = Vec::new();
        for (index, (rule, state, health)) in running.rules().enumerate() {
            let Some(history) = self.histories.get_mut(index) else { continue };
            if let Some(error) = &health.failure {
                history.error.get_or_insert_with(|| error.to_string());
            }
            if rule.role == Role::Record {
                continue;
            }
            for (key, instance) in state.iter().flat_map(|state| &state.instances) {
                let place = (index, *key);
                match instance.standing {
                    Standing::Pending => {
                        self.open.entry(place).or_insert(Open::Pending);
                        pending.push(place);
                    }
                    Standing::Firing | Standing::Inactive => fires(history, &mut self.open, place, instance),
                }
            }
        }
        // What was pending and is gone has passed by itself.
        self.open.retain(|place, open| {
            let passed = matches!(open, Open::Pending) && !pending.contains(place);
            if passed && let Some(history) = self.histories.get_mut(place.0) {
                history.passed += 1;
            }
            !passed
        });
    }

    fn finish(mut self) -> Vec<RuleHistory> {
        for history in &mut self.histories {
            history.episodes.sort_by_key(|episode| episode.fired_at);
        }
        self.histories
    }
}

fn fires(history: &mut RuleHistory, open: &mut BTreeMap<(usize, u64), Open>, place: (usize, u64), one: &Instance) {
    let Some(fired_at) = one.fired_at else { return };
    let known = match open.get(&place) {
        Some(Open::Firing(known, slot)) if *known == fired_at => Some(*slot),
        _ => None,
    };
    let slot = known.unwrap_or_else(|| {
        history.fired += 1;
        let slot = (history.episodes.len() < EPISODES).then(|| {
            history.episodes.push(Episode {
                labels: one.labels.clone(),
                active_at: one.active_at,
                fired_at,
                resolved_at: None,
                value: one.value,
                summary: String::new(),
            });
            history.episodes.len() - 1
        });
        open.insert(place, Open::Firing(fired_at, slot));
        slot
    });
    if let Some(episode) = slot.and_then(|slot| history.episodes.get_mut(slot)) {
        episode.value = one.value;
        episode.resolved_at = one.resolved_at;
        if let Some(summary) = one.annotations.get("summary") {
            episode.summary.clone_from(summary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_cut_into_aligned_chunks_without_gaps() {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000_000);
        let grid = aligned(at(61), at(3 * 86_400), Duration::from_secs(60));
        assert_eq!(grid.start, at(120));
        let all: Vec<Timestamp> = chunks(grid).flat_map(|chunk| chunk.times().map(|(_, time)| time)).collect();
        assert_eq!(all.len(), 3 * 1_440 - 1);
        assert!(all.windows(2).all(|pair| pair[1].since(pair[0]) == Duration::from_secs(60)));
        assert_eq!(aligned(at(100), at(10), Duration::from_secs(60)).points, 1, "an empty stretch has one moment");
    }
}

//! All hits of a text: as it stands, without its escapes, and in what it holds in base64 or hex.

use std::cmp::Reverse;

use super::Masker;
use crate::keys::{Class, Writing};
use crate::own::Overrun;
use crate::rule::{Hit, RuleId};
use crate::runs::Runs;
use crate::scan::{Found, Scan};
use crate::view::View;
use crate::{Rule, encoded};

/// Escapes within escapes are read so deep.
const MAX_DEPTH: usize = 3;

impl Masker {
    /// The hits in order and without overlaps.
    pub(super) fn find(&self, text: &str, key: Option<&str>, depth: usize) -> Result<Vec<Hit>, Overrun> {
        let mut runs = Runs::new();
        let Found { mut hits, first_escape } = Scan::new(text, key, &self.rules).run(&mut runs);
        #[cfg(test)]
        if self.rules.is_thorough {
            runs.forget();
        }
        if let Some(patterns) = &self.patterns {
            patterns.find(text, key, &mut hits)?;
        }
        if depth < MAX_DEPTH {
            if let Some(view) = first_escape.and_then(|first| View::of(text, first)) {
                self.find_in_view(text, &view, key, depth, &mut hits)?;
            }
            self.find_in_encoded(text, &runs, key, depth, &mut hits)?;
        }
        Ok(resolved(hits))
    }

    /// What is found without the escapes counts in place of the same rule's hit with them, which is less exact, unless
    /// the key tells how far the value goes.
    fn find_in_view(
        &self,
        text: &str,
        view: &View,
        key: Option<&str>,
        depth: usize,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Overrun> {
        let mut found = self.find(view.text(), key, depth + 1)?;
        found.retain(|hit| !(is_number(hit.rule) && is_behind_value(text, view.source(&hit.span).start)));
        for hit in &mut found {
            let value = view.text().get(hit.span.clone()).unwrap_or_default();
            let span = view.source(&hit.span);
            if hit.value.is_none() && text.get(span.clone()) != Some(value) {
                hit.value = Some(value.into());
            }
            hit.span = span;
        }
        hits.retain(|raw| {
            let first = found.partition_point(|hit| hit.span.end <= raw.span.start);
            let mut overlapping = found.iter().skip(first).take_while(|hit| hit.span.start < raw.span.end);
            is_told(raw.rule) || !overlapping.any(|hit| hit.rule == raw.rule)
        });
        hits.extend(found);
        Ok(())
    }

    /// A hit anywhere in what a run of base64 or hex means takes the run as a whole. Under the key of an id it stays.
    fn find_in_encoded(
        &self,
        text: &str,
        runs: &Runs,
        key: Option<&str>,
        depth: usize,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Overrun> {
        if key.is_some_and(|key| self.rules.keys.class(key, Writing::Field) == Some(Class::Id)) {
            return Ok(());
        }
        let mut overrun = None;
        encoded::each(text, runs, |span, meaning| match self.find(meaning, None, depth + 1) {
            Ok(inner) => hits.extend(inner.into_iter().next().map(|hit| Hit {
                value: hit.value.or_else(|| meaning.get(hit.span).map(Into::into)),
                quote: None,
                span,
                rule: hit.rule,
            })),
            Err(error) => overrun = Some(error),
        });
        overrun.map_or(Ok(()), Err)
    }
}

fn is_number(rule: RuleId) -> bool {
    Rule::NUMBERS.map(RuleId::from).contains(&rule)
}

/// Whether the at sign of quoted-printable stands before `start`, in front of a digit the first two of a longer number.
fn is_behind_value(text: &str, start: usize) -> bool {
    let (before, behind) = text.as_bytes().split_at(start);
    before.ends_with(b"=40") && behind.first().is_some_and(u8::is_ascii_digit)
}

fn is_told(rule: RuleId) -> bool {
    let built_in = [Rule::Secret, Rule::Name, Rule::Address].map(RuleId::from);
    built_in.contains(&rule) || Rule::ALL.len() <= rule.0
}

/// The leftmost hit counts, of those the longest, of those the one of the more special rule; what sticks out behind it
/// goes with it, so that no part of any hit survives.
fn resolved(mut hits: Vec<Hit>) -> Vec<Hit> {
    if hits.len() < 2 {
        return hits;
    }
    hits.sort_by_key(|hit| (hit.span.start, Reverse(hit.span.end), Reverse(hit.rule)));
    hits.dedup_by(|next, kept| {
        let overlaps = kept.overlaps(next);
        if overlaps && kept.span.end < next.span.end {
            kept.span.end = next.span.end;
            kept.quote = kept.quote.and(next.quote);
        }
        overlaps
    });
    hits
}

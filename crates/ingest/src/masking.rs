//! Personal data on its way in: left alone, counted, or replaced.

mod settings;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use mask::{Counts, Masker};

pub use settings::{mask_settings, token_keys};

/// What to do about personal data in lines, metadata and labels.
#[derive(Clone, Debug, Default)]
pub enum Masking {
    /// Look for none.
    #[default]
    Off,
    /// Leave every byte as it came and count what is found, since it is a defect of the service that sent it.
    Detect(Arc<Masker>),
    /// Replace what is found.
    Mask(Arc<Masker>),
}

/// The words of the configuration for [`Masking`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Look for none.
    Off,
    /// Count only.
    #[default]
    Detect,
    /// Replace.
    Mask,
}

impl Masking {
    /// Masking by the rules of `masker`.
    pub fn new(mode: Mode, masker: Arc<Masker>) -> Self {
        match mode {
            Mode::Off => Self::Off,
            Mode::Detect => Self::Detect(masker),
            Mode::Mask => Self::Mask(masker),
        }
    }

    /// A line's text as it is to be kept; none if a rule drops the line.
    pub(crate) fn line<'t>(&self, text: Cow<'t, str>, counts: &mut Counts) -> Option<Cow<'t, str>> {
        let masked = match self {
            Self::Mask(masker) => masker.mask_line(&text, counts)?,
            Self::Off | Self::Detect(_) => return Some(self.name(text, counts)),
        };
        Some(match masked {
            Cow::Owned(masked) => Cow::Owned(masked),
            Cow::Borrowed(_) => text,
        })
    }

    /// The name of structured metadata as it is to be kept.
    pub(crate) fn name<'t>(&self, text: Cow<'t, str>, counts: &mut Counts) -> Cow<'t, str> {
        self.apply(text, counts, |masker, text, counts| masker.mask_with_counts(text, counts))
    }

    /// The value of a label or of structured metadata as it is to be kept, which came with the first of these names and
    /// gets the second one.
    pub(crate) fn value<'t>(&self, names: [&str; 2], value: Cow<'t, str>, counts: &mut Counts) -> Cow<'t, str> {
        let [from, to] = names;
        self.apply(value, counts, |masker, value, counts| masker.mask_renamed(from, to, value, counts))
    }

    fn apply<'t, F>(&self, text: Cow<'t, str>, counts: &mut Counts, find: F) -> Cow<'t, str>
    where
        F: for<'x> Fn(&Masker, &'x str, &mut Counts) -> Cow<'x, str>,
    {
        let masked = match self {
            Self::Off => return text,
            Self::Detect(masker) => {
                find(masker, &text, counts);
                return text;
            }
            Self::Mask(masker) => find(masker, &text, counts),
        };
        match masked {
            Cow::Owned(masked) => Cow::Owned(masked),
            Cow::Borrowed(_) => text,
        }
    }
}

/// How often each rule found something, by service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits(BTreeMap<String, Counts>);

/// More services than this are counted together, as `other`.
const MAX_SERVICES: usize = 1_000;

impl Hits {
    /// Services, rules that found something in their lines, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.0.iter().flat_map(|(service, counts)| counts.iter().map(|(rule, n)| (service.as_str(), rule, n)))
    }

    /// Adds what was found in a service's lines.
    pub(crate) fn add(&mut self, service: &str, counts: &Counts) {
        if counts.total() == 0 {
            return;
        }
        if let Some(known) = self.0.get_mut(service) {
            *known += counts;
        } else {
            let service = if self.0.len() < MAX_SERVICES { service } else { "other" };
            *self.0.entry(service.to_owned()).or_default() += counts;
        }
    }

    /// Adds the counts of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (service, counts) in &other.0 {
            self.add(service, counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masker() -> Arc<Masker> {
        Arc::new(Masker::new(&mask::Config::default()).unwrap())
    }

    #[test]
    fn detecting_counts_and_leaves_the_bytes_while_masking_replaces_them() {
        let text = "mail to anna@example.org";
        let mut counts = Counts::default();
        assert_eq!(Masking::Off.line(text.into(), &mut counts).unwrap(), text);
        assert_eq!(counts.total(), 0);
        assert_eq!(Masking::Detect(masker()).line(text.into(), &mut counts).unwrap(), text);
        assert_eq!(counts.get("email"), 1);
        assert_eq!(Masking::Mask(masker()).line(text.into(), &mut counts).unwrap(), "mail to <email>");
        assert_eq!(Masking::Mask(masker()).value(["password"; 2], "hunter2".into(), &mut counts), "<secret>");
    }

    #[test]
    fn services_beyond_the_limit_are_counted_together() {
        let mut one = Counts::default();
        one.add("phone");
        let mut hits = Hits::default();
        for n in 0..2_000 {
            hits.add(&format!("s{n}"), &one);
        }
        assert_eq!(hits.iter().count(), MAX_SERVICES + 1);
        assert_eq!(hits.iter().map(|(_, _, count)| count).sum::<u64>(), 2_000);
    }
}

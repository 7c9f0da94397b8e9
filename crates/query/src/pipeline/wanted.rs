//! Which labels a query looks at, so that parsers extract no others.

use std::collections::BTreeSet;
use std::sync::Arc;

use logql::ast::{LabelFilter, LabelSource, NamedLabel, Stage};
use template::Template;

use super::template::of_stage;

/// The labels that parsers should extract.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// Whatever there is.
    All,
    /// These; parsers may stop once they have them.
    Only(Arc<[String]>),
}

impl Wanted {
    /// These and, for those that end like the name of a label that lost, the name it lost.
    pub(crate) fn only(names: impl IntoIterator<Item = String>) -> Self {
        let mut all: BTreeSet<String> = names.into_iter().collect();
        let short: Vec<_> = all.iter().filter_map(|name| name.strip_suffix("_extracted")).map(str::to_owned).collect();
        all.extend(short);
        Self::Only(all.into_iter().collect())
    }

    /// The names, unless all are wanted.
    pub(crate) fn names(&self) -> Option<&[String]> {
        match self {
            Self::All => None,
            Self::Only(names) => Some(names),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|wanted| wanted == name),
        }
    }

    /// Whether something named `prefix` or `prefix_…` is wanted.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|wanted| wanted.starts_with(prefix)),
        }
    }

    /// How many there are; `None` when nobody knows.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Only(names) => Some(names.len()),
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.len() == Some(0)
    }
}

/// Names of the labels that stages read.
pub(crate) fn names_used<'a>(stages: impl IntoIterator<Item = &'a Stage>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for stage in stages {
        match stage {
            Stage::LabelFilter(filter) => filter_names(filter, &mut names),
            Stage::LabelFormat(formats) => {
                for format in &formats.labels {
                    match &format.source {
                        LabelSource::Rename(from) => names.extend([from.clone()]),
                        LabelSource::Template(_) => {}
                    }
                }
            }
            Stage::Drop(list) | Stage::Keep(list) => {
                names.extend(list.labels.iter().filter_map(|label| match label {
                    NamedLabel::Match(matcher) => Some(matcher.name.clone()),
                    NamedLabel::Name(_) => None,
                }));
            }
            Stage::LineFilter(_) | Stage::Parser(_) | Stage::Decolorize(_) | Stage::LineFormat(_) => {}
        }
        names.extend(of_stage(stage).iter().filter_map(Template::names).flatten().cloned());
    }
    names
}

/// Whether a template looks at all labels there are.
pub(crate) fn reads_all<'a>(stages: impl IntoIterator<Item = &'a Stage>) -> bool {
    stages.into_iter().flat_map(of_stage).any(|template| template.names().is_none())
}

/// Whether a template of the stage has `__line__` in it.
pub(crate) fn reads_line_itself(stage: &Stage) -> bool {
    of_stage(stage).iter().any(Template::reads_line)
}

/// Adds the names of the labels that a label filter reads.
pub(crate) fn filter_names(filter: &LabelFilter, names: &mut BTreeSet<String>) {
    match filter {
        LabelFilter::All(parts) | LabelFilter::Any(parts) => parts.iter().for_each(|part| filter_names(part, names)),
        LabelFilter::Match(matcher) => names.extend([matcher.name.clone()]),
        LabelFilter::Compare(test) => names.extend([test.name.clone()]),
        LabelFilter::Ip { name, .. } => names.extend([name.clone()]),
    }
}

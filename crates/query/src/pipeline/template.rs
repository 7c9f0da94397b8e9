//! A row as a template sees it.

use logql::ast::{LabelSource, Stage};
use template::{Fields, Template};

use super::Row;
use crate::error::Error;

impl Fields for Row<'_> {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name)
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        self.labels.iter().map(|(name, value, _)| (name, value)).collect()
    }

    fn line(&self) -> &str {
        &self.line
    }

    fn time_ns(&self) -> i64 {
        self.time
    }

    fn now_ns(&self) -> i64 {
        self.now
    }
}

/// Reads the template of a stage.
pub(super) fn compile(text: &str, stage: &impl std::fmt::Display) -> Result<Template, Error> {
    Template::parse(text).map_err(|error| Error::invalid(format!("parse error : stage '| {stage}' : invalid {error}")))
}

/// The templates of a stage; those that cannot be read are left to [`compile`].
pub(super) fn of_stage(stage: &Stage) -> Vec<Template> {
    let texts: Vec<&str> = match stage {
        Stage::LineFormat(format) => vec![&format.template],
        Stage::LabelFormat(formats) => {
            let texts = formats.labels.iter().filter_map(|format| match &format.source {
                LabelSource::Template(text) => Some(text.as_str()),
                LabelSource::Rename(_) => None,
            });
            texts.collect()
        }
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(|text| Template::parse(text).ok()).collect()
}

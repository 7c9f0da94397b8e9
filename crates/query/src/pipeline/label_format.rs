//! `| label_format a=b, c="{{.d}}"` and `| line_format "{{.a}}"`.

use std::borrow::Cow;

use logql::ast::{self, LabelSource};
use template::Template;

use super::labels::{Failure, Source};
use super::template::compile;
use super::{Row, Stage};
use crate::error::Error;

/// Writes labels, in the order given. What it writes counts as parsed. A template that fails marks the row and leaves
/// its label as it was.
#[derive(Debug)]
pub(crate) struct LabelFormats {
    formats: Vec<(String, Value)>,
}

#[derive(Debug)]
enum Value {
    /// The value of this label, which goes away.
    Rename(String),
    Template(Template),
}

impl LabelFormats {
    pub(crate) fn new(formats: &ast::LabelFormats) -> Result<Self, Error> {
        let one = |format: &ast::LabelFormat| {
            let value = match &format.source {
                LabelSource::Rename(from) => Value::Rename(from.clone()),
                LabelSource::Template(text) => Value::Template(compile(text, formats)?),
            };
            Ok((format.name.clone(), value))
        };
        formats.labels.iter().map(one).collect::<Result<_, _>>().map(|formats| Self { formats })
    }
}

impl Stage for LabelFormats {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        for (name, value) in &self.formats {
            match value {
                Value::Rename(from) => {
                    if let Some(value) = row.labels.get(from).map(str::to_owned) {
                        row.labels.set(name, &value, Source::Parsed);
                        row.labels.remove(from);
                    }
                }
                Value::Template(template) => match template.render(row) {
                    Ok(value) => row.labels.set(name, &value, Source::Parsed),
                    Err(error) => row.labels.fail(Failure::Template, error),
                },
            }
        }
        true
    }
}

/// Writes the line anew. A template that fails marks the row and leaves the line as it was.
#[derive(Debug)]
pub(crate) struct LineFormat {
    template: Template,
}

impl LineFormat {
    pub(crate) fn new(format: &ast::LineFormat) -> Result<Self, Error> {
        Ok(Self { template: compile(&format.template, format)? })
    }
}

impl Stage for LineFormat {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        match self.template.render(row) {
            Ok(line) => row.line = Cow::Owned(line),
            Err(error) => row.labels.fail(Failure::Template, error),
        }
        true
    }
}

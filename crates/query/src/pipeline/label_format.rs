//! `| label_format a=b, c="{{.d}}"` and `| line_format "{{.a}}"`.

use std::borrow::Cow;

use logql::ast::{self, LabelSource};

use super::labels::Source;
use super::template::Template;
use super::{Row, Stage, unsupported_template};
use crate::error::Error;

/// Writes labels, in the order given. What it writes counts as parsed.
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
                LabelSource::Template(text) => {
                    Value::Template(Template::parse(text).ok_or_else(|| unsupported_template("label_format"))?)
                }
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
                Value::Template(template) => {
                    let value = template.render(row);
                    row.labels.set(name, &value, Source::Parsed);
                }
            }
        }
        true
    }
}

/// Writes the line anew.
#[derive(Debug)]
pub(crate) struct LineFormat {
    template: Template,
}

impl LineFormat {
    pub(crate) fn new(format: &ast::LineFormat) -> Result<Self, Error> {
        Template::parse(&format.template)
            .map(|template| Self { template })
            .ok_or_else(|| unsupported_template("line_format"))
    }
}

impl Stage for LineFormat {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        row.line = Cow::Owned(self.template.render(row));
        true
    }
}

//! The simplest of Go's templates: text with labels between it, `{{.method}} {{.path}}`.

use super::{LabelSet, Row};

/// Names the line inside a template.
const LINE: &str = "__line__";

/// Text and labels in turn.
#[derive(Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Label(String),
    Line,
}

impl Template {
    /// Reads a template; `None` when it calls a function or has another action than putting a label there.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, after) = after.split_once("}}")?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(part(action.trim())?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Some(Self { parts })
    }

    /// The text with the labels of the row in it; a missing label is empty.
    pub(crate) fn render(&self, row: &Row<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            out.push_str(match part {
                Part::Text(text) => text,
                Part::Label(name) => value(&row.labels, name),
                Part::Line => &row.line,
            });
        }
        out
    }
}

fn value<'l>(labels: &'l LabelSet<'_>, name: &str) -> &'l str {
    labels.get(name).unwrap_or_default()
}

fn part(action: &str) -> Option<Part> {
    if action == LINE {
        return Some(Part::Line);
    }
    let name = action.strip_prefix('.')?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !name.is_empty()).then(|| Part::Label(name.to_owned()))
}

/// Names of the labels a template reads.
pub(crate) fn names(text: &str) -> Vec<String> {
    let parts = Template::parse(text).map(|template| template.parts).unwrap_or_default();
    let names = parts.into_iter().filter_map(|part| match part {
        Part::Label(name) => Some(name),
        Part::Text(_) | Part::Line => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labels_and_the_line_are_put_into_text() {
        let check = |text: &str, want: Option<Vec<Part>>| {
            assert_eq!(Template::parse(text).map(|template| template.parts), want, "{text}");
        };
        let text = |text: &str| Part::Text(text.to_owned());
        let label = |name: &str| Part::Label(name.to_owned());
        check("{{.a}} -> {{ .b_2 }}!", Some(vec![label("a"), text(" -> "), label("b_2"), text("!")]));
        check("{{__line__}}", Some(vec![Part::Line]));
        check("plain", Some(vec![text("plain")]));
        check("{{ .a | upper }}", None);
        check("{{ if .a }}x{{ end }}", None);
        check("{{.a", None);
    }
}

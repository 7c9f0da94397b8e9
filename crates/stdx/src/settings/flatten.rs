//! From a TOML document and the environment to leaves with a dotted key and the place where they were written.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Origin, Problem, Settings, Written};

/// Adds the leaves of a file; what is not TOML becomes a problem.
pub(super) fn file(text: &str, settings: &mut Settings) {
    let line_of = |byte: usize| text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1;
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let origin = error.span().map_or(Origin::Missing, |span| Origin::Line(line_of(span.start)));
        settings.problems.push(Problem { origin, key: String::new(), text: error.message().to_owned() });
    }
    leaves(table.get_ref(), "", &line_of, settings);
}

fn leaves(table: &DeTable<'_>, prefix: &str, line_of: &dyn Fn(usize) -> usize, settings: &mut Settings) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) => leaves(inner, &key, line_of, settings),
            DeValue::Array(items) if !items.is_empty() && items.iter().all(|item| item.get_ref().is_table()) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(inner) = item.get_ref().as_table() {
                        leaves(inner, &format!("{key}[{index}]"), line_of, settings);
                    }
                }
            }
            _ => {
                let origin = Origin::Line(line_of(name.span().start));
                settings.values.insert(key, Written { value: owned(value), origin });
            }
        }
    }
}

fn owned(value: &Spanned<DeValue<'_>>) -> toml::Value {
    match value.get_ref() {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => {
            number.to_string().parse().map_or_else(|_| text(number.as_str()), toml::Value::Integer)
        }
        DeValue::Float(number) => number.to_string().parse().map_or_else(|_| text(number.as_str()), toml::Value::Float),
        DeValue::Boolean(value) => toml::Value::Boolean(*value),
        DeValue::Datetime(time) => toml::Value::Datetime(*time),
        DeValue::Array(items) => toml::Value::Array(items.iter().map(owned).collect()),
        DeValue::Table(table) => {
            toml::Value::Table(table.iter().map(|(name, value)| (name.get_ref().to_string(), owned(value))).collect())
        }
    }
}

fn text(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}

/// Adds what the environment overrides; the value is read as TOML where it is TOML, else taken as text.
pub(super) fn environment(
    prefix: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    settings: &mut Settings,
) {
    for (name, value) in variables {
        let Some(path) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("__")) else { continue };
        let key = path.split("__").map(str::to_lowercase).collect::<Vec<_>>().join(".");
        let parsed =
            toml::from_str::<toml::Table>(&format!("x = {value}")).ok().and_then(|mut table| table.remove("x"));
        let value = parsed.unwrap_or(toml::Value::String(value));
        settings.values.insert(key, Written { value, origin: Origin::Variable(name) });
    }
}

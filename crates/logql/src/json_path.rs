//! Paths into JSON values, `a.b["c d"][0]`, and keys of logfmt.

use crate::ast::JsonStep;

/// Reads a path; at least one step.
pub(crate) fn parse(text: &str) -> Result<Vec<JsonStep>, String> {
    let mut steps = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let step;
        (step, rest) = match c {
            '[' => bracket(rest.split_at(1).1)?,
            '.' if !steps.is_empty() => field(rest.split_at(1).1.trim_start())?,
            c if steps.is_empty() && is_start(c) => field(rest)?,
            c if matches!(c, '.' | ']' | '"') || c.is_ascii_alphanumeric() || c == '_' => return Err(syntax()),
            c => return Err(format!("unexpected char {c}")),
        };
        steps.push(step);
        rest = rest.trim_start();
    }
    if steps.is_empty() { Err(syntax()) } else { Ok(steps) }
}

/// Reads a key of logfmt: as it is, or in double quotes.
pub(crate) fn key(text: &str) -> Result<String, String> {
    let text = text.trim();
    let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    match key.chars().find(|c| c.is_whitespace() || matches!(c, '"' | '=')) {
        Some(c) => Err(format!("unexpected char {c}")),
        None if key.is_empty() => Err(syntax()),
        None => Ok(key.to_owned()),
    }
}

fn syntax() -> String {
    "syntax error".to_owned()
}

fn is_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn field(text: &str) -> Result<(JsonStep, &str), String> {
    if !text.starts_with(is_start) {
        return Err(syntax());
    }
    let end = text.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    Ok((JsonStep::Field(name.to_owned()), rest))
}

/// Reads `"name"]` or `0]`.
fn bracket(text: &str) -> Result<(JsonStep, &str), String> {
    let text = text.trim_start();
    let (step, rest) = if let Some(inner) = text.strip_prefix('"') {
        let (name, rest) = inner.split_once('"').ok_or_else(syntax)?;
        (JsonStep::Field(name.to_owned()), rest)
    } else {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, rest) = text.split_at(end);
        if rest.starts_with('.') && !digits.is_empty() {
            return Err("cannot use float as array index".to_owned());
        }
        (JsonStep::Index(digits.parse().map_err(|_| syntax())?), rest)
    };
    let rest = rest.trim_start().strip_prefix(']').ok_or_else(syntax)?;
    Ok((step, rest))
}

#[cfg(test)]
mod tests;

//! `| json`: every field of the line's object becomes a label, or those that were asked for.

use logql::ast::{Extraction, JsonStep};

use super::json_text::{Cursor, JsonString, Kind, Syntax};
use super::labels::{Failure, LabelSet, Source};
use super::{Row, Stage, Wanted};

/// How deep objects may nest; a deeper line counts as broken.
const MAX_DEPTH: usize = 128;

/// Flattens objects with `_`, skips arrays and nulls.
#[derive(Debug)]
pub(crate) struct JsonFields {
    wanted: Wanted,
    name: String,
}

impl JsonFields {
    pub(crate) const fn new(wanted: Wanted) -> Self {
        Self { wanted, name: String::new() }
    }
}

impl Stage for JsonFields {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        if self.wanted.is_nothing() {
            return true;
        }
        let mut found = Found { labels: &mut row.labels, wanted: &self.wanted, left: self.wanted.len() };
        self.name.clear();
        if let Err(syntax) = object(&mut Cursor::new(&row.line), &mut self.name, &mut found, 0) {
            row.labels.fail(Failure::Json, syntax);
        }
        true
    }
}

/// Where fields go, and how many labels are still wanted.
struct Found<'r, 's> {
    labels: &'r mut LabelSet<'s>,
    wanted: &'r Wanted,
    left: Option<usize>,
}

impl Found<'_, '_> {
    fn add(&mut self, name: &str, value: &str) {
        if !name.is_empty() && self.wanted.has(name) && self.labels.extract(name, value) {
            self.left = self.left.map(|left| left.saturating_sub(1));
        }
    }

    /// Whether a field of the outermost object can be passed over, as is seen from its key as it stands.
    fn is_idle(&self, key: JsonString<'_>, kind: Kind) -> bool {
        let Wanted::Only(names) = self.wanted else { return false };
        let Some(key) = key.plain().filter(|key| is_name(key)) else { return false };
        match kind {
            Kind::Object => !names.iter().any(|name| name.starts_with(key)),
            Kind::Array | Kind::Null => true,
            Kind::String | Kind::Scalar => !names.iter().any(|name| name == key),
        }
    }

    const fn is_complete(&self) -> bool {
        matches!(self.left, Some(0))
    }
}

/// Reads an object whose fields are named `prefix_field`. Returns early once nothing more is wanted.
fn object(cursor: &mut Cursor<'_>, prefix: &mut String, found: &mut Found<'_, '_>, depth: usize) -> Result<(), Syntax> {
    if depth > MAX_DEPTH {
        return Err(cursor.error("nested too deep"));
    }
    cursor.open(b'{', "expected an object")?;
    if cursor.close(b'}') {
        return Ok(());
    }
    loop {
        let key = cursor.string()?;
        cursor.open(b':', "expected `:`")?;
        let kind = cursor.kind()?;
        if prefix.is_empty() && found.is_idle(key, kind) {
            cursor.skip()?;
        } else {
            let before = prefix.len();
            push_sanitized(prefix, &key.unescaped());
            field(cursor, kind, prefix, found, depth)?;
            prefix.truncate(before);
        }
        if found.is_complete() {
            return Ok(());
        }
        if cursor.close(b'}') {
            return Ok(());
        }
        cursor.open(b',', "expected `,` or `}`")?;
    }
}

/// Reads the value of the field whose whole name is `name`.
fn field(
    cursor: &mut Cursor<'_>,
    kind: Kind,
    name: &mut String,
    found: &mut Found<'_, '_>,
    depth: usize,
) -> Result<(), Syntax> {
    match kind {
        Kind::Object if found.wanted.has_prefix(name) => object(cursor, name, found, depth + 1)?,
        Kind::Object | Kind::Array | Kind::Null => cursor.skip()?,
        Kind::String => {
            let value = cursor.string()?;
            found.add(name, &value.unescaped());
        }
        Kind::Scalar => found.add(name, cursor.scalar()?),
    }
    Ok(())
}

const fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a key is a label name as it stands.
fn is_name(key: &str) -> bool {
    key.bytes().all(is_label_byte) && key.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

/// Appends `_name` (or `name` at the start) with every character that a label name may not have replaced by `_`.
pub(crate) fn push_sanitized(out: &mut String, name: &str) {
    if !out.is_empty() {
        out.push('_');
    }
    if out.is_empty() && name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    if name.bytes().all(is_label_byte) {
        out.push_str(name);
        return;
    }
    out.extend(name.trim().chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
}

/// `json a="b.c[0]"`: each label gets what its path leads to, and an empty value if that is nothing.
#[derive(Debug)]
pub(crate) struct JsonPaths {
    fields: Vec<Extraction<Vec<JsonStep>>>,
}

impl JsonPaths {
    pub(crate) const fn new(fields: Vec<Extraction<Vec<JsonStep>>>) -> Self {
        Self { fields }
    }
}

impl Stage for JsonPaths {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        if row.line.is_empty() {
            return true;
        }
        if !row.line.starts_with(['{', '[', '"']) {
            row.labels.fail(Failure::Json, "");
            return true;
        }
        for field in &self.fields {
            let found = at_path(&mut Cursor::new(&row.line), &field.source);
            if found.is_err() {
                row.labels.fail(Failure::Json, "");
            }
            match found.ok().flatten() {
                Some(value) => {
                    row.labels.extract(&field.name, &value);
                }
                None if row.labels.get(&field.name).is_none() => row.labels.set(&field.name, "", Source::Parsed),
                None => {}
            }
        }
        true
    }
}

/// The value a path leads to: strings unescaped, everything else as it stands; `None` when there is nothing.
fn at_path(cursor: &mut Cursor<'_>, path: &[JsonStep]) -> Result<Option<String>, Syntax> {
    let Some((step, rest)) = path.split_first() else { return value(cursor) };
    match (step, cursor.kind()?) {
        (JsonStep::Field(name), Kind::Object) => {
            cursor.open(b'{', "expected an object")?;
            if cursor.close(b'}') {
                return Ok(None);
            }
            loop {
                let key = cursor.string()?;
                cursor.open(b':', "expected `:`")?;
                if key.unescaped() == name.as_str() {
                    return at_path(cursor, rest);
                }
                cursor.skip()?;
                if cursor.close(b'}') {
                    return Ok(None);
                }
                cursor.open(b',', "expected `,` or `}`")?;
            }
        }
        (JsonStep::Index(index), Kind::Array) => {
            cursor.open(b'[', "expected an array")?;
            if cursor.close(b']') {
                return Ok(None);
            }
            for _ in 0..*index {
                cursor.skip()?;
                if cursor.close(b']') {
                    return Ok(None);
                }
                cursor.open(b',', "expected `,` or `]`")?;
            }
            at_path(cursor, rest)
        }
        _ => Ok(None),
    }
}

fn value(cursor: &mut Cursor<'_>) -> Result<Option<String>, Syntax> {
    Ok(match cursor.kind()? {
        Kind::String => Some(cursor.string()?.unescaped().into_owned()),
        Kind::Scalar => Some(cursor.scalar()?.to_owned()),
        Kind::Null => None,
        Kind::Object | Kind::Array => Some(cursor.raw()?.to_owned()),
    })
}

#[cfg(test)]
mod tests;

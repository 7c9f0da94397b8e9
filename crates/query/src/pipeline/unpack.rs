//! `| unpack`: undoes what a shipper packed into a JSON object; `_entry` becomes the line, the rest labels.

use std::borrow::Cow;

use super::json_text::{Cursor, Kind, Syntax};
use super::labels::Failure;
use super::{Row, Stage, Wanted};

/// The key that holds the line.
const ENTRY: &str = "_entry";

/// Reads an object of texts. Labels are taken only from an object that was packed, that is, has an entry.
#[derive(Debug)]
pub(crate) struct Unpack {
    wanted: Wanted,
}

impl Unpack {
    pub(crate) const fn new(wanted: Wanted) -> Self {
        Self { wanted }
    }
}

impl Stage for Unpack {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        if row.line.is_empty() {
            return true;
        }
        let unpacked = texts(&row.line).map(|pairs| {
            let entry = pairs.iter().find(|(name, _)| name == ENTRY)?.1.clone().into_owned();
            for (name, value) in pairs.iter().filter(|(name, _)| name != ENTRY && self.wanted.has(name)) {
                row.labels.extract(name, value);
            }
            Some(entry)
        });
        match unpacked {
            Ok(Some(entry)) => row.line = Cow::Owned(entry),
            Ok(None) => {}
            Err(syntax) => row.labels.fail(Failure::Json, syntax),
        }
        true
    }
}

type Texts<'t> = Vec<(Cow<'t, str>, Cow<'t, str>)>;

/// The fields of an object whose values are texts.
fn texts(line: &str) -> Result<Texts<'_>, Syntax> {
    let mut cursor = Cursor::new(line);
    let mut pairs = Vec::new();
    cursor.open(b'{', "expected an object")?;
    if cursor.close(b'}') {
        return Ok(pairs);
    }
    loop {
        let name = cursor.string()?;
        cursor.open(b':', "expected `:`")?;
        if cursor.kind()? == Kind::String {
            pairs.push((name.unescaped(), cursor.string()?.unescaped()));
        } else {
            cursor.skip()?;
        }
        if cursor.close(b'}') {
            return if cursor.is_at_end() { Ok(pairs) } else { Err(cursor.error("expected the end")) };
        }
        cursor.open(b',', "expected `,` or `}`")?;
    }
}

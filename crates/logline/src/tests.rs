//! Keeps `docs/log-lines.md` and the code in step.

use crate::aliases::DEFAULTS;
use crate::{Context, Defect, Format, Limits, Reader, level_of};

const DOCUMENT: &str = include_str!("../../../docs/log-lines.md");

/// The lines of the document's examples.
fn examples() -> impl Iterator<Item = &'static str> {
    let blocks = DOCUMENT.split("```text\n").skip(1);
    blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines())
}

/// The row of a table that begins with this name.
fn row(name: &str) -> &'static str {
    let start = format!("| `{name}` |");
    DOCUMENT.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row for `{name}`"))
}

#[test]
fn every_example_is_without_defect_and_canonical() {
    let (reader, context) = (Reader::default(), Context::default());
    let mut house = 0;
    for line in examples() {
        let record = reader.read(line, &context);
        assert!(record.defects().is_empty(), "{:?} in {line}", record.defects());
        assert_eq!(
            level_of(line, &[]),
            if record.format() == Format::House { record.level() } else { crate::Level::Unknown }
        );
        if record.format() == Format::House {
            assert_eq!(record.to_line(), line);
            house += 1;
        }
    }
    assert!(10 < house, "the examples were not found");
}

#[test]
fn the_three_formats_say_the_same() {
    let (reader, context) = (Reader::default(), Context::default());
    let same: Vec<_> = examples().filter(|line| line.contains("12:00:07.310Z") && line.contains("4bf92f")).collect();
    let facts = |line: &'static str| {
        let record = reader.read(line, &context).into_owned();
        let mut facts: Vec<_> = record.fields().iter().filter(|field| !field.value.is_json()).cloned().collect();
        facts.sort_by(|a, b| a.key.cmp(&b.key));
        (record.time(), record.kind(), record.endpoint().to_owned(), facts)
    };
    assert_eq!(same.len(), 3);
    assert_eq!(facts(same[1]), facts(same[0]));
    assert_eq!(facts(same[2]), facts(same[0]));
}

#[test]
fn every_defect_and_every_default_alias_is_documented() {
    for defect in Defect::ALL {
        assert!(row(defect.name()).len() > defect.name().len() + 10);
    }
    for (target, names) in DEFAULTS {
        // `status`, `path` and others have a row among the fields, too
        let start = format!("| `{target}` | `{}`", names[0]);
        let row = DOCUMENT.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row {start}"));
        for name in names {
            assert!(row.contains(&format!("`{name}`")), "`{name}` is missing in {row}");
        }
    }
    let Limits { fields, depth, line_bytes } = Limits::default();
    assert!(row("too_many_fields").contains(&fields.to_string()) && row("too_deep").contains(&depth.to_string()));
    assert!(row("too_long").contains("1 MiB") && line_bytes == 1 << 20);
}

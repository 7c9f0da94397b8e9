//! Queries and templates: never panic, print what reads back as the same, end within limits.

use ::logql::Expr;
use template::{Fields, MAX_OUTPUT, Template};

use crate::Target;

pub(crate) const QUERY: Target = Target { name: "logql", run: query, words: QUERY_WORDS };
pub(crate) const TEMPLATE: Target = Target { name: "template", run: template, words: TEMPLATE_WORDS };

const QUERY_WORDS: &[&str] = &[
    "{app=\"x\"}",
    "{",
    "}",
    "(",
    ")",
    " | json",
    " | json a=\"b[0].c\"",
    " | logfmt --strict",
    " | regexp \"(?P<a>.*)\"",
    " | pattern \"<a> <_>\"",
    " | unpack",
    " | a >= 5ms and b != \"c\"",
    " | ip(\"10.0.0.0/8\")",
    " | line_format \"{{.a}}\"",
    " | label_format a=b",
    " | decolorize",
    " | drop a, b=\"c\"",
    " | keep a",
    " | unwrap bytes(a)",
    " |= \"a\" or \"b\"",
    " !~ `[`",
    " |> \"<_>\"",
    "[5m]",
    " offset -1h",
    "rate(",
    "quantile_over_time(0.9, ",
    "sum by (a) (",
    "topk(1, ",
    "label_replace(",
    "vector(1)",
    " + on (a) group_left (b) ",
    " > bool ",
    " unless ",
    " ^ -",
    "1e308",
    "#",
    "`",
    "\"\\u00e9\\x",
];

const TEMPLATE_WORDS: &[&str] = &[
    "{{",
    "}}",
    "{{- ",
    " -}}",
    "{{ if .a }}",
    "{{ else }}",
    "{{ end }}",
    "{{ range . }}",
    "{{ range 99999999 }}",
    "{{ with $x := .b }}",
    "{{ define \"t\" }}",
    "{{ template \"t\" . }}",
    "{{ break }}",
    " | printf \"%*d\" 99 ",
    " | repeat 99999 ",
    " | date \"2006 Jan _2 .000 Z07:00\" ",
    " | regexReplaceAll \"(a)\" ",
    " | substr 1 -1",
    " | trunc -3",
    " fromJson .json ",
    " unixToTime \"99999\"",
    " toDate ",
    " index ",
    " slice ",
    "__line__",
    "__timestamp__",
    "$x = ",
    "(",
    ")",
    ".a.b",
    "/* */",
    "`",
    "'\\x41'",
    "1e309",
    "-9223372036854775808",
];

fn query(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(parsed) = ::logql::parse(&text) else { return };
    let printed = parsed.to_string();
    let again: Expr = ::logql::parse(&printed).expect("what is printed can be read");
    assert_eq!(again.to_string(), printed, "a query changes when it is printed and read");
}

/// A row with labels of every kind.
struct Row;

const LABELS: [(&str, &str); 4] = [("a", "1"), ("b", "три слова"), ("json", r#"{"a":[1,{"b":null}]}"#), ("n", "-7.5")];

impl Fields for Row {
    fn label(&self, name: &str) -> Option<&str> {
        LABELS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        LABELS.to_vec()
    }

    fn line(&self) -> &str {
        "a line"
    }

    fn time_ns(&self) -> i64 {
        1_700_000_000_000_000_000
    }

    fn now_ns(&self) -> i64 {
        1_800_000_000_000_000_000
    }
}

fn template(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(template) = Template::parse(&text) else { return };
    if let Ok(rendered) = template.render(&Row) {
        assert!(rendered.len() <= MAX_OUTPUT + Row.line().len(), "a text is longer than it may be");
    }
}

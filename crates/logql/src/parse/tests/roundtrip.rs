//! What is printed reads back as the same tree, on one line or on many.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::ast::{
    Binary, BinaryOp, Compare, Conversion, Extraction, GroupSide, GroupedMatch, Grouping, Json, JsonStep, LabelFilter,
    LabelFormat, LabelFormats, LabelNames, LabelReplace, LabelSource, LabelTest, LabelValue, LineFilter, LineFormat,
    LogRange, Logfmt, LogfmtFlags, Matching, NamedLabel, Needle, Number, On, Parser, RangeAggregation, RangeOp, Unwrap,
    ValueTest, VectorAggregation, VectorOp,
};
use crate::{
    ByteCount, Expr, IpSet, LogExpr, Matcher, MetricExpr, Nanos, Pattern, Regex, Selector, Span, Stage, parse,
};

const SPAN: Span = Span { start: 0, end: 0 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_printed_query_reads_back(expr in expr()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text).map_err(|error| format!("{error}: {text}")), Ok(expr));
    }

    #[test]
    fn a_query_laid_out_on_lines_reads_back(expr in expr()) {
        let text = expr.pretty();
        prop_assert_eq!(parse(&text).map_err(|error| format!("{error}: {text}")), Ok(expr));
    }

    #[test]
    fn what_was_read_prints_as_it_was_printed(expr in expr()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}") {
        if let Ok(expr) = parse(&text) {
            prop_assert_eq!(parse(&expr.to_string()), Ok(expr));
        }
    }

    #[test]
    fn any_row_of_words_is_read_or_refused(words in vec(select(WORDS), 0..25)) {
        let text = words.join(" ");
        if let Ok(expr) = parse(&text) {
            prop_assert_eq!(parse(&expr.to_string()), Ok(expr));
        }
    }
}

/// What queries are made of, for texts that are nearly queries.
const WORDS: &[&str] = &[
    "{",
    "}",
    "{a=\"b\"}",
    "(",
    ")",
    ",",
    "|",
    "|=",
    "!=",
    "|~",
    "!>",
    "=",
    "==",
    ">",
    "-",
    "+",
    "^",
    "a",
    "rate",
    "sum",
    "by",
    "without",
    "on",
    "group_left",
    "bool",
    "or",
    "and",
    "unless",
    "json",
    "logfmt",
    "--strict",
    "regexp",
    "unwrap",
    "drop",
    "label_format",
    "ip",
    "\"x\"",
    "`(?P<y>.)`",
    "5",
    "1.5s",
    "2KB",
    "[5m]",
    "offset",
    "vector",
    "topk",
    "label_replace",
    "sum_over_time",
    "bytes",
    "duration",
    "#",
    "'",
    "\"",
    "[",
];

fn expr() -> impl Strategy<Value = Expr> {
    prop_oneof![log().prop_map(Expr::Log), metric().prop_map(Expr::Metric)]
}

/// Names that are no keywords, some of them names of functions.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-zA-Z_][a-z0-9é]{0,3}_", 1 => select(&["rate", "sum", "bytes", "ip"][..]).prop_map(str::to_owned)]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    vec(name(), 0..3)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z <>{}\"'`\\\\.*]{0,12}", Just(String::new())]
}

fn regex() -> impl Strategy<Value = Regex> {
    let sources = select(&["", "a|b", ".*", "(?i)x{2,3}", r"\d+\.\w", r"[^\]\-a-z[:alpha:]]", r"\Qa.b\E{"][..]);
    sources.prop_map(|source| Regex::new(source).unwrap())
}

fn ip() -> impl Strategy<Value = IpSet> {
    select(&["1.2.3.4", "10.0.0.0/8", "::1-::ff"][..]).prop_map(|source| IpSet::parse(source).unwrap())
}

fn value_test() -> impl Strategy<Value = ValueTest> {
    prop_oneof![
        text().prop_map(ValueTest::Equal),
        text().prop_map(ValueTest::NotEqual),
        regex().prop_map(ValueTest::Match),
        regex().prop_map(ValueTest::NotMatch),
    ]
}

fn matcher() -> impl Strategy<Value = Matcher> {
    (name(), value_test()).prop_map(|(name, test)| Matcher { name, test, span: SPAN })
}

fn log() -> impl Strategy<Value = LogExpr> {
    (vec(matcher(), 0..3), vec(stage(), 0..4)).prop_map(|(matchers, mut stages)| {
        // What the grammar cannot write; see `LabelNames`.
        let unwritable = |pair: &[Stage]| match pair {
            [Stage::Drop(list) | Stage::Keep(list), Stage::LineFilter(filter)] => {
                matches!(list.labels.last(), Some(NamedLabel::Name(_))) && matches!(filter.op(), "!=" | "!~")
            }
            _ => false,
        };
        if stages.windows(2).any(unwritable) {
            stages.retain(|stage| !matches!(stage, Stage::LineFilter(_)));
        }
        LogExpr { selector: Selector { matchers, span: SPAN }, stages, span: SPAN }
    })
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        4 => line_filter().prop_map(Stage::LineFilter),
        4 => parser().prop_map(Stage::Parser),
        4 => label_filter().prop_map(Stage::LabelFilter),
        1 => text().prop_map(|template| Stage::LineFormat(LineFormat { template, span: SPAN })),
        1 => label_formats().prop_map(Stage::LabelFormat),
        1 => Just(Stage::Decolorize(SPAN)),
        1 => label_names().prop_map(Stage::Drop),
        1 => label_names().prop_map(Stage::Keep),
    ]
}

fn line_filter() -> impl Strategy<Value = LineFilter> {
    let pattern = select(&["", "a", "<_> b <_>", "<_"][..]).prop_map(|source| Pattern::matching(source).unwrap());
    let needles = prop_oneof![
        vec(prop_oneof![text().prop_map(Needle::Text), ip().prop_map(Needle::Ip)], 1..4),
        vec(regex().prop_map(Needle::Regex), 1..4),
        vec(pattern.prop_map(Needle::Pattern), 1..4),
    ];
    (any::<bool>(), needles).prop_map(|(negated, needles)| LineFilter { negated, needles, span: SPAN })
}

fn parser() -> impl Strategy<Value = Parser> {
    let flags = (any::<bool>(), any::<bool>()).prop_map(|(strict, keep_empty)| LogfmtFlags { strict, keep_empty });
    let path = select(&["a", "a.b[0]", "[\"c d\"][1]"][..]);
    let field = (name(), path).prop_map(|(name, path)| Extraction {
        name,
        source: crate::json_path::parse(path).unwrap(),
        text: path.to_owned(),
    });
    let bare =
        "[a-z]_".prop_map(|name| Extraction { source: vec![JsonStep::Field(name.clone())], text: name.clone(), name });
    let key = (name(), "[a-z.]{1,3}").prop_map(|(name, text)| Extraction { name, source: text.clone(), text });
    let pattern = select(&["<a>", "<a> <_>x<b>"][..]).prop_map(|source| Pattern::extracting(source).unwrap());
    prop_oneof![
        vec(prop_oneof![field, bare], 0..3).prop_map(|fields| Parser::Json(Json { fields, span: SPAN })),
        (flags, vec(key, 0..3)).prop_map(|(flags, fields)| Parser::Logfmt(Logfmt { flags, fields, span: SPAN })),
        Just(Parser::Regexp(Regex::new("(?P<x>a)").unwrap(), SPAN)),
        pattern.prop_map(|pattern| Parser::Pattern(pattern, SPAN)),
        Just(Parser::Unpack(SPAN)),
        Just(Parser::Facts(SPAN)),
    ]
}

fn label_formats() -> impl Strategy<Value = LabelFormats> {
    let source = prop_oneof![name().prop_map(LabelSource::Rename), text().prop_map(LabelSource::Template)];
    let label = (name(), source).prop_map(|(name, source)| LabelFormat { name, source });
    vec(label, 1..4).prop_map(|mut labels| {
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        labels.dedup_by(|a, b| a.name == b.name);
        LabelFormats { labels, span: SPAN }
    })
}

fn label_names() -> impl Strategy<Value = LabelNames> {
    let label = prop_oneof![name().prop_map(NamedLabel::Name), matcher().prop_map(NamedLabel::Match)];
    vec(label, 1..4).prop_map(|labels| LabelNames { labels, span: SPAN })
}

fn label_filter() -> impl Strategy<Value = LabelFilter> {
    let any = vec(prop_oneof![condition(), vec(condition(), 2..4).prop_map(LabelFilter::All)], 2..4)
        .prop_map(LabelFilter::Any);
    let all = vec(prop_oneof![condition(), any.clone()], 2..4).prop_map(LabelFilter::All);
    prop_oneof![condition(), any, all]
}

fn condition() -> BoxedStrategy<LabelFilter> {
    let compare = select(
        &[
            Compare::Equal,
            Compare::NotEqual,
            Compare::Greater,
            Compare::GreaterOrEqual,
            Compare::Less,
            Compare::LessOrEqual,
        ][..],
    );
    let value = prop_oneof![
        number().prop_map(|number| LabelValue::Number(number.value)),
        any::<i64>().prop_map(|ns| LabelValue::Duration(Nanos(ns))),
        (0_u64..1 << 53).prop_map(|bytes| LabelValue::Bytes(ByteCount(bytes))),
    ];
    prop_oneof![
        matcher().prop_map(LabelFilter::Match),
        (name(), compare, value).prop_map(|(name, compare, value)| {
            LabelFilter::Compare(LabelTest { name, compare, value, span: SPAN })
        }),
        (name(), any::<bool>(), ip()).prop_map(|(name, negated, set)| LabelFilter::Ip {
            name,
            negated,
            set,
            span: SPAN
        }),
    ]
    .boxed()
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![(-100_i32..100).prop_map(f64::from), any::<f64>().prop_filter("finite", |value| value.is_finite())]
        .prop_map(|value| Number { value, span: SPAN })
}

fn grouping() -> impl Strategy<Value = Grouping> {
    (any::<bool>(), names()).prop_map(|(without, labels)| Grouping { without, labels, span: SPAN })
}

fn range() -> impl Strategy<Value = RangeAggregation> {
    let conversion = select(&[Conversion::Number, Conversion::Bytes, Conversion::Duration][..]);
    let unwrap = (name(), conversion, vec(label_filter(), 0..2)).prop_map(|(label, conversion, filters)| Unwrap {
        label,
        conversion,
        filters,
        span: SPAN,
    });
    let window = (0_i64..1 << 43).prop_map(|ms| Nanos(ms * 1_000_000));
    let offset = prop_oneof![Just(Nanos(0)), any::<i64>().prop_map(Nanos)];
    let parts = (select(RangeOp::ALL), log(), unwrap, any::<bool>(), window, offset, option::of(grouping()), number());
    parts.prop_map(|(op, log, unwrap, wants_unwrap, range, offset, grouping, number)| {
        let unwraps = op.needs_unwrap() || op.allows_unwrap() && wants_unwrap;
        let range = LogRange { log, unwrap: Some(unwrap).filter(|_| unwraps), range, offset, span: SPAN };
        let quantile = (op == RangeOp::QuantileOverTime).then_some(number.value.abs());
        let grouping = grouping.filter(|_| op.allows_grouping());
        RangeAggregation { op, quantile, range, grouping, span: SPAN }
    })
}

fn metric() -> impl Strategy<Value = MetricExpr> {
    let leaf = prop_oneof![
        4 => range().prop_map(|range| MetricExpr::Range(Box::new(range))),
        1 => number().prop_map(MetricExpr::Number),
        1 => number().prop_map(|number| MetricExpr::Constant(Number { value: number.value.abs(), span: SPAN })),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            vector(inner.clone()),
            binary(inner.clone()),
            (inner, text(), text(), text(), regex()).prop_map(|(expr, target, replacement, source, regex)| {
                MetricExpr::LabelReplace(Box::new(LabelReplace {
                    expr,
                    target,
                    replacement,
                    source,
                    regex,
                    span: SPAN,
                }))
            }),
        ]
    })
}

fn vector(inner: impl Strategy<Value = MetricExpr> + 'static) -> impl Strategy<Value = MetricExpr> {
    let parts = (select(VectorOp::ALL), inner, option::of(grouping()), 1..1000_u64);
    parts.prop_map(|(op, expr, grouping, k)| {
        let grouping = grouping.filter(|grouping| match op {
            VectorOp::ApproxTopk => false,
            VectorOp::Sort | VectorOp::SortDesc => grouping.labels.is_empty(),
            _ => true,
        });
        let k = Some(k).filter(|_| op.needs_k());
        MetricExpr::Vector(Box::new(VectorAggregation { op, k, expr, grouping, span: SPAN }))
    })
}

fn binary(inner: impl Strategy<Value = MetricExpr> + Clone + 'static) -> impl Strategy<Value = MetricExpr> {
    let on = prop_oneof![names().prop_map(On::On), names().prop_map(On::Ignoring)];
    let many = select(&[GroupSide::Left, GroupSide::Right][..]);
    let group = option::of((many, names()).prop_map(|(many, include)| GroupedMatch { many, include }));
    let matching = option::of((on, group).prop_map(|(on, group)| Matching { on, group }));
    let parts = (select(BinaryOp::ALL), inner.clone(), inner, any::<bool>(), matching);
    parts.prop_map(|(op, left, right, return_bool, matching)| {
        let scalars = left.scalar().is_some() || right.scalar().is_some();
        let op = if op.is_set() && scalars { BinaryOp::Add } else { op };
        MetricExpr::Binary(Box::new(Binary { op, left, right, return_bool, matching, span: SPAN }))
    })
}

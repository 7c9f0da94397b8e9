//! The file of tests as it is written.

use std::collections::BTreeMap;

use logline::Timestamp;
use serde::Deserialize;

use crate::eval::Outside;
use crate::rule::{RawGroup, Span};

/// A file of tests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitFile {
    /// Files of rules, beside this one.
    #[serde(default)]
    pub rule_files: Vec<String>,
    /// Groups that stand in the file itself.
    #[serde(default)]
    pub groups: Vec<RawGroup>,
    /// From evaluation to evaluation where a group does not say.
    #[serde(default)]
    pub evaluation_interval: Option<Span>,
    /// Accepted, since promtool has it; groups are independent of each other.
    #[serde(default)]
    pub group_eval_order: Vec<String>,
    /// The tests.
    pub tests: Vec<UnitTest>,
}

/// One test: what comes in and what must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitTest {
    /// What it is about.
    #[serde(default)]
    pub name: String,
    /// From value to value of `input_series`.
    #[serde(default = "minute")]
    pub interval: Span,
    /// The moment of `0s`; Monday, 5 January 2026, 00:00 UTC without it.
    #[serde(default)]
    pub start: Option<String>,
    /// Recorded series.
    #[serde(default)]
    pub input_series: Vec<InputSeries>,
    /// Lines.
    #[serde(default)]
    pub input_lines: Vec<InputLines>,
    /// What must fire.
    #[serde(default)]
    pub alert_rule_test: Vec<AlertTest>,
    /// What expressions must come to.
    #[serde(default, alias = "promql_expr_test")]
    pub logql_expr_test: Vec<ExprTest>,
    /// Labels of the installation.
    #[serde(default)]
    pub external_labels: BTreeMap<String, String>,
    /// Where the server is reached.
    #[serde(default)]
    pub external_url: String,
}

/// A recorded series in promtool's notation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSeries {
    /// `name{label="value"}`
    pub series: String,
    /// `1 2 3`, `0+10x5`, `_ _ 4`
    pub values: String,
}

/// Lines of one stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputLines {
    /// `{service_name="shop-api"}`
    pub labels: String,
    /// The lines.
    pub lines: Vec<InputLine>,
}

/// A line, or the same one again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputLine {
    /// When.
    #[serde(default)]
    pub at: Span,
    /// The text; `{n}` in it becomes the number of the repetition.
    pub line: String,
    /// From repetition to repetition.
    #[serde(default)]
    pub every: Option<Span>,
    /// The last repetition comes before this.
    #[serde(default)]
    pub until: Option<Span>,
    /// Structured metadata.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// What must fire at one moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertTest {
    /// The moment.
    pub eval_time: Span,
    /// The rule.
    pub alertname: String,
    /// All alerts of the rule that fire then.
    #[serde(default)]
    pub exp_alerts: Vec<ExpectedAlert>,
}

/// One alert.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedAlert {
    /// All labels but `alertname`.
    #[serde(default)]
    pub exp_labels: BTreeMap<String, String>,
    /// All annotations.
    #[serde(default)]
    pub exp_annotations: BTreeMap<String, String>,
}

/// What an expression must come to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExprTest {
    /// A metric query.
    pub expr: String,
    /// The moment.
    pub eval_time: Span,
    /// All of its series.
    #[serde(default)]
    pub exp_samples: Vec<ExpectedSample>,
}

/// One series at one moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedSample {
    /// `{service_name="shop-api"}`
    pub labels: String,
    /// Its value.
    pub value: f64,
}

const fn minute() -> Span {
    Span::seconds(60)
}

impl UnitTest {
    /// The moment of `0s`. A text that is no time is refused where lines are made.
    pub(crate) fn begin(&self) -> Timestamp {
        const MONDAY: Timestamp = Timestamp(1_767_571_200_000_000_000);
        let asked = self.start.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        asked.map_or(MONDAY, Timestamp::from)
    }

    pub(crate) fn outside(&self) -> Outside {
        Outside { external_labels: self.external_labels.clone(), external_url: self.external_url.clone() }
    }
}

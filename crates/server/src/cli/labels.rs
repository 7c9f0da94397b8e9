//! `lapidary labels | series | stats | volume`: what there is, and how much of it.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use stdx::Language;

use super::client::{Connection, Format};
use super::print::{Head, print};
use super::query::nanos;
use super::time::{Stretch, duration, shown, zone};
use super::{Failure, block_on};

/// Which labels.
#[derive(Debug, Args)]
pub(crate) struct LabelsArgs {
    /// The label whose values are wanted; without it the names of all labels.
    name: Option<String>,
    /// Only of the streams that this selector selects.
    #[arg(long, value_name = "SELECTOR")]
    query: Option<String>,
    #[command(flatten)]
    stretch: Stretch,
    #[command(flatten)]
    connection: Connection,
}

/// Which streams.
#[derive(Debug, Args)]
pub(crate) struct SeriesArgs {
    /// A selector, such as `{env="prod"}`; all streams if not given.
    #[arg(default_value = "{}")]
    selector: String,
    /// Counts streams and values of each label instead: what makes many streams.
    #[arg(long)]
    analyze_labels: bool,
    #[command(flatten)]
    stretch: Stretch,
    #[command(flatten)]
    connection: Connection,
}

/// What to count.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// A selector, such as `{env="prod"}`.
    selector: String,
    #[command(flatten)]
    stretch: Stretch,
    #[command(flatten)]
    connection: Connection,
}

/// What to sum up.
#[derive(Debug, Args)]
pub(crate) struct VolumeArgs {
    /// A selector, such as `{env="prod"}`; everything if not given.
    #[arg(default_value = "{}")]
    selector: String,
    /// Labels to sum by, with commas between; those of the selector if not given.
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    target_labels: Vec<String>,
    /// What gets a sum: each series of labels, or each label.
    #[arg(long, value_enum, default_value_t = By::Series)]
    aggregate_by: By,
    /// A sum for each stretch of this length, instead of one.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    step: Option<std::time::Duration>,
    /// Most sums, the largest ones.
    #[arg(long, default_value_t = 30)]
    limit: u32,
    /// Time zone of the table, such as Europe/Moscow; the machine's if not given.
    #[arg(long, visible_alias = "timezone")]
    zone: Option<String>,
    #[command(flatten)]
    stretch: Stretch,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Series,
    Labels,
}

impl LabelsArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let path = match &self.name {
            Some(name) => format!("/loki/api/v1/label/{name}/values"),
            None => "/loki/api/v1/labels".to_owned(),
        };
        let mut params = self.stretch.params()?;
        params.extend(self.query.map(|query| ("query", query)));
        let answer: Value = block_on(self.connection.get(&path, &params))??;
        let rows: Vec<_> = list(&answer["data"]).iter().map(|name| vec![text(name)]).collect();
        print(self.connection.format, Head::Csv, &["name"], &rows, &answer["data"])
    }
}

impl SeriesArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut params = self.stretch.params()?;
        params.push(("match[]", self.selector));
        let answer: Value = block_on(self.connection.get("/loki/api/v1/series", &params))??;
        let series: Vec<BTreeMap<String, String>> = serde_json::from_value(answer["data"].clone()).unwrap_or_default();
        if !self.analyze_labels {
            let rows: Vec<_> = series.iter().map(|labels| vec![super::query::braces(labels)]).collect();
            return print(self.connection.format, Head::Csv, &["labels"], &rows, &answer["data"]);
        }
        let mut labels: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
        for (name, value) in series.iter().flatten() {
            let found = labels.entry(name).or_default();
            found.0.insert(value);
            found.1 += 1;
        }
        let mut rows: Vec<_> =
            labels.into_iter().map(|(name, (values, streams))| (values.len(), name, streams)).collect();
        rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let shown = json!(
            rows.iter()
                .map(|(values, name, streams)| json!({"label": name, "values": values, "streams": streams}))
                .collect::<Vec<_>>()
        );
        let rows = rows
            .into_iter()
            .map(|(values, name, streams)| vec![name.to_owned(), values.to_string(), streams.to_string()]);
        print(self.connection.format, Head::Csv, &["label", "values", "streams"], &rows.collect::<Vec<_>>(), &shown)
    }
}

impl StatsArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut params = self.stretch.params()?;
        params.push(("query", self.selector));
        let answer: Value = block_on(self.connection.get("/loki/api/v1/index/stats", &params))??;
        let number = |name: &str| answer[name].as_u64().unwrap_or(0);
        let bytes = match self.connection.format {
            Format::Table => stdx::ByteSize(number("bytes")).to_string(),
            Format::Json | Format::Csv => number("bytes").to_string(),
        };
        let is_table = self.connection.format == Format::Table;
        let word = |english: &str, russian: &str| {
            let words = if is_table { self.connection.language() } else { Language::English };
            words.pick(english, russian).to_owned()
        };
        let rows = vec![
            vec![word("streams", "потоки"), number("streams").to_string()],
            vec![word("files", "файлы"), number("chunks").to_string()],
            vec![word("lines", "строки"), number("entries").to_string()],
            vec![word("bytes", "байты"), bytes],
        ];
        print(self.connection.format, Head::Csv, &["what", "count"], &rows, &answer)
    }
}

impl VolumeArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let zone = zone(self.zone.as_deref())?;
        let mut params = self.stretch.params()?;
        let by = if matches!(self.aggregate_by, By::Labels) { "labels" } else { "series" };
        params.extend([
            ("query", self.selector),
            ("limit", self.limit.to_string()),
            ("targetLabels", self.target_labels.join(",")),
            ("aggregateBy", by.to_owned()),
        ]);
        params.extend(self.step.map(|step| ("step", step.as_secs_f64().to_string())));
        let path = if self.step.is_some() { "volume_range" } else { "volume" };
        let answer: Value = block_on(self.connection.get(&format!("/loki/api/v1/index/{path}"), &params))??;
        let rows = volumes(&answer["data"]["result"], self.step.is_some(), self.connection.format, &zone);
        let heading: &[&str] = if self.step.is_some() { &["labels", "until", "bytes"] } else { &["labels", "bytes"] };
        print(self.connection.format, Head::Csv, heading, &rows, &answer["data"]["result"])
    }
}

/// Amounts by labels and, with a step, until when; times and amounts are written for people in tables.
fn volumes(result: &Value, has_step: bool, format: Format, zone: &TimeZone) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for series in list(result) {
        let labels: BTreeMap<String, String> = serde_json::from_value(series["metric"].clone()).unwrap_or_default();
        let labels = super::query::braces(&labels);
        let points = series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
        for point in points {
            let bytes: u64 = text(&point[1]).parse().unwrap_or(0);
            let (at, amount) = match format {
                Format::Table => (shown(nanos(&point[0]), zone), stdx::ByteSize(bytes).to_string()),
                Format::Json | Format::Csv => (point[0].to_string(), bytes.to_string()),
            };
            let at = has_step.then_some(at);
            rows.push([labels.clone()].into_iter().chain(at).chain([amount]).collect());
        }
    }
    rows
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_volumes_are_for_people_in_tables_and_numbers_elsewhere() {
        let result = json!([{"metric": {"app": "a"}, "values": [[1_795_694_400, "2048"], [1_795_694_400.5, "1"]]}]);
        let rows = |format| volumes(&result, true, format, &TimeZone::get("Europe/Moscow").unwrap());
        let (amount, small) = (stdx::ByteSize(2048).to_string(), stdx::ByteSize(1).to_string());
        let want = [
            [r#"{app="a"}"#, "2026-11-26T15:00:00.000+03:00", &amount],
            [r#"{app="a"}"#, "2026-11-26T15:00:00.500+03:00", &small],
        ];
        assert_eq!(rows(Format::Table), want);
        assert_eq!(rows(Format::Csv), [[r#"{app="a"}"#, "1795694400", "2048"], [r#"{app="a"}"#, "1795694400.5", "1"]]);
        let whole = json!([{"metric": {}, "value": [7, "1"]}]);
        assert_eq!(volumes(&whole, false, Format::Csv, &TimeZone::UTC), [["{}", "1"]]);
    }
}

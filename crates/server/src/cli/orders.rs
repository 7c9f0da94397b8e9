//! `lapidary orders`: one order's story, what is stuck, lists.

use clap::{Args, Subcommand, ValueEnum};
use orders::render::{self, Language, Style};
use orders::{Page, Story, Summary};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{Connection, Format};
use super::{Failure, block_on, say};

/// What to tell about orders.
#[derive(Debug, Subcommand)]
pub(crate) enum OrdersCommand {
    /// Tells one order's story: its path over the services, dwell per status, deviations, errors, traces, lines.
    Show {
        /// The id, as the lines write it.
        id: String,
        /// Leaves out the lines behind each step.
        #[arg(long)]
        no_lines: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Lists what stays longer in its status than it may, with where and how long.
    Stuck {
        #[command(flatten)]
        narrow: Narrow,
        #[command(flatten)]
        common: Common,
    },
    /// Lists what has not reached its end yet.
    List {
        #[command(flatten)]
        narrow: Narrow,
        #[command(flatten)]
        common: Common,
    },
    /// Counts open objects by status.
    Summary {
        #[command(flatten)]
        common: Common,
    },
}

/// What every one of them takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Type of the objects: order, model, customer …
    #[arg(long = "type", default_value = "order")]
    object: String,
    /// Language of the words around the data.
    #[arg(long, env = "LAPIDARY_LANG", value_enum, default_value_t = Tongue::En)]
    lang: Tongue,
    /// Time zone of printed times, such as Europe/Moscow; the machine's if not given.
    #[arg(long)]
    zone: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Narrows a list.
#[derive(Debug, Args)]
pub(crate) struct Narrow {
    /// Only those in this status.
    #[arg(long)]
    status: Option<String>,
    /// Only those this service has to move on.
    #[arg(long)]
    owner: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tongue {
    /// English.
    En,
    /// Russian.
    Ru,
}

impl OrdersCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Show { id, no_lines, common } => {
                let path = format!("/api/v1/orders/{}", escape(&id));
                let params = [("type", common.object.clone()), ("lines", (!no_lines).to_string())];
                common.print::<Story>(&path, &params, render::story)
            }
            Self::Stuck { narrow, common } => {
                let params = narrow.params(&common, "stuck");
                common.print::<Page>("/api/v1/orders", &params, render::stuck)
            }
            Self::List { narrow, common } => {
                let params = narrow.params(&common, "open");
                common.print::<Page>("/api/v1/orders", &params, render::list)
            }
            Self::Summary { common } => common.print::<Summary>("/api/v1/orders/summary", &[], |summary, style| {
                let mut summary = summary.clone();
                summary.types.retain(|found| found.object == common.object);
                render::summary(&summary, style)
            }),
        }
    }
}

impl Narrow {
    fn params(self, common: &Common, state: &str) -> Vec<(&'static str, String)> {
        let mut params =
            vec![("type", common.object.clone()), ("state", state.to_owned()), ("limit", self.limit.to_string())];
        params.extend(self.status.map(|status| ("status", status)));
        params.extend(self.owner.map(|owner| ("owner", owner)));
        params
    }
}

impl Common {
    fn print<T: DeserializeOwned + Serialize>(
        &self,
        path: &str,
        params: &[(&str, String)],
        draw: impl Fn(&T, &Style) -> String,
    ) -> Result<(), Failure> {
        let style = self.style()?;
        let answer: T = block_on(self.connection.get(path, params))??;
        match self.connection.format {
            Format::Table => say(&draw(&answer, &style)),
            Format::Json => say(&(json(&answer)? + "\n")),
            Format::Csv => say(&csv(&serde_json::to_value(&answer).map_err(unprintable)?)),
        }
        Ok(())
    }

    fn style(&self) -> Result<Style, Failure> {
        let zone = match &self.zone {
            None => jiff::tz::TimeZone::system(),
            Some(name) => jiff::tz::TimeZone::get(name)
                .map_err(|_| Failure::Usage(format!("`{name}` is not a time zone; write it like Europe/Moscow")))?,
        };
        let language = match self.lang {
            Tongue::En => Language::English,
            Tongue::Ru => Language::Russian,
        };
        Ok(Style { width: 100, color: Connection::colours(), language, zone, ..Style::default() })
    }
}

fn json(answer: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(answer).map_err(unprintable)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unprintable(error: serde_json::Error) -> Failure {
    Failure::Failed(format!("the answer cannot be printed: {error}"))
}

/// The list in an answer (items of a page, steps of a story, types of a summary) as CSV with a heading: plain fields
/// only, a field of fields as `a.b`.
fn csv(answer: &serde_json::Value) -> String {
    let rows = ["items", "steps", "types"].iter().find_map(|name| answer.get(name)?.as_array());
    let rows: Vec<Vec<(String, String)>> = rows.into_iter().flatten().map(|row| fields("", row)).collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut out = names.join(",") + "\n";
    for row in &rows {
        let cell =
            |name: &&str| row.iter().find(|(key, _)| key == name).map(|(_, value)| quoted(value)).unwrap_or_default();
        out += &(names.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    out
}

fn fields(prefix: &str, value: &serde_json::Value) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(map) => {
            let dot = if prefix.is_empty() { "" } else { "." };
            map.iter().flat_map(|(name, value)| fields(&format!("{prefix}{dot}{name}"), value)).collect()
        }
        serde_json::Value::Array(_) => Vec::new(),
        serde_json::Value::Null => vec![(prefix.to_owned(), String::new())],
        serde_json::Value::String(text) => vec![(prefix.to_owned(), text.clone())],
        plain => vec![(prefix.to_owned(), plain.to_string())],
    }
}

/// RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// An id as one segment of a path.
fn escape(id: &str) -> String {
    form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_rows_with_a_heading() {
        let page = serde_json::json!({"items": [
            {"id": "1", "stuck": null, "note": "a,b"},
            {"id": "2", "stuck": {"overdue_ms": 5}, "note": "say \"hi\""},
        ]});
        assert_eq!(csv(&page), "id,note,stuck,stuck.overdue_ms\n1,\"a,b\",,\n2,\"say \"\"hi\"\"\",,5\n");
    }
}

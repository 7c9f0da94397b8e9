//! `lapidary orders`: one order's story, what is stuck, lists.

mod analysis;

use clap::{Args, Subcommand};
use orders::render::{self, Style};
use orders::{Page, Story, Summary};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{Connection, Format};
use super::{Failure, block_on, complain, say};

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
        /// Cuts and leaves out nothing: whole lines, all of them, all traces, all errors.
        #[arg(long)]
        wide: bool,
        /// Type of the object: order, model, customer …
        #[arg(long = "type", value_name = "TYPE", default_value = "order")]
        object: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lists what stays longer in its status than it may, with where and how long.
    Stuck {
        /// Only for these reasons: deadline, unconfirmed, missing (these three if not given), unusual.
        #[arg(long, value_delimiter = ',')]
        reason: Vec<String>,
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
    #[command(flatten)]
    Analysis(analysis::AnalysisCommand),
    /// Has all events of the tenant taken from the kept lines again, after what is read out of lines has changed;
    /// `lapidary jobs` tells how far that is.
    Reread {
        #[command(flatten)]
        connection: Connection,
    },
    /// Counts open objects by status.
    Summary {
        /// Only objects of this type.
        #[arg(long = "type", value_name = "TYPE")]
        object: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

/// What every one of them takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Time zone of printed times, such as Europe/Moscow; the machine's if not given.
    #[arg(long)]
    zone: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Narrows a list.
#[derive(Debug, Args)]
pub(crate) struct Narrow {
    /// Type of the objects: order, model, customer …
    #[arg(long = "type", value_name = "TYPE", default_value = "order")]
    object: String,
    /// Only those in this status.
    #[arg(long)]
    status: Option<String>,
    /// Only those this service has to move on.
    #[arg(long, value_name = "SERVICE")]
    owner: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "1..1000", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Goes on where another list ended, as that list tells.
    #[arg(long)]
    cursor: Option<String>,
}

impl OrdersCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Show { id, no_lines, wide, object, common } => {
                let path = format!("/api/v1/objects/{}/{}", escape(&object), escape(&id));
                let story: Story = common.ask(&path, &[("lines", (!no_lines).to_string())])?;
                let style = Style { wide, ..common.style()? };
                common.print(&story, |story| render::story(story, &style), render::story_csv)
            }
            Self::Stuck { reason, narrow, common } => {
                let mut params = narrow.params("stuck");
                params.extend((!reason.is_empty()).then(|| ("reason", reason.join(","))));
                list(&params, &common, render::stuck)
            }
            Self::List { narrow, common } => list(&narrow.params("open"), &common, render::list),
            Self::Analysis(command) => command.run(),
            Self::Reread { connection } => reread(&connection),
            Self::Summary { object, common } => {
                let mut summary: Summary = common.ask("/api/v1/orders/summary", &[])?;
                if let Some(object) = &object {
                    only(&mut summary, object, &common)?;
                }
                let style = common.style()?;
                common.print(&summary, |summary| render::summary(summary, &style), render::summary_csv)
            }
        }
    }
}

fn reread(connection: &Connection) -> Result<(), Failure> {
    let (status, body) =
        block_on(connection.send(|client, address| client.post(format!("{address}/api/v1/orders/reread"))))??;
    if 300 <= status {
        return Err(Failure::Failed(body.trim().to_owned()));
    }
    say(connection
        .language()
        .pick("asked for; `lapidary jobs` tells how far it is\n", "принято; ход работы показывает `lapidary jobs`\n"));
    Ok(())
}

fn list(params: &[(&str, String)], common: &Common, draw: fn(&Page, &Style) -> String) -> Result<(), Failure> {
    let style = common.style()?;
    let page: Page = common.ask("/api/v1/orders", params)?;
    common.print(&page, |page| draw(page, &style), render::page_csv)?;
    if let (Format::Csv, Some(next)) = (common.connection.format, &page.next) {
        let words = common.connection.language();
        let (of, more) =
            (words.pick("of", "из"), words.pick("rows; the next ones: --cursor", "строк; следующие: --cursor"));
        complain(&format!("{} {of} {} {more} '{next}'", page.items.len(), page.total));
    }
    Ok(())
}

/// Leaves only one type in a summary.
fn only(summary: &mut Summary, object: &str, common: &Common) -> Result<(), Failure> {
    let known: Vec<String> = summary.types.iter().map(|kind| format!("`{}`", kind.object)).collect();
    summary.types.retain(|kind| kind.object.eq_ignore_ascii_case(object));
    if summary.types.is_empty() && !summary.loading {
        let words = common.connection.language();
        let (none, are) =
            (words.pick("no type of objects is called", "нет типа объектов"), words.pick("there are", "есть"));
        return Err(Failure::Failed(format!("{none} `{object}`; {are} {}", known.join(", "))));
    }
    Ok(())
}

impl Narrow {
    fn params(self, state: &str) -> Vec<(&'static str, String)> {
        let mut params = vec![("type", self.object), ("state", state.to_owned()), ("limit", self.limit.to_string())];
        let given = [("status", self.status), ("owner", self.owner), ("cursor", self.cursor)];
        params.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        params
    }
}

impl Common {
    fn ask<T: DeserializeOwned>(&self, path: &str, params: &[(&str, String)]) -> Result<T, Failure> {
        block_on(self.connection.get(path, params))?
    }

    fn print<T: Serialize>(
        &self,
        answer: &T,
        table: impl Fn(&T) -> String,
        csv: impl Fn(&T) -> String,
    ) -> Result<(), Failure> {
        match self.connection.format {
            Format::Table => say(&table(answer)),
            Format::Csv => say(&csv(answer)),
            Format::Json => {
                let json = serde_json::to_string_pretty(answer);
                let json = json.map_err(|error| Failure::Failed(format!("the answer cannot be printed: {error}")))?;
                say(&(json + "\n"));
            }
        }
        Ok(())
    }

    fn style(&self) -> Result<Style, Failure> {
        let language = self.connection.language();
        let zone = match &self.zone {
            None => jiff::tz::TimeZone::system(),
            Some(name) => jiff::tz::TimeZone::get(name).map_err(|_| {
                let (not, like) =
                    ("is not a time zone; write it like Europe/Moscow", "— не часовой пояс; пишите как Europe/Moscow");
                Failure::Usage(format!("`{name}` {}", language.pick(not, like)))
            })?,
        };
        Ok(Style { width: 100, color: self.connection.colours(), language, zone, ..Style::default() })
    }
}

/// An id as one segment of a path.
fn escape(id: &str) -> String {
    form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

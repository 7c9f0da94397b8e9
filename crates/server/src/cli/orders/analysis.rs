//! `lapidary orders`: what all orders tell together, the graph, the event log.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use orders::render::{self, analysis_csv};
use orders::{Conformance, Dwell, Funnel, Graph, Incidents, Picture, Sla, Throughput, Variants, draw};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Common;
use crate::cli::client::{Login, encoded};
use crate::cli::time::duration;
use crate::cli::{Failure, block_on, say};

/// What all orders tell together.
#[derive(Debug, Subcommand)]
pub(crate) enum AnalysisCommand {
    /// Groups what is stuck by the place where it waits: one incident for all orders stuck in the same status.
    Incidents {
        /// Type of the objects; all of them if not given.
        #[arg(long = "type", value_name = "TYPE")]
        object: Option<String>,
        /// Only for these reasons: deadline, unconfirmed, missing (these three if not given), unusual.
        #[arg(long, value_delimiter = ',')]
        reason: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Shows how far orders get, by the day, week or month in which they came into being.
    Funnel {
        /// What makes a cohort.
        #[arg(long, value_enum, default_value_t = By::Week)]
        by: By,
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        common: Common,
    },
    /// Shows the different ways orders take, how many take each, and how long that lasts.
    Variants {
        /// How many at most.
        #[arg(long, value_name = "1..1000", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        common: Common,
    },
    /// Shows how long orders stay in each status and take each way; those still in it count.
    Dwell {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        common: Common,
    },
    /// Shows what share of orders keeps to the graph, and where the others leave it.
    Conformance {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        common: Common,
    },
    /// Shows how the promises of the graph are kept: attainment, error budget, burn rate, ratings beside it.
    Sla {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        common: Common,
    },
    /// Shows how many orders come and go on each day.
    Throughput {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        common: Common,
    },
    /// Draws the status graph with counts and medians on its ways; or finds one in what happened; or checks documents.
    Graph(GraphArgs),
    /// Writes the steps of all orders as an event log for tools of process mining.
    Export {
        /// What it is written as: XES, OCEL 2.0 JSON, CSV.
        #[arg(long, value_enum, default_value_t = Log::Xes)]
        format: Log,
        /// File to write; the terminal if not given.
        #[arg(long, short, value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        login: Login,
    },
}

/// How the graph is wanted.
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// How to print it: dot for Graphviz (if not given), svg, toml for the document, json.
    #[arg(long, value_enum)]
    format: Option<Shape>,
    /// Finds a graph in what happened and prints its document, unless `--format` says otherwise.
    #[arg(long)]
    discover: bool,
    /// Leaves out ways that fewer than this share takes.
    #[arg(long, default_value_t = 0.005, requires = "discover")]
    slip: f64,
    /// Only checks documents of graphs; asks no server.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    check: Vec<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    login: Login,
}

/// Which orders.
#[derive(Clone, Debug, Args)]
pub(crate) struct Selection {
    /// Type of the objects: order, model, customer …
    #[arg(long = "type", value_name = "TYPE", default_value = "order")]
    object: String,
    /// Only those that came into being within this time, such as 30d; all if not given.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "from")]
    since: Option<Duration>,
    /// Only those that came into being then or later, RFC 3339.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only those that came into being before, RFC 3339.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum By {
    Day,
    Week,
    Month,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Log {
    Xes,
    Ocel,
    Csv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shape {
    Dot,
    Svg,
    Toml,
    Json,
}

impl AnalysisCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Incidents { object, reason, common } => {
                let mut params = Vec::new();
                params.extend(object.map(|object| ("type", object)));
                params.extend((!reason.is_empty()).then(|| ("reason", reason.join(","))));
                let told: Incidents = common.ask("/api/v1/orders/incidents", &params)?;
                let style = common.style()?;
                common.print(&told, |told| render::incidents(told, &style), analysis_csv::incidents)
            }
            Self::Funnel { by, selection, common } => {
                let by = name(&by);
                tell::<Funnel>("funnel", [("by", by)], (&selection, &common), render::funnel, analysis_csv::funnel)
            }
            Self::Variants { limit, selection, common } => {
                let limit = [("limit", limit.to_string())];
                tell::<Variants>("variants", limit, (&selection, &common), render::variants, analysis_csv::variants)
            }
            Self::Dwell { selection, common } => {
                tell::<Dwell>("dwell", [], (&selection, &common), render::dwell, analysis_csv::dwell)
            }
            Self::Conformance { selection, common } => {
                let draw = render::conformance;
                tell::<Conformance>("conformance", [], (&selection, &common), draw, analysis_csv::conformance)
            }
            Self::Sla { selection, common } => {
                tell::<Sla>("sla", [], (&selection, &common), render::sla, analysis_csv::sla)
            }
            Self::Throughput { selection, common } => {
                let draw = render::throughput;
                tell::<Throughput>("throughput", [], (&selection, &common), draw, analysis_csv::throughput)
            }
            Self::Graph(args) => args.run(),
            Self::Export { format, file, selection, login } => export(format, file.as_deref(), &selection, &login),
        }
    }
}

/// Asks for one analysis and prints it.
fn tell<T: DeserializeOwned + Serialize>(
    what: &str,
    more: impl IntoIterator<Item = (&'static str, String)>,
    (selection, common): (&Selection, &Common),
    draw: fn(&T, &render::Style) -> String,
    csv: fn(&T) -> String,
) -> Result<(), Failure> {
    let style = common.style()?;
    let mut params = selection.params()?;
    let zone = style.zone.iana_name().unwrap_or("UTC").to_owned();
    params.push(("zone", zone));
    params.extend(more);
    let told: T = common.ask(&format!("/api/v1/orders/{what}"), &params)?;
    common.print(&told, |told| draw(told, &style), csv)
}

impl Selection {
    fn params(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let mut params = vec![("type", self.object.clone())];
        let since = match self.since {
            Some(since) => {
                let now = Timestamp::from(crate::cli::time::now());
                let too_far = |_| Failure::Usage("--since reaches too far back".to_owned());
                Some(now.checked_sub(jiff::SignedDuration::try_from(since).unwrap_or_default()).map_err(too_far)?)
            }
            None => self.from,
        };
        params.extend(since.map(|since| ("since", since.to_string())));
        params.extend(self.to.map(|to| ("until", to.to_string())));
        Ok(params)
    }
}

impl GraphArgs {
    fn run(self) -> Result<(), Failure> {
        if !self.check.is_empty() {
            return check(&self.check);
        }
        let mut params = self.selection.params()?;
        if self.discover {
            params.extend([("discover", "true".to_owned()), ("slip", self.slip.to_string())]);
        }
        let picture: Picture = block_on(self.login.get("/api/v1/orders/graph", &params))??;
        let language = self.login.language();
        let usual = if self.discover { Shape::Toml } else { Shape::Dot };
        say(&match self.format.unwrap_or(usual) {
            Shape::Dot => draw::dot(&picture, language),
            Shape::Svg => draw::svg(&picture, language),
            Shape::Toml => picture.document,
            Shape::Json => {
                let json = serde_json::to_string_pretty(&picture);
                json.map_err(|error| Failure::Failed(format!("the answer cannot be printed: {error}")))? + "\n"
            }
        });
        Ok(())
    }
}

/// Checks documents of graphs on this machine.
fn check(files: &[PathBuf]) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for file in files {
        let name = file.display();
        match std::fs::read_to_string(file).map_err(|error| error.to_string()).map(|text| Graph::read(&text)) {
            Ok(Ok(graph)) => say(&format!("{name}: {} · {}\n", graph.object(), graph.statuses().len())),
            Ok(Err(told)) => problems.extend(told.to_string().lines().map(|problem| format!("{name}: {problem}"))),
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Usage(problems.join("\n"))) }
}

/// Copies the log as it comes.
fn export(format: Log, file: Option<&std::path::Path>, selection: &Selection, login: &Login) -> Result<(), Failure> {
    let mut params = selection.params()?;
    params.push(("format", name(&format)));
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot write the event log: {error}"));
    let path = format!("/api/v1/orders/export?{}", encoded(&params));
    block_on(async {
        let mut answer = login.open(|client, address| client.get(format!("{address}{path}"))).await?;
        // Only now: what the file holds is not lost to a request that was wrong.
        let mut out: Box<dyn std::io::Write> = match file {
            Some(file) => Box::new(std::io::BufWriter::new(std::fs::File::create(file).map_err(failed)?)),
            None => Box::new(std::io::stdout().lock()),
        };
        while let Some(piece) = answer.chunk().await.map_err(|error| login.unreachable(&error))? {
            out.write_all(&piece).map_err(failed)?;
        }
        out.flush().map_err(failed)
    })?
}

/// The word for a choice.
fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

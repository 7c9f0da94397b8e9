//! `lapidary incidents`: what went wrong, who cares, how fast it was noticed and mended.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Connection, Format};
use super::print::{Head, print};
use super::{Failure, block_on, say, words};
use crate::http::{Incidents, ShownIncident};

/// What to tell about incidents, or to do with one.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentsCommand {
    /// Lists incidents, the youngest first.
    List {
        /// Only those in this state: open, acknowledged, resolved.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        stretch: Since,
        #[command(flatten)]
        connection: Connection,
    },
    /// Tells one incident: its alerts, orders and timeline.
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Says that you care.
    Ack {
        #[command(flatten)]
        act: Act,
    },
    /// Says that it is over.
    Resolve {
        #[command(flatten)]
        act: Act,
    },
    /// Adds something to know.
    Comment {
        #[command(flatten)]
        act: Act,
    },
    /// Gives it to somebody.
    Assign {
        /// Its id.
        id: String,
        /// Who.
        to: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Sums up how fast incidents were noticed (MTTD), acknowledged and mended (MTTR), by rule and service.
    Report {
        #[command(flatten)]
        stretch: Since,
        #[command(flatten)]
        connection: Connection,
    },
}

/// What is done to one incident.
#[derive(Debug, Args)]
pub(crate) struct Act {
    /// Its id.
    id: String,
    /// What there is to know.
    #[arg(long, default_value = "")]
    comment: String,
    #[command(flatten)]
    connection: Connection,
}

/// How far back.
#[derive(Debug, Args)]
pub(crate) struct Since {
    /// How far back, such as 12h or 90d.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = super::time::duration)]
    since: std::time::Duration,
}

impl Since {
    fn from(&self) -> (&'static str, String) {
        ("from", jiff::Timestamp::from(super::time::now().before(self.since)).to_string())
    }
}

impl IncidentsCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { state, stretch, connection } => {
                let mut params = vec![stretch.from()];
                params.extend(state.map(|state| ("state", state)));
                list(&connection, &params)
            }
            Self::Show { id, connection } => {
                let incident = block_on(connection.get(&path(&id), &[]))??;
                show(&connection, &incident)
            }
            Self::Ack { act } => act.run("ack"),
            Self::Resolve { act } => act.run("resolve"),
            Self::Comment { act } => act.run("comment"),
            Self::Assign { id, to, connection } => change(&connection, &id, &json!({"action": "assign", "to": to})),
            Self::Report { stretch, connection } => report(&connection, &[stretch.from()]),
        }
    }
}

impl Act {
    fn run(&self, action: &str) -> Result<(), Failure> {
        change(&self.connection, &self.id, &json!({"action": action, "comment": self.comment}))
    }
}

fn path(id: &str) -> String {
    format!("/api/v1/incidents/{}", form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>())
}

fn change(connection: &Connection, id: &str, body: &Value) -> Result<(), Failure> {
    let asked = connection.send(|client, address| client.post(format!("{address}{}/act", path(id))).json(body));
    let (status, answer) = block_on(asked)??;
    if status >= 300 {
        return Err(Failure::Failed(answer.trim().to_owned()));
    }
    let incident = serde_json::from_str(&answer);
    let incident = incident.map_err(|error| Failure::Failed(format!("the answer cannot be read: {error}")))?;
    show(connection, &incident)
}

fn list(connection: &Connection, params: &[(&str, String)]) -> Result<(), Failure> {
    let answer: Incidents = block_on(connection.get("/api/v1/incidents", params))??;
    let heading = words::heading(
        connection,
        ["id", "incident", "state", "started", "resolved", "where", "orders now", "in all", "who"],
        ["id", "инцидент", "состояние", "начало", "конец", "где", "заказов сейчас", "всего", "кто"],
    );
    let rows: Vec<Vec<String>> = answer
        .incidents
        .iter()
        .map(|one| {
            let count = |orders: u64| if one.orders_total > 0 { orders.to_string() } else { String::new() };
            let (now, most) = (count(one.orders_now_total), count(one.orders_total));
            let (id, title, state, started) = (
                one.id.clone(),
                one.title.clone(),
                words::state(connection, &one.state),
                words::time(connection, &one.started),
            );
            let (resolved, who) = (
                words::time(connection, one.resolved.as_deref().unwrap_or_default()),
                one.assignee.clone().unwrap_or_default(),
            );
            vec![id, title, state, started, resolved, one.services.join(" "), now, most, who]
        })
        .collect();
    print(connection.format, Head::Both, &heading, &rows, &answer)
}

fn show(connection: &Connection, incident: &ShownIncident) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = incident
        .timeline
        .iter()
        .map(|event| {
            vec![
                words::time(connection, &event.at),
                words::state(connection, &event.what),
                event.who.clone(),
                event.text.clone(),
            ]
        })
        .collect();
    let heading = words::heading(connection, ["at", "what", "who", "text"], ["когда", "что", "кто", "подробности"]);
    if connection.format == Format::Table {
        let mut head = format!(
            "{} · {} · {}\n",
            incident.title,
            words::state(connection, &incident.state),
            incident.services.join(", ")
        );
        let time = |time: Option<&String>| words::time(connection, time.map_or("", String::as_str));
        let mut line = |english: &str, russian: &str, text: &str| {
            if !text.is_empty() {
                head += &format!("{}: {text}\n", connection.language().pick(english, russian));
            }
        };
        line("started", "начало", &time(Some(&incident.started)));
        line("first told", "впервые сообщено", &time(incident.notified.as_ref()));
        line("acknowledged", "принято", &time(incident.acknowledged.as_ref()));
        line("resolved", "устранено", &time(incident.resolved.as_ref()));
        line("assignee", "кто занимается", incident.assignee.as_deref().unwrap_or(""));
        let now = &incident.orders_now;
        let others = incident.orders.iter().filter(|order| !now.contains(order));
        line("orders now", "заказы сейчас", &listed(now, incident.orders_now_total));
        line("orders before", "заказы раньше", &others.cloned().collect::<Vec<_>>().join(", "));
        say(&format!("{head}\n"));
    }
    print(connection.format, Head::Both, &heading, &rows, incident)
}

/// Ids, and how many there are if these are not all.
fn listed(ids: &[String], total: u64) -> String {
    let more = total.saturating_sub(ids.len() as u64);
    if more == 0 { ids.join(", ") } else { format!("{} +{more}", ids.join(", ")) }
}

fn report(connection: &Connection, params: &[(&str, String)]) -> Result<(), Failure> {
    let answer: alert::Report = block_on(connection.get("/api/v1/incidents/report", params))??;
    let heading = words::heading(
        connection,
        ["of", "incidents", "MTTD", "MTTD p90", "MTTA", "MTTR", "MTTR p90"],
        ["чего", "инциденты", "MTTD", "MTTD p90", "MTTA", "MTTR", "MTTR p90"],
    );
    let span = |delay: &alert::Delay, seconds: f64| {
        if delay.count == 0 {
            return String::new();
        }
        stdx::show_duration(std::time::Duration::from_secs_f64(seconds.max(0.0).round()))
    };
    let row = |row: &alert::ReportRow| {
        vec![
            words::state(connection, &row.name),
            row.incidents.to_string(),
            span(&row.detect, row.detect.mean_seconds),
            span(&row.detect, row.detect.p90_seconds),
            span(&row.acknowledge, row.acknowledge.mean_seconds),
            span(&row.resolve, row.resolve.mean_seconds),
            span(&row.resolve, row.resolve.p90_seconds),
        ]
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(&answer.all).chain(&answer.rules).chain(&answer.services).map(row).collect();
    print(connection.format, Head::Both, &heading, &rows, &answer)
}

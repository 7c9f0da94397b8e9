//! `lapidary silences`: makes, lists and ends silences.

use std::time::Duration;

use alert::{Matcher, WrittenMatcher};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::Connection;
use super::print::{Head, print};
use super::{Failure, block_on, say, words};

/// What to do with silences.
#[derive(Debug, Subcommand)]
pub(crate) enum SilencesCommand {
    /// Lists silences: those that hold or will hold.
    List {
        /// Those that have ended as well.
        #[arg(long)]
        expired: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Makes a silence: alerts with these labels are not told for some time.
    Add {
        /// Labels such as `service_name=shop` or `alertname=~"Order.*"`; an alert must fulfil all of them.
        #[arg(required = true, value_name = "MATCHER")]
        matchers: Vec<String>,
        /// For how long, such as 2h or 3d.
        #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = super::time::duration)]
        length: Duration,
        /// Why.
        #[arg(long)]
        comment: String,
        /// Who makes it, if not the token's owner.
        #[arg(long, default_value = "")]
        author: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Ends silences.
    Expire {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        connection: Connection,
    },
}

/// A silence as the API shows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    status: Status,
    comment: String,
    created_by: String,
    starts_at: String,
    ends_at: String,
    matchers: Vec<WrittenMatcher>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Status {
    state: String,
}

impl SilencesCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { expired, connection } => list(&connection, expired),
            Self::Add { matchers, length, comment, author, connection } => {
                add(&connection, &matchers, length, &comment, &author)
            }
            Self::Expire { ids, connection } => ids.iter().try_for_each(|id| expire(&connection, id)),
        }
    }
}

fn list(connection: &Connection, expired: bool) -> Result<(), Failure> {
    let mut all: Vec<Shown> = block_on(connection.get("/api/v2/silences", &[]))??;
    all.retain(|silence| expired || silence.status.state != "expired");
    let heading = words::heading(
        connection,
        ["id", "state", "until", "matchers", "by", "comment"],
        ["id", "состояние", "до", "метки", "кто", "почему"],
    );
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let matchers = one.matchers.iter().filter_map(|matcher| matcher.matcher().ok());
            let matchers: Vec<String> = matchers.map(|matcher| matcher.to_string()).collect();
            let (id, state, until) = (one.id.clone(), words::state(connection, &one.status.state), one.ends_at.clone());
            vec![id, state, until, matchers.join(" "), one.created_by.clone(), one.comment.clone()]
        })
        .collect();
    print(connection.format, Head::Both, &heading, &rows, &all)
}

fn add(
    connection: &Connection,
    texts: &[String],
    length: Duration,
    comment: &str,
    author: &str,
) -> Result<(), Failure> {
    let read = texts.iter().map(|text| Matcher::parse(text)).collect::<Result<Vec<_>, _>>();
    let matchers: Vec<WrittenMatcher> =
        read.map_err(Failure::Usage)?.iter().flatten().map(WrittenMatcher::from).collect();
    let now = super::time::now();
    let time = |time: logline::Timestamp| jiff::Timestamp::from(time).to_string();
    let body = json!({
        "matchers": matchers,
        "startsAt": time(now),
        "endsAt": time(now.after(length)),
        "createdBy": author,
        "comment": comment,
    });
    let asked = connection.send(|client, address| client.post(format!("{address}/api/v2/silences")).json(&body));
    let (status, answer) = block_on(asked)??;
    if status >= 300 {
        return Err(Failure::Failed(answer.trim().to_owned()));
    }
    let id = serde_json::from_str::<serde_json::Value>(&answer).unwrap_or_default();
    say(&format!("{}\n", id["silenceID"].as_str().unwrap_or_default()));
    Ok(())
}

fn expire(connection: &Connection, id: &str) -> Result<(), Failure> {
    let path: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let asked = connection.send(|client, address| client.delete(format!("{address}/api/v2/silence/{path}")));
    let (status, body) = block_on(asked)??;
    if status < 300 { Ok(()) } else { Err(Failure::Failed(format!("`{id}`: {}", body.trim()))) }
}

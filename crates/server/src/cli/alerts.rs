//! `lapidary alerts`: what fires, what was delivered, a test of a receiver.

use std::time::Duration;

use clap::Subcommand;

use super::client::Connection;
use super::print::{Head, print};
use super::{Failure, block_on, complain, say, words};
use crate::http::{Alerts, Deliveries, TestSent};

/// What to tell about alerts.
#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// Lists alerts that fire, with who is told and what holds them back.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Lists what was and is delivered to whom.
    Deliveries {
        /// How many at most.
        #[arg(long, value_name = "1..1000", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        connection: Connection,
    },
    /// Sends a test to a receiver and waits until it is delivered.
    TestSend {
        /// Name of the receiver; `default` is the one of the settings.
        receiver: String,
        #[command(flatten)]
        connection: Connection,
    },
}

/// How long a test may take to arrive.
const PATIENCE: u32 = 30;

impl AlertsCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { connection } => list(&connection),
            Self::Deliveries { limit, connection } => deliveries(&connection, limit),
            Self::TestSend { receiver, connection } => block_on(test_send(&connection, &receiver))?,
        }
    }
}

fn list(connection: &Connection) -> Result<(), Failure> {
    let answer: Alerts = block_on(connection.get("/api/v1/alerts", &[]))??;
    let heading = words::heading(
        connection,
        ["alert", "state", "since", "where", "labels", "receivers"],
        ["оповещение", "состояние", "с", "где", "метки", "получатели"],
    );
    let rows: Vec<Vec<String>> = answer
        .alerts
        .iter()
        .map(|alert| {
            let label = |name: &str| alert.labels.get(name).cloned().unwrap_or_default();
            let service =
                Some(label("service_name")).filter(|name| !name.is_empty()).unwrap_or_else(|| label("service"));
            let rest = alert
                .labels
                .iter()
                .filter(|(name, _)| !["alertname", "service_name", "service"].contains(&name.as_str()));
            let rest: Vec<String> = rest.map(|(name, value)| format!("{name}={value}")).collect();
            let since = words::time(connection, &alert.since);
            vec![
                label("alertname"),
                words::state(connection, &alert.state),
                since,
                service,
                rest.join(" "),
                alert.receivers.join(" "),
            ]
        })
        .collect();
    print(connection.format, Head::Both, &heading, &rows, &answer)
}

fn deliveries(connection: &Connection, limit: u16) -> Result<(), Failure> {
    let params = [("limit", limit.to_string())];
    let answer: Deliveries = block_on(connection.get("/api/v1/alerts/deliveries", &params))??;
    let heading = words::heading(
        connection,
        ["created", "receiver", "destination", "status", "tries", "reason"],
        ["создано", "получатель", "куда", "состояние", "попыток", "причина"],
    );
    let rows: Vec<Vec<String>> = answer
        .deliveries
        .iter()
        .map(|one| {
            let (created, receiver, destination) =
                (words::time(connection, &one.created), one.receiver.clone(), one.destination.clone());
            vec![
                created,
                receiver,
                destination,
                words::state(connection, &one.status),
                one.attempts.to_string(),
                one.reason.clone(),
            ]
        })
        .collect();
    print(connection.format, Head::Both, &heading, &rows, &answer)?;
    for destination in &answer.broken {
        let text = connection.language().pick("does not answer", "не отвечает");
        complain(&format!("`{destination}` {text}"));
    }
    Ok(())
}

async fn test_send(connection: &Connection, receiver: &str) -> Result<(), Failure> {
    let name: String = form_urlencoded::byte_serialize(receiver.as_bytes()).collect::<String>().replace('+', "%20");
    let asked = connection.send(|client, address| client.post(format!("{address}/api/v1/alerts/test/{name}"))).await?;
    let (status, body) = asked;
    if status >= 300 {
        return Err(Failure::Failed(body.trim().to_owned()));
    }
    let sent: TestSent =
        serde_json::from_str(&body).map_err(|error| Failure::Failed(format!("the answer cannot be read: {error}")))?;
    let language = connection.language();
    for _ in 0..PATIENCE * 4 {
        let answer: Deliveries = connection.get("/api/v1/alerts/deliveries", &[("limit", "1000".to_owned())]).await?;
        let own: Vec<_> = answer.deliveries.iter().filter(|one| sent.keys.contains(&one.key)).collect();
        if own.iter().all(|one| one.ended.is_some()) && !own.is_empty() {
            let failed: Vec<_> = own.iter().filter(|one| one.status != "sent").collect();
            for one in &own {
                let reason = if one.reason.is_empty() { String::new() } else { format!(": {}", one.reason) };
                say(&format!("{} {}{reason}\n", one.destination, words::state(connection, &one.status)));
            }
            let text = language.pick("the test did not arrive everywhere", "проверка дошла не везде");
            return if failed.is_empty() { Ok(()) } else { Err(Failure::Failed(text.to_owned())) };
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let text = language.pick(
        "the test has not arrived yet; see `lapidary alerts deliveries`",
        "проверка ещё не дошла; смотрите `lapidary alerts deliveries`",
    );
    Err(Failure::Failed(text.to_owned()))
}

//! `lapidary audit`: who did what, and whether the trail is as it was written.

use std::time::Duration;

use auth::Record;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use stdx::Language;

use super::client::{Connection, Format};
use super::print::{Head, print};
use super::time::{duration, now, shown, zone};
use super::{Failure, block_on, complain, say, terminal};
use crate::audit::Page;
use crate::http::Verdict;

/// Which records, or what to do with all of them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: Option<AuditCommand>,
    /// Only what this user or token did.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Only this, such as `query`, `login` or `delete`.
    #[arg(long)]
    action: Option<String>,
    /// Only what ended so: `allowed`, `denied` or `failed`.
    #[arg(long)]
    outcome: Option<String>,
    /// Only records with this text in their detail.
    #[arg(long)]
    text: Option<String>,
    /// How far back, such as 15m or 30d.
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = duration)]
    since: Duration,
    /// Most records, the newest ones.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
    /// Time zone of the table; the machine's if not given.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Looks at every record of every node: whether one was changed, put in or taken out. Names the first.
    Verify {
        #[command(flatten)]
        connection: Connection,
    },
}

impl AuditArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let Some(AuditCommand::Verify { connection }) = &self.command {
            return verify(connection);
        }
        let zone = zone(self.timezone.as_deref())?;
        let since = jiff::Timestamp::from(now().before(self.since)).to_string();
        let mut params = vec![("since", since), ("limit", self.limit.to_string())];
        let filters = [
            ("principal", &self.principal),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("text", &self.text),
        ];
        params.extend(filters.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        let page: Page = block_on(self.connection.get("/api/v1/audit", &params))??;
        let language = self.connection.language();
        let heading = match language {
            Language::English => ["time", "who", "from", "what", "outcome", "times", "ms", "rows", "detail"],
            Language::Russian => ["время", "кто", "откуда", "что", "итог", "раз", "мс", "строк", "подробно"],
        };
        let rows: Vec<_> = page.records.iter().map(|record| row(record, language, &zone)).collect();
        print(self.connection.format, Head::Both, &heading, &rows, &page)?;
        if page.more && self.connection.format == Format::Table {
            let more = "есть записи старше; --limit покажет больше";
            say(&format!("{}\n", language.pick("there are older records; --limit shows more", more)));
        }
        // Beside what programs read, people are told where programs do not look.
        for reason in &page.unreadable {
            let missing = language.pick("records are missing that cannot be read", "нет записей, которые не читаются");
            let text = format!("{missing}: {}", terminal::row(reason));
            if self.connection.format == Format::Table { say(&format!("{text}\n")) } else { complain(&text) }
        }
        Ok(())
    }
}

fn verify(connection: &Connection) -> Result<(), Failure> {
    let verdict: Verdict = block_on(connection.get("/api/v1/audit/verify", &[]))??;
    let language = connection.language();
    let heading = match language {
        Language::English => ["node", "first", "last", "records", "anchored", "breaks"],
        Language::Russian => ["узел", "первая", "последняя", "записей", "закреплено", "разрывов"],
    };
    let rows = verdict.chains.iter().map(|(node, held)| {
        let numbers = [held.first, held.last.sequence, held.records, held.anchored, held.breaks];
        std::iter::once(node.clone()).chain(numbers.map(|number| number.to_string())).collect()
    });
    print(connection.format, Head::Both, &heading, &rows.collect::<Vec<_>>(), &verdict)?;
    if verdict.chains.iter().any(|(_, held)| 0 < held.breaks) {
        complain(language.pick(
            "the chain was broken and begun anew; where and why: lapidary audit --action break",
            "цепочка была прервана и начата заново; где и почему: lapidary audit --action break",
        ));
    }
    let broken = verdict.broken.map(|broken| broken.text(language));
    let unreadable = verdict.unreadable.iter().map(|part| part.text(language));
    let problems: Vec<_> = broken.into_iter().chain(unreadable).collect();
    if problems.is_empty() { Ok(()) } else { Err(Failure::Failed(problems.join("\n"))) }
}

fn row(record: &Record, language: Language, zone: &TimeZone) -> Vec<String> {
    let outcome = match (language, record.outcome) {
        (Language::English, outcome) => outcome.name(),
        (Language::Russian, auth::Outcome::Allowed) => "разрешено",
        (Language::Russian, auth::Outcome::Denied) => "отказано",
        (Language::Russian, auth::Outcome::Failed) => "не удалось",
    };
    let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    vec![
        shown(record.time.0, zone),
        record.principal.clone(),
        record.address.clone(),
        record.action.clone(),
        outcome.to_owned(),
        record.count.to_string(),
        number(record.cost.map(|cost| cost.millis)),
        number(record.cost.map(|cost| cost.rows)),
        terminal::row(&record.detail).into_owned(),
    ]
}

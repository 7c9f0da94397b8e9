//! `lapidary users | roles | policies | groups | tokens | access`: who may come in, and what they may see.

pub(super) mod documents;
pub(super) mod tokens;
pub(super) mod users;

use auth::{Amount, Explained, Report, Seen, Via};
use clap::Subcommand;
use stdx::Language;

use super::client::{Connection, Format};
use super::print::{Head, print};
use super::reveal::RevealArgs;
use super::{Failure, block_on, say};

/// What to tell about rights.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Says what somebody may do and see, and why.
    Explain {
        /// Name of a user or token.
        #[arg(long)]
        user: String,
        /// A query; each stream of the last week that it selects is judged.
        #[arg(long)]
        query: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Says whether a token stands for a value: yes or no. The values themselves are not kept.
    Reveal(Box<RevealArgs>),
    /// Says who can see which service.
    Report {
        #[command(flatten)]
        connection: Connection,
    },
}

impl AccessCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Explain { user, query, connection } => {
                let mut params = vec![("user", user)];
                params.extend(query.map(|query| ("query", query)));
                let told: Explained = block_on(connection.get("/api/v1/access/explain", &params))??;
                explained(&told, &connection)
            }
            Self::Reveal(args) => args.run(),
            Self::Report { connection } => {
                let told: Report = block_on(connection.get("/api/v1/access/report", &[]))??;
                reported(&told, &connection)
            }
        }
    }
}

fn explained(told: &Explained, connection: &Connection) -> Result<(), Failure> {
    let words = connection.language();
    if connection.format == Format::Table {
        say(&head(told, words));
    }
    let verdict = |seen| match seen {
        Seen::Yes => words.pick("seen", "видно"),
        Seen::InPart => words.pick("in part", "частично"),
        Seen::Denied => words.pick("denied", "запрещено"),
        Seen::NotNamed => words.pick("not named", "не названо"),
        Seen::NoPermission => words.pick("may not read", "нет права читать"),
    };
    let rows = told.decisions.iter().map(|decision| {
        let by = [("+", &decision.allowed_by), ("-", &decision.denied_by), ("~", &decision.hidden_by)];
        let by = by.iter().flat_map(|(mark, names)| names.iter().map(move |name| format!("{mark}{name}")));
        vec![verdict(decision.seen).to_owned(), by.collect::<Vec<_>>().join(" "), decision.stream.clone()]
    });
    let rows: Vec<_> = rows.collect();
    let heading = [words.pick("seen", "видно"), words.pick("by policy", "по политике"), words.pick("stream", "поток")];
    if rows.is_empty() && connection.format == Format::Table {
        return Ok(());
    }
    print(connection.format, Head::Both, &heading, &rows, told)
}

/// Roles, permissions and policies, before the streams.
fn head(told: &Explained, words: Language) -> String {
    let via = |via: &Via| match via {
        Via::Direct => words.pick("own", "своя").to_owned(),
        Via::Group(group) => format!("{} {group}", words.pick("group", "группа")),
    };
    let roles =
        told.roles.iter().map(|(name, how)| format!("{name} ({})", how.iter().map(via).collect::<Vec<_>>().join(", ")));
    let none = || words.pick("none", "нет").to_owned();
    let list = |all: Vec<String>| if all.is_empty() { none() } else { all.join(", ") };
    let permissions = told.permissions.iter().map(|permission| permission.name().to_owned());
    let policies = told.policies.iter().map(|policy| policy.name.clone());
    let rows = [
        (words.pick("who", "кто"), told.user.clone()),
        (words.pick("tenant", "арендатор"), told.tenant.clone()),
        (words.pick("roles", "роли"), list(roles.collect())),
        (words.pick("permissions", "права"), list(permissions.collect())),
        (words.pick("policies", "политики"), list(policies.collect())),
    ];
    rows.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>() + "\n"
}

fn reported(told: &Report, connection: &Connection) -> Result<(), Failure> {
    let words = connection.language();
    let kind = |kind: &str| match kind {
        "user" => words.pick("user", "пользователь").to_owned(),
        "group" => words.pick("group", "группа").to_owned(),
        "token" => words.pick("token", "токен").to_owned(),
        other => other.to_owned(),
    };
    let mut rows = Vec::new();
    for principal in &told.principals {
        for (service, amount) in &principal.services {
            let what = match (principal.reads_lines, amount) {
                (false, _) => words.pick("steps", "шаги"),
                (true, Amount::All) => words.pick("lines", "строки"),
                (true, Amount::Part | Amount::Nothing) => words.pick("lines in part", "строки частично"),
            };
            let roles = principal.roles.join(" ");
            rows.push(vec![service.clone(), kind(&principal.kind), principal.name.clone(), what.to_owned(), roles]);
        }
    }
    rows.sort();
    let heading = [
        words.pick("service", "сервис"),
        words.pick("kind", "вид"),
        words.pick("who", "кто"),
        words.pick("sees", "видит"),
        words.pick("roles", "роли"),
    ];
    print(connection.format, Head::Both, &heading, &rows, told)
}

//! The command line: what was typed, and which part of the program answers it.

mod access;
mod alerts;
mod audit;
mod client;
mod incidents;
mod jobs;
mod labels;
mod language;
mod login;
mod orders;
mod print;
mod query;
mod reveal;
mod rules;
mod serve;
mod session;
mod silences;
mod storage;
mod tail;
mod terminal;
mod time;
mod usage;
mod words;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

pub use client::Connection;

/// Where every order is, what is stuck and why: a log platform that follows orders through services.
#[derive(Debug, Parser)]
#[command(name = "lapidary", version, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(serve::ServeArgs),
    /// Reads the configuration, reports everything that is wrong with it, and ends.
    Check(serve::CheckArgs),
    /// Asks in LogQL: lines, or series and numbers made of them.
    Query(Box<query::QueryArgs>),
    /// Shows lines as they come in.
    Tail(tail::TailArgs),
    /// Names labels, or the values of one.
    Labels(labels::LabelsArgs),
    /// Names streams by their labels.
    Series(labels::SeriesArgs),
    /// Counts what a selector selects.
    Stats(labels::StatsArgs),
    /// Sums up how much there is by labels, in all or over time.
    Volume(labels::VolumeArgs),
    /// Follows orders: one order's story, what is stuck, lists.
    #[command(subcommand)]
    Orders(orders::OrdersCommand),
    /// Watches: lists rules, runs them over the past, looks them over, tests them.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Looks after a data folder: inspect, verify, back up, restore; exports lines and imports them.
    #[command(subcommand)]
    Storage(storage::StorageCommand),
    /// Shows what fires, what was delivered to whom, and tests receivers.
    #[command(subcommand)]
    Alerts(alerts::AlertsCommand),
    /// Keeps alerts quiet for some time.
    #[command(subcommand)]
    Silences(silences::SilencesCommand),
    /// Follows what went wrong: who cares, what was done, how fast.
    #[command(subcommand)]
    Incidents(incidents::IncidentsCommand),
    /// Shows background work: what runs, how far it is, what failed.
    Jobs(jobs::JobsArgs),
    /// Logs in with name and password; later commands to this server go by the session.
    Login(login::LoginArgs),
    /// Ends the session.
    Logout(login::LogoutArgs),
    /// Looks after people with a password of the server's.
    #[command(subcommand)]
    Users(access::users::UsersCommand),
    /// Looks after roles: what their holders may do.
    #[command(subcommand)]
    Roles(access::documents::RolesCommand),
    /// Looks after policies: whose lines are seen by whom.
    #[command(subcommand)]
    Policies(access::documents::PoliciesCommand),
    /// Looks after groups of directories: which roles their members have.
    #[command(subcommand)]
    Groups(access::documents::GroupsCommand),
    /// Looks after tokens of programs.
    #[command(subcommand)]
    Tokens(access::tokens::TokensCommand),
    /// Shows the audit trail: who did what; and whether nobody changed it since.
    Audit(Box<audit::AuditArgs>),
    /// Tells who can see what, and why; whether a masked value is what one thinks.
    #[command(subcommand)]
    Access(access::AccessCommand),
}

/// How a command ended; the exit code of the program.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done: 1.
    Failed(String),
    /// It was asked wrongly, or the configuration is wrong: 2.
    Usage(String),
}

impl Args {
    /// Reads what was typed. What cannot be understood is told in the language of the person, help and version are
    /// printed; then the exit code comes back.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            let language = language::asked(std::env::args());
            match usage::text(&error, language) {
                Some(text) => complain(&text),
                // A terminal that went away is told nothing more.
                None => drop(error.print()),
            }
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if asked { ExitCode::SUCCESS } else { ExitCode::from(2) }
        })
    }

    /// Does what was asked; the result is the exit code of the program: 0 fine, 1 failed, 2 usage or configuration.
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Serve(args) => args.run(),
            Command::Check(args) => args.run(),
            Command::Query(args) => args.run(),
            Command::Tail(args) => args.run(),
            Command::Labels(args) => args.run(),
            Command::Series(args) => args.run(),
            Command::Stats(args) => args.run(),
            Command::Volume(args) => args.run(),
            Command::Orders(command) => command.run(),
            Command::Rules(command) => command.run(),
            Command::Storage(command) => command.run(),
            Command::Alerts(command) => command.run(),
            Command::Silences(command) => command.run(),
            Command::Incidents(command) => command.run(),
            Command::Jobs(args) => args.run(),
            Command::Login(args) => args.run(),
            Command::Logout(args) => args.run(),
            Command::Users(command) => command.run(),
            Command::Roles(command) => command.run(),
            Command::Policies(command) => command.run(),
            Command::Groups(command) => command.run(),
            Command::Tokens(command) => command.run(),
            Command::Access(command) => command.run(),
            Command::Audit(args) => args.run(),
        };
        let (text, code) = match done {
            Ok(()) => return ExitCode::SUCCESS,
            Err(Failure::Failed(text)) => (text, 1),
            Err(Failure::Usage(text)) => (text, 2),
        };
        complain(&text);
        ExitCode::from(code)
    }
}

#[expect(clippy::print_stderr, reason = "this is a program for people")]
pub(crate) fn complain(text: &str) {
    use std::io::IsTerminal as _;
    let seen = if std::io::stderr().is_terminal() { terminal::printable(text) } else { text.into() };
    eprintln!("lapidary: {seen}");
}

/// Writes to standard output; a reader that went away (`lapidary … | head`) is not an error.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// A runtime for a command that talks to a server.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| Failure::Failed(format!("cannot start the runtime: {error}")))?.block_on(future))
}

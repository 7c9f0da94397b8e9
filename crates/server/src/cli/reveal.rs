//! `lapidary access reveal`: whether a masked value is what one thinks it is.

use std::io::Read as _;

use clap::Args;
use stdx::Settings;

use super::client::Connection;
use super::print::{Head, print};
use super::{Failure, block_on};
use crate::http::{Match, Question};
use crate::reveal;

/// Longer values are none.
const MAX_VALUE_BYTES: u64 = 4 << 10;

/// The question.
#[derive(Debug, Args)]
pub(crate) struct RevealArgs {
    /// The masked value, as it stands in a line: `<phone:v1:5e884898da280471>`.
    #[arg(long = "masked", value_name = "TOKEN")]
    masked: String,
    /// The value it could be, in any spelling; `-` reads it from the standard input, which keeps it out of the shell's
    /// history.
    #[arg(long)]
    guess: String,
    /// Why you ask; it stands in the audit trail.
    #[arg(long, required_unless_present = "token_key")]
    reason: Option<String>,
    /// A key of the tokens, `VERSION:FILE`: then the answer is found on this machine and no server is asked. Several
    /// times for several keys.
    #[arg(long, value_name = "VERSION:FILE")]
    token_key: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

impl RevealArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let language = self.connection.language();
        let unread = |error: std::io::Error| Failure::Failed(format!("the value cannot be read: {error}"));
        let guess = if self.guess == "-" {
            std::io::read_to_string(std::io::stdin().lock().take(MAX_VALUE_BYTES)).map_err(unread)?
        } else {
            self.guess
        };
        let answer = if self.token_key.is_empty() {
            let reason = self.reason.unwrap_or_default();
            let question = Question { token: self.masked, guess, reason };
            let asking = self
                .connection
                .open(|client, address| client.post(format!("{address}/api/v1/access/reveal")).json(&question));
            let answer =
                async { asking.await?.json::<Match>().await.map_err(|error| self.connection.unreachable(&error)) };
            block_on(answer)??
        } else {
            let mask = mask::Config { token_keys: keys(&self.token_key)?, ..mask::Config::default() };
            let matches = reveal::answer(&mask, &self.masked, &guess);
            Match { matches: matches.map_err(|refused| Failure::Failed(refused.text(language)))? }
        };
        let word = if answer.matches { language.pick("yes", "да") } else { language.pick("no", "нет") };
        print(self.connection.format, Head::Csv, &["matches"], &[vec![word.to_owned()]], &answer)
    }
}

fn keys(entries: &[String]) -> Result<Vec<mask::TokenKey>, Failure> {
    let mut settings = Settings::parse(&format!("key = {entries:?}"), "LAPIDARY_REVEAL", []);
    let keys = ingest::token_keys(&mut settings, "key");
    settings.finish().map_err(|problems| Failure::Usage(problems.to_string()))?;
    Ok(keys)
}

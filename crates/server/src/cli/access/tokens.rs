//! `lapidary tokens`.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use stdx::Language;

use super::documents::{Named, source};
use super::users::told;
use crate::cli::client::Connection;
use crate::cli::print::{Head, print};
use crate::cli::{Failure, block_on};
use crate::http::{List, ShownToken};

/// What to do about tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Lists them; of those in the configuration only the names are known here.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Makes one, and prints its secret this once.
    Add {
        /// Who uses it.
        name: String,
        /// Its roles.
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
        /// Permissions; with roles: no more than these.
        #[arg(long, value_delimiter = ',')]
        permissions: Vec<String>,
        /// Services it may read; with roles: no more than these.
        #[arg(long, value_delimiter = ',')]
        services: Vec<String>,
        /// Tenants it may choose, the default first.
        #[arg(long, value_delimiter = ',')]
        tenants: Vec<String>,
        /// How long it holds, such as 90d.
        #[arg(long, value_name = "DURATION")]
        lasts: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Removes one.
    Remove(Named),
}

impl TokensCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { connection } => list(&connection),
            Self::Add { name, roles, permissions, services, tenants, lasts, connection } => {
                let body = json!({
                    "name": name, "roles": roles, "permissions": permissions, "services": services,
                    "tenants": tenants, "lasts": lasts,
                });
                told(&connection, &block_on(connection.change(Method::POST, "/api/v1/tokens", &body))??)
            }
            Self::Remove(named) => named.remove("tokens"),
        }
    }
}

fn list(connection: &Connection) -> Result<(), Failure> {
    let words = connection.language();
    let tokens: List<ShownToken> = block_on(connection.get("/api/v1/tokens", &[]))??;
    let or_never = |time: &Option<String>| time.clone().unwrap_or_else(|| "-".to_owned());
    let row = |token: &ShownToken| {
        vec![
            token.name.clone(),
            source(token.source, words).to_owned(),
            [token.roles.as_slice(), &token.permissions].concat().join(" "),
            token.services.join(" "),
            token.tenants.join(" "),
            or_never(&token.expires),
            or_never(&token.last_used),
        ]
    };
    let rows: Vec<_> = tokens.items.iter().map(row).collect();
    let heading = match words {
        Language::English => ["name", "declared in", "may", "services", "tenants", "expires", "last used"],
        Language::Russian => ["имя", "где задан", "может", "сервисы", "арендаторы", "до", "использован"],
    };
    print(connection.format, Head::Both, &heading, &rows, &tokens)
}

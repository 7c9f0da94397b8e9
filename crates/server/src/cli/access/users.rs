//! `lapidary users`.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use stdx::Language;

use super::documents::{Named, of};
use crate::cli::client::Connection;
use crate::cli::print::{Head, print};
use crate::cli::{Failure, block_on, say};
use crate::http::{List, ShownUser, Told};

/// What to do about users.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Lists them.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Adds one, and prints the password to use once.
    Add {
        /// What they log in with.
        name: String,
        /// How they are called.
        #[arg(long)]
        display: Option<String>,
        /// Their roles.
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
        /// Their groups.
        #[arg(long, value_delimiter = ',')]
        groups: Vec<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Changes one; what is not given stays.
    Change {
        /// The name.
        name: String,
        /// How they are called.
        #[arg(long)]
        display: Option<String>,
        /// Their roles, instead of those they have.
        #[arg(long, value_delimiter = ',')]
        roles: Option<Vec<String>>,
        /// Their groups, instead of those they have.
        #[arg(long, value_delimiter = ',')]
        groups: Option<Vec<String>>,
        /// Whether they may not come in.
        #[arg(long)]
        disabled: Option<bool>,
        /// Forgets their wrong passwords.
        #[arg(long)]
        unlock: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Gives one a new password to use once, prints it, and logs them out.
    ResetPassword {
        /// The name.
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Removes one and logs them out.
    Remove(Named),
}

impl UsersCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { connection } => list(&connection),
            Self::Add { name, display, roles, groups, connection } => {
                let body = json!({"name": name, "display": display, "roles": roles, "groups": groups});
                told(&connection, &block_on(connection.change(Method::POST, "/api/v1/users", &body))??)
            }
            Self::Change { name, display, roles, groups, disabled, unlock, connection } => {
                let body = json!({
                    "display": display, "roles": roles, "groups": groups, "disabled": disabled, "unlock": unlock,
                });
                block_on(connection.change::<Value>(Method::PATCH, &of("users", &name), &body))?.map(drop)
            }
            Self::ResetPassword { name, connection } => {
                let path = of("users", &name) + "/password";
                told(&connection, &block_on(connection.change(Method::POST, &path, &json!({})))??)
            }
            Self::Remove(named) => named.remove("users"),
        }
    }
}

/// A secret by itself on the standard output, so that scripts can take it.
pub(super) fn told(connection: &Connection, told: &Option<Told>) -> Result<(), Failure> {
    let words = connection.language();
    let unread = words.pick("the server's answer cannot be read", "ответ сервера не читается");
    let told = told.as_ref().ok_or_else(|| Failure::Failed(unread.to_owned()))?;
    say(&format!("{}\n", told.secret));
    Ok(())
}

fn list(connection: &Connection) -> Result<(), Failure> {
    let words = connection.language();
    let users: List<ShownUser> = block_on(connection.get("/api/v1/users", &[]))??;
    let state = |user: &ShownUser| match (user.disabled, &user.locked_until, user.must_change_password) {
        (true, ..) => words.pick("disabled", "отключён").to_owned(),
        (_, Some(until), _) => format!("{} {until}", words.pick("locked until", "заперт до")),
        (.., true) => words.pick("new password wanted", "нужен новый пароль").to_owned(),
        _ => words.pick("active", "активен").to_owned(),
    };
    let row = |user: &ShownUser| {
        vec![user.name.clone(), user.display.clone(), user.roles.join(" "), user.groups.join(" "), state(user)]
    };
    let rows: Vec<_> = users.items.iter().map(row).collect();
    let heading = match words {
        Language::English => ["name", "called", "roles", "groups", "state"],
        Language::Russian => ["имя", "как зовут", "роли", "группы", "состояние"],
    };
    print(connection.format, Head::Both, &heading, &rows, &users)
}

//! `lapidary roles | policies | groups`: what is declared, and changes to what is in the state.

use std::fs;
use std::path::PathBuf;

use auth::{Effect, Group, Listed, Policy, Role, Source};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stdx::Language;

use crate::cli::client::Connection;
use crate::cli::print::{Head, print};
use crate::cli::{Failure, block_on};
use crate::http::List;

/// A name, and where it is looked for.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The name.
    name: String,
    #[command(flatten)]
    connection: Connection,
}

/// A document to put under a name.
#[derive(Debug, Args)]
pub(crate) struct Written {
    /// The name.
    name: String,
    /// A file with the document: JSON, or TOML with the keys of the configuration.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

/// What to do about roles.
#[derive(Debug, Subcommand)]
pub(crate) enum RolesCommand {
    /// Lists them, built in and declared.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Declares one, in place of what has its name.
    Put {
        /// The name.
        name: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
        /// What its holders may do.
        #[arg(long, value_delimiter = ',')]
        permissions: Vec<String>,
        /// What they may not do, whatever another role says.
        #[arg(long, value_delimiter = ',')]
        deny: Vec<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Removes one.
    Remove(Named),
}

/// What to do about policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PoliciesCommand {
    /// Lists them, built in and declared.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Declares one, in place of what has its name.
    Put(Written),
    /// Removes one.
    Remove(Named),
}

/// What to do about groups.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupsCommand {
    /// Lists those that have roles.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Says which roles the members of a group have.
    Put {
        /// Name of the group, as the directory writes it.
        name: String,
        /// The roles.
        #[arg(long, value_delimiter = ',', required = true)]
        roles: Vec<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Takes the roles of a group away.
    Remove(Named),
}

impl RolesCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { connection } => list(&connection, "roles", ["may", "может"], |role: &Role, _| {
                let may = role.permissions.iter().map(|permission| permission.name().to_owned());
                let may_not = role.deny.iter().map(|permission| format!("-{}", permission.name()));
                may.chain(may_not).collect::<Vec<_>>().join(" ")
            }),
            Self::Put { name, description, permissions, deny, connection } => {
                let body = json!({"description": description, "permissions": permissions, "deny": deny});
                put(&connection, "roles", &name, &body)
            }
            Self::Remove(named) => named.remove("roles"),
        }
    }
}

impl PoliciesCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { connection } => list(&connection, "policies", ["says", "что задаёт"], said),
            Self::Put(written) => {
                let policy: Policy = read(&written.file)?;
                put(&written.connection, "policies", &written.name, &policy)
            }
            Self::Remove(named) => named.remove("policies"),
        }
    }
}

impl GroupsCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { connection } => {
                list(&connection, "groups", ["roles", "роли"], |group: &Group, _| group.roles.join(" "))
            }
            Self::Put { name, roles, connection } => put(&connection, "groups", &name, &Group { roles }),
            Self::Remove(named) => named.remove("groups"),
        }
    }
}

impl Named {
    /// Removes what has the name among things of a kind.
    pub(super) fn remove(&self, kind: &str) -> Result<(), Failure> {
        let path = of(kind, &self.name);
        block_on(self.connection.change::<Value>(Method::DELETE, &path, &json!({})))?.map(drop)
    }
}

/// The path of what has a name among things of a kind.
pub(super) fn of(kind: &str, name: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/api/v1/{kind}/{}", name.replace('+', "%20"))
}

/// A policy in one line.
fn said(policy: &Policy, words: Language) -> String {
    let mut parts = vec![match policy.effect {
        Effect::Allow => words.pick("allow", "разрешить").to_owned(),
        Effect::Deny => words.pick("deny", "запретить").to_owned(),
    }];
    let lists = [
        (words.pick("roles", "роли"), &policy.roles),
        (words.pick("users", "люди"), &policy.users),
        (words.pick("tenants", "арендаторы"), &policy.tenants),
        (words.pick("services", "сервисы"), &policy.services),
        (words.pick("hide", "скрыть"), &policy.hide),
        (words.pick("mask", "закрыть"), &policy.mask),
    ];
    let named = lists.iter().filter(|(_, names)| !names.is_empty());
    parts.extend(named.map(|(word, names)| format!("{word}={}", names.join(","))));
    parts.extend(policy.selector.clone());
    parts.extend(
        policy.not_older_than.as_ref().map(|age| format!("{}={age}", words.pick("not older than", "не старше"))),
    );
    parts.extend(policy.hide_lines.then(|| words.pick("no lines", "без строк").to_owned()));
    parts.join("  ")
}

/// Where something is declared.
pub(super) const fn source(source: Source, words: Language) -> &'static str {
    match (source, words) {
        (Source::BuiltIn, Language::English) => "built in",
        (Source::BuiltIn, Language::Russian) => "встроена",
        (Source::File, Language::English) => "file",
        (Source::File, Language::Russian) => "файл",
        (Source::State, Language::English) => "state",
        (Source::State, Language::Russian) => "состояние",
    }
}

fn list<T: Serialize + DeserializeOwned>(
    connection: &Connection,
    kind: &str,
    [english, russian]: [&'static str; 2],
    what: impl Fn(&T, Language) -> String,
) -> Result<(), Failure> {
    let words = connection.language();
    let all: List<Listed<T>> = block_on(connection.get(&format!("/api/v1/{kind}"), &[]))??;
    let row = |listed: &Listed<T>| {
        vec![listed.name.clone(), source(listed.source, words).to_owned(), what(&listed.value, words)]
    };
    let rows: Vec<_> = all.items.iter().map(row).collect();
    let heading = [words.pick("name", "имя"), words.pick("declared in", "где задано"), words.pick(english, russian)];
    print(connection.format, Head::Both, &heading, &rows, &all)
}

fn put(connection: &Connection, kind: &str, name: &str, body: &impl Serialize) -> Result<(), Failure> {
    block_on(connection.change::<Value>(Method::PUT, &of(kind, name), body))?.map(drop)
}

fn read(file: &std::path::Path) -> Result<Policy, Failure> {
    let unusable = |error: &dyn std::fmt::Display| Failure::Usage(format!("cannot use `{}`: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| unusable(&error))?;
    if file.extension().is_some_and(|kind| kind == "toml") {
        return toml::from_str(&text).map_err(|error| unusable(&error));
    }
    serde_json::from_str(&text).map_err(|error| unusable(&error))
}

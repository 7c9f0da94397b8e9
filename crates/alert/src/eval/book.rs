//! Where rules come from: files of the operator, the server's own, and what people keep through the API.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use auth::{Scope, Services};
use logline::Tenant;
use serde::{Deserialize, Serialize};
use state::State;

use super::error::Error;
use super::group::GroupKey;
use crate::rule::{Group, InvalidRules, RawGroup, default_groups, parse_file};

/// The kind of documents that hold groups.
pub(super) const DOCUMENTS: &str = "rules";
/// The namespace of the server's own rules.
pub const DEFAULTS: &str = "lapidary";
/// Groups that one tenant may keep.
const MAX_GROUPS: usize = 2_000;
/// Rules that one group may have.
const MAX_RULES: usize = 5_000;

/// Who wrote a group, and whether it can be changed through the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The server's own.
    Default,
    /// A file of the operator.
    File,
    /// Kept through the API.
    Kept,
}

/// A group with where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) group: Arc<Group>,
    /// Under whose rights it runs; none for the server's own and those of files.
    pub(super) owner: Option<String>,
    pub(super) origin: Origin,
}

impl Entry {
    /// Whether a scope may see what the group says: see [`may_read`].
    pub(super) fn may_be_read(&self, scope: &Scope) -> bool {
        may_read(scope, self.origin, self.owner.as_deref(), self.group.services.as_ref())
    }
}

/// Whether a scope may see what a group says: that of its owner, and of whoever may read the lines of all services it
/// names. The server's own groups name none.
pub(super) fn may_read(
    scope: &Scope,
    origin: Origin,
    owner: Option<&str>,
    services: Option<&BTreeSet<String>>,
) -> bool {
    origin == Origin::Default
        || owner == Some(scope.principal())
        || match scope.services() {
            Services::All => true,
            seen => services.is_some_and(|named| named.iter().all(|service| seen.contains(service))),
        }
}

/// All groups by name.
pub(super) type Book = BTreeMap<GroupKey, Entry>;

/// A group as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    tenant: Tenant,
    namespace: String,
    owner: String,
    group: RawGroup,
}

/// Reads the groups of a folder: `<folder>/<file>.yaml` of the default tenant, `<folder>/<tenant>/<file>.yaml` of
/// others; the file's name is the namespace.
///
/// # Errors
/// Every problem of every file, each with its file.
pub fn read_folder(folder: &Path) -> Result<Vec<(GroupKey, Arc<Group>)>, InvalidRules> {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for (tenant, path) in files(folder, &mut problems) {
        let namespace = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let told = |text: String| format!("{}: {text}", path.display());
        match std::fs::read_to_string(&path) {
            Ok(text) => match parse_file(&text) {
                Ok(groups) => found.extend(groups.into_iter().map(|group| {
                    let key =
                        GroupKey { tenant: tenant.clone(), namespace: namespace.clone(), group: group.name.clone() };
                    (key, Arc::new(group))
                })),
                Err(InvalidRules(texts)) => problems.extend(texts.into_iter().map(told)),
            },
            Err(error) => problems.push(told(format!("cannot be read: {error}"))),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(InvalidRules(problems)) }
}

fn files(folder: &Path, problems: &mut Vec<String>) -> Vec<(Tenant, PathBuf)> {
    let is_rules = |path: &Path| {
        path.is_file() && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    let mut list = |folder: &Path| -> Vec<PathBuf> {
        match std::fs::read_dir(folder) {
            Ok(entries) => {
                let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                paths.sort();
                paths
            }
            Err(error) => {
                problems.push(format!("{}: cannot be read: {error}", folder.display()));
                Vec::new()
            }
        }
    };
    let mut found = Vec::new();
    for path in list(folder) {
        if is_rules(&path) {
            found.push((Tenant::default(), path));
        } else if path.is_dir()
            && let Some(tenant) = path.file_name().and_then(|name| Tenant::new(&name.to_string_lossy()).ok())
        {
            found.extend(list(&path).into_iter().filter(|path| is_rules(path)).map(|path| (tenant.clone(), path)));
        }
    }
    found
}

/// The server's own groups for a tenant.
pub(super) fn defaults(tenant: &Tenant) -> impl Iterator<Item = (GroupKey, Arc<Group>)> {
    let tenant = tenant.clone();
    default_groups().iter().map(move |group| {
        let (namespace, name) = (DEFAULTS.to_owned(), group.name.clone());
        (GroupKey { tenant: tenant.clone(), namespace, group: name }, Arc::clone(group))
    })
}

/// The groups that people keep.
pub(super) async fn kept(state: &State) -> Result<Vec<(GroupKey, Entry)>, Error> {
    let mut found = Vec::new();
    for document in state.documents(DOCUMENTS).all::<Kept>().await? {
        let Kept { tenant, namespace, owner, group } = document.value;
        let key = GroupKey { tenant, namespace, group: group.name.clone() };
        // What was checked when it was written may no longer hold for a newer program; it is told and left out.
        match Group::check(group, None) {
            Ok(group) => {
                found.push((key, Entry { group: Arc::new(group), owner: Some(owner), origin: Origin::Kept }));
            }
            Err(error) => {
                tracing::warn!(tenant = %key.tenant, namespace = key.namespace, group = key.group, %error, "rules that were kept are not valid any more")
            }
        }
    }
    Ok(found)
}

/// Keeps a group in place of the one of its name.
pub(super) async fn keep(
    state: &State,
    book: &Book,
    key: &GroupKey,
    group: RawGroup,
    (owner, now): (&str, SystemTime),
) -> Result<(), Error> {
    check_namespace(book, &key.tenant, &key.namespace)?;
    let own = book.iter().filter(|(known, entry)| known.tenant == key.tenant && entry.origin == Origin::Kept);
    if MAX_GROUPS <= own.count() && !book.contains_key(key) {
        return Err(Error::Invalid(format!("there are {MAX_GROUPS} groups of rules already; remove some")));
    }
    if MAX_RULES < group.rules.len() {
        return Err(Error::Invalid(format!("a group may have {MAX_RULES} rules, not {}", group.rules.len())));
    }
    let (tenant, namespace) = (key.tenant.clone(), key.namespace.clone());
    let kept = Kept { tenant, namespace, owner: owner.to_owned(), group };
    Ok(state.documents(DOCUMENTS).put(&name(key), &kept, owner, now).await?)
}

/// Forgets a group that was kept.
pub(super) async fn forget(state: &State, book: &Book, key: &GroupKey) -> Result<(), Error> {
    check_namespace(book, &key.tenant, &key.namespace)?;
    if !book.contains_key(key) {
        return Err(Error::NotFound);
    }
    Ok(state.documents(DOCUMENTS).remove(&name(key)).await?)
}

fn check_namespace(book: &Book, tenant: &Tenant, namespace: &str) -> Result<(), Error> {
    let foreign = |(key, entry): (&GroupKey, &Entry)| {
        key.tenant == *tenant && key.namespace == namespace && entry.origin != Origin::Kept
    };
    if namespace == DEFAULTS || book.iter().any(foreign) {
        return Err(Error::ReadOnly(namespace.to_owned()));
    }
    Ok(())
}

/// The name of a document: the parts of a key, none of which can be mistaken for another.
fn name(key: &GroupKey) -> String {
    let part = |text: &str| text.replace('%', "%25").replace('/', "%2F");
    format!("{}/{}/{}", part(key.tenant.as_str()), part(&key.namespace), part(&key.group))
}

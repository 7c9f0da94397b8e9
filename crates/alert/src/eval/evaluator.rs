//! The part that runs: one node at a time evaluates all groups at their moments, catches up on what was missed, keeps
//! the state before it hands alerts over.

mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use auth::Scope;
use logline::{Tenant, Timestamp};
use orders::Orders;
use query::Engine;
use state::State;
use stdx::{Clock, Tasks};

use super::book::{self, Book, Entry, Origin};
use super::error::Error;
use super::group::{GroupKey, Running, Surroundings};
use super::record::Recorder;
use super::report::{Counts, GroupReport};
use crate::model::Notify;
use crate::rule::{RawGroup, parse_group};

/// How often it is looked whether rules have changed, on this node or another.
const RELOAD: Duration = Duration::from_secs(5);
/// How long the duty is held without being renewed.
const LEASE: Duration = Duration::from_secs(30);
/// The name of the duty.
const DUTY: &str = "rules";

/// How rules are evaluated.
#[derive(Clone, Debug)]
pub struct Config {
    /// A folder of rule files.
    pub folder: Option<PathBuf>,
    /// Whether the server's own rules apply.
    pub defaults: bool,
    /// How much later than a moment it is evaluated, for lines that come late.
    pub query_delay: Duration,
    /// How often an alert that goes on firing is handed over again.
    pub resend_delay: Duration,
    /// How far back missed moments are evaluated after a break.
    pub catch_up: Duration,
    /// How long after the start evaluation begins, so that shippers can catch up first.
    pub start_delay: Duration,
    /// How many groups are evaluated at once.
    pub at_once: usize,
    /// What templates and links know.
    pub around: Surroundings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            folder: None,
            defaults: true,
            query_delay: Duration::from_secs(5),
            resend_delay: Duration::from_secs(60),
            catch_up: Duration::from_secs(3_600),
            start_delay: Duration::from_secs(10),
            at_once: 2,
            around: Surroundings::default(),
        }
    }
}

/// Tells under which scope a rule looks.
#[async_trait]
pub trait Owners: Send + Sync + fmt::Debug {
    /// The scope of an owner, or that of the server itself.
    ///
    /// # Errors
    /// The owner is no more or may not read, in words.
    async fn scope(&self, owner: Option<&str>, tenant: &Tenant) -> Result<Scope, String>;

    /// Tenants that have lines, for the server's own rules.
    fn tenants(&self) -> Vec<Tenant>;
}

/// What an [`Evaluator`] works with.
#[derive(Clone, Debug)]
pub struct Components {
    /// Answers queries.
    pub engine: Arc<Engine>,
    /// Knows orders.
    pub orders: Option<Arc<Orders>>,
    /// Keeps rules, state and the duty.
    pub state: State,
    /// Tells scopes.
    pub owners: Arc<dyn Owners>,
    /// Takes alerts.
    pub notify: Arc<dyn Notify>,
    /// Takes recorded series.
    pub recorder: Arc<dyn Recorder>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Names this node among those that share the state.
    pub node: String,
}

/// Evaluates the rules of all tenants.
#[derive(Debug)]
pub struct Evaluator {
    components: Components,
    config: Config,
    shared: Mutex<Shared>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Shared {
    book: Book,
    /// Groups under evaluation; empty while another node has the duty.
    running: BTreeMap<GroupKey, Arc<tokio::sync::Mutex<Running>>>,
    reports: BTreeMap<GroupKey, GroupReport>,
    counts: BTreeMap<GroupKey, Counts>,
    /// The number of changes of kept rules that were read.
    read: Option<i64>,
    reloaded: Option<Instant>,
    /// Until when this node has the duty.
    holds_until: Option<Timestamp>,
    problem: Option<String>,
}

impl Evaluator {
    /// Reads all rules.
    ///
    /// # Errors
    /// The files are wrong, or the state cannot be read.
    pub async fn open(components: Components, config: Config) -> Result<Arc<Self>, Error> {
        if let Some(folder) = &config.folder {
            book::read_folder(folder)?;
        }
        let shared = Mutex::default();
        let evaluator = Self { components, config, shared, reloading: tokio::sync::Mutex::default() };
        evaluator.reload().await?;
        Ok(Arc::new(evaluator))
    }

    /// Evaluates in the background until it is time to stop.
    pub fn start(self: &Arc<Self>, tasks: &Tasks) {
        tasks.spawn(run::run(Arc::clone(self), tasks.clone(), tasks.shutdown()));
    }

    /// Groups with their rules and alerts, as far as a scope may see them.
    pub fn reports(&self, scope: &Scope) -> Vec<GroupReport> {
        let shared = self.shared();
        let own = shared.reports.values().filter(|report| scope.tenants().contains(&report.key.tenant));
        own.filter_map(|report| report.clone().seen_by(scope)).collect()
    }

    /// All groups, for metrics.
    pub fn all_reports(&self) -> Vec<GroupReport> {
        self.shared().reports.values().cloned().collect()
    }

    /// What is wrong with files of rules since they were changed; those from before apply.
    pub fn problem(&self) -> Option<String> {
        self.shared().problem.clone()
    }

    /// Groups of a tenant as they are written, by namespace, as far as a scope may see them.
    pub fn written(&self, scope: &Scope) -> BTreeMap<String, Vec<RawGroup>> {
        let mut found: BTreeMap<String, Vec<RawGroup>> = BTreeMap::new();
        let shared = self.shared();
        let own = shared.book.iter().filter(|(key, _)| key.tenant == *scope.tenant());
        for (key, entry) in own.filter(|(_, entry)| entry.may_be_read(scope)) {
            found.entry(key.namespace.clone()).or_default().push(entry.group.raw.clone());
        }
        found
    }

    /// Keeps a group, which runs under the rights of whose scope it is from now on.
    ///
    /// # Errors
    /// The text is wrong, the namespace is not to be written, a group of this name is not theirs to see, or the state
    /// cannot be written.
    pub async fn keep(&self, scope: &Scope, namespace: &str, text: &str) -> Result<(), Error> {
        if namespace.is_empty() || matches!(namespace, "." | "..") || namespace.contains('\0') {
            return Err(Error::Invalid(format!("`{namespace}` is no name of a namespace")));
        }
        let group = parse_group(text)?;
        let (tenant, name) = (scope.tenant().clone(), group.name.clone());
        let key = GroupKey { tenant, namespace: namespace.to_owned(), group: name };
        let (book, now) = (self.shared().book.clone(), self.components.clock.now());
        if book.get(&key).is_some_and(|entry| !entry.may_be_read(scope)) {
            return Err(Error::Invalid(format!("another group of this namespace is called `{}`", key.group)));
        }
        book::keep(&self.components.state, &book, &key, group.raw, (scope.principal(), now)).await?;
        self.reload().await
    }

    /// Forgets a group, or all of a namespace that the scope may see.
    ///
    /// # Errors
    /// There is none, it is not to be written, or the state cannot be.
    pub async fn forget(&self, scope: &Scope, namespace: &str, group: Option<&str>) -> Result<(), Error> {
        let book = self.shared().book.clone();
        let is_meant = |(key, entry): &(&GroupKey, &Entry)| {
            key.tenant == *scope.tenant()
                && key.namespace == namespace
                && group.is_none_or(|name| name == key.group)
                && entry.may_be_read(scope)
        };
        let keys: Vec<&GroupKey> = book.iter().filter(is_meant).map(|(key, _)| key).collect();
        if keys.is_empty() {
            return Err(Error::NotFound);
        }
        for key in keys {
            book::forget(&self.components.state, &book, key).await?;
        }
        self.reload().await
    }

    /// Reads all rules anew: what is new begins, what is gone ends.
    async fn reload(&self) -> Result<(), Error> {
        let _one = self.reloading.lock().await;
        let state = &self.components.state;
        let number = state.changes().number(book::DOCUMENTS).await?;
        let mut new: Book = book::kept(state).await?.into_iter().collect();
        let entry = |group, origin| Entry { group, owner: None, origin };
        if self.config.defaults {
            let tenants: BTreeSet<Tenant> =
                self.components.owners.tenants().into_iter().chain([Tenant::default()]).collect();
            for (key, group) in tenants.iter().flat_map(book::defaults) {
                new.insert(key, entry(group, Origin::Default));
            }
        }
        let mut problem = None;
        match self.config.folder.as_deref().map(book::read_folder).transpose() {
            Ok(groups) => {
                for (key, group) in groups.into_iter().flatten() {
                    new.insert(key, entry(group, Origin::File));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the files of rules are wrong; those from before apply");
                problem = Some(error.to_string());
                let before = self.shared().book.clone();
                new.extend(before.into_iter().filter(|(_, entry)| entry.origin == Origin::File));
            }
        }
        self.adopt(new, number, problem);
        Ok(())
    }

    fn adopt(&self, new: Book, number: i64, problem: Option<String>) {
        let mut shared = self.shared();
        shared.reports.retain(|key, _| new.contains_key(key));
        shared.counts.retain(|key, _| new.contains_key(key));
        for (key, entry) in &new {
            let fresh = Running::new(key.clone(), entry.owner.clone(), Arc::clone(&entry.group), <_>::default());
            let changed = |known: &Entry| known.group.raw != entry.group.raw || known.owner != entry.owner;
            if shared.book.get(key).is_none_or(changed) || !shared.reports.contains_key(key) {
                let counts = shared.counts.get(key).copied().unwrap_or_default();
                let report = GroupReport::of(&fresh, entry.origin, Duration::ZERO, counts);
                shared.reports.insert(key.clone(), report);
            }
        }
        shared.book = new;
        shared.read = Some(number);
        shared.reloaded = Some(self.components.clock.instant());
        shared.problem = problem;
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

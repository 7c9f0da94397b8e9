//! Policies: whose holders see which streams, how far back, and what of them is hidden.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use logline::{Labels, Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::sight::{Grant, LabelTest, SERVICE_NAME, Services, Sight, Veil};

/// Names that stand for all.
pub(crate) const ANY: &str = "*";

/// How far apart the cut-offs of `not_older_than` lie. A cut-off that moved with every request would make every scope
/// another one, and caches useless.
const STEP: Duration = Duration::from_secs(3600);

/// Whether a policy shows or takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Shows.
    #[default]
    Allow,
    /// Takes away, whatever shows it.
    Deny,
}

/// A policy as it is declared. What it does not name it does not show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Whether it shows or takes away.
    #[serde(default)]
    pub effect: Effect,
    /// For the holders of these roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// For these people and tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Of these tenants; `*` is every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<String>,
    /// Streams of these services; `*` stands for any letters, alone for every service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Streams that this LogQL selector selects; with `services` both must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Lines no older than this, such as `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_older_than: Option<String>,
    /// Labels, metadata and keys in the lines that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hide: Vec<String>,
    /// Those that are shown without their value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<String>,
    /// Hides the text of the lines altogether.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hide_lines: bool,
}

/// A policy ready to be used.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) policy: Policy,
    tenants: BTreeSet<String>,
    /// What it is about: one for all exact names together, and one for each pattern.
    grants: Vec<Grant>,
    depth: Option<Duration>,
}

impl Rule {
    /// Says what is wrong with a policy that cannot be used.
    pub(crate) fn new(name: &str, policy: Policy) -> Result<Self, String> {
        if policy.roles.is_empty() && policy.users.is_empty() {
            return Err("is for nobody; name `roles` or `users`".to_owned());
        }
        if policy.tenants.is_empty() {
            return Err("names no tenant; write `tenants = [\"*\"]` for every one".to_owned());
        }
        for tenant in policy.tenants.iter().filter(|tenant| *tenant != ANY) {
            Tenant::new(tenant).map_err(|error| error.to_string())?;
        }
        if policy.services.is_empty() && policy.selector.is_none() {
            return Err("names neither `services` nor a `selector`; write `services = [\"*\"]` for all".to_owned());
        }
        if let Some(name) = policy.hide.iter().chain(&policy.mask).find(|name| *name == SERVICE_NAME || name.is_empty())
        {
            return Err(format!("cannot hide `{name}`: it tells whose lines are whose"));
        }
        let hides = policy.hide_lines || !policy.hide.is_empty() || !policy.mask.is_empty();
        if hides && policy.effect == Effect::Deny {
            return Err("denies and hides at once; what is denied is not seen at all".to_owned());
        }
        let depth = policy.not_older_than.as_deref().map(|text| {
            stdx::parse_duration(text)
                .filter(|depth| *depth > Duration::ZERO)
                .ok_or_else(|| format!("`{text}` is no time such as `30d` or `12h`"))
        });
        let tests = tests(policy.selector.as_deref())?;
        Ok(Self {
            name: name.to_owned(),
            tenants: policy.tenants.iter().cloned().collect(),
            grants: grants(&policy.services, &tests)?,
            depth: depth.transpose()?,
            policy,
        })
    }

    pub(crate) fn is_of(&self, tenant: &Tenant) -> bool {
        self.tenants.contains(ANY) || self.tenants.contains(tenant.as_str())
    }

    /// Whether it is about a stream with these labels.
    pub(crate) fn covers(&self, labels: &Labels) -> bool {
        self.grants.iter().any(|grant| grant.covers(labels))
    }

    /// Whether it hides parts of what it is about.
    pub(crate) const fn hides(&self) -> bool {
        self.policy.hide_lines || !self.policy.hide.is_empty() || !self.policy.mask.is_empty()
    }

    /// The tenants it names; `None` for every one.
    pub(crate) fn tenants(&self) -> Option<&BTreeSet<String>> {
        (!self.tenants.contains(ANY)).then_some(&self.tenants)
    }

    /// Adds what it says to a sight.
    pub(crate) fn add_to(&self, sight: &mut Sight, now: Timestamp) {
        let since = self.depth.map(|depth| cut_off(now, depth));
        let grants = self.grants.iter().map(|grant| grant.back_to(since));
        match self.policy.effect {
            Effect::Allow => sight.grants.extend(grants),
            // A denial with a depth takes away what is younger, as an allowance shows it.
            Effect::Deny => sight.denials.extend(grants),
        }
        let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        if self.hides() {
            sight.veils.extend(self.grants.iter().map(|grant| Veil {
                on: grant.clone(),
                lines: self.policy.hide_lines,
                hide: set(&self.policy.hide),
                mask: set(&self.policy.mask),
            }));
        }
    }
}

/// The oldest instant, rounded up: rather too little is seen than too much.
fn cut_off(now: Timestamp, depth: Duration) -> Timestamp {
    let step = i64::try_from(STEP.as_nanos()).unwrap_or(i64::MAX);
    let exact = now.0.saturating_sub(i64::try_from(depth.as_nanos()).unwrap_or(i64::MAX));
    Timestamp(exact.div_euclid(step).saturating_add(1).saturating_mul(step))
}

fn tests(selector: Option<&str>) -> Result<Arc<[LabelTest]>, String> {
    let Some(text) = selector else { return Ok(Arc::new([])) };
    let selector =
        logql::parse_selector(text).map_err(|error| format!("has a selector that cannot be used: {error}"))?;
    Ok(selector.iter().map(LabelTest::new).collect())
}

/// What services, with `*` for any letters, and tests cover together.
pub(crate) fn grants(services: &[String], tests: &Arc<[LabelTest]>) -> Result<Vec<Grant>, String> {
    if services.is_empty() || services.iter().any(|name| name == ANY) {
        return Ok(vec![Grant::new(Services::All, Arc::clone(tests), None)]);
    }
    let (patterns, names): (Vec<_>, Vec<_>) = services.iter().partition(|name| name.contains('*'));
    let mut grants = Vec::new();
    if !names.is_empty() {
        let names = names.into_iter().filter(|name| !name.is_empty()).cloned().collect();
        grants.push(Grant::new(Services::Only(names), Arc::clone(tests), None));
    }
    for pattern in patterns {
        let all = tests.iter().cloned().chain([like(pattern)?]).collect();
        grants.push(Grant::new(Services::All, all, None));
    }
    Ok(grants)
}

/// The services that a pattern stands for, as a test of their label.
fn like(pattern: &str) -> Result<LabelTest, String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '*' | ' ');
    if !pattern.chars().all(plain) {
        return Err(format!("cannot use `{pattern}`: beside `*` a pattern has letters, digits and `-_./:`"));
    }
    let regex = pattern.replace('.', "[.]").replace('*', ".*");
    let selector =
        logql::parse_selector(&format!("{{{SERVICE_NAME}=~\"{regex}\"}}")).map_err(|error| error.to_string())?;
    selector.first().map(LabelTest::new).ok_or_else(|| format!("cannot use `{pattern}`"))
}

/// The policies that are there without being declared; one of the same name replaces it.
pub(crate) fn built_in() -> Vec<(&'static str, Policy)> {
    let all = || vec![ANY.to_owned()];
    let policy = |role: &'static str| {
        (role, Policy { roles: vec![role.to_owned()], tenants: all(), services: all(), ..Policy::default() })
    };
    ["devops", "security", "admin", "support"].map(policy).into()
}

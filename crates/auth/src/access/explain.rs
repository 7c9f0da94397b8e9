//! Who can see what, and why: for one person and a query, and for everybody.

use std::collections::BTreeMap;

use logline::{Labels, Tenant};
use serde::{Deserialize, Serialize};

use super::Access;
use crate::error::Kind;
use crate::model::{Model, Source};
use crate::rights::{Rights, Via};
use crate::sight::Amount;
use crate::{Effect, Error, Identity, Listed, Permission, Permissions, Policy};

/// What somebody may do and see, and where it comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explained {
    /// Who.
    pub user: String,
    /// Of which tenant.
    pub tenant: String,
    /// Their roles, and how they came to each.
    pub roles: BTreeMap<String, Vec<Via>>,
    /// What they may do.
    pub permissions: Permissions,
    /// The policies about them in this tenant.
    pub policies: Vec<Listed<Policy>>,
    /// Streams that were asked about, each with a verdict.
    pub decisions: Vec<Decision>,
}

/// Whether somebody sees a stream, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The labels.
    pub stream: String,
    /// Whether its lines are seen.
    pub seen: Seen,
    /// The policies that show it.
    pub allowed_by: Vec<String>,
    /// The policies that take it away.
    pub denied_by: Vec<String>,
    /// The policies that hide parts of its lines.
    pub hidden_by: Vec<String>,
}

/// Whether somebody sees the lines of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// They see them.
    Yes,
    /// They see them, but for what policies hide.
    InPart,
    /// A policy takes them away.
    Denied,
    /// No policy shows them.
    NotNamed,
    /// Policies would show them, but the permission `read` is missing.
    NoPermission,
}

/// Who can see which service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Of which tenant.
    pub tenant: String,
    /// Everybody with a right to data, by kind and name.
    pub principals: Vec<Principal>,
}

/// Somebody in a [`Report`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Principal {
    /// `user`, `token`, or `group` for those who come from a directory.
    pub kind: String,
    /// The name.
    pub name: String,
    /// Names of their roles.
    pub roles: Vec<String>,
    /// Whether they read lines.
    pub reads_lines: bool,
    /// Whether they read the steps of orders.
    pub reads_steps: bool,
    /// How much of each service they may see; services of which they see nothing are left out.
    pub services: BTreeMap<String, Amount>,
}

impl Access {
    /// What a person or token may do and see of a tenant; `streams` are judged one by one.
    pub async fn explain(&self, name: &str, tenant: &Tenant, streams: &[Labels]) -> Result<Explained, Error> {
        self.refresh().await?;
        let found = self.find(name).await;
        let found = found.map_err(|_| Error::new(Kind::Unavailable, "a directory cannot be asked now, try again"))?;
        let model = self.model();
        let rights = match (found, model.token_named(name)) {
            (Some(identity), _) => model.rights_of(&identity),
            (None, Some(token)) => token.rights.as_ref().clone(),
            (None, None) => return Err(Error::new(Kind::NotFound, format!("there is no user or token `{name}`"))),
        };
        let rules = rights.rules.iter().filter(|rule| rule.is_of(tenant));
        let source = |name: &str| model.rules.get(name).map_or(Source::BuiltIn, |(_, source)| *source);
        let listed =
            |name: &String, policy: &Policy| Listed { name: name.clone(), source: source(name), value: policy.clone() };
        Ok(Explained {
            user: name.to_owned(),
            tenant: tenant.as_str().to_owned(),
            policies: rules.map(|rule| listed(&rule.name, &rule.policy)).collect(),
            decisions: streams.iter().map(|labels| self.decide(&rights, tenant, labels)).collect(),
            roles: rights.roles,
            permissions: rights.permissions,
        })
    }

    fn decide(&self, rights: &Rights, tenant: &Tenant, labels: &Labels) -> Decision {
        let sight = rights.sight(tenant, self.now().into());
        let about = || rights.rules.iter().filter(|rule| rule.is_of(tenant) && rule.covers(labels));
        let of = |effect| about().filter(move |rule| rule.policy.effect == effect).map(|rule| rule.name.clone());
        let denied_by: Vec<_> = of(Effect::Deny).collect();
        let mut allowed_by: Vec<_> = of(Effect::Allow).collect();
        if rights.own.iter().any(|grant| grant.covers(labels)) {
            allowed_by.push(rights.principal.clone());
        }
        let hidden_by: Vec<_> = about().filter(|rule| rule.hides()).map(|rule| rule.name.clone()).collect();
        let seen = match (sight.shows(labels), hidden_by.is_empty()) {
            (true, _) if !rights.permissions.contains(&Permission::Read) => Seen::NoPermission,
            (true, true) => Seen::Yes,
            (true, false) => Seen::InPart,
            (false, _) if denied_by.is_empty() => Seen::NotNamed,
            (false, _) => Seen::Denied,
        };
        Decision { stream: labels.to_string(), seen, allowed_by, denied_by, hidden_by }
    }

    /// Who can see which of these services of a tenant.
    pub async fn report(&self, tenant: &Tenant, services: &[String]) -> Result<Report, Error> {
        self.refresh().await?;
        let model = self.model();
        let users = model
            .users
            .iter()
            .filter(|(_, user)| !user.disabled)
            .map(|(name, user)| ("user", model.rights_of(&local(name, &user.groups))));
        let groups = model.groups.keys().map(|group| ("group", rights_of_group(&model, group)));
        let tokens = model.tokens.values().map(|token| ("token", token.rights.as_ref().clone()));
        let all = users.chain(groups).chain(tokens);
        let mut principals: Vec<_> =
            all.map(|(kind, rights)| self.principal(kind, &rights, tenant, services)).collect();
        principals.retain(|principal| !principal.services.is_empty());
        principals.sort_by(|a, b| (&b.kind, &a.name).cmp(&(&a.kind, &b.name)));
        Ok(Report { tenant: tenant.as_str().to_owned(), principals })
    }

    fn principal(&self, kind: &str, rights: &Rights, tenant: &Tenant, services: &[String]) -> Principal {
        let sight = rights.sight(tenant, self.now().into());
        let (reads_lines, reads_steps) =
            (rights.permissions.contains(&Permission::Read), rights.permissions.contains(&Permission::Orders));
        let seen = services.iter().map(|service| (service.clone(), sight.amount(service)));
        let seen = seen.filter(|(_, amount)| *amount != Amount::Nothing && (reads_lines || reads_steps));
        Principal {
            kind: kind.to_owned(),
            name: rights.principal.clone(),
            roles: rights.roles.keys().cloned().collect(),
            reads_lines,
            reads_steps,
            services: seen.collect(),
        }
    }
}

fn local(name: &str, groups: &[String]) -> Identity {
    let provider = crate::identity::LOCAL.to_owned();
    Identity { provider, subject: name.to_owned(), name: name.to_owned(), groups: groups.to_vec() }
}

/// What whoever is in a group of a directory, and in nothing else, may do and see.
fn rights_of_group(model: &Model, group: &str) -> Rights {
    let provider = "directory".to_owned();
    let member = Identity { provider, subject: String::new(), name: String::new(), groups: vec![group.to_owned()] };
    Rights { principal: group.to_owned(), ..model.rights_of(&member) }
}

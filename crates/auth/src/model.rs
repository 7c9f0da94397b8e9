//! Everything that decides about rights, in memory: roles, policies, groups, users, tokens. Built whole, then never changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use logline::Tenant;
use serde::{Deserialize, Serialize};

use crate::policy::{self, Policy, Rule};
use crate::rights::{Rights, Via};
use crate::role::{self, Role};
use crate::sight::{Grant, Sight};
use crate::{Effect, Identity, NamePattern, Names, Permission, Permissions, Token};

/// The roles that the members of a group of a directory have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Names of the roles.
    pub roles: Vec<String>,
}

/// What the configuration declares, or what the state holds.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Tokens of programs, with their secrets.
    pub tokens: Vec<Token>,
    /// Roles by name.
    pub roles: Vec<(String, Role)>,
    /// Policies by name.
    pub policies: Vec<(String, Policy)>,
    /// Groups by name; the name is compared without regard to case.
    pub groups: Vec<(String, Group)>,
}

/// One thing that is wrong with what is declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} `{name}` {problem}")]
pub struct Invalid {
    /// `role`, `policy`, `group` or `token`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub problem: String,
}

/// A token without its secret.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Permissions,
    pub(crate) services: Vec<String>,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) expires: Option<std::time::SystemTime>,
    /// Whether its use is noted in the state.
    pub(crate) is_stored: bool,
}

/// A token, and what it may do and see: worked out once, since programs ask all the time.
#[derive(Debug)]
pub(crate) struct KnownToken {
    pub(crate) holder: Holder,
    pub(crate) rights: Arc<Rights>,
}

/// Somebody with a password of ours.
#[derive(Clone, Debug)]
pub(crate) struct LocalUser {
    pub(crate) roles: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) disabled: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) roles: BTreeMap<String, (Role, Source)>,
    pub(crate) rules: BTreeMap<String, (Arc<Rule>, Source)>,
    pub(crate) groups: BTreeMap<String, (Group, Source)>,
    pub(crate) users: BTreeMap<String, LocalUser>,
    /// By the hash of the secret.
    pub(crate) tokens: HashMap<String, KnownToken>,
    /// Names of certificates, and the key of the token that they stand for.
    certificates: Vec<(NamePattern, String)>,
    of_role: HashMap<String, Vec<Arc<Rule>>>,
    of_user: HashMap<String, Vec<Arc<Rule>>>,
    /// By the name in lower case.
    of_group: HashMap<String, Vec<String>>,
}

/// Where something is declared; only what is in the state can be changed while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// In the program.
    BuiltIn,
    /// In the configuration.
    File,
    /// In the state.
    State,
}

impl Model {
    /// Puts together what is built in, declared in the file, and kept in the state; a later one of the same name
    /// replaces an earlier one, but the file wins over the state. Reports everything that is wrong.
    pub(crate) fn new(file: &Declared, state: &Declared) -> Result<Self, Vec<Invalid>> {
        let mut model = Self::default();
        let mut problems = Vec::new();
        for (name, role) in role::built_in() {
            model.roles.insert(name.to_owned(), (role, Source::BuiltIn));
        }
        let built_in = policy::built_in().into_iter().map(|(name, policy)| (name.to_owned(), policy)).collect();
        let built_in = Declared { policies: built_in, ..Declared::default() };
        for (declared, source) in [(&built_in, Source::BuiltIn), (state, Source::State), (file, Source::File)] {
            model.add(declared, source, &mut problems);
        }
        model.check_names(&mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        model.index();
        Ok(model)
    }

    fn add(&mut self, declared: &Declared, source: Source, problems: &mut Vec<Invalid>) {
        let mut seen = BTreeSet::new();
        let mut twice = |kind: &'static str, name: &str, problems: &mut Vec<Invalid>| {
            if !seen.insert((kind, name.to_owned())) {
                problems.push(Invalid { kind, name: name.to_owned(), problem: "stands twice".to_owned() });
            }
        };
        for (name, role) in &declared.roles {
            twice("role", name, problems);
            self.roles.insert(name.clone(), (role.clone(), source));
        }
        for (name, policy) in &declared.policies {
            twice("policy", name, problems);
            match Rule::new(name, policy.clone()) {
                Ok(rule) => drop(self.rules.insert(name.clone(), (Arc::new(rule), source))),
                Err(problem) => problems.push(Invalid { kind: "policy", name: name.clone(), problem }),
            }
        }
        for (name, group) in &declared.groups {
            twice("group", name, problems);
            self.groups.insert(name.clone(), (group.clone(), source));
        }
    }

    /// Roles that are named must be there: a slip of the pen in a denial would open what it was to close.
    fn check_names(&self, problems: &mut Vec<Invalid>) {
        let mut check = |kind, name: &str, roles: &[String]| {
            for role in roles.iter().filter(|role| !self.roles.contains_key(*role)) {
                let problem = format!("names the role `{role}`, which is not there");
                problems.push(Invalid { kind, name: name.to_owned(), problem });
            }
        };
        for (name, (rule, _)) in &self.rules {
            check("policy", name, &rule.policy.roles);
        }
        for (name, (group, _)) in &self.groups {
            check("group", name, &group.roles);
        }
    }

    fn index(&mut self) {
        for (rule, _) in self.rules.values() {
            for role in &rule.policy.roles {
                self.of_role.entry(role.clone()).or_default().push(Arc::clone(rule));
            }
            for user in &rule.policy.users {
                self.of_user.entry(user.clone()).or_default().push(Arc::clone(rule));
            }
        }
        for (name, (group, _)) in &self.groups {
            self.of_group.entry(name.to_lowercase()).or_default().extend(group.roles.iter().cloned());
        }
    }

    /// Adds a token by the hash of its secret; its roles must be there.
    pub(crate) fn add_token(&mut self, hash: String, holder: Holder) -> Result<(), Invalid> {
        let services = match holder.roles.iter().find(|role| !self.roles.contains_key(*role)) {
            Some(role) => Err(format!("names the role `{role}`, which is not there")),
            None => policy::grants(&holder.services, &Arc::from([])),
        };
        match services {
            Ok(services) => {
                let rights = Arc::new(self.rights_of_token(&holder, services));
                self.tokens.insert(hash, KnownToken { holder, rights });
                Ok(())
            }
            Err(problem) => Err(Invalid { kind: "token", name: holder.name, problem }),
        }
    }

    /// Has certificates with these names stand for a token.
    pub(crate) fn know_certificates(&mut self, names: &[NamePattern], token: &str) {
        self.certificates.extend(names.iter().map(|name| (name.clone(), token.to_owned())));
    }

    /// The key of the token that a certificate stands for; the one that was declared first.
    pub(crate) fn token_of(&self, names: &Names) -> Option<&str> {
        let found = self.certificates.iter().find(|(pattern, _)| pattern.matches(names));
        found.map(|(_, token)| token.as_str())
    }

    /// The token with this name.
    pub(crate) fn token_named(&self, name: &str) -> Option<&KnownToken> {
        self.tokens.values().find(|token| token.holder.name == name)
    }

    /// Whether somebody elsewhere is called like a user or token of ours. Policies go by name: whoever comes with such a
    /// name is nobody, also while the one of ours may not come in.
    pub(crate) fn has_name_of_ours(&self, identity: &Identity) -> bool {
        identity.provider != crate::identity::LOCAL
            && (self.users.contains_key(&identity.name) || self.token_named(&identity.name).is_some())
    }

    /// Whether somebody may manage people and rights: a token, or members of a group where there is a directory.
    pub(crate) fn has_manager(&self, has_directory: bool) -> bool {
        let manages = |roles: &[String]| {
            let named = roles.iter().map(|role| (role.clone(), Via::Direct));
            self.roles(named).1.contains(&Permission::Users)
        };
        self.tokens.values().any(|token| token.rights.permissions.contains(&Permission::Users))
            || has_directory && self.groups.values().any(|(group, _)| manages(&group.roles))
    }

    /// What a token may do and see; `services` are those that stand with it.
    fn rights_of_token(&self, holder: &Holder, services: Vec<Grant>) -> Rights {
        let via = holder.roles.iter().map(|role| (role.clone(), Via::Direct));
        let (roles, mut permissions) = self.roles(via);
        let rules = self.rules_of(roles.keys(), &holder.name);
        if holder.roles.is_empty() {
            permissions.clone_from(&holder.permissions);
        } else if !holder.permissions.is_empty() {
            permissions.retain(|permission| holder.permissions.contains(permission));
        }
        let is_narrowed = !holder.services.is_empty();
        let (own, narrowed) = match (holder.roles.is_empty(), is_narrowed) {
            (_, false) => (Vec::new(), None),
            (true, true) => (services, None),
            (false, true) => (Vec::new(), Some(services)),
        };
        Rights {
            principal: holder.name.clone(),
            roles,
            permissions,
            rules,
            own,
            narrowed,
            tenants: Some(holder.tenants.clone()),
        }
    }

    /// What somebody may do and see: a user of ours by the roles and groups they have now, others by their groups.
    pub(crate) fn rights_of(&self, identity: &Identity) -> Rights {
        let local = (identity.provider == crate::identity::LOCAL).then(|| self.users.get(&identity.subject)).flatten();
        let direct = local.into_iter().flat_map(|user| &user.roles).map(|role| (role.clone(), Via::Direct));
        let groups = local.map_or(&identity.groups, |user| &user.groups);
        let of_groups = groups.iter().flat_map(|group| {
            let roles = self.of_group.get(&group.to_lowercase());
            roles.into_iter().flatten().map(|role| (role.clone(), Via::Group(group.clone())))
        });
        let (roles, permissions) = self.roles(direct.chain(of_groups));
        let rules = self.rules_of(roles.keys(), &identity.name);
        let tenants = tenants(&rules);
        Rights { principal: identity.name.clone(), roles, permissions, rules, own: Vec::new(), narrowed: None, tenants }
    }

    /// Known roles, and what they permit together: what any denies is denied.
    fn roles(&self, named: impl Iterator<Item = (String, Via)>) -> (BTreeMap<String, Vec<Via>>, Permissions) {
        let mut roles: BTreeMap<String, Vec<Via>> = BTreeMap::new();
        let (mut allowed, mut denied) = (Permissions::new(), Permissions::new());
        for (name, via) in named {
            let Some((role, _)) = self.roles.get(&name) else { continue };
            allowed.extend(&role.permissions);
            denied.extend(&role.deny);
            roles.entry(name).or_default().push(via);
        }
        allowed.retain(|permission| !denied.contains(permission));
        (roles, allowed)
    }

    fn rules_of<'m>(&'m self, roles: impl Iterator<Item = &'m String>, name: &str) -> Vec<Arc<Rule>> {
        let of_roles = roles.filter_map(|role| self.of_role.get(role)).flatten();
        let all = of_roles.chain(self.of_user.get(name).into_iter().flatten());
        // A policy may name several roles of one person.
        all.map(|rule| (rule.name.as_str(), rule)).collect::<BTreeMap<_, _>>().into_values().map(Arc::clone).collect()
    }
}

/// The tenants that policies show something of; `None` for every one.
fn tenants(rules: &[Arc<Rule>]) -> Option<Vec<Tenant>> {
    let mut names = BTreeSet::new();
    for rule in rules.iter().filter(|rule| rule.policy.effect == Effect::Allow) {
        names.extend(rule.tenants()?);
    }
    Some(names.into_iter().filter_map(|name| Tenant::new(name).ok()).collect())
}

/// What grants leave when they must lie within others.
pub(crate) fn within(sight: Sight, narrowed: &[Grant]) -> Sight {
    let grants = sight.grants.iter().flat_map(|grant| narrowed.iter().map(|other| grant.both(other))).collect();
    Sight { grants, ..sight }
}

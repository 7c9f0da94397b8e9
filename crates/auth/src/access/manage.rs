//! Changes to users, roles, policies, groups and tokens. What the configuration declares is read-only here.

use std::collections::BTreeMap;
use std::time::SystemTime;

use logline::Tenant;
use serde::{Deserialize, Serialize};
use state::User;
use stdx::Secret;

use super::login::{checked_password, checked_user_name};
use super::{Access, GROUPS, POLICIES, ROLES, checked_name, secret_text};
use crate::authenticator::{every_tenant, hash};
use crate::error::Kind;
use crate::identity::LOCAL;
use crate::model::{Group, Model, Source};
use crate::policy::Rule;
use crate::{Error, Permissions, Policy, Role};

/// What begins every token made here, so that scanners of leaked secrets know it.
pub(crate) const TOKEN_PREFIX: &str = "lpd_";

/// Something declared, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// Its name.
    pub name: String,
    /// Where it is declared; only what is in the state can be changed.
    pub source: Source,
    /// What it says.
    #[serde(flatten)]
    pub value: T,
}

/// A user to add.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// What they log in with.
    pub name: String,
    /// How they are called; the name if missing.
    #[serde(default)]
    pub display: Option<String>,
    /// Names of their roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Names of their groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// What to change about a user; what is missing stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// How they are called.
    #[serde(default)]
    pub display: Option<String>,
    /// Names of their roles.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    /// Names of their groups.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// Whether they may not come in.
    #[serde(default)]
    pub disabled: Option<bool>,
    /// Forgets their wrong passwords.
    #[serde(default)]
    pub unlock: bool,
}

/// A token to make.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Who uses it.
    pub name: String,
    /// Names of its roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Permissions of its own; with roles: no more than these.
    #[serde(default)]
    pub permissions: Permissions,
    /// Services it may read; with roles: no more than these.
    #[serde(default)]
    pub services: Vec<String>,
    /// Tenants it may choose, the default first.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// How long it holds, such as `90d`; for ever if missing.
    #[serde(default)]
    pub lasts: Option<String>,
}

impl Access {
    /// People with a password of ours, by name.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        Ok(self.state.users().all().await?)
    }

    /// Adds a user; gives the password to use once.
    pub async fn add_user(&self, new: NewUser) -> Result<Secret<String>, Error> {
        checked_user_name(&new.name)?;
        self.known_roles(&new.roles)?;
        if self.model().token_named(&new.name).is_some() {
            return Err(Error::new(Kind::Taken, format!("a token is named `{}`; policies go by name", new.name)));
        }
        let password = secret_text("")?;
        let user = User {
            display: new.display.unwrap_or_else(|| new.name.clone()),
            name: new.name,
            password: Some(self.passwords.hash(password.clone()).await?),
            must_change: true,
            disabled: false,
            roles: new.roles,
            groups: new.groups,
            created: self.now(),
            failures: 0,
            locked_until: None,
        };
        self.state.users().add(&user).await?;
        self.refresh().await?;
        Ok(password)
    }

    /// Changes a user; who may not come in any more is logged out.
    pub async fn change_user(&self, name: &str, change: UserChange) -> Result<User, Error> {
        let user = self.state.users().get(name).await?;
        let mut user = user.ok_or_else(|| Error::new(Kind::NotFound, format!("there is no user `{name}`")))?;
        if let Some(roles) = &change.roles {
            self.known_roles(roles)?;
        }
        user.display = change.display.unwrap_or(user.display);
        user.roles = change.roles.unwrap_or(user.roles);
        user.groups = change.groups.unwrap_or(user.groups);
        user.disabled = change.disabled.unwrap_or(user.disabled);
        self.state.users().change(&user).await?;
        if change.unlock {
            self.state.users().unlock(name).await?;
        }
        if user.disabled {
            self.state.sessions().remove_of(LOCAL, name).await?;
        }
        self.refresh().await?;
        Ok(user)
    }

    /// Gives a user a new password to use once, and logs them out.
    pub async fn reset_password(&self, name: &str) -> Result<Secret<String>, Error> {
        let password = secret_text("")?;
        let hash = self.passwords.hash(password.clone()).await?;
        self.state.users().set_password(name, &hash, true).await?;
        self.state.sessions().remove_of(LOCAL, name).await?;
        Ok(password)
    }

    /// Sets a password that need not be changed: for tests and scripts that bring users along.
    pub async fn set_password(&self, name: &str, password: &Secret<String>) -> Result<(), Error> {
        checked_password(name, password)?;
        let hash = self.passwords.hash(password.clone()).await?;
        Ok(self.state.users().set_password(name, &hash, false).await?)
    }

    /// Removes a user and logs them out.
    pub async fn remove_user(&self, name: &str) -> Result<(), Error> {
        self.state.users().remove(name).await?;
        self.refresh().await
    }

    /// Roles by name.
    pub fn roles(&self) -> Vec<Listed<Role>> {
        listed(&self.model().roles, Role::clone)
    }

    /// Policies by name.
    pub fn policies(&self) -> Vec<Listed<Policy>> {
        listed(&self.model().rules, |rule| rule.policy.clone())
    }

    /// Groups by name.
    pub fn groups(&self) -> Vec<Listed<Group>> {
        listed(&self.model().groups, Group::clone)
    }

    /// Declares a role in the state, in place of what has its name.
    pub async fn put_role(&self, name: &str, role: &Role, author: &str) -> Result<(), Error> {
        self.writable(name, ROLES, |model| model.roles.get(name).map(|(_, source)| *source))?;
        self.state.documents(ROLES).put(name, role, author, self.now()).await?;
        self.refresh().await
    }

    /// Declares a policy in the state, in place of what has its name.
    pub async fn put_policy(&self, name: &str, policy: &Policy, author: &str) -> Result<(), Error> {
        self.writable(name, POLICIES, |model| model.rules.get(name).map(|(_, source)| *source))?;
        Rule::new(name, policy.clone()).map_err(|problem| Error::invalid(format!("policy `{name}` {problem}")))?;
        self.known_roles(&policy.roles)?;
        self.state.documents(POLICIES).put(name, policy, author, self.now()).await?;
        self.refresh().await
    }

    /// Declares the roles of a group in the state.
    pub async fn put_group(&self, name: &str, group: &Group, author: &str) -> Result<(), Error> {
        if name.is_empty() || name.len() > 512 {
            return Err(Error::invalid("the name of a group has 1 to 512 bytes"));
        }
        self.read_only(name, GROUPS, |model| model.groups.get(name).map(|(_, source)| *source))?;
        self.known_roles(&group.roles)?;
        self.state.documents(GROUPS).put(name, group, author, self.now()).await?;
        self.refresh().await
    }

    /// Removes a role from the state; refused while somebody has it, or a policy, group or token names it.
    pub async fn remove_role(&self, name: &str) -> Result<(), Error> {
        self.writable(name, ROLES, |model| model.roles.get(name).map(|(_, source)| *source))?;
        let falls_back = crate::role::built_in().iter().any(|(known, _)| *known == name);
        if !falls_back && let Some(user) = self.model().who_names_role(name) {
            return Err(Error::invalid(format!("role `{name}` is in use by {user}; take it from there first")));
        }
        self.state.documents(ROLES).remove(name).await?;
        self.refresh().await
    }

    /// Removes a policy from the state.
    pub async fn remove_policy(&self, name: &str) -> Result<(), Error> {
        self.writable(name, POLICIES, |model| model.rules.get(name).map(|(_, source)| *source))?;
        self.state.documents(POLICIES).remove(name).await?;
        self.refresh().await
    }

    /// Removes a group from the state.
    pub async fn remove_group(&self, name: &str) -> Result<(), Error> {
        self.read_only(name, GROUPS, |model| model.groups.get(name).map(|(_, source)| *source))?;
        self.state.documents(GROUPS).remove(name).await?;
        self.refresh().await
    }

    /// Tokens of the state, by name; those of the configuration are only named.
    pub async fn tokens(&self) -> Result<(Vec<state::Token>, Vec<String>), Error> {
        self.refresh().await?;
        let stored = self.state.tokens().all().await?;
        let mut declared: Vec<_> = self.declared.tokens.iter().map(|token| token.name.clone()).collect();
        declared.sort();
        Ok((stored, declared))
    }

    /// Makes a token; its secret is told this once.
    pub async fn add_token(&self, new: NewToken, owner: &str) -> Result<Secret<String>, Error> {
        checked_name(&new.name)?;
        let model = self.model();
        if model.token_named(&new.name).is_some() || model.users.contains_key(&new.name) {
            return Err(Error::new(Kind::Taken, format!("the name `{}` is taken", new.name)));
        }
        if new.roles.is_empty() && new.permissions.is_empty() {
            return Err(Error::invalid("a token without roles and permissions could do nothing; name some"));
        }
        let secret = secret_text(TOKEN_PREFIX)?;
        let tenants = if new.tenants.is_empty() { vec![Tenant::default().as_str().to_owned()] } else { new.tenants };
        let token = state::Token {
            name: new.name,
            hash: hash(secret.reveal()),
            owner: owner.to_owned(),
            roles: new.roles,
            permissions: new.permissions.into_iter().map(|permission| permission.name().to_owned()).collect(),
            services: new.services,
            tenants,
            created: self.now(),
            expires: new.lasts.as_deref().map(|text| self.end(text)).transpose()?,
            last_used: None,
        };
        let holder = super::holder(&token)?;
        if let Some(problem) = every_tenant(&holder.tenants) {
            return Err(Error::invalid(format!("token `{}` {problem}", token.name)));
        }
        let mut trial = self.load().await?;
        trial.add_token(token.hash.clone(), holder)?;
        self.state.tokens().add(&token).await?;
        self.refresh().await?;
        Ok(secret)
    }

    /// Removes a token; who holds it does not get in any more.
    pub async fn remove_token(&self, name: &str) -> Result<(), Error> {
        if self.declared.tokens.iter().any(|token| token.name == name) {
            return Err(read_only("token", name));
        }
        self.state.tokens().remove(name).await?;
        self.refresh().await
    }

    fn end(&self, lasts: &str) -> Result<SystemTime, Error> {
        let lasts = stdx::parse_duration(lasts)
            .filter(|lasts| !lasts.is_zero())
            .ok_or_else(|| Error::invalid(format!("`{lasts}` is no time such as `90d`")))?;
        self.now().checked_add(lasts).ok_or_else(|| Error::invalid("a token cannot last that long"))
    }

    fn known_roles(&self, roles: &[String]) -> Result<(), Error> {
        let model = self.model();
        match roles.iter().find(|role| !model.roles.contains_key(*role)) {
            Some(role) => Err(Error::invalid(format!("there is no role `{role}`"))),
            None => Ok(()),
        }
    }

    fn writable(&self, name: &str, kind: &'static str, source: impl Fn(&Model) -> Option<Source>) -> Result<(), Error> {
        checked_name(name)?;
        self.read_only(name, kind, source)
    }

    fn read_only(
        &self,
        name: &str,
        kind: &'static str,
        source: impl Fn(&Model) -> Option<Source>,
    ) -> Result<(), Error> {
        if source(&self.model()) == Some(Source::File) { Err(read_only(kind, name)) } else { Ok(()) }
    }
}

impl Model {
    /// Who has or names a role, if anybody does.
    fn who_names_role(&self, role: &str) -> Option<String> {
        let has = |roles: &[String]| roles.iter().any(|name| name == role);
        let user = self.users.iter().find(|(_, user)| has(&user.roles)).map(|(name, _)| format!("user `{name}`"));
        let policy = || {
            self.rules.iter().find(|(_, (rule, _))| has(&rule.policy.roles)).map(|(name, _)| format!("policy `{name}`"))
        };
        let group =
            || self.groups.iter().find(|(_, (group, _))| has(&group.roles)).map(|(name, _)| format!("group `{name}`"));
        let holders = || self.tokens.values().map(|token| &token.holder);
        let token = || holders().find(|holder| has(&holder.roles)).map(|holder| format!("token `{}`", holder.name));
        user.or_else(policy).or_else(group).or_else(token)
    }
}

fn read_only(kind: &str, name: &str) -> Error {
    Error::new(Kind::ReadOnly, format!("{kind} `{name}` is declared in the configuration; change it there"))
}

fn listed<V, T>(all: &BTreeMap<String, (V, Source)>, value: impl Fn(&V) -> T) -> Vec<Listed<T>> {
    all.iter()
        .map(|(name, (known, source))| Listed { name: name.clone(), source: *source, value: value(known) })
        .collect()
}

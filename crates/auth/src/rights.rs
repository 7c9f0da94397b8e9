//! What one principal may do and see, before a request says of which tenant.

use std::collections::BTreeMap;
use std::sync::Arc;

use logline::{Tenant, Timestamp};

use crate::Permissions;
use crate::model::within;
use crate::policy::Rule;
use crate::sight::{Grant, Sight};

/// How somebody came to a role.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// It stands with their name.
    Direct,
    /// As a member of a group.
    Group(String),
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    pub(crate) principal: String,
    pub(crate) roles: BTreeMap<String, Vec<Via>>,
    pub(crate) permissions: Permissions,
    /// The policies about them, by name.
    pub(crate) rules: Vec<Arc<Rule>>,
    /// What a token shows by itself.
    pub(crate) own: Vec<Grant>,
    /// What a token does not show more than.
    pub(crate) narrowed: Option<Vec<Grant>>,
    /// The tenants they may choose, the default first; `None` for every one.
    pub(crate) tenants: Option<Vec<Tenant>>,
}

impl Rights {
    /// May do and see everything.
    pub(crate) fn everything(principal: &str) -> Self {
        Self {
            principal: principal.to_owned(),
            roles: BTreeMap::new(),
            permissions: crate::Permission::ALL.into(),
            rules: Vec::new(),
            own: Sight::everything().grants,
            narrowed: None,
            tenants: None,
        }
    }

    /// Whether they may choose this tenant.
    pub(crate) fn may_choose(&self, tenant: &Tenant) -> bool {
        self.tenants.as_ref().is_none_or(|known| known.contains(tenant))
    }

    /// The tenant that is meant where none is named.
    pub(crate) fn default_tenant(&self) -> Option<Tenant> {
        match &self.tenants {
            None => Some(Tenant::default()),
            Some(known) => known.first().cloned(),
        }
    }

    /// What they may see of a tenant at this time.
    pub(crate) fn sight(&self, tenant: &Tenant, now: Timestamp) -> Sight {
        if !self.may_choose(tenant) {
            return Sight::default();
        }
        let mut sight = Sight { grants: self.own.clone(), ..Sight::default() };
        for rule in self.rules.iter().filter(|rule| rule.is_of(tenant)) {
            rule.add_to(&mut sight, now);
        }
        match &self.narrowed {
            Some(narrowed) => within(sight, narrowed).simplified(),
            None => sight.simplified(),
        }
    }
}

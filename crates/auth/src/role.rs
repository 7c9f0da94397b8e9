//! Roles: names for sets of permissions.

use serde::{Deserialize, Serialize};

use crate::{Permission, Permissions};

/// What the holders of a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What they may do.
    #[serde(default)]
    pub permissions: Permissions,
    /// What they may not do, whatever another role says.
    #[serde(default)]
    pub deny: Permissions,
}

/// The roles that are there without being declared; one of the same name replaces it.
pub(crate) fn built_in() -> Vec<(&'static str, Role)> {
    use Permission as P;
    let role = |name, description: &str, permissions: &[P]| {
        let permissions = permissions.iter().copied().collect();
        (name, Role { description: description.to_owned(), permissions, deny: Permissions::new() })
    };
    let admin: Vec<P> = P::ALL.into_iter().filter(|all| !matches!(all, P::Reveal | P::Impersonate)).collect();
    vec![
        role(
            "developer",
            "finds out what happened, in the services they own",
            &[P::Read, P::Orders, P::Export, P::Silences],
        ),
        role(
            "devops",
            "runs it: storage, rules, background work",
            &[P::Read, P::Orders, P::Export, P::Rules, P::Silences, P::Dashboards, P::Status, P::Operate, P::Storage],
        ),
        role(
            "security",
            "sees to it that nobody sees too much",
            &[P::Read, P::Orders, P::Export, P::Delete, P::Status, P::Storage, P::Audit, P::Reveal],
        ),
        role("admin", "manages people, rights and everything else", &admin),
        role("support", "answers where an order is, without its lines", &[P::Orders]),
        role("auditor", "reads who did what", &[P::Audit]),
    ]
}

//! What a caller may do, apart from what they may see.

use std::collections::BTreeSet;

/// An action that a route may require.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Send lines.
    Push,
    /// Read lines, labels and what is computed from them.
    Read,
    /// Read the steps of orders and other objects; the lines behind them need [`Permission::Read`] as well.
    Orders,
    /// Read the lines of a query without a limit, as a file. Needs [`Permission::Read`] as well.
    Export,
    /// Change rules of alerts.
    Rules,
    /// Silence alerts.
    Silences,
    /// Change dashboards.
    Dashboards,
    /// Have lines deleted.
    Delete,
    /// Read the state of the server: metrics, jobs, configuration without secrets.
    Status,
    /// Make the server do something: flush, for example.
    Operate,
    /// Look after what is stored: retention, backups, buckets.
    Storage,
    /// See and change users, roles, policies and tokens; ask who can see what.
    Users,
    /// Read the audit trail.
    Audit,
    /// Find out whether a masked value is what one guesses.
    Reveal,
    /// Ask as somebody else, with no more rights than theirs: for a Grafana that passes its users on.
    Impersonate,
}

/// The actions a caller may take.
pub type Permissions = BTreeSet<Permission>;

impl Permission {
    /// Every permission there is.
    pub const ALL: [Self; 15] = [
        Self::Push,
        Self::Read,
        Self::Orders,
        Self::Export,
        Self::Rules,
        Self::Silences,
        Self::Dashboards,
        Self::Delete,
        Self::Status,
        Self::Operate,
        Self::Storage,
        Self::Users,
        Self::Audit,
        Self::Reveal,
        Self::Impersonate,
    ];

    /// The word for it in configuration, messages and the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Read => "read",
            Self::Orders => "orders",
            Self::Export => "export",
            Self::Rules => "rules",
            Self::Silences => "silences",
            Self::Dashboards => "dashboards",
            Self::Delete => "delete",
            Self::Status => "status",
            Self::Operate => "operate",
            Self::Storage => "storage",
            Self::Users => "users",
            Self::Audit => "audit",
            Self::Reveal => "reveal",
            Self::Impersonate => "impersonate",
        }
    }

    /// Whether it is about a tenant's lines and what is made of them.
    pub const fn is_about_data(self) -> bool {
        matches!(self, Self::Push | Self::Read | Self::Orders | Self::Export | Self::Delete | Self::Reveal)
    }

    /// Whether it is about the server as a whole, whatever tenant is named.
    pub const fn is_of_server(self) -> bool {
        matches!(
            self,
            Self::Status | Self::Operate | Self::Storage | Self::Users | Self::Audit | Self::Reveal | Self::Impersonate
        )
    }

    /// The permission with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

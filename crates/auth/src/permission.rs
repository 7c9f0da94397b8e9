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
    /// Read the state of the server: metrics, jobs, configuration without secrets.
    Status,
    /// Make the server do something: flush, for example.
    Operate,
}

/// The actions a caller may take.
pub type Permissions = BTreeSet<Permission>;

impl Permission {
    /// Every permission there is.
    pub const ALL: [Self; 5] = [Self::Push, Self::Read, Self::Orders, Self::Status, Self::Operate];

    /// The word for it in configuration, messages and the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Read => "read",
            Self::Orders => "orders",
            Self::Status => "status",
            Self::Operate => "operate",
        }
    }
}

//! The rules that apply without configuration.

use std::sync::{Arc, LazyLock};

use super::{Group, parse_file};

/// The file of the server's own rules, for those who want to start from it.
pub(super) const TEXT: &str = include_str!("defaults.yaml");

/// The server's own groups.
pub fn default_groups() -> &'static [Arc<Group>] {
    static GROUPS: LazyLock<Vec<Arc<Group>>> =
        LazyLock::new(|| parse_file(TEXT).unwrap_or_default().into_iter().map(Arc::new).collect());
    &GROUPS
}

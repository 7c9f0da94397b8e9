//! Which statuses an object may have; graphs over them are the business of `orders`.

use std::collections::BTreeMap;

/// The statuses of an order when nothing is configured, in the order an order passes them.
pub const DEFAULT_ORDER_STATUSES: [&str; 10] = [
    "CREATED",
    "SUBMITTED",
    "PRICE_CALCULATED",
    "MANUFACTURING_APPROVED",
    "MANUFACTURING_STARTED",
    "MANUFACTURING_COMPLETED",
    "PACKAGING",
    "SHIPPED",
    "DELIVERED",
    "CLOSED",
];

/// The known statuses of each object type. A type that is not listed accepts any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(BTreeMap<String, Vec<String>>);

impl Statuses {
    /// No vocabulary at all: every status is fine.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets the statuses of one object type.
    #[must_use]
    pub fn with<S: Into<String>>(mut self, object: &str, statuses: impl IntoIterator<Item = S>) -> Self {
        self.0.insert(object.to_owned(), statuses.into_iter().map(Into::into).collect());
        self
    }

    /// Whether objects of this type may have this status.
    pub fn allow(&self, object: &str, status: &str) -> bool {
        self.0.get(object).is_none_or(|known| known.iter().any(|one| one == status))
    }

    /// Whether this is listed as a status of this object type.
    pub(crate) fn know(&self, object: &str, status: &str) -> bool {
        self.0.contains_key(object) && self.allow(object, status)
    }
}

impl Default for Statuses {
    /// Orders with [`DEFAULT_ORDER_STATUSES`].
    fn default() -> Self {
        Self::none().with("order", DEFAULT_ORDER_STATUSES)
    }
}

//! The things a line is about: an order, a customer, a 3D model.

use std::fmt;

/// An object of the business, named by its type and id: `order/4711`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity<'a> {
    /// The type: `order`, `customer`, `model` …; the key without `_id`.
    pub object: &'a str,
    /// The id, as it stands in the line.
    pub id: &'a str,
}

impl<'a> Entity<'a> {
    /// The object that a field such as `order_id=4711` names. Ids of a call, which name no object, give none, and so
    /// does an empty id.
    pub fn of_field(key: &'a str, id: &'a str) -> Option<Self> {
        let object = key.strip_suffix("_id").filter(|object| !object.is_empty())?;
        let call = matches!(object, "trace" | "span" | "parent_span" | "request" | "correlation" | "session");
        (!call && !id.is_empty()).then_some(Self { object, id })
    }

    /// Reads `order/4711`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (object, id) = text.split_once('/')?;
        (!object.is_empty() && !id.is_empty()).then_some(Self { object, id })
    }
}

impl fmt::Display for Entity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.object, self.id)
    }
}

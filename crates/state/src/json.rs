//! Lists and documents in the database: JSON as text.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Kind, Result};

/// A value as JSON.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(Kind::Internal, format!("cannot be written as JSON: {error}")))
}

/// `what` names the table or kind for the operator who has to look.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("{:?} at line {} column {}", error.classify(), error.line(), error.column());
        Error::new(Kind::Unusable, format!("`{what}` in the state database cannot be read ({place})"))
    })
}

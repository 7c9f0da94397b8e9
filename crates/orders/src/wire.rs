//! How times and spans stand in JSON: RFC 3339 in UTC, and whole milliseconds.

use std::time::Duration;

use logline::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// Milliseconds of a span, as many as fit.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn read<E: serde::de::Error>(text: &str) -> Result<Timestamp, E> {
    text.parse::<jiff::Timestamp>().map(Timestamp::from).map_err(E::custom)
}

/// A time that is always there.
pub(crate) mod time {
    use super::{Deserialize, Deserializer, Serializer, Timestamp, read};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&jiff::Timestamp::from(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        read(&String::deserialize(from)?)
    }
}

/// A time that may be missing.
pub(crate) mod optional_time {
    use super::{Deserialize, Deserializer, Serializer, Timestamp, read, time};

    pub(crate) fn serialize<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => time::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        Option::<String>::deserialize(from)?.map(|text| read(&text)).transpose()
    }
}

//! The border between rules and routes: an alert as it is handed over, and who takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logline::{Tenant, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The label that holds a rule's name.
pub const ALERTNAME: &str = "alertname";

/// One alert that fires, or that has stopped; pending ones are not handed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Whose data it is about.
    pub tenant: Tenant,
    /// What tells it from every other alert of the tenant; `alertname` is among them.
    pub labels: BTreeMap<String, String>,
    /// What it says, in words; templates are filled in.
    pub annotations: BTreeMap<String, String>,
    /// When it began to fire.
    pub starts_at: Timestamp,
    /// When it stopped; none while it fires.
    pub ends_at: Option<Timestamp>,
    /// Of the evaluation that says so.
    pub updated_at: Timestamp,
    /// What the rule's expression came to; may be infinite or no number.
    #[serde(with = "number")]
    pub value: f64,
    /// The rule that made it.
    pub rule: RuleRef,
    /// A page that shows the expression; empty without an `external_url`.
    pub generator_url: String,
    /// What it stands on.
    pub evidence: Evidence,
}

/// Names a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleRef {
    /// The file, or the namespace of the API.
    pub namespace: String,
    /// The group within it.
    pub group: String,
    /// The name of the alert.
    pub name: String,
    /// `logql`, or one of our own kinds: `order_stuck`, `volume_anomaly` …
    pub kind: String,
    /// Under whose rights it runs; none for the server's own.
    pub owner: Option<String>,
}

/// What an alert stands on: where to look, and what it is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// How the likeliest lines are found.
    pub lines: Option<LinesQuery>,
    /// Ids of the orders it is about, those that wait for longest first; a bounded sample.
    pub orders: Vec<String>,
    /// How many orders it is about in all.
    pub orders_total: u64,
    /// Services it is about.
    pub services: Vec<String>,
    /// The band against what came; for anomalies of volume.
    pub picture: Option<Arc<Picture>>,
    /// When the data first showed it: the begin of MTTD and MTTR.
    pub first_seen: Timestamp,
}

/// A query for lines: run it under the scope of whoever shall see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesQuery {
    /// A LogQL log query.
    pub query: String,
    /// From here …
    pub start: Timestamp,
    /// … to before here.
    pub end: Timestamp,
}

/// A drawing for people.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// A PNG file.
    #[serde(with = "bytes")]
    pub png: Vec<u8>,
    /// The same in words.
    pub alt: String,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture").field("alt", &self.alt).field("bytes", &self.png.len()).finish()
    }
}

impl Alert {
    /// Names the alert by its labels, as Alertmanager does: FNV-1a over names and values in order.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.labels)
    }

    /// Whether it has stopped at that time.
    pub fn is_resolved_at(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|end| end <= now)
    }

    /// The name of the alert.
    pub fn name(&self) -> &str {
        self.labels.get(ALERTNAME).map_or("", String::as_str)
    }
}

/// FNV-1a over sorted labels, each name and value followed by a byte that is in no UTF-8 text.
pub fn fingerprint(labels: &BTreeMap<String, String>) -> u64 {
    const SEPARATOR: &[u8] = &[0xff];
    let parts = labels.iter().flat_map(|(name, value)| [name.as_bytes(), SEPARATOR, value.as_bytes(), SEPARATOR]);
    parts.flatten().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Takes alerts from rules.
///
/// A firing alert comes again every `resend_delay` and with its end; the same one (fingerprint, `starts_at`) may come any
/// number of times, also after a crash. When it returns `Ok` the alerts survive a kill.
#[async_trait]
pub trait Notify: Send + Sync + std::fmt::Debug {
    /// Takes alerts in, each of them idempotent by tenant, fingerprint and `starts_at`.
    ///
    /// # Errors
    /// They may not be kept; the same alerts come again at the next evaluation.
    async fn notify(&self, alerts: Vec<Alert>) -> Result<(), NotifyError>;
}

/// Why alerts could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("alerts were not taken in: {0}")]
pub struct NotifyError(pub String);

/// A number as text, since JSON has no infinity.
pub(crate) mod number {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Bytes as base64.
mod bytes {
    use super::*;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn labels_are_told_apart_by_where_a_name_ends() {
        assert_eq!(fingerprint(&labels(&[])), 0xcbf2_9ce4_8422_2325);
        assert_ne!(fingerprint(&labels(&[("a", "bc")])), fingerprint(&labels(&[("ab", "c")])));
        assert_eq!(fingerprint(&labels(&[("a", "1"), ("b", "2")])), fingerprint(&labels(&[("b", "2"), ("a", "1")])));
    }

    #[test]
    fn an_alert_survives_json_with_a_picture_and_a_value_that_is_no_number() {
        let picture = Picture { png: vec![0, 159, 255], alt: "a band".to_owned() };
        let alert = Alert {
            tenant: Tenant::default(),
            labels: labels(&[(ALERTNAME, "Quiet")]),
            annotations: labels(&[("summary", "nothing came")]),
            starts_at: Timestamp(5),
            ends_at: Some(Timestamp(9)),
            updated_at: Timestamp(9),
            value: f64::INFINITY,
            rule: RuleRef { name: "Quiet".to_owned(), ..RuleRef::default() },
            generator_url: String::new(),
            evidence: Evidence { picture: Some(Arc::new(picture)), ..Evidence::default() },
        };
        let text = serde_json::to_string(&alert).unwrap();
        assert_eq!(serde_json::from_str::<Alert>(&text).unwrap(), alert);
        assert!(alert.is_resolved_at(Timestamp(9)) && !alert.is_resolved_at(Timestamp(8)));
        assert_eq!(alert.name(), "Quiet");
    }
}

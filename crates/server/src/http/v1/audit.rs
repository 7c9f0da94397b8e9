//! The audit trail, for those who may read it: records, and whether the chain holds.

use std::collections::BTreeMap;

use auth::{Outcome, Unreadable, Verified, server_wide};
use axum::Json;
use axum::extract::State;
use jiff::tz::TimeZone;
use logline::Timestamp;
use serde::{Deserialize, Serialize};
use storage::TimeRange;

use super::params::Parameters;
use crate::app::App;
use crate::audit::{self, Checked, Filter, Page};
use crate::http::{Asker, HttpError};

/// Records of one answer, at most.
const MOST: usize = 5_000;
const DEFAULT: usize = 100;

/// What a tamper check found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) intact: bool,
    /// By node; empty if the chain is broken.
    pub(crate) chains: BTreeMap<String, Verified>,
    /// The first record that is not as it was written.
    pub(crate) broken: Option<auth::Broken>,
    /// Parts that cannot be read; of the rest it is known whether it is as it was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unreadable: Vec<Unreadable>,
}

/// The newest records that fit.
pub(crate) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Page>, HttpError> {
    asked.only(&["principal", "action", "outcome", "node", "text", "since", "until", "limit"])?;
    let words = Outcome::ALL.map(|outcome| (outcome.name(), outcome));
    let text = |name: &str| asked.text(name).map(str::to_owned);
    let start = asked.time("since", &TimeZone::UTC)?.unwrap_or(Timestamp::MIN);
    let end = asked.time("until", &TimeZone::UTC)?.unwrap_or(Timestamp::MAX);
    let filter = Filter {
        principal: text("principal"),
        action: text("action"),
        outcome: asked.choice("outcome", &words)?.map(|outcome| outcome.name().to_owned()),
        node: text("node"),
        text: text("text"),
        tenants: Some(caller.tenants().iter().cloned().chain([server_wide()]).collect()),
        range: Some(TimeRange { start, end }),
        limit: asked.limit(MOST)?.unwrap_or(DEFAULT).min(MOST),
    };
    Ok(Json(audit::list(&app.engine, &app.storage, app.audit.as_ref(), &filter).await?))
}

/// Looks at every record; says which is the first that is not as it was written, and what could not be looked at.
pub(crate) async fn verify(State(app): State<App>, asked: Parameters) -> Result<Json<Verdict>, HttpError> {
    asked.only(&[])?;
    let anchors = audit::Anchors::all(&app.state).await.map_err(|error| HttpError::unavailable(&error))?;
    let since = audit::kept_for(&app.lifecycle).map_or(Timestamp::MIN, |period| app.now().before(period));
    let times = (since, app.now());
    let Checked { chains, unreadable } =
        audit::verify(&app.engine, &app.storage, app.audit.as_ref(), anchors, times).await?;
    let intact = chains.is_ok() && unreadable.is_empty();
    let (chains, broken) = chains.map_or_else(|broken| (BTreeMap::new(), Some(broken)), |chains| (chains, None));
    Ok(Json(Verdict { intact, chains, broken, unreadable }))
}

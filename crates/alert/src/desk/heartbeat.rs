//! A sign of life: as long as it comes, alerts are being worked on; a dead man's switch elsewhere notices when it stops.

use std::time::Duration;

use stdx::Secret;

use super::Desk;
use crate::notify::{Guard, Http, HttpOptions};

/// Where the sign of life goes, and how often.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    http: Http,
    url: Secret<String>,
    every: Duration,
}

impl Heartbeat {
    /// A `POST` to this address each so often.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(url: Secret<String>, every: Duration) -> Result<Self, String> {
        let http = Http::new(&HttpOptions { guard: Guard::Anywhere, proxy: None })?;
        Ok(Self { http, url, every: every.max(Duration::from_secs(1)) })
    }

    /// Beats while the desk works; keeps silent while it does not, for that is the alarm.
    pub(super) async fn beat(&self, desk: &Desk) {
        loop {
            let broken = desk.courier.broken().await;
            if desk.is_well() {
                let body = serde_json::json!({"status": "ok", "broken_destinations": broken.len()});
                let sent = self.http.post(self.url.reveal(), |request| request.json(&body)).await;
                if let Err(failure) = sent.and_then(crate::notify::Answer::checked) {
                    tracing::warn!(reason = %failure, "the heartbeat was not taken");
                }
            }
            tokio::time::sleep(self.every).await;
        }
    }
}

//! Delivery by an Alertmanager that is there already: what is known is pushed to it again and again, as Prometheus does it.

use std::time::Duration;

use logline::Timestamp;
use serde_json::{Value, json};
use state::NoticeChange;
use tokio::sync::Mutex;

use super::{Desk, remove, row};
use crate::Alert;
use crate::incident::Incident;
use crate::notify::{Failure, Guard, Http, HttpOptions};

/// How often everything is pushed.
const EVERY: Duration = Duration::from_secs(30);
/// How long an alert fires there if nothing more comes.
const LASTS: Duration = Duration::from_secs(4 * 60);
/// How long an end is pushed.
const ENDS_FOR: Duration = Duration::from_secs(15 * 60);
/// Alerts of one request.
const BATCH: usize = 64;

/// The Alertmanagers that deliver.
#[derive(Debug)]
pub struct Alertmanagers {
    http: Http,
    urls: Vec<String>,
    /// When the last push was, and how many alerts were known then.
    last: Mutex<Option<(Timestamp, u64)>>,
}

impl Alertmanagers {
    /// Those at these addresses, such as `http://127.0.0.1:9093`.
    ///
    /// # Errors
    /// An address is none, or the HTTP client cannot be built.
    pub fn new(urls: &[String]) -> Result<Self, String> {
        for url in urls {
            let parsed = reqwest::Url::parse(url).map_err(|_| format!("`{url}` is no address"))?;
            if !matches!(parsed.scheme(), "http" | "https") {
                return Err(format!("`{url}` is neither `http` nor `https`"));
            }
        }
        let http = Http::new(&HttpOptions { guard: Guard::Anywhere, proxy: None })?;
        let urls = urls.iter().map(|url| format!("{}/api/v2/alerts", url.trim_end_matches('/'))).collect();
        Ok(Self { http, urls, last: Mutex::default() })
    }

    async fn send(&self, alerts: &[Value]) -> Result<(), Failure> {
        let mut done = Err(Failure::again("no Alertmanager is configured"));
        for url in &self.urls {
            let mut one = Ok(());
            for batch in alerts.chunks(BATCH) {
                one = self
                    .http
                    .post(url, |request| request.json(&batch))
                    .await
                    .and_then(|answer| answer.checked().map(drop));
                if let Err(failure) = &one {
                    tracing::warn!(url, reason = %failure, "an Alertmanager does not take alerts");
                    break;
                }
            }
            // One of several is enough: they tell each other.
            done = done.or(one);
        }
        done
    }
}

impl Desk {
    /// Pushes what is known when its time has come or something changed.
    pub(super) async fn push(&self, to: &Alertmanagers, now: Timestamp) -> state::Result<Option<Timestamp>> {
        let mut book = self.book.lock().await;
        book.refresh(&self.state, now).await?;
        let alerts: Vec<Alert> = book.dispatcher.alerts().cloned().collect();
        drop(book);
        let mark = alerts.iter().fold(alerts.len() as u64, |mark, alert| {
            mark.wrapping_mul(31).wrapping_add(alert.fingerprint() ^ u64::from(alert.ends_at.is_some()))
        });
        let mut last = to.last.lock().await;
        if let Some((time, same)) = *last
            && same == mark
            && now < time.after(EVERY)
        {
            return Ok(Some(time.after(EVERY)));
        }
        if !alerts.is_empty() {
            let bodies: Vec<Value> = alerts.iter().map(|alert| body(&self.author.clean_alert(alert), now)).collect();
            if to.send(&bodies).await.is_err() {
                return Ok(Some(now.after(LONGEST_RETRY)));
            }
            self.pushed(&alerts, now).await?;
        }
        *last = Some((now, mark));
        Ok(Some(now.after(EVERY)))
    }

    /// Notes that somebody was told, and forgets ends that were pushed long enough.
    async fn pushed(&self, alerts: &[Alert], now: Timestamp) -> state::Result<()> {
        let mut book = self.book.lock().await;
        self.note_ends(&mut book, now).await?;
        let mut changes: Vec<NoticeChange> = Vec::new();
        for key in alerts.iter().map(Incident::key) {
            let Some(incident) = book.incidents.get_mut(&key) else { continue };
            if incident.notified_at.is_none() {
                incident.notified("alertmanager", now);
                changes.push(NoticeChange::PutIncident(row(incident)?));
            }
        }
        let over: Vec<&Alert> =
            alerts.iter().filter(|alert| alert.ends_at.is_some_and(|end| end.after(ENDS_FOR) <= now)).collect();
        changes.extend(over.iter().map(|alert| remove(&alert.tenant, alert.fingerprint())));
        self.apply(&mut book, &changes, now).await?;
        for alert in over {
            book.dispatcher.forget(&alert.tenant, alert.fingerprint());
        }
        Ok(())
    }
}

/// When a push that failed is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

fn body(alert: &Alert, now: Timestamp) -> Value {
    let time = |time: Timestamp| jiff::Timestamp::from(time).to_string();
    let end = alert.ends_at.filter(|end| *end <= now).unwrap_or_else(|| now.after(LASTS));
    json!({
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": time(alert.starts_at),
        "endsAt": time(end),
        "generatorURL": alert.generator_url,
    })
}

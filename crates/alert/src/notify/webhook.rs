//! A program of one's own: Alertmanager's body, signed if there is a secret, to public addresses unless allowed otherwise.

use std::sync::Arc;

use async_trait::async_trait;
use logline::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use stdx::Secret;

use super::receiver::{Global, Written, one_of};
use super::{Built, Failure, Guard, Http, HttpOptions, Memory, Pace, Place, Post, Sender, short};
use crate::Alert;
use crate::message::Notification;

#[derive(Debug, Deserialize)]
struct Config {
    url: Option<Secret<String>>,
    url_file: Option<String>,
    #[serde(default)]
    max_alerts: usize,
    /// Key of the signature.
    secret: Option<Secret<String>>,
    secret_file: Option<String>,
    #[serde(default)]
    allow_private: bool,
}

/// An address.
#[derive(Debug)]
struct Webhook {
    http: Http,
    url: Secret<String>,
    most: usize,
    key: Option<Secret<String>>,
    authorization: Option<Secret<String>>,
}

/// Reads one of `webhook_configs`.
pub(super) fn read(
    written: &Written,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Built, String> {
    let (config, left_out): (Config, _) = written.read(&[])?;
    let url = one_of("url", config.url, "url_file", config.url_file.as_deref(), secret)?;
    let key = match (&config.secret, &config.secret_file) {
        (None, None) => None,
        _ => Some(one_of("secret", config.secret, "secret_file", config.secret_file.as_deref(), secret)?),
    };
    let guard = if config.allow_private { Guard::Anywhere } else { Guard::PublicOnly };
    let http = Http::new(&HttpOptions { guard, proxy: written.proxy(global) })?;
    let authorization = authorization(written, secret)?;
    let sender = Webhook { http, url, most: config.max_alerts, key, authorization };
    Ok(Built { sender: Arc::new(sender), send_resolved: written.send_resolved(true), left_out })
}

/// `http_config` with `authorization` or `basic_auth`, as a header.
fn authorization(
    written: &Written,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Option<Secret<String>>, String> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(given) = written.http("authorization") {
        let kind = text(given, "type").unwrap_or_else(|| "Bearer".to_owned());
        let direct = text(given, "credentials").map(Secret::new);
        let file = text(given, "credentials_file");
        let value = one_of("credentials", direct, "credentials_file", file.as_deref(), secret)?;
        return Ok(Some(Secret::new(format!("{kind} {}", value.reveal()))));
    }
    let Some(given) = written.http("basic_auth") else { return Ok(None) };
    let user = text(given, "username").unwrap_or_default();
    let direct = text(given, "password").map(Secret::new);
    let password = one_of("password", direct, "password_file", text(given, "password_file").as_deref(), secret)?;
    let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.reveal()));
    Ok(Some(Secret::new(format!("Basic {pair}"))))
}

#[async_trait]
impl Sender for Webhook {
    fn destination(&self) -> String {
        short("webhook", self.url.reveal())
    }

    fn pace(&self) -> Pace {
        Pace { burst: 20, every: std::time::Duration::from_millis(200) }
    }

    async fn send(&self, post: &Post<'_>, _: &mut Memory, _: &mut Place) -> Result<(), Failure> {
        let body = body(post.notification, post.external_url, self.most).to_string();
        let answer = self.http.post(self.url.reveal(), |mut request| {
            request = request.header("Content-Type", "application/json").header("Idempotency-Key", post.key);
            if let Some(key) = &self.key {
                request = request.header("X-Lapidary-Signature", signature(key.reveal(), post.now, &body));
            }
            if let Some(value) = &self.authorization {
                request = request.header("Authorization", value.reveal());
            }
            request.body(body)
        });
        answer.await?.checked().map(drop)
    }
}

/// `t=<seconds>,v1=<hex>`: HMAC-SHA256 over the seconds, a dot and the body.
fn signature(key: &str, seconds: i64, body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
    let tag = ring::hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

/// Alertmanager's body, version 4. Without a limit `most` is 0.
fn body(notification: &Notification, external_url: &str, most: usize) -> Value {
    let kept = if most == 0 { notification.alerts.len() } else { most };
    let truncated = notification.alerts.len().saturating_sub(kept) as u64 + notification.truncated;
    let alerts: Vec<Value> =
        notification.alerts.iter().take(kept).map(|alert| alert_json(alert, notification.at)).collect();
    json!({
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": truncated,
        "status": if notification.is_resolved() { "resolved" } else { "firing" },
        "receiver": notification.receiver,
        "groupLabels": notification.group_labels,
        "commonLabels": notification.common_labels(),
        "commonAnnotations": notification.common_annotations(),
        "externalURL": external_url,
        "alerts": alerts,
    })
}

fn alert_json(alert: &Alert, now: Timestamp) -> Value {
    let ended = alert.ends_at.filter(|end| *end <= now);
    json!({
        "status": if ended.is_some() { "resolved" } else { "firing" },
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": jiff::Timestamp::from(alert.starts_at).to_string(),
        "endsAt": ended.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |end| jiff::Timestamp::from(end).to_string()),
        "generatorURL": alert.generator_url,
        "fingerprint": format!("{:016x}", alert.fingerprint()),
        "orders": alert.evidence.orders,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::{NOW, stuck};
    use crate::notify::testing::{Answers, built, send};

    #[tokio::test]
    async fn the_body_is_alertmanagers_and_signed() {
        let server = Answers::start(vec![(200, "{}")]).await;
        let config = format!("url: {}/hook\nsecret: s3cret\nallow_private: true\nmax_alerts: 5", server.url);
        let sender = built(read, &config);
        send(&*sender, &stuck()).await.unwrap();
        let (request, body) = server.requests().remove(0);
        let json: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((json["version"].as_str(), json["status"].as_str()), (Some("4"), Some("firing")));
        assert_eq!(json["groupKey"], r#"{}:{alertname="OrderStuck"}"#);
        assert_eq!(json["alerts"][0]["labels"]["service_name"], "mes");
        assert_eq!(json["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
        let lower = request.to_lowercase();
        assert!(lower.contains("idempotency-key: key-1"), "{request}");
        let seconds = NOW.0 / 1_000_000_000;
        let want = signature("s3cret", seconds, &body);
        assert!(lower.contains(&format!("x-lapidary-signature: {want}")), "{request}");
        assert_ne!(want, signature("other", seconds, &body));
        assert_ne!(want, signature("s3cret", seconds + 1, &body));
    }

    #[test]
    fn a_signature_is_what_other_implementations_compute() {
        // printf '1.{}' | openssl dgst -sha256 -hmac key
        let want = "t=1,v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224";
        assert_eq!(signature("key", 1, "{}"), want);
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_and_a_private_address_refused() {
        let server = Answers::start(vec![(302, "")]).await;
        let allowed = built(read, &format!("url: {}/\nallow_private: true", server.url));
        let redirected = send(&*allowed, &stuck()).await.unwrap_err();
        assert!(redirected.to_string().contains("redirects are not followed"), "{redirected}");
        let guarded = built(read, &format!("url: {}/", server.url));
        let refused = send(&*guarded, &stuck()).await.unwrap_err();
        assert!(refused.to_string().contains("allow_private"), "{refused}");
        assert_eq!(server.requests().len(), 1);
    }
}

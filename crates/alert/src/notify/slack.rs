//! Slack: an incoming webhook.

use std::sync::Arc;

use serde::Deserialize;
use stdx::Secret;

use super::attachment::Webhook;
use super::receiver::{Global, Written, one_of};
use super::{Built, Guard, Http, HttpOptions};
use crate::message::Flavour;

/// Slack cuts longer texts of attachments by itself, in the middle of anything.
const LONGEST_TEXT: usize = 3_000;

#[derive(Debug, Deserialize)]
struct Config {
    api_url: Option<Secret<String>>,
    api_url_file: Option<String>,
    channel: Option<String>,
    username: Option<String>,
    icon_emoji: Option<String>,
    icon_url: Option<String>,
}

const TEMPLATES: [&str; 13] = [
    "title",
    "title_link",
    "text",
    "pretext",
    "fallback",
    "color",
    "fields",
    "footer",
    "short_fields",
    "actions",
    "mrkdwn_in",
    "callback_id",
    "link_names",
];

/// Reads one of `slack_configs`.
pub(super) fn read(
    written: &Written,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Built, String> {
    let (mut config, left_out): (Config, _) = written.read(&TEMPLATES)?;
    let (own, file) = match (config.api_url.take(), config.api_url_file.take()) {
        (None, None) => (global.slack_api_url.clone(), global.slack_api_url_file.clone()),
        own => own,
    };
    let url = one_of("api_url", own, "api_url_file", file.as_deref(), secret)?;
    let http = Http::new(&HttpOptions { guard: Guard::Anywhere, proxy: written.proxy(global) })?;
    let Config { channel, username, icon_emoji, icon_url, .. } = config;
    let own = vec![("channel", channel), ("username", username), ("icon_emoji", icon_emoji), ("icon_url", icon_url)];
    let sender = Webhook { kind: "slack", http, url, flavour: Flavour::Slack, longest: LONGEST_TEXT, own };
    Ok(Built { sender: Arc::new(sender), send_resolved: written.send_resolved(false), left_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::stuck;
    use crate::notify::Failure;
    use crate::notify::testing::{Answers, built, send};

    #[tokio::test]
    async fn slack_gets_an_attachment_and_its_wait_is_kept() {
        let server = Answers::start(vec![(200, "ok"), (429, "slow down")]).await;
        let sender = built(read, &format!("api_url: {}/services/T/B/X\nchannel: '#ops'\ntitle: x", server.url));
        send(&*sender, &stuck()).await.unwrap();
        let json: serde_json::Value = serde_json::from_str(&server.requests()[0].1).unwrap();
        assert_eq!(json["channel"], "#ops");
        assert_eq!(json["attachments"][0]["title"], "🔴 OrderStuck (mes)");
        let text = json["attachments"][0]["text"].as_str().unwrap();
        assert!(text.contains("*Where:* mes") && text.contains("/orders/4711|4711>"), "{text}");
        let again = send(&*sender, &stuck()).await.unwrap_err();
        assert!(matches!(again, Failure::Again { after: Some(_), .. }), "{again:?}");
        assert!(!sender.destination().contains("T/B/X"), "{}", sender.destination());
    }
}

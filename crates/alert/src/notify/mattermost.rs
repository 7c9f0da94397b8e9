//! Mattermost: an incoming webhook like those of Slack, with Markdown of its own.

use std::sync::Arc;

use serde::Deserialize;
use stdx::Secret;

use super::attachment::Webhook;
use super::receiver::{Global, Written, one_of};
use super::{Built, Guard, Http, HttpOptions};
use crate::message::Flavour;

/// A message of Mattermost takes four times as much.
const LONGEST_TEXT: usize = 4_000;

#[derive(Debug, Deserialize)]
struct Config {
    webhook_url: Option<Secret<String>>,
    webhook_url_file: Option<String>,
    channel: Option<String>,
    username: Option<String>,
    icon_url: Option<String>,
}

/// Reads one of `mattermost_configs`.
pub(super) fn read(
    written: &Written,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Built, String> {
    let (mut config, left_out): (Config, _) = written.read(&["text", "attachments", "props", "icon_emoji", "type"])?;
    let (own, file) = match (config.webhook_url.take(), config.webhook_url_file.take()) {
        (None, None) => (global.mattermost_webhook_url.clone(), global.mattermost_webhook_url_file.clone()),
        own => own,
    };
    let url = one_of("webhook_url", own, "webhook_url_file", file.as_deref(), secret)?;
    let http = Http::new(&HttpOptions { guard: Guard::Anywhere, proxy: written.proxy(global) })?;
    let Config { channel, username, icon_url, .. } = config;
    let own = vec![("channel", channel), ("username", username), ("icon_url", icon_url)];
    let sender = Webhook { kind: "mattermost", http, url, flavour: Flavour::Common, longest: LONGEST_TEXT, own };
    Ok(Built { sender: Arc::new(sender), send_resolved: written.send_resolved(true), left_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::stuck;
    use crate::notify::Failure;
    use crate::notify::testing::{Answers, built, send};

    #[tokio::test]
    async fn mattermost_gets_markdown_that_calls_nobody() {
        let server = Answers::start(vec![(200, "ok"), (503, "")]).await;
        let sender = built(read, &format!("webhook_url: {}/hooks/k3y\nchannel: town-square", server.url));
        let mut told = stuck();
        told.alerts[0].annotations.insert("summary".to_owned(), "@all look".to_owned());
        send(&*sender, &told).await.unwrap();
        let json: serde_json::Value = serde_json::from_str(&server.requests()[0].1).unwrap();
        let text = json["attachments"][0]["text"].as_str().unwrap();
        assert!(!text.contains("@all") && text.contains("**Where:** mes"), "{text}");
        assert!(text.contains("[4711](https://logs.example.com/orders/4711)"), "{text}");
        assert!(matches!(send(&*sender, &told).await, Err(Failure::Again { .. })));
    }
}

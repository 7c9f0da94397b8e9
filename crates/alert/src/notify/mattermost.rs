//! Mattermost: an incoming webhook, one attachment with the colour of the message.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use stdx::Secret;

use super::receiver::{Global, Written, one_of};
use super::{Built, Failure, Guard, Http, HttpOptions, Memory, Place, Post, Sender, short};
use crate::message::{Flavour, markup};

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

#[derive(Debug)]
struct Mattermost {
    http: Http,
    url: Secret<String>,
    config: Config,
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
    let sender = Mattermost { http, url, config };
    Ok(Built { sender: Arc::new(sender), send_resolved: written.send_resolved(true), left_out })
}

#[async_trait]
impl Sender for Mattermost {
    fn destination(&self) -> String {
        let channel = self.config.channel.as_ref().map_or_else(String::new, |channel| format!("/{channel}"));
        format!("{}{channel}", short("mattermost", self.url.reveal()))
    }

    async fn send(&self, post: &Post<'_>, _: &mut Memory, _: &mut Place) -> Result<(), Failure> {
        let title = format!("{} {}", post.message.tone.sign(), post.message.title);
        let mut body = json!({
            "attachments": [{
                "color": post.message.tone.colour(),
                "title": title,
                "fallback": title,
                "text": markup(post.message, Flavour::Common, LONGEST_TEXT),
            }],
        });
        if let Some(link) = post.message.links.first() {
            body["attachments"][0]["title_link"] = json!(link.url);
        }
        let own = &self.config;
        for (key, value) in [("channel", &own.channel), ("username", &own.username), ("icon_url", &own.icon_url)] {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        self.http.post(self.url.reveal(), |request| request.json(&body)).await?.checked().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::stuck;
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

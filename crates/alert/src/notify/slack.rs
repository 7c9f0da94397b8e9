//! Slack: an incoming webhook, one attachment with the colour of the message.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use stdx::Secret;

use super::receiver::{Global, Written, one_of};
use super::{Built, Failure, Guard, Http, HttpOptions, Memory, Place, Post, Sender, short};
use crate::message::{Flavour, markup};

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

#[derive(Debug)]
struct Slack {
    http: Http,
    url: Secret<String>,
    config: Config,
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
    Ok(Built { sender: Arc::new(Slack { http, url, config }), send_resolved: written.send_resolved(false), left_out })
}

#[async_trait]
impl Sender for Slack {
    fn destination(&self) -> String {
        let channel = self.config.channel.as_ref().map_or_else(String::new, |channel| format!("/{channel}"));
        format!("{}{channel}", short("slack", self.url.reveal()))
    }

    async fn send(&self, post: &Post<'_>, _: &mut Memory, _: &mut Place) -> Result<(), Failure> {
        let title = format!("{} {}", post.message.tone.sign(), post.message.title);
        let mut body = json!({
            "attachments": [{
                "color": post.message.tone.colour(),
                "title": title,
                "fallback": title,
                "text": markup(post.message, Flavour::Slack, LONGEST_TEXT),
                "mrkdwn_in": ["text"],
            }],
        });
        if let Some(link) = post.message.links.first() {
            body["attachments"][0]["title_link"] = json!(link.url);
        }
        let own = &self.config;
        for (key, value) in [
            ("channel", &own.channel),
            ("username", &own.username),
            ("icon_emoji", &own.icon_emoji),
            ("icon_url", &own.icon_url),
        ] {
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

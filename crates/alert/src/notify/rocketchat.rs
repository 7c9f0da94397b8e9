//! Rocket.Chat: `chat.postMessage` with a token, or an incoming webhook.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use stdx::Secret;

use super::receiver::{Global, Written, one_of};
use super::{Built, Failure, Guard, Http, HttpOptions, Memory, Place, Post, Sender, short};
use crate::message::{Flavour, markup};

const LONGEST_TEXT: usize = 4_000;

#[derive(Debug, Deserialize)]
struct Config {
    api_url: Option<String>,
    token: Option<Secret<String>>,
    token_file: Option<String>,
    token_id: Option<String>,
    token_id_file: Option<String>,
    channel: Option<String>,
    /// An incoming webhook instead of a token.
    webhook_url: Option<Secret<String>>,
    webhook_url_file: Option<String>,
}

#[derive(Debug)]
struct RocketChat {
    http: Http,
    url: Secret<String>,
    /// Token and its id.
    login: Option<(Secret<String>, String)>,
    channel: Option<String>,
}

/// Reads one of `rocketchat_configs`.
pub(super) fn read(
    written: &Written,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Built, String> {
    let quiet = ["title", "title_link", "text", "color", "emoji", "icon_url", "fields", "actions", "short_fields"];
    let (config, left_out): (Config, _) = written.read(&quiet)?;
    let http = Http::new(&HttpOptions { guard: Guard::Anywhere, proxy: written.proxy(global) })?;
    let (url, login) = if config.webhook_url.is_some() || config.webhook_url_file.is_some() {
        let file = config.webhook_url_file.as_deref();
        (one_of("webhook_url", config.webhook_url, "webhook_url_file", file, secret)?, None)
    } else {
        let pick = |own: Option<String>, all: &Option<String>| own.or_else(|| all.clone());
        let server = pick(config.api_url, &global.rocketchat_api_url).ok_or("`api_url` is missing")?;
        let (token, file) = match (config.token, config.token_file) {
            (None, None) => (global.rocketchat_token.clone(), global.rocketchat_token_file.clone()),
            own => own,
        };
        let token = one_of("token", token, "token_file", file.as_deref(), secret)?;
        let id = pick(config.token_id, &global.rocketchat_token_id).map(Secret::new);
        let id_file = pick(config.token_id_file, &global.rocketchat_token_id_file);
        let id = one_of("token_id", id, "token_id_file", id_file.as_deref(), secret)?;
        let url = format!("{}/api/v1/chat.postMessage", server.trim_end_matches('/'));
        (Secret::new(url), Some((token, id.reveal().clone())))
    };
    let sender = RocketChat { http, url, login, channel: config.channel };
    Ok(Built { sender: Arc::new(sender), send_resolved: written.send_resolved(false), left_out })
}

#[async_trait]
impl Sender for RocketChat {
    fn destination(&self) -> String {
        format!("{}/{}", short("rocketchat", self.url.reveal()), self.channel.as_deref().unwrap_or(""))
    }

    async fn send(&self, post: &Post<'_>, _: &mut Memory, _: &mut Place) -> Result<(), Failure> {
        let title = format!("{} {}", post.message.tone.sign(), post.message.title);
        let mut body = json!({
            "attachments": [{
                "color": post.message.tone.colour(),
                "title": title,
                "text": markup(post.message, Flavour::Slack, LONGEST_TEXT),
            }],
        });
        if let Some(channel) = &self.channel {
            body["channel"] = json!(channel);
        }
        let answer = self.http.post(self.url.reveal(), |request| {
            let request = request.json(&body);
            match &self.login {
                Some((token, id)) => request.header("X-Auth-Token", token.reveal()).header("X-User-Id", id),
                None => request,
            }
        });
        let answer = answer.await?.checked()?;
        let refused = serde_json::from_str::<Value>(&answer.body).is_ok_and(|said| said["success"] == json!(false));
        if refused { Err(Failure::never("rocket.chat refuses the message; does the channel exist?")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::stuck;
    use crate::notify::testing::{Answers, built, send};

    #[tokio::test]
    async fn rocket_chat_gets_the_token_and_says_no_with_200() {
        let server = Answers::start(vec![(200, r#"{"success":true}"#), (200, r#"{"success":false}"#)]).await;
        let config = format!("api_url: {}\ntoken: t0k\ntoken_id: u1\nchannel: '#ops'", server.url);
        let sender = built(read, &config);
        send(&*sender, &stuck()).await.unwrap();
        let (head, body) = server.requests().remove(0);
        assert!(head.starts_with("POST /api/v1/chat.postMessage "), "{head}");
        assert!(head.to_lowercase().contains("x-auth-token: t0k\r\nx-user-id: u1"), "{head}");
        assert!(body.contains("\"channel\":\"#ops\""), "{body}");
        assert!(matches!(send(&*sender, &stuck()).await, Err(Failure::Never { .. })));
    }
}

//! VK Teams: its Bot API, at the address of the company's own server; a message is edited when what it tells of is over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use stdx::Secret;

use super::receiver::{Global, Written, one_of};
use super::{Built, Failure, Guard, Http, HttpOptions, Memory, Pace, Place, Post, Sender};
use crate::message::{Message, cut, html, utf16_len};

/// Longest text that is sent; of its own limit the API's description says nothing.
const LONGEST_TEXT: usize = 4_000;

#[derive(Debug, Deserialize)]
struct Config {
    /// Such as `https://myteam.example.ru/bot/v1`.
    api_url: String,
    bot_token: Option<Secret<String>>,
    bot_token_file: Option<String>,
    chat_id: String,
}

#[derive(Debug)]
struct VkTeams {
    http: Http,
    api: String,
    token: Secret<String>,
    chat: String,
}

/// Reads one of `vkteams_configs`.
pub(super) fn read(
    written: &Written,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Built, String> {
    let (config, left_out): (Config, _) = written.read(&[])?;
    let token = one_of("bot_token", config.bot_token, "bot_token_file", config.bot_token_file.as_deref(), secret)?;
    let http = Http::new(&HttpOptions { guard: Guard::Anywhere, proxy: written.proxy(global) })?;
    let api = config.api_url.trim_end_matches('/').to_owned();
    let sender = VkTeams { http, api, token, chat: config.chat_id };
    Ok(Built { sender: Arc::new(sender), send_resolved: written.send_resolved(true), left_out })
}

/// What the API says.
#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    description: String,
    #[serde(default, rename = "msgId")]
    message: Value,
}

#[async_trait]
impl Sender for VkTeams {
    fn destination(&self) -> String {
        format!("vkteams:{}", self.chat)
    }

    fn pace(&self) -> Pace {
        Pace { burst: 3, every: Duration::from_secs(1) }
    }

    async fn send(&self, post: &Post<'_>, memory: &mut Memory, _: &mut Place) -> Result<(), Failure> {
        let text = text(post.message);
        if let (true, Some(message)) = (post.notification.is_resolved(), &memory.message) {
            let changed = self.call("editText", &[("msgId", message), ("text", &text), ("parseMode", "HTML")]).await?;
            if changed.ok {
                return Ok(());
            }
        }
        let mut fields = vec![("text", text.as_str()), ("parseMode", "HTML")];
        let before = memory.message.clone().unwrap_or_default();
        if !before.is_empty() {
            fields.push(("replyMsgId", &before));
        }
        let said = self.call("sendText", &fields).await?;
        if !said.ok {
            return Err(Failure::never(format!("vk teams refuses: {}", said.description)));
        }
        memory.message = Some(said.message.as_str().map_or_else(|| said.message.to_string(), str::to_owned));
        Ok(())
    }
}

impl VkTeams {
    async fn call(&self, method: &str, fields: &[(&str, &str)]) -> Result<Said, Failure> {
        let own = [("token", self.token.reveal().as_str()), ("chatId", &self.chat)];
        let pairs = own.iter().chain(fields).map(|(name, value)| format!("{name}={}", encoded(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let url = format!("{}/messages/{method}", self.api);
        let answer = self
            .http
            .post(&url, |request| request.header("Content-Type", "application/x-www-form-urlencoded").body(body));
        let answer = answer.await?.checked()?;
        Ok(serde_json::from_str(&answer.body).unwrap_or_default())
    }
}

/// The message as HTML, cut so that no tag is.
fn text(message: &Message) -> String {
    let body = cut(&message.body, LONGEST_TEXT, utf16_len);
    html(&Message { body, ..message.clone() }, "\n")
}

fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::{NOW, stuck};
    use crate::notify::testing::{Answers, built, send_in};

    #[tokio::test]
    async fn a_message_is_sent_as_html_and_edited_when_it_is_over() {
        let ok = r#"{"msgId":"57883346846815032","ok":true}"#;
        let server =
            Answers::start(vec![(200, ok), (200, r#"{"ok":true}"#), (200, r#"{"ok":false,"description":"no"}"#)]).await;
        let sender =
            built(read, &format!("api_url: {}/bot/v1/\nbot_token: 001.T\nchat_id: ops@chat.agent", server.url));
        let (mut memory, mut place) = (Memory::default(), Place::default());
        send_in(&*sender, &stuck(), &mut memory, &mut place).await.unwrap();
        assert_eq!(memory.message.as_deref(), Some("57883346846815032"));
        let mut over = stuck();
        over.alerts[0].ends_at = Some(NOW);
        send_in(&*sender, &over, &mut memory, &mut place).await.unwrap();
        let requests = server.requests();
        assert!(requests[0].0.starts_with("POST /bot/v1/messages/sendText "), "{}", requests[0].0);
        assert!(requests[0].1.contains("chatId=ops%40chat.agent&text=%3Cb%3E"), "{}", requests[0].1);
        assert!(requests[1].0.starts_with("POST /bot/v1/messages/editText "), "{}", requests[1].0);
        assert!(requests[1].1.contains("msgId=57883346846815032"), "{}", requests[1].1);
        let failure = send_in(&*sender, &stuck(), &mut memory, &mut place).await.unwrap_err();
        assert_eq!(failure, Failure::never("vk teams refuses: no"));
    }
}

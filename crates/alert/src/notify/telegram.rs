//! Telegram: text with entities beside it, pictures, topics; a message is edited when what it tells of is over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stdx::Secret;

use super::receiver::{Global, Written, one_of};
use super::{Built, Failure, Guard, Http, HttpOptions, Memory, Pace, Place, Post, Sender};
use crate::message::{Entity, entities, utf16_len};

/// Longest text, after entities, in UTF-16 units.
const LONGEST_TEXT: usize = 4_096;
/// Longest text below a picture.
const LONGEST_CAPTION: usize = 1_024;
/// Where the Bot API is.
const API: &str = "https://api.telegram.org";

#[derive(Debug, Deserialize)]
struct Config {
    bot_token: Option<Secret<String>>,
    bot_token_file: Option<String>,
    chat_id: Value,
    api_url: Option<String>,
    message_thread_id: Option<i64>,
    #[serde(default)]
    disable_notifications: bool,
    /// `edit` changes the message that told of it, `reply` answers it.
    #[serde(default = "edit")]
    on_resolve: String,
    /// For groups `-100…` and channels it is three seconds, for people one.
    min_interval_ms: Option<u64>,
}

fn edit() -> String {
    "edit".to_owned()
}

/// A chat, or a topic of one.
#[derive(Debug)]
struct Telegram {
    http: Http,
    /// With the token.
    api: Secret<String>,
    chat: String,
    topic: Option<i64>,
    silent: bool,
    edits: bool,
    pace: Pace,
}

/// Reads one of `telegram_configs`.
pub(super) fn read(
    written: &Written,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Built, String> {
    let (config, left_out): (Config, _) = written.read(&["message", "parse_mode"])?;
    let token = one_of("bot_token", config.bot_token, "bot_token_file", config.bot_token_file.as_deref(), secret)?;
    let chat = match &config.chat_id {
        Value::Number(number) if number.is_i64() => number.to_string(),
        Value::String(name) if !name.is_empty() => name.clone(),
        _ => return Err("`chat_id` is no number of a chat and no `@name` of a channel".to_owned()),
    };
    let edits = match config.on_resolve.as_str() {
        "edit" => true,
        "reply" => false,
        other => return Err(format!("`on_resolve` is `{other}`, but must be `edit` or `reply`")),
    };
    let api = config.api_url.or_else(|| global.telegram_api_url.clone()).unwrap_or_else(|| API.to_owned());
    let http = Http::new(&HttpOptions { guard: Guard::Anywhere, proxy: written.proxy(global) })?;
    // Telegram takes one message a second in a chat, and twenty a minute in a group.
    let usual = if chat.starts_with(['-', '@']) { 3_000 } else { 1_000 };
    let every = Duration::from_millis(config.min_interval_ms.unwrap_or(usual).max(1));
    let sender = Telegram {
        http,
        api: Secret::new(format!("{}/bot{}", api.trim_end_matches('/'), token.reveal())),
        chat,
        topic: config.message_thread_id,
        silent: config.disable_notifications,
        edits,
        pace: Pace { burst: 3, every },
    };
    Ok(Built { sender: Arc::new(sender), send_resolved: written.send_resolved(true), left_out })
}

/// What the Bot API says.
#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default)]
    result: Value,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// What came of a call that the API understood.
enum Called {
    Done(Value),
    Moved(String),
    Refused(String),
}

#[async_trait]
impl Sender for Telegram {
    fn destination(&self) -> String {
        let topic = self.topic.map_or_else(String::new, |topic| format!("/{topic}"));
        format!("telegram:{}{topic}", self.chat)
    }

    fn pace(&self) -> Pace {
        self.pace
    }

    async fn send(&self, post: &Post<'_>, memory: &mut Memory, place: &mut Place) -> Result<(), Failure> {
        if post.notification.is_resolved() && self.edits && self.edit(post, memory, place).await? {
            return Ok(());
        }
        let picture = post.message.picture.as_ref();
        let (text, _) = entities(post.message, LONGEST_TEXT);
        let id = match picture {
            Some(picture) if utf16_len(&text) <= LONGEST_CAPTION => {
                let fields = self.fields(post, memory, "caption", LONGEST_CAPTION);
                self.in_chat("sendPhoto", fields, Some(&picture.png), place).await?
            }
            _ => {
                let fields = self.fields(post, memory, "text", LONGEST_TEXT);
                self.in_chat("sendMessage", fields, None, place).await?
            }
        };
        let with_caption = picture.is_some() && utf16_len(&text) <= LONGEST_CAPTION;
        (memory.message, memory.picture) = (Some(id), with_caption);
        if let (Some(picture), false) = (picture, with_caption) {
            // The text has arrived: a picture that does not is no reason to send it again.
            let mut fields = Map::new();
            self.address(&mut fields, memory);
            if let Err(failure) = self.in_chat("sendPhoto", fields, Some(&picture.png), place).await {
                tracing::warn!(destination = self.destination(), reason = %failure, "a picture was not delivered");
            }
        }
        Ok(())
    }
}

impl Telegram {
    /// Changes the message that told of what is over now. False when there is none that can be changed.
    async fn edit(&self, post: &Post<'_>, memory: &Memory, place: &mut Place) -> Result<bool, Failure> {
        let Some(message) = memory.message.as_ref().and_then(|id| id.parse::<i64>().ok()) else { return Ok(false) };
        let (method, key, limit) = if memory.picture {
            ("editMessageCaption", "caption", LONGEST_CAPTION)
        } else {
            ("editMessageText", "text", LONGEST_TEXT)
        };
        let (text, entities) = entities(post.message, limit);
        let list = if memory.picture { "caption_entities" } else { "entities" };
        let mut fields = Map::new();
        fields.insert("message_id".to_owned(), json!(message));
        fields.insert(key.to_owned(), json!(text));
        fields.insert(list.to_owned(), entities.iter().map(Entity::json).collect());
        match self.call(method, fields, None, place).await? {
            Called::Done(_) => Ok(true),
            // A chat that has moved has new messages; the old one cannot be changed from there.
            Called::Moved(chat) => {
                place.moved_to = Some(chat);
                Ok(false)
            }
            Called::Refused(why) => Ok(why.contains("is not modified")),
        }
    }

    /// Sends to the chat, also when it has moved; gives the number of the message.
    async fn in_chat(
        &self,
        method: &str,
        fields: Map<String, Value>,
        photo: Option<&[u8]>,
        place: &mut Place,
    ) -> Result<String, Failure> {
        for _ in 0..2 {
            match self.call(method, fields.clone(), photo, place).await? {
                Called::Done(result) => return Ok(result["message_id"].as_i64().unwrap_or(0).to_string()),
                Called::Moved(chat) => place.moved_to = Some(chat),
                Called::Refused(why) => return Err(Failure::never(format!("telegram refuses: {why}"))),
            }
        }
        Err(Failure::again("the chat moves and moves"))
    }

    fn fields(&self, post: &Post<'_>, memory: &Memory, key: &str, limit: usize) -> Map<String, Value> {
        let (text, entities) = entities(post.message, limit);
        let list = if key == "caption" { "caption_entities" } else { "entities" };
        let mut fields = Map::new();
        fields.insert(key.to_owned(), json!(text));
        fields.insert(list.to_owned(), entities.iter().map(Entity::json).collect());
        if key == "text" {
            fields.insert("link_preview_options".to_owned(), json!({"is_disabled": true}));
        }
        self.address(&mut fields, memory);
        fields
    }

    fn address(&self, fields: &mut Map<String, Value>, memory: &Memory) {
        if let Some(topic) = self.topic {
            fields.insert("message_thread_id".to_owned(), json!(topic));
        }
        if self.silent {
            fields.insert("disable_notification".to_owned(), json!(true));
        }
        if let Some(first) = memory.message.as_ref().and_then(|id| id.parse::<i64>().ok()) {
            let reply = json!({"message_id": first, "allow_sending_without_reply": true});
            fields.insert("reply_parameters".to_owned(), reply);
        }
    }

    async fn call(
        &self,
        method: &str,
        mut fields: Map<String, Value>,
        photo: Option<&[u8]>,
        place: &Place,
    ) -> Result<Called, Failure> {
        let chat = place.moved_to.as_ref().unwrap_or(&self.chat);
        fields.insert("chat_id".to_owned(), chat.parse::<i64>().map_or_else(|_| json!(chat), |number| json!(number)));
        let url = format!("{}/{method}", self.api.reveal());
        let answer = self
            .http
            .post(&url, |request| match photo {
                None => request.json(&fields),
                Some(png) => {
                    let (kind, body) = form(&fields, png);
                    request.header("Content-Type", kind).body(body)
                }
            })
            .await?;
        let said: Said = serde_json::from_str(&answer.body).unwrap_or_default();
        if said.ok {
            return Ok(Called::Done(said.result));
        }
        if let Some(chat) = said.parameters.migrate_to_chat_id {
            return Ok(Called::Moved(chat.to_string()));
        }
        if let Some(seconds) = said.parameters.retry_after {
            let reason = format!("telegram asks to wait for {seconds} s");
            return Err(Failure::Again { after: Some(Duration::from_secs(seconds)), reason, unsure: false });
        }
        match answer.status {
            400 => Ok(Called::Refused(said.description)),
            401 | 404 => Err(Failure::again("telegram does not know the bot; is `bot_token` right?")),
            403 => Err(Failure::again("the bot may not write to the chat; add it there")),
            _ => answer.checked().and_then(|_| Err(Failure::again("telegram's answer cannot be read"))),
        }
    }
}

/// Fields and a picture as `multipart/form-data`; the type, then the body.
fn form(fields: &Map<String, Value>, png: &[u8]) -> (String, Vec<u8>) {
    let boundary = format!("lapidary-{}", blake3::hash(png).to_hex().get(..32).unwrap_or(""));
    let mut body = Vec::new();
    for (name, value) in fields {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"chart.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(png);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[cfg(test)]
mod tests;

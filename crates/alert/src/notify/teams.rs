//! Microsoft Teams: an adaptive card to a workflow's address (connectors are retired).

use std::sync::Arc;

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use serde_json::{Value, json};
use stdx::Secret;

use super::receiver::{Global, Written, one_of};
use super::{Built, Failure, Guard, Http, HttpOptions, Memory, Place, Post, Sender, short};
use crate::message::{Look, Message, Span, Tone, cut};

/// A card may have 28 KB; the text is the part of it that grows.
const LONGEST_TEXT: usize = 6_000;
/// Bytes that are left for a picture, as base64.
const LARGEST_PICTURE: usize = 14_000;

#[derive(Debug, Deserialize)]
struct Config {
    webhook_url: Option<Secret<String>>,
    webhook_url_file: Option<String>,
}

#[derive(Debug)]
struct Teams {
    http: Http,
    url: Secret<String>,
}

/// Reads one of `msteams_configs` or `msteamsv2_configs`.
pub(super) fn read(
    written: &Written,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Built, String> {
    let (config, left_out): (Config, _) = written.read(&["title", "text", "summary"])?;
    let file = config.webhook_url_file.as_deref();
    let url = one_of("webhook_url", config.webhook_url, "webhook_url_file", file, secret)?;
    let http = Http::new(&HttpOptions { guard: Guard::Anywhere, proxy: written.proxy(global) })?;
    Ok(Built { sender: Arc::new(Teams { http, url }), send_resolved: written.send_resolved(true), left_out })
}

#[async_trait]
impl Sender for Teams {
    fn destination(&self) -> String {
        short("msteams", self.url.reveal())
    }

    async fn send(&self, post: &Post<'_>, _: &mut Memory, _: &mut Place) -> Result<(), Failure> {
        let body = json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": card(post.message),
            }],
        });
        self.http.post(self.url.reveal(), |request| request.json(&body)).await?.checked().map(drop)
    }
}

fn card(message: &Message) -> Value {
    let colour = match message.tone {
        Tone::Critical => "attention",
        Tone::Warning => "warning",
        Tone::Info => "accent",
        Tone::Resolved => "good",
    };
    let title = format!("{} {}", message.tone.sign(), message.title);
    let mut body = vec![
        json!({"type": "TextBlock", "size": "large", "weight": "bolder", "color": colour, "text": title, "wrap": true}),
    ];
    let spans = cut(&message.body, LONGEST_TEXT, |text| text.chars().count());
    // A rich block takes a line; its runs need no escaping.
    let mut line: Vec<Value> = Vec::new();
    for span in &spans {
        let mut parts = span.text.split('\n').peekable();
        while let Some(part) = parts.next() {
            if !part.is_empty() {
                line.push(run(part, span));
            }
            if parts.peek().is_some() && !line.is_empty() {
                body.push(json!({"type": "RichTextBlock", "inlines": std::mem::take(&mut line), "spacing": "small"}));
            }
        }
    }
    if !line.is_empty() {
        body.push(json!({"type": "RichTextBlock", "inlines": line, "spacing": "small"}));
    }
    if let Some(picture) = message.picture.as_ref().filter(|picture| picture.png.len() * 4 / 3 < LARGEST_PICTURE) {
        let url = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&picture.png));
        body.push(json!({"type": "Image", "url": url, "altText": picture.alt}));
    }
    let actions: Vec<Value> = message
        .links
        .iter()
        .map(|link| json!({"type": "Action.OpenUrl", "title": link.text, "url": link.url}))
        .collect();
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": actions,
    })
}

fn run(text: &str, span: &Span) -> Value {
    let mut run = json!({"type": "TextRun", "text": text});
    match &span.look {
        Look::Plain => {}
        Look::Bold => run["weight"] = json!("bolder"),
        Look::Code | Look::Block => run["fontType"] = json!("monospace"),
        Look::Link(url) => run["selectAction"] = json!({"type": "Action.OpenUrl", "url": url}),
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::stuck;
    use crate::notify::testing::{Answers, built, send};

    #[tokio::test]
    async fn a_workflow_gets_an_adaptive_card() {
        let server = Answers::start(vec![(202, ""), (400, "")]).await;
        let sender = built(read, &format!("webhook_url: {}/workflows/x?sig=s3cret", server.url));
        send(&*sender, &stuck()).await.unwrap();
        let json: Value = serde_json::from_str(&server.requests()[0].1).unwrap();
        let card = &json["attachments"][0]["content"];
        assert_eq!(json["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
        assert_eq!((card["type"].as_str(), card["version"].as_str()), (Some("AdaptiveCard"), Some("1.4")));
        assert_eq!(card["body"][0]["text"], "🔴 OrderStuck (mes)");
        assert_eq!(card["actions"][0]["url"], "https://logs.example.com/explore?query=1");
        assert!(card.to_string().contains("https://logs.example.com/orders/4711"), "{card}");
        assert!(!sender.destination().contains("s3cret"));
        let failure = send(&*sender, &stuck()).await.unwrap_err();
        assert!(matches!(&failure, Failure::Never { .. }) && !failure.to_string().contains("s3cret"));
    }
}

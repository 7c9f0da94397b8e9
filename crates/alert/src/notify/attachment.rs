//! What Slack and Mattermost have in common: an incoming webhook that takes one attachment with the colour of the message.

use async_trait::async_trait;
use serde_json::json;
use stdx::Secret;

use super::{Failure, Http, Memory, Place, Post, Sender, short};
use crate::message::{Flavour, markup};

/// An incoming webhook.
#[derive(Debug)]
pub(super) struct Webhook {
    /// In the name of the destination.
    pub(super) kind: &'static str,
    pub(super) http: Http,
    pub(super) url: Secret<String>,
    pub(super) flavour: Flavour,
    /// Longest text of an attachment.
    pub(super) longest: usize,
    /// Where to and as whom: `channel`, `username` … as far as they are set.
    pub(super) own: Vec<(&'static str, Option<String>)>,
}

#[async_trait]
impl Sender for Webhook {
    fn destination(&self) -> String {
        let channel = self.own.iter().find(|(name, _)| *name == "channel").and_then(|(_, channel)| channel.as_ref());
        let channel = channel.map_or_else(String::new, |channel| format!("/{channel}"));
        format!("{}{channel}", short(self.kind, self.url.reveal()))
    }

    async fn send(&self, post: &Post<'_>, _: &mut Memory, _: &mut Place) -> Result<(), Failure> {
        let title = format!("{} {}", post.message.tone.sign(), post.message.title);
        let mut attachment = json!({
            "color": post.message.tone.colour(),
            "title": title,
            "fallback": title,
            "text": markup(post.message, self.flavour, self.longest),
        });
        if self.flavour == Flavour::Slack {
            attachment["mrkdwn_in"] = json!(["text"]);
        }
        if let Some(link) = post.message.links.first() {
            attachment["title_link"] = json!(link.url);
        }
        let mut body = json!({"attachments": [attachment]});
        for (key, value) in self.own.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            body[*key] = json!(value);
        }
        self.http.post(self.url.reveal(), |request| request.json(&body)).await?.checked().map(drop)
    }
}

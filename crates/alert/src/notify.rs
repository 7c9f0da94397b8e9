//! Who is told and how: receivers, and one file for each way to send.

mod attachment;
mod email;
mod http;
mod mattermost;
mod receiver;
mod rocketchat;
mod settings;
mod slack;
mod teams;
mod telegram;
#[cfg(test)]
pub(crate) mod testing;
mod vkteams;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub(crate) use http::{Answer, Guard, Http, HttpOptions};
pub(crate) use receiver::Integration;
pub use receiver::Receiver;
pub(crate) use receiver::{Global, WrittenReceiver};
pub use settings::Simple;

use crate::message::{Message, Notification};

/// One delivery, ready to be written the way its messenger wants it.
#[derive(Debug)]
pub struct Post<'p> {
    /// What is told, masked: for programs.
    pub notification: &'p Notification,
    /// What is told, in the receiver's language: for people.
    pub message: &'p Message,
    /// Names the delivery; the same for every try.
    pub key: &'p str,
    /// Where people reach the server; may be empty.
    pub external_url: &'p str,
    /// Seconds since 1970.
    pub now: i64,
}

/// What a thread remembers between deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The message that was sent last, as the messenger names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The first message, for threads of mails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The message that was sent last is a picture with a caption.
    #[serde(default)]
    pub picture: bool,
    /// Nobody knows whether the last try arrived.
    #[serde(default)]
    pub unsure: bool,
}

/// What a destination remembers, whatever the thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The chat has moved to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
}

/// How fast a destination may be told: so many at once, then one each so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At once.
    pub burst: u32,
    /// Then one each.
    pub every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { burst: 5, every: Duration::from_secs(1) }
    }
}

/// Why a delivery did not arrive. Reasons name no secret and no text of a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may arrive later.
    #[error("{reason}")]
    Again {
        /// Not before this has passed, if the destination said so.
        after: Option<Duration>,
        /// Why.
        reason: String,
        /// It may have arrived all the same.
        unsure: bool,
    },
    /// It never will, as things are.
    #[error("{reason}")]
    Never {
        /// Why.
        reason: String,
    },
}

impl Failure {
    pub(crate) fn again(reason: impl Into<String>) -> Self {
        Self::Again { after: None, reason: reason.into(), unsure: false }
    }

    pub(crate) fn never(reason: impl Into<String>) -> Self {
        Self::Never { reason: reason.into() }
    }
}

/// One way to tell somebody.
#[async_trait]
pub trait Sender: Send + Sync + std::fmt::Debug {
    /// Names the place it goes to without giving away a secret; the same place has the same name.
    fn destination(&self) -> String;

    /// How fast that place may be told.
    fn pace(&self) -> Pace {
        Pace::default()
    }

    /// Sends it. What has to be remembered is written to `memory` and `place` as soon as it is known.
    async fn send(&self, post: &Post<'_>, memory: &mut Memory, place: &mut Place) -> Result<(), Failure>;
}

/// A sender, what it is called in the file, and whether it tells ends.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) sender: Arc<dyn Sender>,
    pub(crate) send_resolved: bool,
    /// Keys that are not done.
    pub(crate) left_out: Vec<String>,
}

/// A short name of a secret address: where it is, and what tells it from others.
fn short(kind: &str, url: &str) -> String {
    let host = url.split("://").nth(1).unwrap_or(url).split(['/', '?']).next().unwrap_or("");
    let host = host.rsplit('@').next().unwrap_or("");
    let hash = blake3::hash(url.as_bytes()).to_hex();
    format!("{kind}:{host}/{}", hash.get(..8).unwrap_or(""))
}

//! Receivers as `alertmanager.yml` writes them, with what only we have: a language, a time zone, and whose lines may be shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stdx::{Language, Secret};

use super::{Built, Sender, email, mattermost, rocketchat, slack, teams, telegram, vkteams, webhook};
use crate::message::Style;

/// Somebody who can be told.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// What routes call it.
    pub name: String,
    /// How it reads.
    pub style: Style,
    /// Services whose lines it may see; none by default, `*` for all.
    pub services: Vec<String>,
    /// Most lines of a message.
    pub lines: usize,
    /// The ways it is told.
    pub integrations: Vec<Integration>,
}

/// One way a receiver is told.
#[derive(Clone, Debug)]
pub struct Integration {
    /// Names it within all receivers: `ops/telegram/0`.
    pub id: String,
    /// Whether ends are told.
    pub send_resolved: bool,
    /// What sends.
    pub sender: Arc<dyn Sender>,
}

/// Settings that hold for all receivers of a file.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Global {
    resolve_timeout: Option<String>,
    pub(super) telegram_api_url: Option<String>,
    pub(super) slack_api_url: Option<Secret<String>>,
    pub(super) slack_api_url_file: Option<String>,
    pub(super) rocketchat_api_url: Option<String>,
    pub(super) rocketchat_token: Option<Secret<String>>,
    pub(super) rocketchat_token_file: Option<String>,
    pub(super) rocketchat_token_id: Option<String>,
    pub(super) rocketchat_token_id_file: Option<String>,
    pub(super) mattermost_webhook_url: Option<Secret<String>>,
    pub(super) mattermost_webhook_url_file: Option<String>,
    pub(super) smtp_from: Option<String>,
    pub(super) smtp_smarthost: Option<String>,
    pub(super) smtp_hello: Option<String>,
    pub(super) smtp_auth_username: Option<String>,
    pub(super) smtp_auth_password: Option<Secret<String>>,
    pub(super) smtp_auth_password_file: Option<String>,
    pub(super) smtp_require_tls: Option<bool>,
    #[serde(default)]
    http_config: HttpConfig,
}

#[derive(Debug, Default, Deserialize)]
struct HttpConfig {
    proxy_url: Option<String>,
}

impl Global {
    pub(crate) fn resolve_timeout(&self) -> Option<&str> {
        self.resolve_timeout.as_deref()
    }
}

/// A receiver of the file.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WrittenReceiver {
    pub(crate) name: String,
    pub(crate) language: Option<String>,
    pub(crate) timezone: Option<String>,
    #[serde(default)]
    pub(crate) services: Vec<String>,
    pub(crate) lines: Option<usize>,
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, Value>,
}

/// What a sender knows, and the keys beside it.
#[derive(Deserialize)]
struct Both<T> {
    #[serde(flatten)]
    config: T,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// One item of a `…_configs` list.
#[derive(Debug)]
pub(super) struct Written(BTreeMap<String, Value>);

impl Written {
    /// The fields of an item.
    pub(super) const fn of(fields: BTreeMap<String, Value>) -> Self {
        Self(fields)
    }

    /// Reads what a sender knows. Gives back the keys that stay: those in `quiet` silently, for they are about templates.
    pub(super) fn read<T: DeserializeOwned>(&self, quiet: &[&str]) -> Result<(T, Vec<String>), String> {
        const COMMON: [&str; 2] = ["send_resolved", "http_config"];
        let own = self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let Both { config, rest } = serde_json::from_value(Value::Object(own)).map_err(|error| error.to_string())?;
        let unread = rest.into_keys().filter(|key| !COMMON.contains(&key.as_str()));
        let left = unread
            .map(|key| {
                let why = if quiet.contains(&key.as_str()) { " (messages are written by lapidary itself)" } else { "" };
                format!("`{key}`{why}")
            })
            .collect();
        Ok((config, left))
    }

    /// Whether ends are told.
    pub(super) fn send_resolved(&self, default: bool) -> bool {
        self.0.get("send_resolved").and_then(Value::as_bool).unwrap_or(default)
    }

    /// The proxy of the integration, else that of all.
    pub(super) fn proxy(&self, global: &Global) -> Option<String> {
        let own = self.http("proxy_url").and_then(|value| value.as_str().map(str::to_owned));
        own.or_else(|| global.http_config.proxy_url.clone())
    }

    /// A key of its `http_config`.
    pub(super) fn http(&self, key: &str) -> Option<&Value> {
        self.0.get("http_config")?.get(key)
    }
}

type SecretFile<'s> = &'s dyn Fn(&str) -> Result<String, String>;
type Read = fn(&Written, &Global, SecretFile<'_>) -> Result<Built, String>;

/// What can be sent through, by the key of the file.
const KINDS: [(&str, &str, Read); 9] = [
    ("telegram_configs", "telegram", telegram::read),
    ("email_configs", "email", email::read),
    ("mattermost_configs", "mattermost", mattermost::read),
    ("slack_configs", "slack", slack::read),
    ("rocketchat_configs", "rocketchat", rocketchat::read),
    ("msteams_configs", "msteams", teams::read),
    ("msteamsv2_configs", "msteamsv2", teams::read),
    ("vkteams_configs", "vkteams", vkteams::read),
    ("webhook_configs", "webhook", webhook::read),
];

impl Receiver {
    /// One who is never told.
    pub fn silent() -> Self {
        Self {
            name: "nobody".to_owned(),
            style: Style::default(),
            services: Vec::new(),
            lines: 0,
            integrations: Vec::new(),
        }
    }

    /// Reads a receiver; gives what is left out beside it.
    pub(crate) fn read(
        written: WrittenReceiver,
        global: &Global,
        secret: SecretFile<'_>,
    ) -> Result<(Self, Vec<String>), Vec<String>> {
        let name = written.name;
        let (mut problems, mut left_out, mut integrations) = (Vec::new(), Vec::new(), Vec::new());
        let mut strange = Vec::new();
        for (key, value) in &written.rest {
            let Some((_, kind, read)) = KINDS.iter().find(|(known, ..)| known == key) else {
                if key.ends_with("_configs") {
                    strange.push(key.clone());
                } else {
                    problems.push(format!("receiver `{name}`: `{key}` is not a known key"));
                }
                continue;
            };
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                let fields = item.as_object().cloned().unwrap_or_default();
                let item = Written::of(fields.into_iter().collect());
                match read(&item, global, secret) {
                    Ok(built) => {
                        let note = |key: &String| format!("receiver `{name}`: {key} of `{kind}_configs` is left out");
                        left_out.extend(built.left_out.iter().map(note));
                        let id = format!("{name}/{kind}/{index}");
                        integrations.push(Integration { id, send_resolved: built.send_resolved, sender: built.sender });
                    }
                    Err(problem) => problems.push(format!("receiver `{name}`: {key}[{index}]: {problem}")),
                }
            }
        }
        let remedy = "send it on through `webhook_configs`, or let Alertmanager deliver with `alerts.alertmanagers`";
        for key in &strange {
            let text = format!("receiver `{name}`: `{key}` cannot be delivered to from here; {remedy}");
            if integrations.is_empty() { problems.push(text) } else { left_out.push(text) }
        }
        let style = style(written.language.as_deref(), written.timezone.as_deref());
        let style = style.map_err(|problem| problems.push(format!("receiver `{name}`: {problem}")));
        match style {
            Ok(style) if problems.is_empty() => {
                let lines = written.lines.unwrap_or(3).min(20);
                Ok((Self { name, style, services: written.services, lines, integrations }, left_out))
            }
            _ => Err(problems),
        }
    }
}

/// A language and a time zone by name.
pub(super) fn style(language: Option<&str>, zone: Option<&str>) -> Result<Style, String> {
    let language = match language {
        None => Language::default(),
        Some(name) => Language::of(name).ok_or_else(|| format!("`language` is `{name}`, but must be `en` or `ru`"))?,
    };
    let zone = match zone {
        None => TimeZone::system(),
        Some(name) => {
            TimeZone::get(name).map_err(|_| format!("`timezone` is `{name}`; write it like `Europe/Moscow`"))?
        }
    };
    Ok(Style { language, zone })
}

/// A secret that stands in the file or in a file of its own.
pub(super) fn one_of(
    key: &str,
    direct: Option<Secret<String>>,
    file_key: &str,
    file: Option<&str>,
    secret: SecretFile<'_>,
) -> Result<Secret<String>, String> {
    match (direct, file) {
        (Some(value), None) => Ok(value),
        (None, Some(path)) => {
            let text = secret(path).map_err(|problem| format!("`{file_key}`: {problem}"))?;
            Ok(Secret::new(text.trim().to_owned()))
        }
        (None, None) => Err(format!("`{key}` is missing; want it here, or the path of a file with it in `{file_key}`")),
        (Some(_), Some(_)) => Err(format!("`{key}` stands beside `{file_key}`; write one of them")),
    }
}

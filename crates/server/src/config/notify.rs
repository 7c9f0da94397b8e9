//! Where alerts go: an `alertmanager.yml`, an Alertmanager, or one receiver from a few settings.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alert::{Alertmanagers, Author, Heartbeat, Routing, Simple};
use mask::Masker;
use stdx::Settings;

/// What is set about alerts.
#[derive(Debug)]
pub struct Notify {
    /// Writes messages.
    pub(crate) author: Author,
    /// Where they go.
    pub(crate) routing: Arc<Routing>,
    /// Or who delivers them instead.
    pub(crate) alertmanagers: Option<Alertmanagers>,
    /// A sign of life.
    pub(crate) heartbeat: Option<Heartbeat>,
    /// How long a delivery is tried.
    pub(crate) deadline: Duration,
}

/// A section of `[alerts]`: its name, the integration it makes, and its keys with those of the integration.
type Section = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

const SECTIONS: [Section; 8] = [
    (
        "telegram",
        "telegram",
        &[
            ("chat", "chat_id", "Chat to tell: a number, or `@name` of a channel."),
            ("topic", "message_thread_id", "Topic of the chat, a number."),
            ("token", "bot_token", "Token of the bot; better in `token_file` or in the environment."),
            ("token_file", "bot_token_file", "File with the token of the bot."),
            (
                "api",
                "api_url",
                "Address of the Bot API, for a server of one's own; `https://api.telegram.org` without it.",
            ),
            ("proxy", "http_config", "Address of an HTTP proxy."),
            (
                "on_resolve",
                "on_resolve",
                "`edit` changes the message when it is over, `reply` answers it; `edit` without it.",
            ),
            (
                "min_interval_ms",
                "min_interval_ms",
                "Time between messages; 3000 for groups and 1000 for people without it.",
            ),
        ],
    ),
    (
        "email",
        "email",
        &[
            ("to", "to", "Addresses to tell, with commas between."),
            ("from", "from", "Address of the sender."),
            ("server", "smarthost", "Mail server, `host:port`; port 465 speaks TLS from the start."),
            ("user", "auth_username", "Name to log in with."),
            ("password", "auth_password", "Password; better in `password_file` or in the environment."),
            ("password_file", "auth_password_file", "File with the password."),
            (
                "require_tls",
                "require_tls",
                "`false` lets mails go without TLS when the server offers none; `true` without it.",
            ),
        ],
    ),
    ("mattermost", "mattermost", &WEBHOOK),
    (
        "slack",
        "slack",
        &[("url", "api_url", URL), ("url_file", "api_url_file", URL_FILE), ("channel", "channel", CHANNEL)],
    ),
    ("rocketchat", "rocketchat", &WEBHOOK),
    ("teams", "msteamsv2", &[("url", "webhook_url", URL), ("url_file", "webhook_url_file", URL_FILE)]),
    (
        "vkteams",
        "vkteams",
        &[
            ("api", "api_url", "Address of the Bot API, such as `https://myteam.example.ru/bot/v1`."),
            ("chat", "chat_id", "Chat to tell."),
            ("token", "bot_token", "Token of the bot; better in `token_file` or in the environment."),
            ("token_file", "bot_token_file", "File with the token of the bot."),
        ],
    ),
    (
        "webhook",
        "webhook",
        &[
            ("url", "url", "Address that gets Alertmanager's body."),
            ("url_file", "url_file", URL_FILE),
            ("secret", "secret", "Key of the signature; better in `secret_file` or in the environment."),
            ("secret_file", "secret_file", "File with the key of the signature."),
            ("allow_private", "allow_private", "`true` permits addresses of this machine and of private networks."),
        ],
    ),
];

const URL: &str = "Address of the incoming webhook; it is a secret, so better in `url_file` or in the environment.";
const URL_FILE: &str = "File with the address.";
const CHANNEL: &str = "Channel to tell, if not the webhook's own.";
const WEBHOOK: [(&str, &str, &str); 3] =
    [("url", "webhook_url", URL), ("url_file", "webhook_url_file", URL_FILE), ("channel", "channel", CHANNEL)];

/// Reads `alerts`; what is wrong is reported to `settings`. Links in messages begin with `links`.
pub(super) fn read(settings: &mut Settings, masker: Arc<Masker>, links: &str) -> Notify {
    let file: Option<PathBuf> = settings
        .optional("alerts.routing", "An `alertmanager.yml` with routes and receivers, in place of the receiver below.");
    let doc = "Alertmanagers that route and deliver instead, such as [\"http://127.0.0.1:9093\"].";
    let urls = settings.or("alerts.alertmanagers", Vec::<String>::new(), doc);
    let simple = simple(settings);
    let routing = match &file {
        Some(path) => from_file(settings, path),
        None => simple.receiver(&secret).map(Routing::only).map_err(|problems| {
            problems.iter().for_each(|problem| settings.problem("alerts", problem));
        }),
    };
    if file.is_some() && !simple.integrations.is_empty() {
        settings.problem("alerts.routing", "stands beside a receiver of `[alerts]`; write one of them");
    }
    let alertmanagers = (!urls.is_empty()).then(|| Alertmanagers::new(&urls));
    let alertmanagers =
        alertmanagers.and_then(|read| read.map_err(|problem| settings.problem("alerts.alertmanagers", problem)).ok());
    let deadline = "How long a notification is tried before it is given up.";
    Notify {
        author: Author::new(masker, links),
        routing: Arc::new(routing.unwrap_or_else(|()| silent())),
        alertmanagers,
        heartbeat: heartbeat(settings),
        deadline: settings.or("alerts.delivery_deadline", Duration::from_secs(86_400), deadline),
    }
}

/// A receiver that tells nobody; for configurations that are refused anyway.
fn silent() -> Routing {
    Routing::only(alert::Receiver::silent())
}

fn from_file(settings: &mut Settings, path: &std::path::Path) -> Result<Routing, ()> {
    let text = fs::read_to_string(path).map_err(|error| {
        settings.problem("alerts.routing", format!("names `{}`, which cannot be read: {error}", path.display()));
    })?;
    Routing::parse(&text, &secret).map_err(|problems| {
        problems
            .iter()
            .for_each(|problem| settings.problem("alerts.routing", format!("({}): {problem}", path.display())));
    })
}

fn simple(settings: &mut Settings) -> Simple {
    let services = "Services whose lines messages may show, masked; none without it, [\"*\"] for all.";
    let mut integrations = BTreeMap::new();
    for (section, kind, keys) in SECTIONS {
        let mut fields = BTreeMap::new();
        for (key, field, doc) in keys {
            if let Some(value) = settings.optional::<String>(&format!("alerts.{section}.{key}"), doc) {
                fields.insert(*field, value);
            }
        }
        if !fields.is_empty() {
            integrations.insert(kind, fields);
        }
    }
    Simple {
        language: settings.optional("alerts.language", "Language of messages: `en` or `ru`; `en` without it."),
        zone: settings
            .optional("alerts.timezone", "Time zone of messages, such as `Europe/Moscow`; the machine's without it."),
        services: settings.or("alerts.services", Vec::new(), services),
        lines: settings.or("alerts.lines", 3, "Most lines of a message."),
        integrations,
    }
}

fn heartbeat(settings: &mut Settings) -> Option<Heartbeat> {
    let docs =
        ["Address that gets a `POST` as long as alerts are worked on: a dead man's switch.", "File with that address."];
    let url = super::secret::read(settings, "alerts.heartbeat.url", docs);
    let every = settings.or("alerts.heartbeat.interval", Duration::from_secs(60), "How often.");
    Heartbeat::new(url?, every).map_err(|problem| settings.problem("alerts.heartbeat.url", problem)).ok()
}

/// The text of a file with a secret.
fn secret(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("`{path}` cannot be read: {error}"))
}

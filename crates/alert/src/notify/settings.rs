//! One receiver without a file of routes: from a few settings of the server.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::receiver::Global;
use super::{Receiver, WrittenReceiver};

/// Where alerts go when no `alertmanager.yml` says so; every way that is given is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// `en` or `ru`.
    pub language: Option<String>,
    /// A time zone such as `Europe/Moscow`.
    pub zone: Option<String>,
    /// Services whose lines may be shown; none by default.
    pub services: Vec<String>,
    /// Most lines of a message.
    pub lines: u64,
    /// Keys and values of integrations, by kind as in `alertmanager.yml` without `_configs`: `telegram`, `email` ….
    pub integrations: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

/// What the receiver is called.
const NAME: &str = "default";

impl Simple {
    /// The receiver. Without any way to send it is there, but silent.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn receiver(&self, secret: &dyn Fn(&str) -> Result<String, String>) -> Result<Receiver, Vec<String>> {
        let mut rest = BTreeMap::new();
        for (kind, fields) in &self.integrations {
            let mut item: serde_json::Map<String, Value> =
                fields.iter().map(|(key, value)| ((*key).to_owned(), typed(kind, key, value))).collect();
            // Whoever gives one address only wants to know when it is over, too.
            item.insert("send_resolved".to_owned(), json!(true));
            rest.insert(format!("{kind}_configs"), json!([item]));
        }
        let written = WrittenReceiver {
            name: NAME.to_owned(),
            language: self.language.clone(),
            timezone: self.zone.clone(),
            services: self.services.clone(),
            lines: usize::try_from(self.lines).ok(),
            rest,
        };
        Receiver::read(written, &Global::default(), secret).map(|(receiver, _)| receiver)
    }
}

/// Numbers and truths as such; a proxy where the file has it.
fn typed(kind: &str, key: &str, value: &str) -> Value {
    match key {
        "chat_id" | "message_thread_id" | "min_interval_ms" if kind == "telegram" => {
            value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number))
        }
        "allow_private" | "require_tls" => json!(value == "true"),
        "http_config" => json!({"proxy_url": value}),
        _ => json!(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_made_of_settings() {
        let telegram = BTreeMap::from([("bot_token", "1:x".to_owned()), ("chat_id", "-5".to_owned())]);
        let email = BTreeMap::from([
            ("to", "ops@example.com".to_owned()),
            ("from", "l@example.com".to_owned()),
            ("smarthost", "mail:587".to_owned()),
        ]);
        let simple = Simple {
            language: Some("ru".to_owned()),
            integrations: BTreeMap::from([("telegram", telegram), ("email", email)]),
            ..Simple::default()
        };
        let receiver = simple.receiver(&|_| Err(String::new())).unwrap();
        let ids: Vec<_> = receiver.integrations.iter().map(|one| (one.id.as_str(), one.sender.destination())).collect();
        assert_eq!(
            ids,
            [("default/email/0", "email:ops@example.com".to_owned()), ("default/telegram/0", "telegram:-5".to_owned())]
        );
        assert!(receiver.integrations.iter().all(|one| one.send_resolved));
        let wrong = Simple { language: Some("de".to_owned()), ..simple };
        assert!(wrong.receiver(&|_| Err(String::new())).unwrap_err()[0].contains("`de`"));
    }
}

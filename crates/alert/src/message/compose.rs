//! From a notification to a message: what, where, since when, how many, the likeliest lines, and where to look further.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use mask::Masker;
use stdx::Language;

use super::words::{Noun, Words};
use super::{Link, Look, Message, Notification, Span, Tone};
use crate::incident::Named;
use crate::{ALERTNAME, Alert};

/// In which language and time zone a receiver reads.
#[derive(Clone, Debug)]
pub struct Style {
    /// The language.
    pub language: Language,
    /// The time zone.
    pub zone: TimeZone,
}

impl Default for Style {
    fn default() -> Self {
        Self { language: Language::English, zone: TimeZone::UTC }
    }
}

/// Writes messages; whatever comes from lines or rules is masked on the way.
#[derive(Clone, Debug)]
pub struct Author {
    masker: Arc<Masker>,
    /// Where people reach the server, without a slash at the end; empty when it is not known, and then there are no links.
    external_url: String,
}

/// Alerts that are listed one by one.
const MOST_LISTED: usize = 10;
/// Orders that are named.
const MOST_ORDERS: usize = 20;
/// Characters of one text of a rule.
const LONGEST_TEXT: usize = 600;

impl Author {
    /// Writes with links to `external_url`.
    pub fn new(masker: Arc<Masker>, external_url: &str) -> Self {
        Self { masker, external_url: external_url.trim_end_matches('/').to_owned() }
    }

    /// Where people reach the server.
    pub fn external_url(&self) -> &str {
        &self.external_url
    }

    /// A text without personal data, cut.
    pub fn clean(&self, text: &str) -> String {
        let masked = self.masker.mask(text);
        if masked.chars().count() <= LONGEST_TEXT {
            return masked.into_owned();
        }
        masked.chars().take(LONGEST_TEXT).chain(['…']).collect()
    }

    /// A copy of an alert with every text of it masked: for programs that take it as data.
    pub fn clean_alert(&self, alert: &Alert) -> Alert {
        Alert {
            labels: self.clean_all(&alert.labels),
            annotations: self.clean_all(&alert.annotations),
            ..alert.clone()
        }
    }

    /// The same for a whole notification.
    pub fn masked(&self, notification: &Notification) -> Notification {
        Notification {
            alerts: notification.alerts.iter().map(|alert| self.clean_alert(alert)).collect(),
            group_labels: self.clean_all(&notification.group_labels),
            ..notification.clone()
        }
    }

    fn clean_all(&self, texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        texts.iter().map(|(name, value)| (name.clone(), self.clean(value))).collect()
    }

    /// The message of a notification.
    pub fn write(&self, notification: &Notification, style: &Style) -> Message {
        let words = Words { language: style.language, zone: &style.zone };
        let picture = notification.alerts.iter().find_map(|alert| alert.evidence.picture.clone());
        Message {
            title: self.title(notification, words),
            tone: tone(notification),
            body: self.body(notification, words),
            links: self.links(notification, words),
            picture: picture.filter(|_| !notification.is_resolved()),
        }
    }

    /// `OrderStuck: 3 alerts (shop)`, with `resolved` when it is over.
    fn title(&self, notification: &Notification, words: Words<'_>) -> String {
        let names: BTreeSet<&str> = notification.alerts.iter().map(Alert::name).collect();
        let name = match names.len() {
            0 | 1 => names.first().map_or(words.pick("alert", "оповещение"), |name| *name).to_owned(),
            more => format!("{} + {}", names.first().map_or("", |name| *name), more - 1),
        };
        let mut title = self.clean(&name);
        let firing = notification.firing().count();
        let total = notification.alerts.len() as u64 + notification.truncated;
        if notification.is_resolved() {
            title += words.pick(": resolved", ": устранено");
        } else if total > 1 {
            title += &format!(": {}", words.count(firing as u64 + notification.truncated, Noun::Alert));
        }
        let services = services(notification);
        if !services.is_empty() {
            title += &format!(" ({})", self.clean(&few(&services, 3)));
        }
        if notification.test {
            title = format!("{}: {title}", words.pick("TEST", "ПРОВЕРКА"));
        }
        title
    }

    fn body(&self, notification: &Notification, words: Words<'_>) -> Vec<Span> {
        let mut body = Vec::new();
        let common = notification.common_annotations();
        for name in ["summary", "description"] {
            if let Some(text) = in_language(&common, name, words).filter(|text| !text.trim().is_empty()) {
                body.push(Span::plain(format!("{}\n", self.clean(text.trim()))));
            }
        }
        self.facts(notification, words, &mut body);
        if notification.alerts.len() > 1 {
            self.list(notification, words, &mut body);
        }
        if !notification.lines.is_empty() {
            body.push(Span::bold(format!("{}\n", words.pick("Lines", "Строки"))));
            let text: Vec<String> =
                notification.lines.iter().map(|line| format!("{} {}", line.service, line.text)).collect();
            body.push(Span { text: text.join("\n"), look: Look::Block });
            body.push(Span::plain("\n"));
        }
        body
    }

    fn facts(&self, notification: &Notification, words: Words<'_>, body: &mut Vec<Span>) {
        let mut fact = |name: &str, text: String| {
            body.push(Span::bold(format!("{name}: ")));
            body.push(Span::plain(format!("{text}\n")));
        };
        let services = services(notification);
        if !services.is_empty() {
            fact(words.pick("Where", "Где"), self.clean(&few(&services, 10)));
        }
        if let Some(start) = notification.alerts.iter().map(|alert| alert.starts_at).min() {
            let end = notification.alerts.iter().filter_map(|alert| alert.ends_at).max();
            let until = if notification.is_resolved() { end.unwrap_or(notification.at) } else { notification.at };
            let lasts = words.span(until.since(start));
            let since = format!("{} ({lasts})", words.minute(start));
            fact(words.pick("Since", "С"), since);
            if notification.is_resolved() {
                fact(words.pick("Until", "До"), words.minute(until));
            }
        }
        let labels: Vec<String> = notification
            .common_labels()
            .iter()
            .filter(|(name, _)| !is_said(name))
            .map(|(name, value)| format!("{name}={}", self.clean(value)))
            .collect();
        if !labels.is_empty() {
            fact(words.pick("Labels", "Метки"), labels.join(", "));
        }
        self.orders(notification, words, body);
    }

    /// The orders it is about, each with its page.
    fn orders(&self, notification: &Notification, words: Words<'_>, body: &mut Vec<Span>) {
        let evidence = notification.firing().map(|alert| &alert.evidence);
        let named = Named::together(evidence.map(|evidence| (evidence.orders.as_slice(), evidence.orders_total)));
        let (orders, total) = (named.orders.get(..MOST_ORDERS).unwrap_or(&named.orders), named.total);
        if orders.is_empty() {
            return;
        }
        body.push(Span::bold(format!("{}: ", words.count(total, Noun::Order))));
        for (index, order) in orders.iter().enumerate() {
            if index > 0 {
                body.push(Span::plain(", "));
            }
            let page = (!self.external_url.is_empty())
                .then(|| Look::Link(format!("{}/orders/{}", self.external_url, escaped(order))));
            body.push(Span { text: order.clone(), look: page.unwrap_or(Look::Plain) });
        }
        let more = if (orders.len() as u64) < total { words.pick(" …", " …") } else { "" };
        body.push(Span::plain(format!("{more}\n")));
    }

    /// Each alert by what tells it from the others.
    fn list(&self, notification: &Notification, words: Words<'_>, body: &mut Vec<Span>) {
        let (common, said) = (notification.common_labels(), notification.common_annotations());
        for alert in notification.alerts.iter().take(MOST_LISTED) {
            let own = alert.labels.iter().filter(|(name, _)| !common.contains_key(*name));
            let own: Vec<String> = own.map(|(name, value)| format!("{name}={}", self.clean(value))).collect();
            let summary = in_language(&alert.annotations, "summary", words).filter(|_| !said.contains_key("summary"));
            let over = if alert.is_resolved_at(notification.at) { "✓ " } else { "" };
            let text = [own.join(", "), summary.map_or_else(String::new, |text| self.clean(text.trim()))];
            let text: Vec<String> = text.into_iter().filter(|part| !part.is_empty()).collect();
            let since = words.minute(alert.starts_at);
            body.push(Span::plain(format!("• {over}{} · {since}\n", text.join(" · "))));
        }
        let total = notification.alerts.len() as u64 + notification.truncated;
        if let Some(more) = total.checked_sub(MOST_LISTED as u64).filter(|more| *more > 0) {
            body.push(Span::plain(format!("{} {more}\n", words.pick("and more:", "и ещё:"))));
        }
    }

    /// An address that leads to a page and has nothing of a person in it.
    fn is_shown(&self, url: &str) -> bool {
        (url.starts_with("https://") || url.starts_with("http://")) && self.masker.mask(url) == url
    }

    fn links(&self, notification: &Notification, words: Words<'_>) -> Vec<Link> {
        let mut links = Vec::new();
        let mut add = |english: &str, russian: &str, url: String| {
            if links.iter().all(|link: &Link| link.url != url) {
                links.push(Link { text: words.pick(english, russian).to_owned(), url });
            }
        };
        if let Some(url) = notification.alerts.iter().map(|alert| &alert.generator_url).find(|url| self.is_shown(url)) {
            add("Query", "Запрос", url.clone());
        }
        if !self.external_url.is_empty() {
            let orders =
                notification.firing().map(|alert| alert.evidence.orders.as_slice()).find(|ids| !ids.is_empty());
            match orders {
                Some([only]) => add("Order", "Заказ", format!("{}/orders/{}", self.external_url, escaped(only))),
                Some(_) => {
                    add("Stuck orders", "Застрявшие заказы", format!("{}/orders?state=stuck", self.external_url))
                }
                None => {}
            }
        }
        for (name, english, russian) in
            [("runbook_url", "Runbook", "Инструкция"), ("dashboard_url", "Dashboard", "Панель")]
        {
            if let Some(url) = notification.common_annotations().get(name).filter(|url| self.is_shown(url)) {
                add(english, russian, url.clone());
            }
        }
        links
    }
}

/// An annotation in the reader's language: `summary_ru` before `summary` for Russian.
fn in_language<'a>(annotations: &'a BTreeMap<String, String>, name: &str, words: Words<'_>) -> Option<&'a String> {
    let own = match words.language {
        Language::English => None,
        Language::Russian => annotations.get(&format!("{name}_ru")),
    };
    own.or_else(|| annotations.get(name))
}

/// Labels that the message tells in other places.
fn is_said(name: &str) -> bool {
    matches!(name, ALERTNAME | "service" | "service_name")
}

/// The services a notification is about: those its alerts name, else their labels.
fn services(notification: &Notification) -> Vec<String> {
    let mut found = BTreeSet::new();
    for alert in &notification.alerts {
        found.extend(services_of(alert));
    }
    found.into_iter().collect()
}

/// The services an alert is about.
pub fn services_of(alert: &Alert) -> BTreeSet<String> {
    if !alert.evidence.services.is_empty() {
        return alert.evidence.services.iter().cloned().collect();
    }
    ["service_name", "service"].iter().filter_map(|name| alert.labels.get(*name)).cloned().collect()
}

fn few(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown} + {}", names.len() - most) } else { shown }
}

fn tone(notification: &Notification) -> Tone {
    if notification.is_resolved() {
        return Tone::Resolved;
    }
    let tones = notification.firing().map(|alert| match alert.labels.get("severity").map_or("", String::as_str) {
        "critical" | "page" | "error" | "high" => 2,
        "info" | "none" | "low" => 0,
        _ => 1,
    });
    match tones.max() {
        Some(2) => Tone::Critical,
        Some(0) => Tone::Info,
        _ => Tone::Warning,
    }
}

/// An id as one segment of a path.
fn escaped(id: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    id.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

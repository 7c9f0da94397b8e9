//! How messengers write a message: entities beside the text, HTML, plain text, three dialects of Markdown.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Look, Message, Span, cut};

/// A look of a part of a text, as Telegram takes it: beside the text, not within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    /// Where it begins, in UTF-16 units.
    pub(crate) offset: usize,
    /// How long it is, in UTF-16 units.
    pub(crate) length: usize,
    /// `bold`, `code`, `pre`, `text_link`.
    pub(crate) kind: &'static str,
    /// Of a link.
    pub(crate) url: Option<String>,
}

impl Entity {
    /// As the Bot API takes it.
    pub(crate) fn json(&self) -> Value {
        let mut value = json!({"type": self.kind, "offset": self.offset, "length": self.length});
        if let Some(url) = &self.url {
            value["url"] = json!(url);
        }
        value
    }
}

/// The length of a text as JavaScript and Telegram count it.
pub(crate) fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The whole message as spans: title with its sign, body, links in a line.
fn spans(message: &Message) -> Vec<Span> {
    let mut spans = vec![Span::bold(format!("{} {}", message.tone.sign(), message.title)), Span::plain("\n")];
    spans.extend(message.body.iter().cloned());
    spans.extend(links(message));
    spans
}

fn links(message: &Message) -> Vec<Span> {
    let mut spans = Vec::new();
    for (index, link) in message.links.iter().enumerate() {
        if index > 0 {
            spans.push(Span::plain(" · "));
        }
        spans.push(Span { text: link.text.clone(), look: Look::Link(link.url.clone()) });
    }
    spans
}

/// The message within a limit of UTF-16 units: what does not fit goes from the end of the body, title and links stay.
fn fitted(message: &Message, limit: usize) -> Vec<Span> {
    let links = links(message);
    let below: usize = links.iter().map(|span| utf16_len(&span.text)).sum();
    let above = spans(&Message { links: Vec::new(), ..message.clone() });
    let mut all = cut(&above, limit.saturating_sub(below + 1), utf16_len);
    if all.last().is_some_and(|span| !span.text.ends_with('\n')) && !links.is_empty() {
        all.push(Span::plain("\n"));
    }
    all.extend(links);
    cut(&all, limit, utf16_len)
}

/// Text and entities within a limit of UTF-16 units.
pub(crate) fn entities(message: &Message, limit: usize) -> (String, Vec<Entity>) {
    let (mut text, mut entities, mut offset) = (String::new(), Vec::new(), 0);
    for span in fitted(message, limit) {
        let length = utf16_len(&span.text);
        let (kind, url) = match span.look {
            Look::Plain => ("", None),
            Look::Bold => ("bold", None),
            Look::Code => ("code", None),
            Look::Block => ("pre", None),
            Look::Link(url) => ("text_link", Some(url)),
        };
        // An entity must not begin or end with space, and not be empty.
        let inner = span.text.trim_end();
        if !kind.is_empty() && !inner.is_empty() {
            entities.push(Entity { offset, length: utf16_len(inner), kind, url });
        }
        text += &span.text;
        offset += length;
    }
    text.truncate(text.trim_end().len());
    (text, entities)
}

/// The message without any look; links stand as addresses.
pub(crate) fn plain(message: &Message) -> String {
    let mut out = format!("{} {}\n\n", message.tone.sign(), message.title);
    for span in &message.body {
        out += &span.text;
    }
    for link in &message.links {
        // Writing to a String cannot fail.
        writeln!(out, "{}: {}", link.text, link.url).unwrap_or_default();
    }
    out
}

/// The message as HTML of a mail or of VK Teams: no more than `b`, `code`, `pre`, `a`; line breaks as `newline`.
pub(crate) fn html(message: &Message, newline: &str) -> String {
    let mut out = String::new();
    for span in spans(message) {
        let text = escape(&span.text).replace('\n', newline);
        let inner = text.trim_end_matches(newline);
        let after = text.get(inner.len()..).unwrap_or("");
        match &span.look {
            Look::Plain => out += &text,
            Look::Bold => out += &format!("<b>{inner}</b>{after}"),
            Look::Code => out += &format!("<code>{inner}</code>{after}"),
            Look::Block => out += &format!("<pre>{}</pre>", escape(&span.text)),
            Look::Link(url) => out += &format!("<a href=\"{}\">{inner}</a>{after}", escape(url)),
        }
    }
    out
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Whose Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Of Mattermost and of Adaptive Cards.
    Common,
    /// Of Slack and Rocket.Chat: one star, `<url|text>`.
    Slack,
}

/// The body and links in Markdown; the title is not in it, since messengers have a place for it.
pub(crate) fn markup(message: &Message, flavour: Flavour, limit: usize) -> String {
    let mut out = String::new();
    let body = cut(&message.body, limit, |text| text.chars().count());
    for span in body.iter().chain(&links(message)) {
        let inner = span.text.trim_end();
        let after = span.text.get(inner.len()..).unwrap_or("");
        let text = quoted(inner, flavour);
        match (&span.look, flavour) {
            (Look::Plain, _) => out += &format!("{text}{after}"),
            (Look::Bold, Flavour::Common) => out += &format!("**{text}**{after}"),
            (Look::Bold, Flavour::Slack) => out += &format!("*{text}*{after}"),
            (Look::Code, _) => out += &format!("`{}`{after}", inner.replace('`', "'")),
            (Look::Block, _) => out += &format!("```\n{}\n```{after}", inner.replace("```", "'''")),
            (Look::Link(url), Flavour::Common) => {
                out += &format!("[{text}]({}){after}", url.replace('(', "%28").replace(')', "%29"));
            }
            (Look::Link(url), Flavour::Slack) => out += &format!("<{}|{text}>{after}", url.replace('|', "%7C")),
        }
    }
    out
}

/// Text that must not be read as Markdown, nor call anybody.
fn quoted(text: &str, flavour: Flavour) -> String {
    match flavour {
        Flavour::Slack => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        Flavour::Common => {
            let special = |c: char| "\\`*_{}[]<>#|~".contains(c);
            let mut out = String::with_capacity(text.len());
            for c in text.chars() {
                if special(c) {
                    out.push('\\');
                }
                out.push(c);
                // `@channel` would wake everybody up: a character of no width parts the sign from the word.
                if c == '@' {
                    out.push('\u{200b}');
                }
            }
            out
        }
    }
}

//! The `[output]` part of the settings: one destination, or several as `[[output]]`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use logline::Tenant;
use reqwest::Url;
use stdx::{Secret, Settings};
use tls::Tls;

/// One destination.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output {
    /// Its name in the log, the metrics and the state folder.
    pub(crate) name: String,
    pub(crate) kind: Destination,
    pub(crate) url: Url,
    pub(crate) auth: Option<Auth>,
    pub(crate) tenant: Option<Tenant>,
    /// Of Elasticsearch, OpenSearch and Splunk.
    pub(crate) index: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) max_requests: usize,
    pub(crate) compression: Compression,
    pub(crate) tls: Tls,
    pub(crate) proxy: Option<Url>,
}

/// What the destination speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Loki's push with numbered batches.
    Lapidary,
    /// Loki's push.
    Loki,
    /// OTLP over HTTP.
    Otlp,
    /// The bulk API.
    Elasticsearch,
    /// The same.
    Opensearch,
    /// The HTTP event collector.
    Splunk,
}

/// How bodies are compressed where the format leaves it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    None,
}

/// Who we are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Auth {
    pub(crate) scheme: Scheme,
    pub(crate) token: Token,
}

/// What stands before the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// A word.
    Word(&'static str),
    /// Basic, the token being this user's password.
    Basic(String),
}

/// A secret.
#[derive(Clone, Debug)]
pub(crate) enum Token {
    /// Stands in the settings.
    Given(Secret<String>),
    /// Stands in a file, which is read for each request.
    File(PathBuf),
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Given(a), Self::Given(b)) => a.reveal() == b.reveal(),
            (Self::File(a), Self::File(b)) => a == b,
            (Self::Given(_), Self::File(_)) | (Self::File(_), Self::Given(_)) => false,
        }
    }
}

impl Destination {
    const WORDS: [(&'static str, Self); 6] = [
        ("lapidary", Self::Lapidary),
        ("loki", Self::Loki),
        ("otlp", Self::Otlp),
        ("elasticsearch", Self::Elasticsearch),
        ("opensearch", Self::Opensearch),
        ("splunk", Self::Splunk),
    ];

    /// Where requests go if the address has no path.
    fn path(self) -> &'static str {
        match self {
            Self::Lapidary | Self::Loki => "/loki/api/v1/push",
            Self::Otlp => "/v1/logs",
            Self::Elasticsearch | Self::Opensearch => "/_bulk",
            Self::Splunk => "/services/collector/event",
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Lapidary | Self::Loki | Self::Otlp | Self::Opensearch => "Bearer",
            Self::Elasticsearch => "ApiKey",
            Self::Splunk => "Splunk",
        }
    }
}

pub(super) fn outputs(settings: &mut Settings) -> Vec<Output> {
    let keys = settings.tables_or_one("output");
    let outputs: Vec<_> = keys.iter().map(|key| output(settings, key)).collect();
    let mut names = BTreeSet::new();
    for (output, key) in outputs.iter().zip(&keys) {
        if !names.insert(&output.name) {
            let text = format!("`{}` is the name of another output; give each a `name` of its own", output.name);
            settings.problem(&format!("{key}.name"), text);
        }
    }
    outputs
}

fn output(settings: &mut Settings, key: &str) -> Output {
    let of = |name: &str| format!("{key}.{name}");
    let doc = "What the server speaks; `lapidary` is `loki` with numbered batches.";
    let kind = settings.choice(&of("kind"), &Destination::WORDS, "lapidary", doc).unwrap_or(Destination::Lapidary);
    let word = Destination::WORDS.iter().find(|(_, known)| *known == kind).map_or("lapidary", |(word, _)| word);
    let doc = "Its name in logs, metrics and the state folder; without it, the kind.";
    let name = settings.optional(&of("name"), doc).unwrap_or_else(|| word.to_owned());
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        settings.problem(&of("name"), "must be letters, digits, `_` and `-`");
    }
    let timeout = Duration::from_secs(30);
    let timeout = settings.or(&of("timeout"), timeout, "How long the server may take for one request.");
    if timeout.is_zero() {
        settings.problem(&of("timeout"), "must be longer than nothing");
    }
    let doc = "Requests at once at most; the agent finds how many the server bears. Lapidary gets one at a time.";
    let max_requests: u64 = settings.or(&of("max_requests"), 8, doc);
    if !(1..=64).contains(&max_requests) {
        settings.problem(&of("max_requests"), "must be 1 to 64");
    }
    let words = [("gzip", Compression::Gzip), ("zstd", Compression::Zstd), ("none", Compression::None)];
    let doc = "Of bodies to OTLP (also `zstd`), Elasticsearch, OpenSearch, Splunk; Loki's push is always snappy.";
    let compression = settings.choice(&of("compression"), &words, "gzip", doc).unwrap_or(Compression::Gzip);
    if compression == Compression::Zstd && kind != Destination::Otlp {
        settings.problem(&of("compression"), format!("is `zstd`, which {word} does not take"));
    }
    let doc = "Index or data stream; without it `logs-lapidary-default`, or the one of Splunk's token.";
    let index = settings.optional(&of("index"), doc);
    Output {
        name,
        kind,
        url: url(settings, key, kind),
        auth: auth(settings, key, kind),
        tenant: tenant(settings, &of("tenant")),
        index,
        timeout,
        max_requests: usize::try_from(max_requests).unwrap_or(1).max(1),
        compression,
        tls: tls(settings, key),
        proxy: proxy(settings, &of("proxy")),
    }
}

fn url(settings: &mut Settings, of: &str, kind: Destination) -> Url {
    let key = format!("{of}.url");
    let doc = "Address of the server; without a path, that of the kind is added.";
    let text = settings.or(&key, "http://127.0.0.1:3100".to_owned(), doc);
    let doc = "Allows `http://` to another host: logs and token are then sent in clear.";
    let plaintext = settings.or(&format!("{of}.plaintext"), false, doc);
    let held = variable(&text);
    if let Some(variable) = held {
        let elsewhere = if of == "output" { ", or leave it out and set `LAPIDARY_AGENT__OUTPUT__URL`" } else { "" };
        let text = format!("holds `${{{variable}}}`, which nothing replaces here; write the address itself{elsewhere}");
        settings.problem(&key, text);
    }
    let parsed = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let mut url = parsed.unwrap_or_else(|| {
        if held.is_none() {
            settings.problem(&key, format!("is `{text}`, but must be an address such as `https://logs.example.org`"));
        }
        Url::parse("http://127.0.0.1:3100").expect("a constant that is an address")
    });
    if !url.username().is_empty() || url.password().is_some() {
        settings.problem(&key, format!("has a user or password in it; use `{of}.user` and `{of}.token_file`"));
    }
    if url.scheme() == "http" && !is_loopback(&url) && !plaintext && held.is_none() {
        settings.problem(&key, "would send logs in clear over the network; use `https://`, or set `plaintext = true`");
    }
    if matches!(url.path(), "" | "/") {
        url.set_path(kind.path());
    }
    url
}

/// The name of the first variable in a text, as the settings of other shippers have them and ours have not.
fn variable(text: &str) -> Option<&str> {
    let (name, _) = text.split_once("${")?.1.split_once('}')?;
    name.split(':').next()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn auth(settings: &mut Settings, of: &str, kind: Destination) -> Option<Auth> {
    let doc = "User of Basic authentication; the token is then the password.";
    let user: Option<String> = settings.optional(&format!("{of}.user"), doc);
    let (key, file_key) = (format!("{of}.token"), format!("{of}.token_file"));
    let given: Option<Secret<String>> = settings.optional(&key, "The token; better kept in `token_file`.");
    let file: Option<PathBuf> = settings.optional(&file_key, "File with the token; read for each request.");
    let token = match (given, file) {
        (Some(_), Some(_)) => {
            settings.problem(&file_key, format!("stands beside `{key}`; set one of them"));
            None
        }
        (Some(token), None) => {
            check_token(settings, &key, token.reveal());
            Some(Token::Given(token))
        }
        (None, Some(path)) => {
            match std::fs::read_to_string(&path) {
                Ok(text) => check_token(settings, &file_key, text.trim()),
                Err(error) => settings.problem(&file_key, format!("cannot be read: {error}")),
            }
            Some(Token::File(path))
        }
        (None, None) => None,
    };
    if let Some(variable) = user.as_deref().and_then(variable) {
        let text = format!("holds `${{{variable}}}`, which nothing replaces here; write the name itself");
        settings.problem(&format!("{of}.user"), text);
    }
    if user.is_some() && token.is_none() {
        settings.problem(&format!("{of}.user"), "has no password; set `token_file`");
    }
    let scheme = user.map_or(Scheme::Word(kind.scheme()), Scheme::Basic);
    token.map(|token| Auth { scheme, token })
}

fn check_token(settings: &mut Settings, key: &str, token: &str) {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        settings.problem(key, "is empty or has characters that no token has");
    }
    if let Some(variable) = variable(token) {
        settings.problem(key, format!("holds `${{{variable}}}`, which nothing replaces here; use `token_file`"));
    }
}

fn tenant(settings: &mut Settings, key: &str) -> Option<Tenant> {
    let doc = "Whose lines these are, where the token does not tell (`X-Scope-OrgID`).";
    let name: String = settings.optional(key, doc)?;
    Tenant::new(&name).map_err(|error| settings.problem(key, format!("is wrong: {error}"))).ok()
}

fn tls(settings: &mut Settings, of: &str) -> Tls {
    let keys = ["ca_file", "cert_file", "key_file"].map(|name| format!("{of}.{name}"));
    let docs = [
        "File with the authorities that may vouch for the server, instead of the system's.",
        "File with our certificate, for servers that ask for one; read again when it changes.",
        "File with the key of that certificate.",
    ];
    tls::read_settings(settings, &keys, docs, crate::transport::check)
}

fn proxy(settings: &mut Settings, key: &str) -> Option<Url> {
    let text: String = settings.optional(key, "Address of an HTTP proxy; those of the environment are not used.")?;
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        settings.problem(key, format!("is `{text}`, but must be an address such as `http://proxy.example.org:3128`"));
    }
    url
}

//! Secrets whose word stands in front, as in `password_user` and `secretForCrm`.
//!
//! Such a name is a secret unless its last word says that the value is something about the secret and not the secret
//! itself: how long it is, when it ends, what kind it is, where it is kept.

use super::{Class, Keys, is_separator, lower};

/// How a name is written, which tells what may part its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// As that of a field, as in `a-b.c=` and `"a-b.c":`, of a flag, a label or a header.
    Field,
    /// Bare before a colon or in a tag, where programs, classes and files have names with words of ours:
    /// `token-service: up`, `TokenStore: 5 loaded`, `token.rs:12`.
    Label,
    /// So, and the end of a path: `shop::token_store: 5 loaded`.
    Path,
}

/// Secrets that say nothing of what follows them: `authorization_status`, `cookie_consent`, `pass_rate`, `pin_mode`.
const NEVER_AHEAD: [&str; 14] = [
    "authorization",
    "authorizationcode",
    "authorizationheader",
    "cookie",
    "cookieheader",
    "cookies",
    "cookievalue",
    "otp",
    "pass",
    "passin",
    "passout",
    "passwordconfirmation",
    "pin",
    "signature",
];

/// The last words of names that are no secrets, in the order of letters.
const ABOUT: &[&str] = &[
    "action",
    "active",
    "address",
    "age",
    "alg",
    "algo",
    "algorithm",
    "alias",
    "allowed",
    "arn",
    "at",
    "attempt",
    "attempts",
    "aud",
    "audience",
    "authentication",
    "authority",
    "backend",
    "balance",
    "bits",
    "blocked",
    "bucket",
    "budget",
    "builder",
    "by",
    "cache",
    "capacity",
    "changed",
    "check",
    "checked",
    "checks",
    "claims",
    "class",
    "clicks",
    "column",
    "complexity",
    "config",
    "context",
    "contract",
    "controller",
    "cost",
    "counts",
    "created",
    "date",
    "day",
    "days",
    "decoder",
    "deleted",
    "depth",
    "description",
    "details",
    "digits",
    "dir",
    "directory",
    "disabled",
    "domain",
    "duration",
    "empty",
    "enabled",
    "encoder",
    "encoding",
    "encryption",
    "end",
    "endpoint",
    "engine",
    "entropy",
    "env",
    "err",
    "error",
    "errors",
    "event",
    "exceeded",
    "exception",
    "exists",
    "exp",
    "expiration",
    "expire",
    "expired",
    "expires",
    "expiry",
    "factory",
    "failed",
    "failure",
    "failures",
    "family",
    "field",
    "file",
    "filename",
    "files",
    "filter",
    "fingerprint",
    "flag",
    "folder",
    "format",
    "found",
    "generation",
    "generator",
    "grant",
    "groups",
    "handler",
    "helper",
    "hint",
    "history",
    "hits",
    "host",
    "iat",
    "ids",
    "idx",
    "in",
    "index",
    "info",
    "input",
    "interceptor",
    "interval",
    "introspection",
    "invalid",
    "issued",
    "issuer",
    "iterations",
    "job",
    "jti",
    "kid",
    "kind",
    "label",
    "last4",
    "leeway",
    "left",
    "len",
    "level",
    "lifespan",
    "lifetime",
    "limited",
    "line",
    "loaded",
    "loader",
    "location",
    "locked",
    "manager",
    "mask",
    "masked",
    "match",
    "matched",
    "matches",
    "max",
    "meta",
    "metadata",
    "method",
    "middleware",
    "min",
    "minlength",
    "minutes",
    "mismatch",
    "misses",
    "missing",
    "mode",
    "modified",
    "module",
    "mount",
    "name",
    "names",
    "namespace",
    "nbf",
    "needed",
    "num",
    "number",
    "ok",
    "operation",
    "optional",
    "options",
    "origin",
    "owner",
    "page",
    "param",
    "parameter",
    "parser",
    "path",
    "paths",
    "percent",
    "permissions",
    "plugin",
    "policies",
    "policy",
    "pool",
    "port",
    "pos",
    "position",
    "prefix",
    "present",
    "prompt",
    "properties",
    "provider",
    "purpose",
    "quota",
    "rate",
    "ratio",
    "reader",
    "reason",
    "redacted",
    "ref",
    "reference",
    "refill",
    "refreshed",
    "refs",
    "remaining",
    "renewed",
    "repository",
    "request",
    "requests",
    "required",
    "reset",
    "resolver",
    "response",
    "result",
    "retries",
    "retry",
    "revision",
    "revoked",
    "role",
    "roles",
    "rotated",
    "rotation",
    "rounds",
    "row",
    "rule",
    "rules",
    "scan",
    "scanner",
    "scanning",
    "scheme",
    "scope",
    "scopes",
    "score",
    "seconds",
    "secs",
    "selector",
    "service",
    "set",
    "settings",
    "size",
    "skew",
    "source",
    "start",
    "state",
    "stats",
    "status",
    "stdin",
    "storage",
    "store",
    "strategy",
    "strength",
    "sub",
    "subject",
    "success",
    "supply",
    "supported",
    "symbol",
    "table",
    "template",
    "thumbprint",
    "timeout",
    "tokens",
    "topic",
    "tries",
    "ttl",
    "type",
    "types",
    "until",
    "updated",
    "uri",
    "url",
    "urls",
    "usage",
    "uses",
    "valid",
    "validation",
    "validator",
    "validity",
    "var",
    "variable",
    "ver",
    "verified",
    "verifier",
    "volume",
    "window",
    "worker",
    "writer",
    "версия",
    "вид",
    "время",
    "дата",
    "действителен",
    "длина",
    "изменен",
    "изменён",
    "имя",
    "истек",
    "истекает",
    "истёк",
    "количество",
    "название",
    "ошибка",
    "политика",
    "попыток",
    "путь",
    "состояние",
    "срок",
    "статус",
    "тип",
    "файл",
    "число",
];

/// What a byte of a name may be to its words.
#[derive(Clone, Copy)]
enum Place {
    Inside,
    /// It parts them, or begins the next one.
    Border,
    /// Of no name, or of one that is read with care.
    Outside,
}

const PLACES: [Place; 256] = {
    let mut table = [Place::Outside; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        table[byte as usize] = match byte {
            b'a'..=b'z' | b'0'..=b'9' => Place::Inside,
            b'A'..=b'Z' | b'_' | b'-' | b'.' => Place::Border,
            _ => Place::Outside,
        };
        byte += 1;
    }
    table
};

/// Words that make what is behind them the owner of the secret, whatever it is: `secret_for_host`.
const OF: [&str; 4] = ["for", "of", "для", "от"];

impl Keys {
    /// Whether a name has a secret's word in front, and none behind that makes something else of it.
    pub(super) fn is_secret_ahead(&self, key: &str, writing: Writing) -> bool {
        if writing == Writing::Path || !self.may_be_secret_ahead(key.as_bytes()) {
            return false;
        }
        let key = key.trim_end_matches(is_separator);
        let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
        if stem.len() < key.len() && self.may_stand_ahead(stem) {
            return true;
        }
        let mut borders = borders(key, writing).peekable();
        let Some((end, last)) = borders.peek().copied() else { return false };
        let word = |from: usize, to: usize| key.get(from..to).unwrap_or_default();
        let before = borders.clone().nth(1).map_or(0, |(_, start)| start);
        borders.any(|(end, _)| self.may_stand_ahead(word(0, end)))
            && (!is_among(word(last, key.len()), ABOUT) || is_among(word(before, end), &OF))
    }

    /// Whether a secret's word may stand in front in the name at the end of `text`, by a quick look at the two bytes before
    /// each of its borders; wrong only in saying yes.
    #[inline]
    pub(crate) fn may_be_secret_ahead(&self, text: &[u8]) -> bool {
        let ends_word = |end: usize| {
            let [.., before_last, last] = text[..end] else { return false };
            self.ahead.holds(before_last, last)
        };
        if let [.., b'_' | b'-' | b'.', b'i', b'd'] | [.., b'I', b'd'] = text {
            return false;
        }
        let mut at = text.len();
        while 0 < at && text[at - 1].is_ascii_digit() {
            at -= 1;
        }
        if at < text.len() && ends_word(at) {
            return true;
        }
        while 0 < at {
            at -= 1;
            match PLACES[usize::from(text[at])] {
                Place::Inside => {}
                Place::Border if ends_word(at) => return true,
                Place::Border => {}
                Place::Outside => return 0x80 <= text[at],
            }
        }
        false
    }

    fn may_stand_ahead(&self, front: &str) -> bool {
        self.class_by_end(front) == Some(Class::Secret) && is_ever_ahead(front)
    }
}

/// Whether a name that ends with a secret's word tells of what follows it.
pub(super) fn is_ever_ahead(name: &str) -> bool {
    let ends_with = |word: &&str| {
        let end = name.len().checked_sub(word.len()).and_then(|at| name.get(at..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    !NEVER_AHEAD.iter().any(ends_with)
}

/// Whether a word, in any case, is one of these.
fn is_among(word: &str, words: &[&str]) -> bool {
    let mut letters = [0; 32];
    let mut len = 0;
    for c in word.chars().map(lower) {
        let Some(place) = letters.get_mut(len..len + c.len_utf8()) else { return false };
        len += c.encode_utf8(place).len();
    }
    let word = letters.get(..len).unwrap_or_default();
    words.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok()
}

/// Where the words of a name are parted, from the last one on: where the one before ends, and the one behind begins.
/// Blanks part names and no words of one.
fn borders(key: &str, writing: Writing) -> impl Iterator<Item = (usize, usize)> + Clone {
    let name = key.rsplit([' ', '+']).next().unwrap_or_default();
    // A class is known by its own name, whatever package stands in front: `o.s.s.core.PasswordUpgrader`.
    let own = name.rsplit('.').next().unwrap_or_default();
    let (from, first) = (key.len() - name.len(), own.chars().next());
    let is_field = writing == Writing::Field;
    let by_dashes = is_field || first.is_some_and(char::is_uppercase);
    let by_capitals = is_field || first.is_some_and(char::is_lowercase);
    let letters = name.char_indices().rev().map(move |(at, c)| (from + at, c));
    let pairs = letters.clone().zip(letters.skip(1));
    pairs.filter_map(move |((at, c), (before, b))| match b {
        '_' => Some((before, at)),
        '-' if by_dashes => Some((before, at)),
        '.' if is_field => Some((before, at)),
        _ if by_capitals && c.is_uppercase() && b.is_lowercase() => Some((at, at)),
        _ => None,
    })
}

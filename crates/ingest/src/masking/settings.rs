//! The settings of masking, the same for the agent and the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mask::{Masker, OwnRule, Rule, TokenKey};
use stdx::Settings;

use crate::seal::SealKey;

/// Reads the keys of `section`, such as `mask.rules`. Each problem is reported there; rules of one's own are compiled and
/// run their tests.
pub fn mask_settings(settings: &mut Settings, section: &str) -> mask::Config {
    let key = |name: &str| format!("{section}.{name}");
    let doc = "Names of keys whose values are secrets, beside the built-in ones.";
    let secret_keys = settings.or(&key("secret_keys"), Vec::new(), doc);
    let doc = "Names of keys whose plain numbers are never personal, beside the built-in ones.";
    let id_keys = settings.or(&key("id_keys"), Vec::new(), doc);
    let rules = rules(settings, &key("rules"));
    let (own, files) = own_rules(settings, &key("include"));
    let token_keys = token_keys(settings, &key("token_keys"));
    let sealer = seal_key(settings, &key("seal_key"));
    let config = mask::Config { rules, secret_keys, id_keys, own, token_keys, sealer };
    for (place, error) in Masker::problems(&config) {
        match place.and_then(|place| Some((config.own.get(place)?, files.get(place)?))) {
            Some((rule, file)) => {
                settings
                    .problem(&key("include"), format!("has `{file}`, where line {} is wrong: {error}", rule.line()));
            }
            None => settings.problem(section, format!("is wrong: {error}")),
        }
    }
    config
}

fn rules(settings: &mut Settings, key: &str) -> Vec<Rule> {
    let names = |rules: &[Rule]| rules.iter().map(|rule| rule.name().to_owned()).collect::<Vec<_>>();
    let doc = "The built-in rules that are on; `ip` is known too.";
    let wanted = settings.or(key, names(&Rule::defaults()), doc);
    if let Some(unknown) = wanted.iter().find(|name| Rule::named(name).is_none()) {
        settings.problem(key, format!("has `{unknown}`, which is none of {}", names(&Rule::ALL).join(", ")));
    }
    wanted.iter().filter_map(|name| Rule::named(name)).collect()
}

/// Rules of one's own, and the file of each.
fn own_rules(settings: &mut Settings, key: &str) -> (Vec<OwnRule>, Vec<String>) {
    let doc = "Files with rules of your own, and with other actions for the built-in ones.";
    let paths = settings.or(key, Vec::<String>::new(), doc);
    let (mut rules, mut files) = (Vec::new(), Vec::new());
    for path in paths {
        let (more, problems) = match std::fs::read_to_string(&path) {
            Ok(text) => OwnRule::parse_all(&text),
            Err(error) => {
                settings.problem(key, format!("has `{path}`, which cannot be read: {error}"));
                continue;
            }
        };
        for problem in problems {
            settings.problem(key, format!("has `{path}`, where {problem}"));
        }
        files.resize(files.len() + more.len(), path);
        rules.extend(more);
    }
    (rules, files)
}

/// The public key for rules whose action is `seal`.
fn seal_key(settings: &mut Settings, key: &str) -> Option<Arc<dyn mask::Seal>> {
    let doc = "The public key of those who may read values again, as `VERSION:FILE`; made by `lapidary-agent mask keygen`, \
               for rules with `action = \"seal\"`.";
    let entry: String = settings.optional(key, doc)?;
    let read = || {
        let want = "but must be such as `1:/etc/lapidary-agent/seal.pub`";
        let (version, path) = entry.split_once(':').ok_or_else(|| want.to_owned())?;
        let version = version.parse().map_err(|_| want.to_owned())?;
        let text = std::fs::read_to_string(path).map_err(|error| format!("which cannot be read: {error}"))?;
        SealKey::new(version, &text).ok_or_else(|| "which holds no public key; one made by an earlier version needs `lapidary-seal-public:` before it, if it is the public one".to_owned())
    };
    match read() {
        Ok(sealer) => Some(Arc::new(sealer)),
        Err(problem) => {
            settings.problem(key, format!("is `{entry}`, {problem}"));
            None
        }
    }
}

/// Reads keys of tokens from `VERSION:FILE`. The key of the highest version comes first: it makes the tokens.
pub fn token_keys(settings: &mut Settings, key: &str) -> Vec<TokenKey> {
    let doc = "Files with secrets of 16 bytes or more, each as `VERSION:FILE`: equal values then get equal tokens such as \
               `<phone:v1:…>`, made with the highest version.";
    let entries = settings.or(key, Vec::<String>::new(), doc);
    let mut keys: Vec<TokenKey> = Vec::new();
    for entry in &entries {
        match token_key(entry) {
            Ok(other) if keys.iter().any(|known| known.version() == other.version()) => {
                settings.problem(key, format!("has version {} twice", other.version()));
            }
            Ok(key) => keys.push(key),
            Err(problem) => settings.problem(key, format!("has `{entry}`, {problem}")),
        }
    }
    keys.sort_by_key(|key| std::cmp::Reverse(key.version()));
    keys
}

fn token_key(entry: &str) -> Result<TokenKey, String> {
    let want = "but must have entries such as `1:/etc/lapidary-agent/mask.key`";
    let (version, path) = entry.split_once(':').ok_or(want)?;
    let version = version.parse().map_err(|_| want)?;
    let path = PathBuf::from(path);
    let secret = std::fs::read(&path).map_err(|error| format!("which cannot be read: {error}"))?;
    if is_open_to_all(&path) {
        return Err("which everybody on this host can read; `chmod 600` it".to_owned());
    }
    TokenKey::new(version, secret.trim_ascii()).map_err(|error| format!("which is wrong: {error}"))
}

#[cfg(unix)]
fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn is_open_to_all(_: &Path) -> bool {
    false
}

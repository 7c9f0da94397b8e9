//! Fluent Bit's filters that have a counterpart in the inputs they are about.

use regex::Regex;

use super::fluent_bit::Plugin;
use super::parsers::{Parsers, pattern};
use super::{Section, WARNING, table};

/// Keys of `modify` and `record_modifier` that take fields out of records, or give them other names.
const REMOVE: [&str; 6] = ["remove", "remove_wildcard", "remove_regex", "remove_key", "allowlist_key", "whitelist_key"];
/// Keys of `kubernetes` whose work is done here without a setting.
const KUBERNETES: [&str; 14] = [
    "kube_url",
    "kube_ca_file",
    "kube_ca_path",
    "kube_token_file",
    "kube_token_ttl",
    "kube_tag_prefix",
    "kube_meta_cache_ttl",
    "merge_log",
    "keep_log",
    "buffer_size",
    "use_kubelet",
    "kubelet_port",
    "tls.verify",
    "tls.debug",
];

/// Writes what a filter does into the inputs that it is about, which are given by their tags; what it could not.
pub(super) fn filter(filter: &Plugin, parsers: &Parsers, inputs: &mut [(String, Section)]) -> Vec<String> {
    let name = filter.name().to_ascii_lowercase();
    if filter.get("match_regex").is_some() {
        return vec![format!("filter `{name}`: `match_regex`: write what it does into the inputs that it is about")];
    }
    let mut notes = Vec::new();
    let mut of_filter = |done: Result<(), String>| {
        let note = done.err().map(|problem| format!("filter `{name}`: {problem}"));
        if let Some(note) = note.filter(|note| !notes.contains(note)) {
            notes.push(note);
        }
    };
    let mut known = vec!["match"];
    let wanted = filter.get("match").unwrap_or("*");
    let wanted = inputs.iter_mut().filter(|(tag, _)| is_match(wanted, tag));
    match name.as_str() {
        "multiline" => {
            known.extend(["multiline.parser", "multiline.key_content", "buffer", "flush_ms"]);
            for (_, section) in wanted {
                filter.list("multiline.parser").iter().for_each(|name| of_filter(parsers.apply(name, section)));
            }
        }
        "parser" => {
            // The line stays as it is, with all fields beside it.
            known.extend(["parser", "reserve_data", "preserve_key"]);
            if filter.get("key_name").is_some_and(is_text) {
                known.push("key_name");
            }
            for (_, section) in wanted {
                filter.list("parser").iter().for_each(|name| of_filter(parsers.apply(name, section)));
            }
        }
        "grep" => {
            known.extend(["regex", "exclude"]);
            filter.all("regex").for_each(|text| {
                of_filter(Err(format!("`regex {text}` keeps what matches; here rules name what goes")))
            });
            for (tag, section) in wanted {
                filter.all("exclude").for_each(|text| of_filter(exclude(text, tag, section)));
            }
        }
        "record_modifier" | "modify" => {
            known.extend(["record", "add", "set", "condition"]);
            known.extend(REMOVE);
            removals(filter).for_each(|note| of_filter(Err(note)));
            if filter.get("condition").is_some() {
                of_filter(Err("`condition`: what it adds would be added to every line, so nothing is".to_owned()));
            } else {
                wanted.for_each(|(_, section)| add(filter, section));
            }
        }
        // Namespace, pod and container come from the path.
        "kubernetes" => {
            known.extend(KUBERNETES);
            wanted.for_each(|(_, section)| section.set("container", true));
        }
        _ => return vec![format!("filter `{name}`: see `rule`, `join`, `regexp` and `[mask]`")],
    }
    filter.rest(&known, &mut notes);
    notes
}

/// What the filter takes out on the host, which nothing here takes out.
fn removals(filter: &Plugin) -> impl Iterator<Item = String> {
    let keys = REMOVE.into_iter().flat_map(|key| filter.all(key).map(move |fields| format!("`{key} {fields}`")));
    keys.map(|key| {
        format!(
            "{WARNING}: {key} takes fields out that ARE SENT now; name them in a rule with `action = \"drop_field\"`, which \
             `include` of `[mask]` brings in"
        )
    })
}

/// The labels of every line that the filter adds.
fn add(filter: &Plugin, section: &mut Section) {
    let pairs = ["record", "add", "set"].into_iter().flat_map(|key| filter.all(key));
    for (name, value) in pairs.filter_map(|text| text.split_once(char::is_whitespace)) {
        section.label(name, value.trim());
    }
}

/// `log PATTERN`: what is left out by the text itself.
fn exclude(text: &str, tag: &str, section: &mut Section) -> Result<(), String> {
    let (key, theirs) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !is_text(key) {
        return Err(format!("`exclude {key}`: write it as a `rule` with `fields`"));
    }
    let rule = [("name".to_owned(), format!("grep {tag}")), ("regexp".to_owned(), pattern(theirs.trim())?)];
    section.push("rule", table(&rule.into()));
    Ok(())
}

/// Whether a key is that of the line itself.
fn is_text(key: &str) -> bool {
    ["log", "message", "$log"].contains(&key)
}

/// Whether a tag is meant: `*` stands for any characters.
fn is_match(wanted: &str, tag: &str) -> bool {
    let pattern = wanted.split('*').map(regex::escape).collect::<Vec<_>>().join(".*");
    Regex::new(&format!("^{pattern}$")).is_ok_and(|pattern| pattern.is_match(tag))
}

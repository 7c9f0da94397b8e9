//! Directories (LDAP, Active Directory) that people log in with: `[[auth.ldap]]`.

use std::time::Duration;

use auth::{Bind, Directory, GroupName, GroupSearch, Groups, Security, Server, Template};
use stdx::Settings;

use super::secret;

/// Reads all directories; what is wrong with one is reported, and then there is none.
pub(super) fn read(settings: &mut Settings) -> Vec<Directory> {
    let prefixes = settings.tables("auth.ldap");
    prefixes.iter().filter_map(|prefix| directory(settings, prefix)).collect()
}

fn directory(settings: &mut Settings, prefix: &str) -> Option<Directory> {
    let key = |name: &str| format!("{prefix}.{name}");
    let name: Option<String> = settings.required(&key("name"), "Its name in sessions and in the audit trail.");
    let servers = servers(settings, prefix);
    let keys = ["ca_file", "cert_file", "key_file"].map(key);
    let docs = [
        "File with the authorities (PEM) that may vouch for its servers, instead of the system's.",
        "File with a certificate to show them.",
        "File with the key of that certificate.",
    ];
    let tls = tls::read_settings(settings, &keys, docs, |tls| tls::client_config(tls, &tls.read()?).map(drop));
    let base: Option<String> =
        settings.required(&key("base"), "The entry below which people are, such as `ou=people,dc=shop,dc=example`.");
    let filter = settings.or(
        &key("filter"),
        "(&(objectClass=person)(uid={name}))".to_owned(),
        "Which entry is a person, with `{name}` for what was typed; `(&(objectClass=user)(sAMAccountName={name}))` with Active Directory.",
    );
    let filter = template(settings, &key("filter"), &filter);
    let bind = bind(settings, prefix);
    let groups = groups(settings, prefix);
    let name_attribute = settings.or(
        &key("name_attribute"),
        "uid".to_owned(),
        "The attribute that people are called by here; `sAMAccountName` with Active Directory.",
    );
    let subject = "The attribute that a person is known by for good, also after a new name: `entryUUID`, or `objectGUID` with Active Directory. Without it, the DN.";
    Some(Directory {
        subject_attribute: settings.optional(&key("subject_attribute"), subject),
        timeout: settings.or(
            &key("timeout"),
            Duration::from_secs(5),
            "How long one answer may take; a login takes at most four times as long.",
        ),
        cache: settings.or(
            &key("cache"),
            Duration::from_secs(300),
            "How old the groups of a session may be, and of those on whose behalf something is done; a login always asks.",
        ),
        outage: settings.or(
            &key("outage"),
            Duration::from_secs(3600),
            "How old the groups of a session may be while the directory cannot be asked; past it, requests are refused until it can.",
        ),
        name: name?,
        servers,
        tls,
        bind: bind?,
        base: base?,
        filter: filter?,
        name_attribute,
        groups: groups?,
    })
}

fn servers(settings: &mut Settings, prefix: &str) -> Vec<Server> {
    let key = format!("{prefix}.servers");
    let doc = "Its servers, `ldaps://dc1.example` or `ldap://…`; the first that answers is asked.";
    let urls: Vec<String> = settings.required(&key, doc).unwrap_or_default();
    let doc = "Whether `ldap://` goes on with TLS (`required`), or sends passwords in clear (`off`), which is accepted on loopback only.";
    let words = [("required", Security::StartTls), ("off", Security::Clear)];
    let plain = settings.choice(&format!("{prefix}.start_tls"), &words, "required", doc);
    let mut servers = Vec::new();
    for url in &urls {
        match server(url, plain.unwrap_or(Security::StartTls)) {
            Some(server) if server.security == Security::Clear && !tls::is_loopback(&server.host) => {
                let remedy = "would have passwords sent in clear; use `ldaps://`, or `start_tls = \"required\"`";
                settings.problem(&key, format!("has `{url}`, which {remedy}"));
            }
            Some(server) => servers.push(server),
            None => {
                settings.problem(&key, format!("has `{url}`, but must have addresses such as `ldaps://dc1.example`"))
            }
        }
    }
    if urls.is_empty() {
        settings.problem(&key, "names no server");
    }
    servers
}

fn server(url: &str, plain: Security) -> Option<Server> {
    let url = reqwest::Url::parse(url).ok()?;
    let (security, port) = match url.scheme() {
        "ldaps" => (Security::Tls, 636),
        "ldap" => (plain, 389),
        _ => return None,
    };
    let host = url.host_str().filter(|host| !host.is_empty())?.trim_matches(['[', ']']).to_owned();
    Some(Server { host, port: url.port().unwrap_or(port), security })
}

fn bind(settings: &mut Settings, prefix: &str) -> Option<Bind> {
    let key = |name: &str| format!("{prefix}.{name}");
    let doc = "The DN of a person, with `{name}`, or `{name}@corp.example` with Active Directory: then nothing is looked for before the password is tried.";
    let direct: Option<String> = settings.optional(&key("bind_template"), doc);
    let user: Option<String> =
        settings.optional(&key("bind_dn"), "The user that looks for people; without one, nobody.");
    let docs = ["Its password.", "File that holds it."];
    let password = secret::read(settings, &key("bind_password"), docs);
    match (direct, user, password) {
        (Some(direct), None, None) => template(settings, &key("bind_template"), &direct).map(Bind::Direct),
        (None, Some(user), Some(password)) => Some(Bind::Search(Some((user, password)))),
        (None, None, None) => Some(Bind::Search(None)),
        (Some(_), ..) => {
            settings.problem(&key("bind_template"), "stands beside a user that looks for people; write one of them");
            None
        }
        (None, user, _) => {
            let missing = if user.is_some() { "bind_password" } else { "bind_dn" };
            settings.problem(&key(missing), "is missing; the user that looks for people has a DN and a password");
            None
        }
    }
}

fn groups(settings: &mut Settings, prefix: &str) -> Option<Groups> {
    let key = |name: &str| format!("{prefix}.{name}");
    let doc = "How groups are found, also those that hold groups: `members` (by the members they name), `in_chain` (the same, by one search, with Active Directory), `member_of` (by that attribute of people and groups), `none`.";
    let words = ["members", "in_chain", "member_of", "none"].map(|word| (word, word));
    let kind = settings.choice(&key("groups"), &words, "members", doc)?;
    let base: Option<String> = settings.optional(&key("group_base"), "The entry below which groups are.");
    let doc = "The attribute of groups that names members (`members`, `in_chain`), or of people that names groups (`member_of`).";
    let default = if kind == "member_of" { "memberOf" } else { "member" };
    let attribute = settings.or(&key("group_attribute"), default.to_owned(), doc);
    let doc = "What groups are called by: an attribute, or `dn`.";
    let name = settings.or(&key("group_name"), "cn".to_owned(), doc);
    let name = if name.eq_ignore_ascii_case("dn") { GroupName::Dn } else { GroupName::Attribute(name) };
    if kind == "none" {
        return Some(Groups::None);
    }
    if kind == "member_of" {
        return Some(Groups::MemberOf { attribute, name });
    }
    let Some(base) = base else {
        settings.problem(&key("group_base"), format!("is missing; `groups = \"{kind}\"` looks for groups below it"));
        return None;
    };
    let search = GroupSearch { base, attribute, name };
    Some(if kind == "in_chain" { Groups::InChain(search) } else { Groups::Members(search) })
}

fn template(settings: &mut Settings, key: &str, text: &str) -> Option<Template> {
    Template::new(text).map_err(|problem| settings.problem(key, problem.to_string())).ok()
}

//! Who may come in: the tokens of the configuration, or anybody on loopback.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use auth::{Authenticator, Permission, Token};
use logline::Tenant;
use stdx::{Secret, Settings};

/// Reads `auth`; what is wrong is reported to `settings`, and then nobody comes in.
pub(super) fn read(settings: &mut Settings, listen: SocketAddr, no_auth: bool) -> Authenticator {
    let doc =
        "`tokens`: a request needs one of the tokens below; `none`: everybody may do everything, on loopback only.";
    let open = settings.choice("auth.mode", &[("tokens", false), ("none", true)], "tokens", doc);
    let tokens: Vec<_> = settings.tables("auth.token").iter().filter_map(|prefix| token(settings, prefix)).collect();
    if no_auth || open == Some(true) {
        if !listen.ip().is_loopback() {
            settings.problem("auth.mode", "`none` lets everybody in and is accepted on loopback addresses only");
        }
        return Authenticator::anybody();
    }
    Authenticator::with_tokens(tokens).unwrap_or_else(|problems| {
        for problem in problems {
            settings.problem("auth.token", problem.to_string());
        }
        Authenticator::closed()
    })
}

fn token(settings: &mut Settings, prefix: &str) -> Option<Token> {
    let key = |name: &str| format!("{prefix}.{name}");
    let name: Option<String> = settings.required(&key("name"), "Who uses the token; stands in the audit trail.");
    let secret = secret(settings, prefix);
    let tenants = settings.or(
        &key("tenants"),
        vec!["fake".to_owned()],
        "Tenants it may choose with `X-Scope-OrgID`; the first is the default.",
    );
    let services = settings.or(
        &key("services"),
        Vec::<String>::new(),
        "Services whose lines it may read (label `service_name`); [\"*\"] for all.",
    );
    let words = settings.or(
        &key("permissions"),
        Vec::<String>::new(),
        "What it may do: `push`, `read`, `orders`, `status`, `operate`.",
    );
    let tenants =
        checked(settings, &key("tenants"), &tenants, |name| Tenant::new(name).map_err(|error| error.to_string()));
    let permissions = checked(settings, &key("permissions"), &words, permission);
    Some(Token {
        name: name?,
        secret: secret?,
        tenants,
        services: services.into_iter().collect::<BTreeSet<_>>(),
        permissions: permissions.into_iter().collect(),
    })
}

fn permission(word: &str) -> Result<Permission, String> {
    let known = || Permission::ALL.map(|permission| format!("`{}`", permission.name())).join(", ");
    let found = Permission::ALL.into_iter().find(|permission| permission.name() == word);
    found.ok_or_else(|| format!("names `{word}`, but there are only {}", known()))
}

fn checked<T>(
    settings: &mut Settings,
    key: &str,
    words: &[String],
    check: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut good = Vec::new();
    for word in words {
        match check(word) {
            Ok(value) => good.push(value),
            Err(problem) => settings.problem(key, problem),
        }
    }
    good
}

/// The secret stands in the file itself or, better, in a file of its own.
fn secret(settings: &mut Settings, prefix: &str) -> Option<Secret<String>> {
    let (direct, file) = (format!("{prefix}.token"), format!("{prefix}.token_file"));
    let written: Option<Secret<String>> = settings.optional(&direct, "The secret itself, at least 16 characters.");
    let path: Option<PathBuf> = settings.optional(&file, "File that holds the secret, instead of `token`.");
    match (written, path) {
        (Some(secret), None) => Some(secret),
        (None, Some(path)) => match fs::read_to_string(&path) {
            Ok(text) => Some(Secret::new(text.trim().to_owned())),
            Err(error) => {
                settings.problem(&file, format!("cannot be read: {error}"));
                None
            }
        },
        (None, None) => {
            settings
                .problem(&direct, "is missing; want the secret here, or the path of a file with it in `token_file`");
            None
        }
        (Some(_), Some(_)) => {
            settings.problem(&direct, "stands beside `token_file`; write one of them");
            None
        }
    }
}

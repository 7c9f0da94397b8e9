//! Who may come in and what they may see: tokens, roles, policies and groups of the configuration, or anybody on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use auth::{
    Authenticator, Declared, Effect, Group, Lockout, NamePattern, Permission, Policy, Role, SessionLimits, Token,
};
use logline::Tenant;
use stdx::{Settings, SystemClock};

use super::secret;

/// Everything that is set about access.
#[derive(Debug, Default)]
pub struct Access {
    /// Everybody may do everything.
    pub(crate) is_open: bool,
    /// What the file declares; the rest is in the state.
    pub(crate) declared: Declared,
    /// How long sessions last, and what happens after wrong passwords.
    pub(crate) settings: auth::Settings,
}

/// Reads `auth` for a server with these addresses; what is wrong is reported to `settings`.
pub(super) fn read(settings: &mut Settings, listens: impl IntoIterator<Item = SocketAddr>, no_auth: bool) -> Access {
    let doc = "`required`: a request needs a token or a session; `none`: everybody may do everything, on loopback only. `tokens` is the old word for `required`.";
    let words = [("required", false), ("tokens", false), ("none", true)];
    let open = settings.choice("auth.mode", &words, "required", doc);
    let limits = auth::Settings { sessions: sessions(settings), lockout: lockout(settings) };
    let declared = Declared {
        tokens: each(settings, "auth.token", token),
        roles: each(settings, "auth.role", role),
        policies: each(settings, "auth.policy", policy),
        groups: each(settings, "auth.group", group),
    };
    let is_open = no_auth || open == Some(true);
    if is_open {
        if listens.into_iter().any(|address| !address.ip().is_loopback()) {
            settings.problem("auth.mode", "`none` lets everybody in and is accepted on loopback addresses only");
        }
        return Access { is_open, ..Access::default() };
    }
    if let Err(problems) = Authenticator::with(&declared, Arc::new(SystemClock)) {
        for problem in problems {
            settings.problem(&format!("auth.{}", problem.kind), problem.to_string());
        }
    }
    Access { is_open, declared, settings: limits }
}

fn each<T>(settings: &mut Settings, key: &str, read: impl Fn(&mut Settings, &str) -> Option<T>) -> Vec<T> {
    settings.tables(key).iter().filter_map(|prefix| read(settings, prefix)).collect()
}

fn sessions(settings: &mut Settings) -> SessionLimits {
    let default = SessionLimits::default();
    SessionLimits {
        idle: settings.or("auth.session.idle", default.idle, "A session ends this long after its last request."),
        absolute: settings.or("auth.session.absolute", default.absolute, "A session ends this long after the login."),
        ..default
    }
}

fn lockout(settings: &mut Settings) -> Lockout {
    let default = Lockout::default();
    let after = "Wrong passwords in a row after which no password of this user is looked at for a while.";
    Lockout {
        after: u32::try_from(settings.or("auth.lockout.after", u64::from(default.after), after)).unwrap_or(u32::MAX),
        first: settings.or("auth.lockout.first", default.first, "How long; doubles with each further wrong password."),
        longest: settings.or("auth.lockout.longest", default.longest, "The longest wait."),
    }
}

fn names(settings: &mut Settings, prefix: &str, name: &str, doc: &'static str) -> Vec<String> {
    settings.or(&format!("{prefix}.{name}"), Vec::new(), doc)
}

fn permissions(settings: &mut Settings, prefix: &str, name: &str, doc: &'static str) -> auth::Permissions {
    let words = names(settings, prefix, name, doc);
    checked(settings, &format!("{prefix}.{name}"), &words, permission).into_iter().collect()
}

fn role(settings: &mut Settings, prefix: &str) -> Option<(String, Role)> {
    let name: Option<String> =
        settings.required(&format!("{prefix}.name"), "Name of a role; that of a built-in one replaces it.");
    let description = settings.or(&format!("{prefix}.description"), String::new(), "What it is for.");
    let can = permissions(
        settings,
        prefix,
        "permissions",
        "What its holders may do: the words of `auth.token[].permissions`.",
    );
    let deny = permissions(settings, prefix, "deny", "What its holders may not do, whatever another role says.");
    Some((name?, Role { description, permissions: can, deny }))
}

fn policy(settings: &mut Settings, prefix: &str) -> Option<(String, Policy)> {
    let key = |name: &str| format!("{prefix}.{name}");
    let name: Option<String> = settings.required(
        &key("name"),
        "Name of a policy; that of a built-in one (`devops`, `security`, `admin`, `support`) replaces it.",
    );
    let effects = [("allow", Effect::Allow), ("deny", Effect::Deny)];
    let effect =
        settings.choice(&key("effect"), &effects, "allow", "`allow` shows, `deny` takes away whatever shows it.");
    let policy = Policy {
        effect: effect?,
        roles: names(settings, prefix, "roles", "For the holders of these roles."),
        users: names(settings, prefix, "users", "For these people and tokens."),
        tenants: names(settings, prefix, "tenants", "Of these tenants; [\"*\"] for every one."),
        services: names(
            settings,
            prefix,
            "services",
            "Streams of these services (label `service_name`); `*` for any letters.",
        ),
        selector: settings.optional(&key("selector"), "Streams that this LogQL selector selects."),
        not_older_than: settings.optional(&key("not_older_than"), "Lines no older than this, such as `30d`."),
        hide: names(
            settings,
            prefix,
            "hide",
            "Labels, metadata and keys in the lines that are left out, before any filter.",
        ),
        mask: names(settings, prefix, "mask", "Those that are shown as `***`, before any filter."),
        hide_lines: settings.or(&key("hide_lines"), false, "Shows `***` in place of every line."),
    };
    Some((name?, policy))
}

fn group(settings: &mut Settings, prefix: &str) -> Option<(String, Group)> {
    let name: Option<String> =
        settings.required(&format!("{prefix}.name"), "Name of a group of a directory or identity provider.");
    let roles = names(settings, prefix, "roles", "Roles that its members have.");
    Some((name?, Group { roles }))
}

fn token(settings: &mut Settings, prefix: &str) -> Option<Token> {
    let key = |name: &str| format!("{prefix}.{name}");
    let name: Option<String> = settings.required(&key("name"), "Who uses the token; stands in the audit trail.");
    let docs = ["The secret itself, at least 16 characters.", "File that holds the secret, instead of `token`."];
    let secret = secret::read(settings, &key("token"), docs);
    let doc = "Names of client certificates that do instead of a secret: `CN=…`, `dns:…`, `uri:…`, `email:…`, `ip:…`, with one `*`; see `http.client_ca_file`.";
    let patterns = names(settings, prefix, "certificates", doc);
    let pattern = |name: &str| NamePattern::new(name).map_err(|problem| format!("names `{name}`, which {problem}"));
    let certificates = checked(settings, &key("certificates"), &patterns, pattern);
    let tenants = settings.or(
        &key("tenants"),
        vec!["fake".to_owned()],
        "Tenants it may choose with `X-Scope-OrgID`; the first is the default.",
    );
    let doc =
        "Services whose lines it may read (label `service_name`), `*` for any letters; with roles: no more than these.";
    let services = names(settings, prefix, "services", doc);
    let roles = names(settings, prefix, "roles", "Its roles.");
    let doc = "What it may do: `push`, `read`, `orders`, `export`, `rules`, `silences`, `dashboards`, `delete`, `status`, `operate`, `storage`, `users`, `audit`, `reveal`, `impersonate`; with roles: no more than these.";
    let permissions = permissions(settings, prefix, "permissions", doc);
    let tenants =
        checked(settings, &key("tenants"), &tenants, |name| Tenant::new(name).map_err(|error| error.to_string()));
    let secret = secret.unwrap_or_default();
    Some(Token { name: name?, secret, certificates, tenants, roles, services, permissions })
}

fn permission(word: &str) -> Result<Permission, String> {
    let known = || Permission::ALL.map(|permission| format!("`{}`", permission.name())).join(", ");
    Permission::named(word).ok_or_else(|| format!("names `{word}`, but there are only {}", known()))
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

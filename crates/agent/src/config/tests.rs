//! Settings in, a configuration or all problems out.

use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};

use super::*;

const GOOD: &str = r#"
[[input]]
paths = ["/var/log/shop/*.log"]
labels = { service = "shop-api" }
"#;

#[track_caller]
fn check(text: &str, want: &Expect) {
    want.assert_eq(&Config::load(text, []).unwrap_err().to_string());
}

#[test]
fn a_short_file_is_enough_and_everything_is_masked() {
    let config = Config::load(GOOD, []).unwrap();
    assert_eq!(config.outputs[0].url.as_str(), "http://127.0.0.1:3100/loki/api/v1/push");
    assert_eq!(config.mask.rules, mask::Rule::defaults());
    assert_eq!(config.spool.batch_bytes, 1 << 20);
    assert_eq!(config.inputs[0].labels.to_string(), r#"{service="shop-api"}"#);
    assert!(matches!(&config.inputs[0].kind, Kind::Files(files) if files.start == Start::Head));
}

#[test]
fn the_environment_wins_over_the_file() {
    let variable = ("LAPIDARY_AGENT__OUTPUT__URL".to_owned(), "https://logs.example.org/custom".to_owned());
    let config = Config::load(GOOD, [variable]).unwrap();
    assert_eq!(config.outputs[0].url.as_str(), "https://logs.example.org/custom");
}

#[test]
fn every_problem_is_told_with_its_key_and_line() {
    check(
        r#"
[[input]]
paths = "/var/log/*.log"
labels = { "my-service" = "shop", empty = "" }
start = "middle"
timezone = "Moscow"
[[input]]
paths = ["a.log"]
[output]
url = "http://logs.example.org"
tenant = "a/b"
tokn = "x"
token = "two words"
[spool]
batch_bytes = "1GiB"
when_full = "panic"
[mask]
rules = ["email", "emial"]
"#,
        &expect![[r#"
            line 3: `input[0].paths` is not a list such as ["a", "b"]
            line 4: `input[0].labels.empty` is empty
            line 4: `input[0].labels.my-service` is not a label name: letters, digits and `_`, no digit first
            line 5: `input[0].start` is `middle`, but must be `head`, `end`, a time such as `2026-11-01T00:00:00Z` or a duration such as `2d`
            line 6: `input[0].timezone` is `Moscow`, but must be an offset such as `+03:00`
            line 8: `input[1].labels` is missing; want at least `{ service = "…" }`
            line 10: `output.url` would send logs in clear over the network; use `https://`, or set `plaintext = true`
            line 11: `output.tenant` is wrong: tenant ID 'a/b' contains unsupported character '/'
            line 12: `output.tokn` is not a known key; did you mean `output.token`?
            line 13: `output.token` is empty or has characters that no token has
            line 15: `spool.batch_bytes` must be 1KiB to 16MiB
            line 16: `spool.when_full` is `panic`, but must be one of `block`, `drop_oldest`
            line 18: `mask.rules` has `emial`, which is none of email, phone, card, iban, passport, snils, inn, ip, name, address, credential, jwt, api_key, private_key, secret
            `spool.max_bytes` must be at least eight times `spool.batch_bytes`"#]],
    );
}

#[test]
fn a_file_without_inputs_is_wrong() {
    check("", &expect!["`input` is missing; want at least one `[[input]]` with `paths`"]);
}

#[test]
fn only_what_needs_a_restart_is_told_to_need_one() {
    let load = |text: &str| Config::load(text, []).unwrap();
    let running = load(GOOD);
    let stdin = "[[input]]\nkind = \"stdin\"\nlabels = { service = \"in\" }\n";
    assert!(load(&format!("{GOOD}{stdin}")).need_restart(&running).is_empty());
    assert!(running.need_restart(&load(&format!("{GOOD}{stdin}"))).is_empty());
    assert_eq!(load(&format!("{GOOD}[spool]\nbatch_wait = \"2s\"")).need_restart(&running), ["spool"]);
    assert_eq!(load(&format!("state_dir = \"x\"{GOOD}")).need_restart(&running), ["state_dir"]);
}

#[test]
fn masking_alone_is_read_from_settings_that_have_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef").unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let text = format!("mask.token_keys = [\"3:{}\"]\n", key.display());
    assert_eq!(Config::load_mask(&text, []).unwrap().token_keys.len(), 1);
    let refused = Config::load_mask("mask.rules = 5\nmsak = 1", []).unwrap_err().to_string();
    assert!(refused.contains("mask.rules") && refused.contains("msak"), "{refused}");
}

#[test]
fn all_problems_of_rules_of_ones_own_are_told_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, "[[rule]]\nid = \"x\"\npatern = 'a'\n\n[[rule]]\nid = \"y\"\npattern = '(a'\n").unwrap();
    let text = format!("mask.include = [{path:?}, \"/none\"]\n");
    let told = Config::load_mask(&text, []).unwrap_err().to_string();
    for want in [
        format!(
            "line 1: `mask.include` has `{}`, where the rules cannot be read: line 3: unknown field",
            path.display()
        ),
        format!("line 1: `mask.include` has `{}`, where line 5 is wrong: rule `y` has a bad pattern", path.display()),
        "line 1: `mask.include` has `/none`, which cannot be read".to_owned(),
    ] {
        assert!(told.contains(&want), "missing: {want}\n{told}");
    }
}

#[test]
fn secrets_come_from_files_that_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("token"), "t0ken\n").unwrap();
    std::fs::write(path("key"), "0123456789abcdef\n").unwrap();
    for name in ["key", "token"] {
        std::fs::set_permissions(path(name), PermissionsExt::from_mode(0o600)).unwrap();
    }
    let with = |token: &str, key: &str| {
        let text = format!(
            "{GOOD}[output]\ntoken_file = {:?}\n[mask]\ntoken_keys = [{:?}]",
            path(token),
            format!("1:{}", path(key))
        );
        Config::load(&text, []).map(|config| config.mask.token_keys.len()).map_err(|problems| problems.to_string())
    };
    assert_eq!(with("token", "key"), Ok(1));
    let problems = with("none", "token").unwrap_err();
    assert!(problems.contains("line 6: `output.token_file` cannot be read"), "{problems}");
    assert!(problems.contains("line 8: `mask.token_keys` has `1:"), "{problems}");
    assert!(problems.contains("which is wrong: token key has 5 bytes, want at least 16"), "{problems}");
    std::fs::set_permissions(path("key"), PermissionsExt::from_mode(0o644)).unwrap();
    assert!(with("token", "key").unwrap_err().contains("which everybody on this host can read"), "a key for all");
}

#[test]
fn the_manual_lists_every_setting_as_it_is() {
    let manual = include_str!("../../../../docs/agent.md");
    let mut settings = Settings::parse(GOOD, ENVIRONMENT_PREFIX, []);
    read(&mut settings);
    // Each kind of input has keys of its own.
    for kind in ["command", "journal", "syslog", "forward"] {
        let text = format!("[[input]]\nkind = \"{kind}\"\n[[input.rule]]\nname = \"x\"");
        let mut other = Settings::parse(&text, ENVIRONMENT_PREFIX, []);
        input::inputs(&mut other, None);
        settings.add_docs(&other);
    }
    let cell = |default: &str| if default.is_empty() { String::new() } else { format!("`{default}` ") };
    for key in settings.docs() {
        let row = format!("| `{}` | {}| {} |", key.key, cell(&key.default), key.doc);
        assert!(manual.contains(&row), "docs/agent.md should have the row\n{row}");
    }
    let table = manual.split("\n## ").find(|section| section.starts_with("Settings")).unwrap();
    assert_eq!(table.matches("\n| `").count(), settings.docs().len());
}

#[test]
fn several_outputs_have_names_kinds_and_paths_of_their_own() {
    let text = format!(
        r#"
output = [
    {{ url = "https://logs.example.org" }},
    {{ kind = "elasticsearch", url = "https://es.example.org:9200", user = "agent", token = "s3cret" }},
    {{ kind = "splunk", name = "soc", url = "https://hec.example.org:8088", proxy = "http://proxy.example.org:3128" }},
]
{GOOD}"#
    );
    let outputs = Config::load(&text, []).unwrap().outputs;
    let seen: Vec<_> = outputs.iter().map(|output| (output.name.as_str(), output.url.path())).collect();
    let want = [("lapidary", "/loki/api/v1/push"), ("elasticsearch", "/_bulk"), ("soc", "/services/collector/event")];
    assert_eq!(seen, want);
    assert_eq!(outputs[1].auth.as_ref().unwrap().scheme, Scheme::Basic("agent".to_owned()));
}

#[test]
fn variables_of_other_shippers_are_told() {
    check(
        &format!(
            "{GOOD}[output]\nurl = \"http://${{LOKI_HOST:loki}}:3100\"\nuser = \"${{USER}}\"\ntoken = \"${{TOKEN}}\""
        ),
        &expect![[r#"
            line 6: `output.url` holds `${LOKI_HOST}`, which nothing replaces here; write the address itself, or leave it out and set `LAPIDARY_AGENT__OUTPUT__URL`
            line 7: `output.user` holds `${USER}`, which nothing replaces here; write the name itself
            line 8: `output.token` holds `${TOKEN}`, which nothing replaces here; use `token_file`"#]],
    );
    check(
        &format!("{GOOD}[[output]]\nurl = \"https://logs.example.org/${{TEAM}}\""),
        &expect![[r#"line 6: `output[0].url` holds `${TEAM}`, which nothing replaces here; write the address itself"#]],
    );
}

#[test]
fn outputs_that_cannot_work_are_told() {
    check(
        &format!(
            r#"{GOOD}
[[output]]
name = "a b"
[[output]]
kind = "splunk"
compression = "zstd"
cert_file = "/none.pem"
user = "me"
max_requests = 0
[[output]]
kind = "splunk"
ca_file = "/none/ca.pem"
proxy = "proxy"
"#
        ),
        &expect![[r#"
            line 7: `output[0].name` must be letters, digits, `_` and `-`
            line 10: `output[1].compression` is `zstd`, which splunk does not take
            line 11: `output[1].cert_file` and `key_file` belong together
            line 12: `output[1].user` has no password; set `token_file`
            line 13: `output[1].max_requests` must be 1 to 64
            line 15: `output[2].name` `splunk` is the name of another output; give each a `name` of its own
            line 16: `output[2].ca_file` `/none/ca.pem` cannot be read: No such file or directory (os error 2)
            line 17: `output[2].proxy` is `proxy`, but must be an address such as `http://proxy.example.org:3128`"#]],
    );
}

#[test]
fn listeners_that_cannot_work_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let no_pem = folder.path().join("no.pem");
    std::fs::write(&no_pem, "no certificate\n").unwrap();
    let text = format!(
        r#"
[[input]]
kind = "syslog"
udp = "127.0.0.1:514"
labels = {{ env = "prod" }}
cert_file = {no_pem:?}
key_file = {no_pem:?}
[[input]]
kind = "forward"
tcp = "127.0.0.1:24224"
labels = {{ env = "prod" }}
client_ca_file = "/none/ca.pem"
[[input]]
kind = "forward"
tcp = "127.0.0.1:24225"
labels = {{ env = "prod" }}
key_file = "/none/key.pem"
"#
    );
    let told = Config::load(&text, []).unwrap_err().to_string().replace(&no_pem.display().to_string(), "no.pem");
    expect![[r#"
        line 6: `input[0].cert_file` `no.pem` and its key are no pair in PEM
        line 6: `input[0].cert_file` needs `tcp`; datagrams are in clear
        line 12: `input[1].client_ca_file` needs `cert_file` and `key_file`
        line 14: `input[2].cert_file` and `key_file` belong together"#]]
    .assert_eq(&told);
}

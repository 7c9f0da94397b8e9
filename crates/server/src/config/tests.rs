//! What is accepted, what is refused, and that the reference page is true.

use expect_test::{expect, expect_file};

use super::*;

fn load(text: &str) -> Result<Config, String> {
    Config::load(text, [], &Flags::default()).map_err(|problems| problems.to_string())
}

#[test]
fn nothing_written_is_a_closed_server_on_loopback() {
    let config = load("").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3100");
    assert!(!config.access.is_open && config.access.declared.tokens.is_empty());
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let text = "listen = \"127.0.0.1:1\"\n[storage]\nflush_interval = \"10s\"";
    let environment = [("LAPIDARY__STORAGE__FLUSH_INTERVAL".to_owned(), "20s".to_owned())];
    let flags = Flags { listen: Some(SocketAddr::from(([127, 0, 0, 1], 2))), no_auth: true, data_dir: None };
    let config = Config::load(text, environment, &flags).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.storage.flush_interval, Duration::from_secs(20));
    assert!(config.access.is_open);
}

#[test]
fn plain_http_leaves_the_machine_only_when_tls_ends_in_front() {
    let check = |tls: &str| load(&format!("listen = \"0.0.0.0:3100\"\ntls = \"{tls}\"")).map(|_| ());
    expect![[r#"line 1: `listen` would send logs over the network in clear; give `http.cert_file` and `http.key_file`, put a TLS proxy in front and set `tls = "terminated"`, or listen on loopback"#]]
        .assert_eq(&check("none").unwrap_err());
    assert_eq!(check("terminated"), Ok(()));
}

#[test]
fn everybody_is_let_in_on_loopback_only() {
    let flags = Flags { no_auth: true, ..Flags::default() };
    let text = "listen = \"0.0.0.0:3100\"\ntls = \"terminated\"";
    let problems = Config::load(text, [], &flags).unwrap_err().to_string();
    expect!["`auth.mode` `none` lets everybody in and is accepted on loopback addresses only"].assert_eq(&problems);
}

#[test]
fn a_token_may_stand_in_a_file_of_its_own_and_never_in_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a-secret-of-enough-length\n").unwrap();
    let text =
        format!("[[auth.token]]\nname = \"ops\"\ntoken_file = {file:?}\nservices = [\"*\"]\npermissions = [\"read\"]");
    assert_eq!(load(&text).unwrap().access.declared.tokens[0].secret.reveal(), "a-secret-of-enough-length");
    let twice = load(&format!("{text}\ntoken = \"another-secret-of-length\"")).unwrap_err();
    assert!(twice.contains("stands beside `auth.token[0].token`") && !twice.contains("another-secret"), "{twice}");
    assert!(
        load("[[auth.token]]\nname = \"ops\"")
            .unwrap_err()
            .contains("token `ops` has neither a secret nor certificates")
    );
}

#[test]
fn roles_policies_and_groups_are_declared_and_all_that_is_wrong_is_said_at_once() {
    let text = r#"
        [[auth.role]]
        name = "packer"
        permissions = ["orders"]
        [[auth.policy]]
        name = "packers"
        roles = ["packer"]
        tenants = ["fake"]
        services = ["mes-*"]
        not_older_than = "30d"
        hide = ["email"]
        [[auth.group]]
        name = "CN=Packers,DC=gems"
        roles = ["packer"]
    "#;
    let declared = load(text).unwrap().access.declared;
    assert_eq!(declared.policies[0].1.not_older_than.as_deref(), Some("30d"));
    assert_eq!(declared.groups[0].1.roles, ["packer"]);
    let wrong =
        text.replace("packer\"]\n        tenants", "pakcer\"]\n        tenants").replace("[\"orders\"]", "[\"fly\"]");
    let problems = load(&wrong).unwrap_err();
    assert!(problems.contains("names `fly`") && problems.contains("names the role `pakcer`"), "{problems}");
}

#[test]
fn the_state_is_a_file_in_the_data_folder_or_a_server() {
    assert!(
        matches!(load("data_dir = \"/d\"").unwrap().state, Location::File(path) if path == Path::new("/d/state.db"))
    );
    let config = load("[state]\nurl = \"postgres://u:hunter2@db/lapidary\"").unwrap();
    assert!(config.state.is_shared() && !format!("{:?}", config.state).contains("hunter2"));
}

#[test]
fn a_bucket_is_read_with_the_keys_of_its_roles_and_no_key_is_ever_shown() {
    let text = "[storage]\nurl = \"s3://logs/eu\"\n[storage.s3]\nendpoint = \"http://127.0.0.1:1\"\n\
                access_key_id = \"writer\"\nsecret_access_key = \"hush-hush\"";
    let bucket = load(text).unwrap().storage.bucket.unwrap();
    assert_eq!((bucket.url.to_string().as_str(), bucket.allow_http), ("s3://logs/eu", true));
    assert!(!format!("{bucket:?}").contains("hush"), "{bucket:?}");
    assert!(bucket.keys.is_some() && bucket.read_keys.is_none());
    assert!(load("").unwrap().storage.bucket.is_none());
    let wrong = "[storage]\nurl = \"https://logs\"\n[storage.s3]\nendpoint = \"http://10.0.0.1\"\n\
                 encryption = \"kms\"\nread_secret_access_key = \"hush-hush\"";
    expect![[r#"
        line 2: `storage.url` must begin with `s3://`
        line 4: `storage.s3.endpoint` would send keys and logs over the network in clear; use `https://`, or set `storage.s3.allow_http = true`
        `storage.s3.read_access_key_id` is missing; a key has both parts
        `storage.s3.kms_key` is missing; `kms` wants a key"#]]
    .assert_eq(&load(wrong).unwrap_err());
}

#[test]
fn the_generated_reference_of_settings_is_up_to_date() {
    expect_file!["../../../../docs/reference/config.md"].assert_eq(&reference());
}

#[test]
fn retention_is_read_in_lokis_words_and_no_period_is_shorter_than_a_day() {
    let text = r#"
        storage = { retention_enabled = true, retention_delete_delay = "1h" }
        [limits]
        retention_period = "30d"
        order_events_retention_period = "365d"
        [[limits.retention_stream]]
        selector = '{env="dev"}'
        priority = 2
        period = "7d"
        [[limits.override]]
        tenant = "team-a"
        retention_period = "90d"
        [[limits.override.retention_stream]]
        selector = '{app=~"a.*"}'
        period = "2d"
    "#;
    let lifecycle = load(text).unwrap().storage.lifecycle;
    let days = |days: u64| Duration::from_hours(24 * days);
    assert!(lifecycle.retention_enabled);
    assert_eq!(lifecycle.delete_delay, Duration::from_hours(1));
    assert_eq!(lifecycle.retention.period, Some(days(30)));
    assert_eq!((lifecycle.retention.streams[0].priority, lifecycle.retention.streams[0].period), (2, days(7)));
    assert_eq!(lifecycle.tables["order_events"], days(365));
    let own = lifecycle.tenants.values().next().unwrap();
    assert_eq!((own.period, own.streams[0].period), (Some(days(90)), days(2)));
    for (text, problem) in [
        ("[limits]\nretention_period = \"5h\"", "line 2: `limits.retention_period` is 5h, but must be at least a day"),
        (
            "[[limits.retention_stream]]\nselector = 'x'\nperiod = \"7d\"",
            "line 2: `limits.retention_stream[0].selector` is no selector of streams",
        ),
        ("[[limits.override]]\ntenant = \"a/b\"", "line 2: `limits.override[0].tenant` is `a/b`"),
    ] {
        let refused = load(text).unwrap_err();
        assert!(refused.starts_with(problem), "{refused}");
    }
}

#[test]
fn a_tenant_has_its_own_limits_of_pushes() {
    let text = "[limits]\nmax_label_names_per_series = 20\nreject_old_samples = true\n[[limits.override]]\ntenant = \"team\"\n\
                ingestion_rate_mb = 1.5\ningestion_burst_size_mb = 2\nmax_line_size = \"64KiB\"\ndiscover_service_name = []";
    let ingest = load(text).unwrap().ingest;
    let team = ingest.of(&logline::Tenant::new("team").unwrap());
    assert_eq!((team.max_label_names_per_series, team.max_line_size), (20, 64 << 10));
    assert_eq!(team.ingestion_rate, Some(ingest::Rate { bytes_per_second: 3 << 19, burst: 2 << 20 }));
    assert_eq!((team.discover_service_name.len(), team.reject_old_samples), (0, Some(Duration::from_hours(24 * 7))));
    let others = ingest.of(&logline::Tenant::default());
    assert_eq!((others.ingestion_rate, others.max_line_size, others.discover_service_name.len()), (None, 1 << 20, 13));
    let refused = load("[limits]\ningestion_rate_mb = -1.0").unwrap_err();
    assert!(refused.starts_with("line 2: `limits.ingestion_rate_mb` must be 0 to"), "{refused}");
}

#[test]
fn a_tenant_has_its_own_limits_and_the_general_ones_for_the_rest() {
    let text = "[limits]\nmax_query_series = 9\nmax_query_length = \"30d\"\n[[limits.override]]\ntenant = \"team\"\n\
                max_query_series = 5\nmax_concurrent_tail_requests = 2\nmax_query_bytes_read = \"1GiB\"";
    let query = load(text).unwrap().query;
    let team = query.limits_of(&logline::Tenant::new("team").unwrap());
    assert_eq!((team.max_series, team.max_tails, team.max_bytes), (5, 2, Some(ByteSize(1 << 30))));
    assert_eq!(team.max_length, Some(Duration::from_secs(30 * 86_400)));
    let others = query.limits_of(&logline::Tenant::default());
    assert_eq!((others.max_series, others.max_tails, others.max_bytes), (9, 10, None));
}

//! Their settings in, ours out; what comes out is always settings that load.

use agent::Config;
use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(theirs: &str, want: &Expect) {
    let ours = convert(theirs).unwrap();
    want.assert_eq(&ours);
    // Files with secrets are not there yet.
    let without = ours.lines().filter(|line| !line.starts_with("token_file") && !line.starts_with("user"));
    let text: String = without.map(|line| format!("{line}\n")).collect();
    Config::load(&text, []).unwrap_or_else(|problems| panic!("{problems}\n{ours}"));
}

#[test]
fn fluent_bit_in_yaml() {
    check(
        r"
service: { flush: 1, log_level: info }
pipeline:
  inputs:
    - name: tail
      path: /var/log/shop/*.log,/var/log/crm/*.log
      exclude_path: '*.gz'
      tag: shop
      multiline.parser: [docker, java]
      db: /var/lib/fb.db
      path_key: file
    - { name: cpu, tag: cpu }
  filters:
    - { name: grep, match: '*', exclude: log healthz }
  outputs:
    - { name: loki, host: loki.example.org, port: 3100, tls: on, http_user: me, http_passwd: secret, match: '*' }
    - { name: es, host: 127.0.0.1, index: shop, match: 'shop.*' }
",
        &expect![[r##"
            # Converted; look it over, then: lapidary-agent check --config FILE
            # not converted: `path_key` of input `tail`
            # not converted: input `cpu`
            # not converted: filter `grep`: see `rule`, `join`, `regexp` and `[mask]`
            # not converted: the secret of output `loki`: write it to the `token_file`
            # not converted: `match` of output `es`: every output gets every line

            state_dir = "/var/lib/lapidary-agent"

            [[input]]
            paths = ["/var/log/shop/*.log", "/var/log/crm/*.log"]
            exclude = ["*.gz"]
            start = "end"
            container = true
            join = ["java"]
            labels = { service = "shop" }

            [[output]]
            kind = "loki"
            url = "https://loki.example.org:3100"
            user = "me"
            token_file = "/etc/lapidary-agent/loki.token"

            [[output]]
            kind = "elasticsearch"
            url = "http://127.0.0.1:9200"
            index = "shop"
        "##]],
    );
}

#[test]
fn fluent_bit_in_its_classic_form() {
    check(
        r"
[SERVICE]
    Flush 1
@INCLUDE more.conf
[INPUT]
    Name   tail
    Path   /var/log/*.log
    Read_from_Head On
[INPUT]
    Name   syslog
    Mode   udp
    Listen 127.0.0.1
    Port   5140
    Tag    net
[OUTPUT]
    Name         splunk
    Match        *
    Host         hec.example.org
    TLS          On
    Splunk_Token 0000
",
        &expect![[r##"
            # Converted; look it over, then: lapidary-agent check --config FILE
            # not converted: `@INCLUDE more.conf`: convert what it brings in as well
            # not converted: [SERVICE]: most of it needs no counterpart; metrics are served with `listen`
            # not converted: input `tail` has no plain tag; give its lines a `service`
            # not converted: the secret of output `splunk`: write it to the `token_file`

            state_dir = "/var/lib/lapidary-agent"

            [[input]]
            paths = ["/var/log/*.log"]
            start = "head"
            labels = { service = "unnamed" }

            [[input]]
            kind = "syslog"
            udp = "127.0.0.1:5140"
            labels = { service = "net" }

            [output]
            kind = "splunk"
            url = "https://hec.example.org:8088"
            token_file = "/etc/lapidary-agent/splunk.token"
        "##]],
    );
}

#[test]
fn promtail() {
    check(
        r"
server: { http_listen_port: 9080 }
positions: { filename: /tmp/positions.yaml }
clients:
  - url: http://loki:3100/loki/api/v1/push
    tenant_id: jewels
scrape_configs:
  - job_name: shop
    static_configs:
      - targets: [localhost]
        labels: { job: shop, env: prod, __path__: /var/log/shop/*.log }
    pipeline_stages:
      - multiline: { firstline: '^\[', max_wait_time: 3s }
      - regex: { expression: '^(?P<time>\S+) (?P<level>\w+) (?P<msg>.*)$' }
      - labels: { level: }
      - timestamp: { source: time, format: RFC3339 }
      - drop: { expression: healthz }
      - metrics: { lines: { type: Counter } }
  - job_name: journal
    journal: { labels: { host: web-1 } }
    relabel_configs: []
",
        &expect![[r##"
            # Converted; look it over, then: lapidary-agent check --config FILE
            # not converted: `server`: metrics are served with `listen`
            # not converted: a client sends in clear; use TLS and take `plaintext` away
            # not converted: stage `metrics` of job `shop`
            # not converted: `relabel_configs` of job `journal`

            state_dir = "/var/lib/lapidary-agent"

            [[input]]
            paths = ["/var/log/shop/*.log"]
            join_start = '^\['
            join_timeout = "3s"
            regexp = '^(?P<time>\S+) (?P<level>\w+) (?P<msg>.*)$'
            label_fields = { level = "level" }
            time_field = "time"
            rule = [{ name = "dropped", regexp = "healthz" }]
            labels = { env = "prod", job = "shop", service = "shop" }

            [[input]]
            kind = "journal"
            labels = { host = "web-1", service = "journal" }

            [output]
            kind = "loki"
            url = "http://loki:3100/loki/api/v1/push"
            plaintext = true
            tenant = "jewels"
        "##]],
    );
}

#[test]
fn anything_else_is_told() {
    for text in ["", "a: 1", "{"] {
        assert!(convert(text).is_err(), "{text}");
    }
}

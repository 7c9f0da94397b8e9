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
            # not converted: [SERVICE]: most of it needs no counterpart; metrics are served with `listen`
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
            rule = [{ name = "grep shop", regexp = "healthz" }]

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
            # not converted: input `tail` has no plain tag; give its lines a `service`
            # not converted: [SERVICE]: most of it needs no counterpart; metrics are served with `listen`
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
fn a_password_in_an_address_is_not_copied() {
    let text = "clients: [{ url: 'https://shop:s3cret@logs.example.org/loki/api/v1/push' }]\nscrape_configs: []\n";
    let converted = convert(text).unwrap();
    assert!(!converted.contains("s3cret"), "{converted}");
    for part in ["url = \"https://logs.example.org/loki/api/v1/push\"", "user = \"shop\"", "token_file = "] {
        assert!(converted.contains(part), "{part} in {converted}");
    }
}

#[test]
fn variables_are_told() {
    let text = "clients: [{ url: 'https://${LOKI_HOST}/loki/api/v1/push' }]\nscrape_configs: []\n";
    let converted = convert(text).unwrap();
    let note = "# not converted: the variables in `url`: write what they stand for\n";
    assert!(converted.contains(note) && converted.contains("https://${LOKI_HOST}/"), "{converted}");
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
fn parsers_of_fluent_bit_and_filters_that_use_them() {
    check(
        r#"
[INPUT]
    Name              tail
    Tag               shop
    Path              /var/log/shop.log
    multiline.parser  shop-trace, java
    Parser            access
[INPUT]
    Name              tail
    Tag               kube.all
    Path              /var/log/containers/*.log
    multiline.parser  docker, cri
[FILTER]
    Name    kubernetes
    Match   kube.*
[FILTER]
    Name    grep
    Match   kube.*
    Exclude log healthz
    Exclude level debug
[FILTER]
    Name    record_modifier
    Match   *
    Record  env prod
[FILTER]
    Name    multiline
    Match   kube.*
    multiline.parser python
[FILTER]
    Name    lua
    Match   *
[MULTILINE_PARSER]
    name          shop-trace
    type          regex
    flush_timeout 2000
    rule  "start_state"  "/^\d{4}-\d\d-\d\d .*/"  "cont"
    rule  "cont"         "/^\s+at .*/"  "cont"
    rule  "cont"         "/^Caused by:/"  "cont"
[PARSER]
    Name        access
    Format      regex
    Regex       ^(?<host>[^ ]*) \[(?<time>[^\]]*)\] (?<code>\h+)$
    Time_Key    time
    Time_Format %Y-%m-%d %H:%M:%S.%L
    Time_Offset +0300
[OUTPUT]
    Name loki
    Match *
"#,
        &expect![[r##"
            # Converted; look it over, then: lapidary-agent check --config FILE
            # not converted: filter `grep`: `exclude level`: write it as a `rule` with `fields`
            # not converted: filter `lua`: see `rule`, `join`, `regexp` and `[mask]`
            # not converted: the traces by language of `shop`: an input joins by them or by a pattern

            state_dir = "/var/lib/lapidary-agent"

            [[input]]
            paths = ["/var/log/shop.log"]
            start = "end"
            join_next = '(?:^\s+at .*)|(?:^Caused by:)'
            join_timeout = "2000ms"
            regexp = '^(?<host>[^ ]*) \[(?<time>[^\]]*)\] (?<code>[0-9a-fA-F]+)$'
            time_field = "time"
            time_format = "%Y-%m-%d %H:%M:%S%.f"
            timezone = "+03:00"
            labels = { env = "prod", service = "shop" }

            [[input]]
            paths = ["/var/log/containers/*.log"]
            start = "end"
            labels = { env = "prod", service = "kube.all" }
            container = true
            rule = [{ name = "grep kube.all", regexp = "healthz" }]
            join = ["python"]

            [output]
            kind = "loki"
            url = "http://127.0.0.1:3100"
        "##]],
    );
}

#[test]
fn a_parser_that_cannot_be_taken_over_is_told() {
    check(
        r"
multiline_parsers:
  - name: by-start
    type: regex
    rules:
      - { state: start_state, regex: '/^\[/', next_state: cont }
      - { state: cont, regex: '/^(?!\[)/', next_state: cont }
  - { name: ends, type: endswith, match_string: '\' }
parsers:
  - { name: back, format: regex, regex: '^(?<a>.)\k<a>$' }
  - { name: tabs, format: ltsv }
pipeline:
  inputs:
    - { name: tail, tag: a, path: /a.log, multiline.parser: by-start }
    - { name: tail, tag: b, path: /b.log, multiline.parser: ends, parser: back }
    - { name: tail, tag: c, path: /c.log, parser: tabs }
    - { name: tail, tag: d, path: /d.log, parser: elsewhere }
  outputs:
    - { name: loki, match: '*' }
",
        &expect![[r##"
            # Converted; look it over, then: lapidary-agent check --config FILE
            # not converted: type `endswith` of multi-line parser `ends`
            # not converted: parser `back`: the pattern `^(?<a>.)\k<a>$` is not one of ours (no look-around, no references)
            # not converted: format `ltsv` of parser `tabs`
            # not converted: parser `elsewhere` is not in this file: write it as `regexp` or `join_start`

            state_dir = "/var/lib/lapidary-agent"

            [[input]]
            paths = ["/a.log"]
            start = "end"
            join_start = '^\['
            labels = { service = "a" }

            [[input]]
            paths = ["/b.log"]
            start = "end"
            labels = { service = "b" }

            [[input]]
            paths = ["/c.log"]
            start = "end"
            labels = { service = "c" }

            [[input]]
            paths = ["/d.log"]
            start = "end"
            labels = { service = "d" }

            [output]
            kind = "loki"
            url = "http://127.0.0.1:3100"
        "##]],
    );
}

#[test]
fn containers_and_stages_of_promtail() {
    check(
        r"
clients: [{ url: 'https://loki.example.org/loki/api/v1/push' }]
scrape_configs:
  - job_name: docker
    docker_sd_configs: [{ host: 'unix:///var/run/docker.sock' }]
    relabel_configs:
      - { source_labels: [__meta_docker_container_name], regex: '/(.*)', target_label: container }
      - { source_labels: [__meta_docker_container_label_team], target_label: team }
    pipeline_stages:
      - docker: {}
      - json: { expressions: { severity: level, at: '', user: user.name } }
      - labels: { severity: }
      - structured_metadata: { user: }
      - timestamp: { source: at, format: '2006-01-02 15:04:05.000' }
      - drop: { source: severity, value: debug, drop_counter_reason: debug }
      - drop: { expression: healthz }
      - drop: { older_than: 24h }
      - timestamp: { source: at, format: '2 Jan MST' }
      - match: { selector: x, stages: [] }
  - job_name: pods
    kubernetes_sd_configs: [{ role: pod }]
    pipeline_stages: [{ cri: {} }]
  - job_name: syslog
    syslog:
      listen_address: 127.0.0.1:1514
      labels: { env: prod }
",
        &expect![[r##"
            # Converted; look it over, then: lapidary-agent check --config FILE
            # not converted: `docker_sd_configs` of job `docker`: all containers of this host are read, none is chosen
            # not converted: `relabel_configs` (replace `team`) of job `docker`
            # not converted: stage `drop` with `older_than` of job `docker`
            # not converted: stage `timestamp` with format `2 Jan MST` of job `docker`
            # not converted: stage `match` of job `docker`
            # not converted: `kubernetes_sd_configs` of job `pods`: all containers of this host are read, none is chosen

            state_dir = "/var/lib/lapidary-agent"

            [[input]]
            paths = ["/var/lib/docker/containers/*/*-json.log"]
            container = true
            label_fields = { severity = "level" }
            metadata_fields = { user = "user.name" }
            time_field = "at"
            time_format = "%Y-%m-%d %H:%M:%S%.f"
            rule = [{ fields = { level = "debug" }, name = "debug" }, { name = "dropped", regexp = "healthz" }]

            [[input]]
            paths = ["/var/log/pods/*/*/*.log"]
            container = true

            [[input]]
            kind = "syslog"
            tcp = "127.0.0.1:1514"
            labels = { env = "prod", service = "syslog" }

            [output]
            kind = "loki"
            url = "https://loki.example.org/loki/api/v1/push"
        "##]],
    );
}

#[test]
fn anything_else_is_told() {
    for text in ["", "a: 1", "{"] {
        assert!(convert(text).is_err(), "{text}");
    }
}

#[test]
fn what_filters_took_out_on_the_host_is_told_first_and_loudly() {
    check(
        r"
service: { parsers_file: own-parsers.yaml }
pipeline:
  inputs:
    - { name: tail, tag: shop, path: /shop.log }
    - { name: systemd, tag: units, systemd_filter: [_SYSTEMD_UNIT=a.service, PRIORITY=3], read_from_tail: on }
  filters:
    - { name: modify, match: shop, set: env prod, rename: a b, hard_copy: a c, remove: password }
    - { name: modify, match: shop, condition: Key_exists debug, add: debug yes }
    - { name: record_modifier, match: '*', remove_key: card, allowlist_key: log }
    - { name: grep, match: shop, regex: log keep, exclude: [log healthz, level debug], logical_op: or }
    - { name: grep, match_regex: '^sh', exclude: log all }
  outputs:
    - { name: loki, match: '*', tls: on, tls.verify: off }
  routes: {}
",
        &expect![[r##"
            # Converted; look it over, then: lapidary-agent check --config FILE
            # not converted: filter `modify`: WARNING: `remove password` takes fields out that ARE SENT now; name them in a rule with `action = "drop_field"`, which `include` of `[mask]` brings in
            # not converted: filter `record_modifier`: WARNING: `remove_key card` takes fields out that ARE SENT now; name them in a rule with `action = "drop_field"`, which `include` of `[mask]` brings in
            # not converted: filter `record_modifier`: WARNING: `allowlist_key log` takes fields out that ARE SENT now; name them in a rule with `action = "drop_field"`, which `include` of `[mask]` brings in
            # not converted: `routes` of the pipeline
            # not converted: `systemd_filter PRIORITY=3`: all entries of the units are read
            # not converted: [SERVICE]: most of it needs no counterpart; metrics are served with `listen`
            # not converted: `own-parsers.yaml`: put its parsers behind these settings and convert both
            # not converted: `rename` of filter `modify`
            # not converted: `hard_copy` of filter `modify`
            # not converted: filter `modify`: `condition`: what it adds would be added to every line, so nothing is
            # not converted: filter `grep`: `regex log keep` keeps what matches; here rules name what goes
            # not converted: filter `grep`: `exclude level`: write it as a `rule` with `fields`
            # not converted: `logical_op` of filter `grep`
            # not converted: filter `grep`: `match_regex`: write what it does into the inputs that it is about
            # not converted: `tls.verify off` of output `loki`: certificates are always verified; name the authority as `ca_file`

            state_dir = "/var/lib/lapidary-agent"

            [[input]]
            paths = ["/shop.log"]
            start = "end"
            labels = { env = "prod", service = "shop" }
            rule = [{ name = "grep shop", regexp = "healthz" }]

            [[input]]
            kind = "journal"
            units = ["a.service"]
            start = "end"
            labels = { service = "units" }

            [output]
            kind = "loki"
            url = "https://127.0.0.1:3100"
        "##]],
    );
}

#[test]
fn every_key_of_promtail_is_taken_over_or_told() {
    check(
        r"
clients:
  - url: https://loki.example.org/loki/api/v1/push
    proxy_url: http://me:s3cret@proxy.example.org:3128
    timeout: 20s
    batchwait: 1s
    headers: { X-Team: jewels }
    oauth2: { client_id: a }
    tls_config: { insecure_skip_verify: true, server_name: other.example.org }
scrape_configs:
  - job_name: shop
    encoding: windows-1251
    static_configs:
      - { labels: { __path__: '/var/log/{shop,crm/{a,b}}/*.log', __path_exclude__: '*.{gz,zip}' }, more: 1 }
      - { labels: { job: none } }
    pipeline_stages:
      - json: { expressions: { at: '' }, drop_malformed: true }
      - timestamp: { source: at, format: RFC3339, location: Europe/Moscow, action_on_failure: skip }
      - timestamp: { source: at, format: RFC3339, location: Europe/Berlin }
      - multiline: { firstline: '^x', max_lines: 9 }
  - job_name: journal
    journal: { matches: _SYSTEMD_UNIT=a.service _SYSTEMD_UNIT=b.service, max_age: 12h, path: /var/log/journal, json: true }
  - job_name: kernel
    journal: { matches: _TRANSPORT=kernel }
  - job_name: net
    syslog: { listen_address: '127.0.0.1:1514', label_structured_data: true }
",
        &expect![[r##"
            # Converted; look it over, then: lapidary-agent check --config FILE
            # not converted: the user and password of a client's `proxy_url`
            # not converted: `headers` of a client: the tenant goes as `tenant`, no others are sent
            # not converted: `insecure_skip_verify` of a client: certificates are always verified; name the authority as `ca_file`
            # not converted: `server_name` of a client's `tls_config`
            # not converted: `oauth2` of a client
            # not converted: `more` of `static_configs` of job `shop`
            # not converted: `static_configs` without `__path__` of job `shop`
            # not converted: `encoding` of job `shop`
            # not converted: `drop_malformed` of stage `json` of job `shop`
            # not converted: `action_on_failure` of stage `timestamp` of job `shop`
            # not converted: stage `timestamp` with `location: Europe/Berlin` (no offset holds all year: write `timezone`) of job `shop`
            # not converted: `max_lines` of stage `multiline` of job `shop`
            # not converted: `path` of `journal` of job `journal`
            # not converted: `json` of `journal` of job `journal`
            # not converted: `matches` of `journal` of job `kernel`: all entries are read; `_TRANSPORT=kernel` may do as a `rule`
            # not converted: `label_structured_data` of `syslog` of job `net`

            state_dir = "/var/lib/lapidary-agent"

            [[input]]
            paths = ["/var/log/shop/*.log", "/var/log/crm/a/*.log", "/var/log/crm/b/*.log"]
            exclude = ["*.gz", "*.zip"]
            timezone = "+03:00"
            time_field = "at"
            join_start = "^x"
            labels = { service = "shop" }

            [[input]]
            kind = "journal"
            units = ["a.service", "b.service"]
            start = "12h"
            labels = { service = "journal" }

            [[input]]
            kind = "journal"
            labels = { service = "kernel" }
            name = "journal-2"

            [[input]]
            kind = "syslog"
            tcp = "127.0.0.1:1514"
            labels = { service = "net" }

            [output]
            kind = "loki"
            url = "https://loki.example.org/loki/api/v1/push"
            proxy = "http://proxy.example.org:3128/"
            timeout = "20s"
        "##]],
    );
}

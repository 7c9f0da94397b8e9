//! Settings of Fluent Bit, in both of its forms.

use expect_test::expect;

use super::check;

#[test]
fn settings_in_yaml() {
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
fn settings_in_the_classic_form() {
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
fn parsers_and_filters_that_use_them() {
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

//! Settings of Promtail.

use expect_test::expect;

use super::check;

#[test]
fn files_stages_and_the_journal() {
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
fn containers_and_further_stages() {
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
fn every_key_is_taken_over_or_told() {
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

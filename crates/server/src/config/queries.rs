//! What queries may use, in Loki's words: for all tenants, and for single ones.

use std::collections::BTreeMap;
use std::time::Duration;

use logline::Tenant;
use query::{Config, Limits};
use stdx::{ByteSize, Settings};

use super::count;

/// Reads what queries may use; what is wrong is reported to `settings`.
pub(super) fn read(settings: &mut Settings) -> Config {
    let default = Config::default();
    let limits = limits(settings, "limits", &default.limits);
    let mut tenants = BTreeMap::new();
    for prefix in settings.tables("limits.override") {
        let own = self::limits(settings, &prefix, &limits);
        let name: Option<String> = settings.optional(&format!("{prefix}.tenant"), "");
        // A name that is missing or wrong is reported where retention is read.
        if let Some(tenant) = name.and_then(|name| Tenant::new(&name).ok()) {
            tenants.insert(tenant, own);
        }
    }
    let memory = settings.or(
        "query.memory",
        default.memory,
        "Memory that all queries share; a query that needs more ends with an error.",
    );
    let half = ByteSize(memory.0 / 2);
    let memory_per_query = settings.or(
        "query.memory_per_query",
        default.memory_per_query.min(half),
        "Memory that one query may use of it.",
    );
    let results_cache = settings.or(
        "query.results_cache",
        default.results_cache,
        "Memory for points of metric queries that were computed before; `0B` keeps none.",
    );
    let at_once = "Queries that run at once, of one asker (tenant and token) three quarters of them; further ones wait, and each asker's are let in in turn.";
    let waiting = "Queries of one asker that may wait; more are refused with 429.";
    Config {
        limits,
        tenants,
        memory,
        memory_per_query,
        results_cache,
        at_once: count(settings, "query.max_concurrent", default.at_once, at_once),
        most_waiting: count(settings, "query.max_outstanding_per_asker", default.most_waiting, waiting),
        ..default
    }
}

fn limits(settings: &mut Settings, prefix: &str, default: &Limits) -> Limits {
    let key = |name: &str| format!("{prefix}.{name}");
    let none = |limit: Option<Duration>| limit.unwrap_or_default();
    let some = |limit: Duration| Some(limit).filter(|limit| !limit.is_zero());
    let bytes = settings.or(
        &key("max_query_bytes_read"),
        default.max_bytes.unwrap_or(ByteSize(0)),
        "Most bytes of text a query may read; `0B` is no limit.",
    );
    Limits {
        timeout: settings.or(&key("query_timeout"), default.timeout, "Longest time a query may take."),
        max_series: count(settings, &key("max_query_series"), default.max_series, "Most series in an answer."),
        max_entries: count(
            settings,
            &key("max_entries_limit_per_query"),
            default.max_entries,
            "Most lines in an answer; lists of type `application/x-ndjson` have no limit.",
        ),
        max_bytes: Some(bytes).filter(|bytes| bytes.0 > 0),
        max_length: some(settings.or(
            &key("max_query_length"),
            none(default.max_length),
            "Longest stretch of time of a query; `0s` is no limit.",
        )),
        max_lookback: some(settings.or(
            &key("max_query_lookback"),
            none(default.max_lookback),
            "Older lines are not shown; `0s` is no limit.",
        )),
        max_volumes: count(settings, &key("volume_max_series"), default.max_volumes, "Most series of a volume."),
        max_tails: count(settings, &key("max_concurrent_tail_requests"), default.max_tails, "Most tails at once."),
        max_range: some(settings.or(
            &key("max_query_range"),
            none(default.max_range),
            "Longest window of a range aggregation, `[…]`; `0s` is no limit.",
        )),
        required_labels: settings.or(
            &key("required_labels"),
            default.required_labels.clone(),
            "Labels that every selector must have a matcher for.",
        ),
        min_labels: count(
            settings,
            &key("minimum_labels_number"),
            default.min_labels,
            "How many labels every selector must have matchers for.",
        ),
    }
}

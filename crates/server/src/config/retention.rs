//! How long lines are kept, in Loki's words.

use std::time::Duration;

use logline::Tenant;
use stdx::Settings;
use storage::{Lifecycle, Retention, StreamRetention};

/// No period may be shorter: files hold a day.
const SHORTEST: Duration = Duration::from_hours(24);

/// Reads everything about retention and deletes; what is wrong is reported to `settings`.
pub(super) fn read(settings: &mut Settings) -> Lifecycle {
    let default = Lifecycle::default();
    let lifecycle = Lifecycle {
        retention_enabled: settings.or(
            "storage.retention_enabled",
            default.retention_enabled,
            "Whether anything is ever deleted because of its age.",
        ),
        delete_delay: settings.or(
            "storage.retention_delete_delay",
            default.delete_delay,
            "How long a file stays on the disk after no version of its table names it; running queries and old versions need it.",
        ),
        cancel_period: settings.or(
            "storage.delete_request_cancel_period",
            default.cancel_period,
            "How long a request to delete lines can be cancelled; its lines are hidden at once and written out of the files after this.",
        ),
        retention: Retention {
            period: period(settings, "limits.retention_period", "How long lines are kept that no rule below is about; `0s` is for ever."),
            streams: streams(settings, "limits.retention_stream"),
        },
        ..default
    };
    let events = period(
        settings,
        "limits.order_events_retention_period",
        "How long the steps of orders are kept, apart from their lines; `0s` is for ever.",
    );
    let tenants = settings.tables("limits.override").iter().filter_map(|prefix| tenant(settings, prefix)).collect();
    Lifecycle {
        tenants,
        tables: events.map(|period| ("order_events".to_owned(), period)).into_iter().collect(),
        ..lifecycle
    }
}

fn tenant(settings: &mut Settings, prefix: &str) -> Option<(Tenant, Retention)> {
    let key = |name: &str| format!("{prefix}.{name}");
    let name: Option<String> = settings.required(&key("tenant"), "The tenant that the settings beside it are for.");
    let own = settings.optional(&key("retention_period"), "Its period, instead of the general one.");
    let own = check(settings, &key("retention_period"), own);
    let streams = streams(settings, &key("retention_stream"));
    let name = name?;
    match Tenant::new(&name) {
        Ok(tenant) => Some((tenant, Retention { period: own, streams })),
        Err(error) => {
            settings.problem(&key("tenant"), format!("is `{name}`: {error}"));
            None
        }
    }
}

fn streams(settings: &mut Settings, key: &str) -> Vec<StreamRetention> {
    settings.tables(key).iter().filter_map(|prefix| stream(settings, prefix)).collect()
}

fn stream(settings: &mut Settings, prefix: &str) -> Option<StreamRetention> {
    let key = |name: &str| format!("{prefix}.{name}");
    let text: Option<String> = settings.required(&key("selector"), "Which streams, such as {env=\"dev\"}.");
    let priority = settings.or(
        &key("priority"),
        0_u64,
        "Of several rules that fit, the highest priority decides; of equal ones the shorter period.",
    );
    let period = settings.required(&key("period"), "How long their lines are kept; at least a day.");
    let period = check(settings, &key("period"), period);
    let text = text?;
    match query::selector(&text) {
        Ok(selector) => {
            let priority = u32::try_from(priority).unwrap_or(u32::MAX);
            Some(StreamRetention { selector, priority, period: period? })
        }
        Err(error) => {
            settings.problem(&key("selector"), format!("is no selector of streams: {error}"));
            None
        }
    }
}

/// A period that is for ever when zero, and a day at least when not.
pub(super) fn period(settings: &mut Settings, key: &str, doc: &'static str) -> Option<Duration> {
    let period = settings.or(key, Duration::ZERO, doc);
    check(settings, key, Some(period).filter(|period| !period.is_zero()))
}

fn check(settings: &mut Settings, key: &str, period: Option<Duration>) -> Option<Duration> {
    let period = period?;
    if period.is_zero() || SHORTEST <= period {
        return Some(period);
    }
    settings.problem(key, format!("is {}, but must be at least a day", stdx::show_duration(period)));
    None
}

//! Rules and back-tests as people read them: tables, and a line of time for each rule.

use std::fmt::Write as _;

use alert::backtest::{Episode, RuleHistory};
use jiff::tz::TimeZone;
use logline::Timestamp;
use serde_json::Value;
use stdx::Language;

/// Columns of a line of time.
const COLUMNS: usize = 48;
/// Episodes of a rule that a table shows.
const SHOWN: usize = 20;
/// How much of its time a column fires, in eighths.
const BLOCKS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The rules of a server, from Prometheus's API.
pub(super) fn rules(groups: &Value, language: Language) -> String {
    let heading = language.pick("STATE\tRULE\tGROUP\tALERTS\tQUERY", "СОСТОЯНИЕ\tПРАВИЛО\tГРУППА\tТРЕВОГ\tЗАПРОС");
    let mut rows = vec![heading.split('\t').map(str::to_owned).collect::<Vec<_>>()];
    for (group, rule) in each(groups) {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let state = match (rule["health"].as_str(), rule["state"].as_str()) {
            (Some("unknown"), _) => language.pick("not ready", "не готово").to_owned(),
            (Some("err"), _) => language.pick("broken", "ошибка").to_owned(),
            (_, Some(state)) => state_word(state, language).to_owned(),
            _ => language.pick("records", "запись").to_owned(),
        };
        let place = format!("{}/{}", text(group, "file"), text(group, "name"));
        let alerts = rule["alerts"].as_array().map_or(0, Vec::len);
        let mut query: String = text(rule, "query").split_whitespace().collect::<Vec<_>>().join(" ");
        if query.chars().count() > 60 {
            query = query.chars().take(59).collect::<String>() + "…";
        }
        rows.push(vec![state, text(rule, "name"), place, alerts.to_string(), query]);
    }
    let mut out = table(&rows);
    for (_, rule) in each(groups) {
        let (name, error) = (rule["name"].as_str().unwrap_or_default(), rule["lastError"].as_str().unwrap_or_default());
        if !error.is_empty() {
            put(&mut out, format_args!("\n{name}: {error}\n"));
        }
    }
    out
}

/// The same for spreadsheets.
pub(super) fn rules_csv(groups: &Value) -> String {
    let mut out = "state,rule,file,group,alerts,query,error\n".to_owned();
    for (group, rule) in each(groups) {
        let alerts = rule["alerts"].as_array().map_or(0, Vec::len).to_string();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let cells = [
            text(rule, "state"),
            text(rule, "name"),
            text(group, "file"),
            text(group, "name"),
            alerts,
            text(rule, "query"),
            text(rule, "lastError"),
        ];
        out += &csv(&cells);
    }
    out
}

fn each(groups: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = groups.as_array().into_iter().flatten();
    groups.flat_map(|group| group["rules"].as_array().into_iter().flatten().map(move |rule| (group, rule)))
}

fn state_word(state: &str, language: Language) -> &'static str {
    match state {
        "firing" => language.pick("FIRING", "ТРЕВОГА"),
        "pending" => language.pick("pending", "ждёт"),
        _ => language.pick("quiet", "тихо"),
    }
}

/// What a back-test came to: a line of time for each rule, then when it fired.
pub(super) fn histories(rules: &[RuleHistory], bounds: (i64, i64), zone: &TimeZone, language: Language) -> String {
    let (from, to) = (moment(Timestamp(bounds.0), zone), moment(Timestamp(bounds.1), zone));
    let width = rules.iter().map(|rule| rule.rule.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    let blank = " ".repeat(width + 2);
    let gap = " ".repeat(COLUMNS.saturating_sub(from.chars().count() + to.chars().count()).max(1));
    put(&mut out, format_args!("{blank}{from}{gap}{to}\n"));
    for rule in rules {
        let times = match (rule.fired, language) {
            (0, Language::English) => "never fired".to_owned(),
            (0, Language::Russian) => "не сработало ни разу".to_owned(),
            (fired, Language::English) => format!("fired {fired} ×, {} in all", span(firing(rule, bounds), language)),
            (fired, Language::Russian) => format!("тревог: {fired}, всего {}", span(firing(rule, bounds), language)),
        };
        put(&mut out, format_args!("{:width$}  {}  {times}\n", rule.rule, line_of_time(rule, bounds)));
    }
    for rule in rules {
        if rule.episodes.is_empty() && rule.error.is_none() {
            continue;
        }
        put(&mut out, format_args!("\n{}\n", rule.rule));
        if let Some(error) = &rule.error {
            put(&mut out, format_args!("  {} {error}\n", language.pick("not everywhere:", "не везде:")));
        }
        let rows: Vec<Vec<String>> =
            rule.episodes.iter().take(SHOWN).map(|one| row(one, bounds.1, zone, language)).collect();
        out += &table(&rows);
        if let Some(more) = rule.fired.checked_sub(SHOWN as u64).filter(|more| *more > 0) {
            put(&mut out, format_args!("  {} {more}\n", language.pick("and more:", "и ещё:")));
        }
    }
    out
}

fn row(one: &Episode, end: i64, zone: &TimeZone, language: Language) -> Vec<String> {
    let until = one.resolved_at.map_or(end, |time| time.0);
    let length = u64::try_from((until - one.fired_at.0) / 1_000_000_000).unwrap_or(0);
    let mut lasted = span(length, language);
    if one.resolved_at.is_none() {
        lasted += language.pick(", still", ", ещё идёт");
    }
    let labels = one.labels.iter().filter(|(name, _)| *name != alert::ALERTNAME && *name != "severity");
    let labels: Vec<String> = labels.map(|(_, value)| value.clone()).collect();
    let what = if one.summary.is_empty() { labels.join(", ") } else { one.summary.clone() };
    vec![format!("  {}", moment(one.fired_at, zone)), lasted, what]
}

/// The same for spreadsheets: a row an episode.
pub(super) fn histories_csv(rules: &[RuleHistory], zone: &TimeZone) -> String {
    let mut out = "group,rule,active_at,fired_at,resolved_at,value,labels,summary\n".to_owned();
    let time = |time: Timestamp| {
        jiff::Timestamp::from(time).to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    for rule in rules {
        for one in &rule.episodes {
            let labels: Vec<String> = one.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            let cells = [
                rule.group.clone(),
                rule.rule.clone(),
                time(one.active_at),
                time(one.fired_at),
                one.resolved_at.map(time).unwrap_or_default(),
                one.value.to_string(),
                labels.join(" "),
                one.summary.clone(),
            ];
            out += &csv(&cells);
        }
    }
    out
}

/// Each column is as high as the share of its time in which the rule fires.
fn line_of_time(rule: &RuleHistory, (from, to): (i64, i64)) -> String {
    let width = ((to - from) as f64 / COLUMNS as f64).max(1.0);
    let mut out = String::new();
    for column in 0..COLUMNS {
        let begin = from as f64 + column as f64 * width;
        let overlap = |one: &Episode| {
            let until = one.resolved_at.map_or(to, |time| time.0) as f64;
            (until.min(begin + width) - (one.fired_at.0 as f64).max(begin)).max(0.0)
        };
        let share = rule.episodes.iter().map(overlap).sum::<f64>() / width;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8")]
        let height = (share.min(1.0) * 8.0).ceil() as usize;
        out.push(BLOCKS.get(height).copied().unwrap_or('█'));
    }
    out
}

/// Seconds in which a rule fires, each counted once however many of its alerts do.
fn firing(rule: &RuleHistory, (_, to): (i64, i64)) -> u64 {
    let mut spans: Vec<(i64, i64)> =
        rule.episodes.iter().map(|one| (one.fired_at.0, one.resolved_at.map_or(to, |time| time.0))).collect();
    spans.sort_unstable();
    let (mut total, mut end) = (0, i64::MIN);
    for (from, until) in spans {
        total += (until - from.max(end)).max(0);
        end = end.max(until);
    }
    u64::try_from(total / 1_000_000_000).unwrap_or(0)
}

fn moment(time: Timestamp, zone: &TimeZone) -> String {
    jiff::Timestamp::from(time).to_zoned(zone.clone()).strftime("%d.%m.%Y %H:%M").to_string()
}

fn span(seconds: u64, language: Language) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let unit = |english, russian| language.pick(english, russian);
    let (d, h, m, s) = (unit("d", "д"), unit("h", "ч"), unit("min", "мин"), unit("s", "с"));
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} {s}"),
        (0, 0, _) => format!("{minutes} {m}"),
        (0, _, _) => format!("{hours} {h} {minutes} {m}"),
        _ => format!("{days} {d} {hours} {h}"),
    }
}

fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            put(&mut line, format_args!("{cell:width$}  "));
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

fn csv(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn history(spans: &[(i64, Option<i64>)]) -> RuleHistory {
        let at = |minute: i64| Timestamp(minute * 60_000_000_000);
        let episode = |(from, until): &(i64, Option<i64>)| Episode {
            labels: BTreeMap::from([("service_name".to_owned(), "crm-api".to_owned())]),
            active_at: at(*from),
            fired_at: at(*from),
            resolved_at: until.map(at),
            value: 300.0,
            summary: "crm-api has written nothing for 5m 0s".to_owned(),
        };
        RuleHistory {
            group: "volume".to_owned(),
            rule: "ServiceSilent".to_owned(),
            query: "absence()".to_owned(),
            episodes: spans.iter().map(episode).collect(),
            fired: spans.len() as u64,
            passed: 0,
            error: None,
        }
    }

    const DAY: (i64, i64) = (0, 1_440 * 60_000_000_000);

    #[test]
    fn a_line_of_time_is_as_high_as_the_rule_fires() {
        let line = line_of_time(&history(&[(0, Some(30)), (60, Some(75))]), DAY);
        assert_eq!(line.chars().count(), COLUMNS);
        assert!(line.starts_with("█·▄···"), "{line}");
        assert_eq!(firing(&history(&[(0, Some(30)), (15, Some(45)), (1_430, None)]), DAY), 55 * 60);
    }

    #[test]
    fn a_rule_that_waits_is_not_broken() {
        let rule = |name: &str, health: &str, error: &str| serde_json::json!({"name": name, "health": health, "lastError": error, "state": "inactive", "query": "q"});
        let rules = [
            rule("Stuck", "unknown", "orders are still being read from storage"),
            rule("Wrong", "err", "no such label"),
            rule("Fine", "ok", ""),
        ];
        let shown = super::rules(&serde_json::json!([{"file": "f", "name": "g", "rules": rules}]), Language::Russian);
        let states: Vec<_> = shown.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(states, ["не", "ошибка", "тихо", "Stuck:", "Wrong:"], "{shown}");
    }

    #[test]
    fn a_back_test_is_told_in_both_languages() {
        let rules = [history(&[(60, Some(100)), (1_400, None)])];
        let english = histories(&rules, DAY, &TimeZone::UTC, Language::English);
        assert!(english.contains("fired 2 ×, 1 h 20 min in all"), "{english}");
        assert!(english.contains("  01.01.1970 01:00  40 min         crm-api has written nothing"), "{english}");
        assert!(english.contains("40 min, still"), "{english}");
        let russian = histories(&rules, DAY, &TimeZone::UTC, Language::Russian);
        assert!(russian.contains("тревог: 2, всего 1 ч 20 мин") && russian.contains("ещё идёт"), "{russian}");
        let csv = histories_csv(&rules, &TimeZone::UTC);
        assert_eq!(csv.lines().count(), 3);
    }
}

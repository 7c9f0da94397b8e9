//! What Prometheus' templates of rules and Alertmanager's of messages know beyond Go: numbers for people, texts, times.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use logql::Nanos;

use super::text::{regex, regex_replaced, url_encoded};
use super::{Function, MANY, plain, text};
use crate::Error;
use crate::printf::printf;
use crate::run::Run;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    plain("humanize", 1, 1, |run, args| humanized(run, number(&args[0])?)),
    plain("humanize1024", 1, 1, |run, args| {
        let value = number(&args[0])?;
        if value.abs() <= 1.0 || !value.is_finite() {
            return short(run, value, "");
        }
        let (value, prefix) = larger(value, 1024.0, &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]);
        short(run, value, prefix)
    }),
    plain("humanizeDuration", 1, 1, |run, args| duration(run, number(&args[0])?)),
    plain("inRussian", 1, 1, |run, args| run.text(in_russian(&text(&args[0])?))),
    plain("humanizePercentage", 1, 1, |run, args| short(run, number(&args[0])? * 100.0, "%")),
    plain("humanizeTimestamp", 1, 1, |run, args| match number(&args[0])? {
        value if value.is_finite() => time(value),
        value => short(run, value, ""),
    }),
    plain("toTime", 1, 1, |_, args| time(number(&args[0])?)),
    plain("parseDuration", 1, 1, |_, args| {
        let length = Nanos::parse_prometheus(&text(&args[0])?).map_err(|_| Error::new("not a duration"))?;
        #[expect(clippy::cast_precision_loss, reason = "seconds as a float are what Prometheus gives")]
        let seconds = length.0 as f64 / 1e9;
        Ok(Value::Float(seconds))
    }),
    plain("toUpper", 1, 1, |run, args| run.text(text(&args[0])?.to_uppercase())),
    plain("toLower", 1, 1, |run, args| run.text(text(&args[0])?.to_lowercase())),
    plain("trimSpace", 1, 1, |run, args| run.text(text(&args[0])?.trim())),
    plain("safeHtml", 1, 1, |run, args| run.text(text(&args[0])?)),
    plain("safeUrl", 1, 1, |run, args| run.text(text(&args[0])?)),
    plain("urlQueryEscape", 1, 1, |run, args| url_encoded(run, &text(&args[0])?)),
    plain("stripPort", 1, 1, |run, args| run.text(without_port(&text(&args[0])?))),
    plain("stripDomain", 1, 1, |run, args| run.text(without_domain(&text(&args[0])?))),
    plain("match", 2, 2, |run, args| {
        let (regex, text) = (regex(run, &args[0])?, text(&args[1])?);
        run.spend(text.len())?;
        Ok(Value::Bool(regex.searcher().is_match(text.as_bytes())))
    }),
    plain("reReplaceAll", 3, 3, |run, args| {
        let args = [args[0].clone(), args[2].clone(), args[1].clone()];
        regex_replaced(run, &args, false)
    }),
    plain("join", 2, 2, |run, args| {
        let (between, Value::List(values)) = (text(&args[0])?, &args[1]) else {
            return Err(Error::new(format!("cannot join a {}", args[1].kind())));
        };
        let mut out = String::new();
        for (index, value) in values.iter().enumerate() {
            out.push_str(if index > 0 { &between } else { "" });
            out.push_str(&run.printed(value)?);
            run.fits(out.len())?;
        }
        run.text(out)
    }),
    plain("stringSlice", 0, MANY, |_, args| {
        let texts = args.iter().map(|arg| text(arg).map(Value::Text)).collect::<Result<Vec<_>, _>>()?;
        Ok(Value::List(texts.into()))
    }),
    plain("args", 0, MANY, |_, args| {
        Ok(Value::map(args.iter().enumerate().map(|(index, value)| (format!("arg{index}"), value.clone()))))
    }),
    plain("first", 1, 1, |_, args| match &args[0] {
        Value::List(values) => values.first().cloned().ok_or_else(|| Error::new("first() of an empty list")),
        other => Err(Error::new(format!("first() of a {}", other.kind()))),
    }),
];

/// A number, or a text that is one.
fn number(value: &Value) -> Result<f64, Error> {
    #[expect(clippy::cast_precision_loss, reason = "a float is what Prometheus computes with")]
    match value {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::Text(text) => text.parse().map_err(|_| Error::new("not a number")),
        other => Err(Error::new(format!("can't convert {} to float", other.kind()))),
    }
}

/// Four significant digits and a unit.
fn short(run: &mut Run<'_>, value: f64, unit: &str) -> Result<Value, Error> {
    let digits = printf(run, "%.4g", &[Value::Float(value)])?;
    run.text(digits + unit)
}

fn larger<'p>(mut value: f64, base: f64, prefixes: &[&'p str]) -> (f64, &'p str) {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < base {
            break;
        }
        (value, prefix) = (value / base, next);
    }
    (value, prefix)
}

fn smaller(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        (value, prefix) = (value * 1000.0, next);
    }
    (value, prefix)
}

fn humanized(run: &mut Run<'_>, value: f64) -> Result<Value, Error> {
    if value == 0.0 || !value.is_finite() {
        return short(run, value, "");
    }
    let (value, prefix) = if value.abs() >= 1.0 {
        larger(value, 1000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"])
    } else {
        smaller(value)
    };
    short(run, value, prefix)
}

/// Seconds as days, hours, minutes and seconds; under a second with a prefix.
fn duration(run: &mut Run<'_>, seconds: f64) -> Result<Value, Error> {
    if !seconds.is_finite() {
        return short(run, seconds, "");
    }
    if seconds != 0.0 && seconds.abs() < 1.0 {
        let (value, prefix) = smaller(seconds);
        return short(run, value, &format!("{prefix}s"));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let length = seconds.abs();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds, not negative")]
    let whole = length as u64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => short(run, seconds, "s"),
        (0, 0, _) => run.text(format!("{sign}{minutes}m {rest}s")),
        (0, _, _) => run.text(format!("{sign}{hours}h {minutes}m {rest}s")),
        _ => run.text(format!("{sign}{days}d {hours}h {minutes}m {rest}s")),
    }
}

/// A length of time such as `1h 5m 0s` or `10m`, with Russian units and without what is zero at its end; of our own, for
/// messages. Other texts stay.
fn in_russian(text: &str) -> String {
    const UNITS: [(&str, &str); 6] = [("w", "нед"), ("d", "д"), ("h", "ч"), ("ms", "мс"), ("m", "мин"), ("s", "с")];
    let (sign, length) = text.strip_prefix('-').map_or(("", text), |length| ("-", length));
    let (mut parts, mut rest) = (Vec::new(), length.trim());
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let Some((_, unit)) = UNITS.iter().find(|(known, _)| *known == unit).filter(|_| !number.is_empty()) else {
            return text.to_owned();
        };
        parts.push((number, *unit));
        rest = behind.trim_start();
    }
    while parts.len() > 1 && parts.last().is_some_and(|(number, _)| *number == "0") {
        parts.pop();
    }
    let parts: Vec<_> = parts.into_iter().map(|(number, unit)| format!("{number} {unit}")).collect();
    format!("{sign}{}", parts.join(" "))
}

fn time(seconds: f64) -> Result<Value, Error> {
    #[expect(clippy::cast_possible_truncation, reason = "checked by the range of times")]
    let nanos = (seconds * 1e9).round() as i128;
    let time = Timestamp::from_nanosecond(nanos).map_err(|_| Error::new("time out of range"))?;
    Ok(Value::Time(time.to_zoned(TimeZone::UTC)))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
            inner.unwrap_or(if name.contains(':') { host } else { name })
        }
        _ => host,
    }
}

/// The name up to its first dot, with the port it had; an address stays as it is.
fn without_domain(host: &str) -> Arc<str> {
    let name = without_port(host);
    if name.parse::<std::net::IpAddr>().is_ok() {
        return host.into();
    }
    let port = host.strip_prefix(name).unwrap_or_default();
    let short = name.split('.').next().unwrap_or(name);
    format!("{short}{port}").into()
}

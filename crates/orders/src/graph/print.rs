//! A graph as the TOML document that gives it again.

use std::fmt::Write as _;
use std::time::Duration;

use logline::Timestamp;

use super::{Graph, Status};

impl Graph {
    /// The document without its calendar, whose keys are free to be written in many ways.
    pub fn to_toml(&self) -> String {
        let mut out = format!("object = {:?}\n", self.object);
        if self.valid_from != Timestamp::MIN {
            line(&mut out, "valid_from", &format!("{:?}", jiff::Timestamp::from(self.valid_from).to_string()));
        }
        for status in &self.statuses {
            out.push_str("\n[[status]]\n");
            print(&mut out, status);
        }
        for objective in &self.objectives {
            out.push_str("\n[[objective]]\n");
            line(&mut out, "name", &format!("{:?}", objective.name));
            line(&mut out, "from", &format!("{:?}", objective.from));
            line(&mut out, "to", &format!("{:?}", objective.to));
            line(&mut out, "within", &span(objective.within));
            if objective.working {
                line(&mut out, "working", "true");
            }
            line(&mut out, "target", &objective.target.to_string());
            line(&mut out, "window", &span(objective.window));
        }
        out
    }
}

fn print(out: &mut String, status: &Status) {
    line(out, "name", &format!("{:?}", status.name));
    line(out, "owner", &format!("{:?}", status.owner));
    if let Some(deadline) = status.deadline {
        line(out, "deadline", &span(deadline));
    }
    if !status.deadlines.is_empty() {
        let all = status.deadlines.iter().map(|(next, limit)| format!("{next:?} = {}", span(*limit)));
        line(out, "deadlines", &format!("{{ {} }}", all.collect::<Vec<_>>().join(", ")));
    }
    if status.working {
        line(out, "working", "true");
    }
    if !status.next.is_empty() {
        line(out, "next", &format!("{:?}", status.next));
    }
    if status.rework != super::DEFAULT_REWORK {
        line(out, "rework", &status.rework.to_string());
    }
    if let Some(confirm) = &status.confirm {
        let endpoint = confirm.endpoint.iter().map(|endpoint| format!(", endpoint = {endpoint:?}"));
        let rest = endpoint.collect::<String>() + &format!(", within = {}", span(confirm.within));
        line(out, "confirm", &format!("{{ peers = {:?}{rest} }}", confirm.peers));
    }
    if let Some(expect) = &status.expect {
        let named = [("service", &expect.service), ("endpoint", &expect.endpoint), ("status", &expect.status)];
        let named =
            named.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} = {value:?}, ")));
        line(out, "expect", &format!("{{ {}within = {} }}", named.collect::<String>(), span(expect.within)));
    }
}

/// Every unit that is needed, so that nothing is rounded.
fn span(span: Duration) -> String {
    let mut left = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if size <= left {
            text += &format!("{}{unit}", left / size);
            left %= size;
        }
    }
    format!("\"{}\"", if text.is_empty() { "0" } else { &text })
}

fn line(out: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    writeln!(out, "{key} = {value}").unwrap_or_default();
}

//! Holds a record against the rules: what a line must carry, and what its reserved keys may be.

use jiff::tz::TimeZone;

use super::Reader;
use crate::key::Key;
use crate::record::{duration_ms, http_status};
use crate::{Defect, Direction, Format, Kind, Level, LineTime, Record};

impl Reader {
    /// Notes what a record lacks.
    pub(super) fn judge(&self, record: &mut Record<'_>) {
        let mut defects = record.defects;
        match record.time {
            None if record.format == Format::House => defects.add(Defect::BadTime),
            Some(time) if !time.zoned => defects.add(Defect::NoZone),
            _ => {}
        }
        if record.format == Format::House && record.kind.is_none() {
            defects.add(Defect::UnknownKind);
        }
        if record.format == Format::House && record.endpoint.is_empty() {
            defects.add(Defect::NoEndpoint);
        }
        if VALUES.iter().any(|(key, good)| record.text(*key).is_some_and(|text| !good(text))) {
            defects.add(Defect::BadValue);
        }
        for defect in self.judge_status(record).into_iter().flatten() {
            defects.add(defect);
        }
        record.defects = defects;
    }

    /// The order rule, and the vocabulary of the subject's type.
    fn judge_status(&self, record: &Record<'_>) -> [Option<Defect>; 2] {
        let transition = record.kind == Some(Kind::Status);
        let status = record.status().filter(|status| !status.is_empty());
        let Some(subject) = record.subject() else {
            return [
                transition.then_some(Defect::NoObject),
                (transition && status.is_none()).then_some(Defect::NoStatus),
            ];
        };
        let from = record.from().filter(|_| transition);
        let unknown = |status: &str| !self.config.statuses.allow(subject.object, status);
        let missing = status.is_none() && (transition || subject.object == "order");
        [
            missing.then_some(Defect::NoStatus),
            status.into_iter().chain(from).any(unknown).then_some(Defect::UnknownStatus),
        ]
    }
}

/// Whether a text is a value for some key.
type Rule = fn(&str) -> bool;

/// The reserved keys that are more than text, and what they may be.
const VALUES: [(Key, Rule); 5] = [
    (Key::HttpStatus, |text| http_status(text).is_some()),
    (Key::DurationMs, |text| duration_ms(text).is_some()),
    (Key::Attempt, |text| text.parse::<u32>().is_ok()),
    (Key::Dir, |text| Direction::parse(text).is_some()),
    (Key::Level, |text| Level::parse(text) != Level::Unknown),
];

/// Whether a text may be the value of a fact.
pub(crate) fn good_value(fact: &str, text: &str) -> bool {
    let rule = Key::of(fact).and_then(|key| VALUES.iter().find(|(known, _)| *known == key));
    match rule {
        Some((_, good)) => good(text),
        None => match fact {
            "kind" => Kind::parse(text).is_some(),
            "time" => LineTime::parse(text, &TimeZone::UTC).is_some(),
            "rating" => text.parse().is_ok_and(|rating: f64| (1.0..=5.0).contains(&rating)),
            _ => !text.trim().is_empty(),
        },
    }
}

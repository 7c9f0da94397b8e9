//! Every word that is not data, in each language; times and spans as people say them.

use jiff::tz::TimeZone;
use logline::Timestamp;

use crate::{Deviation, DeviationKind, ObjectRef, StuckReason};
use stdx::Language;

const ENGLISH_MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const RUSSIAN_MONTHS: [&str; 12] = ["янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"];

/// Something that is counted, in the forms a language has for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noun {
    Deviation,
    Failure,
    Retry,
    Event,
    Line,
}

/// Says things in one language and one time zone.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The language.
    pub language: Language,
    /// The zone in which times are told.
    pub zone: &'a TimeZone,
}

impl Words<'_> {
    /// The one of two texts that is in the language.
    pub const fn pick<'t>(&self, english: &'t str, russian: &'t str) -> &'t str {
        self.language.pick(english, russian)
    }

    /// `14 Mar 10:02`.
    pub fn minute(&self, time: Timestamp) -> String {
        let at = self.zoned(time);
        format!("{} {:02}:{:02}", self.date(time), at.hour(), at.minute())
    }

    /// `14 Mar 10:02:11`.
    pub(super) fn second(&self, time: Timestamp) -> String {
        format!("{}:{:02}", self.minute(time), self.zoned(time).second())
    }

    /// `10:02:11.123`.
    pub(super) fn clock(&self, time: Timestamp) -> String {
        let at = self.zoned(time);
        format!("{:02}:{:02}:{:02}.{:03}", at.hour(), at.minute(), at.second(), at.millisecond())
    }

    /// `14 Mar`.
    pub(super) fn date(&self, time: Timestamp) -> String {
        let at = self.zoned(time);
        let months = match self.language {
            Language::English => ENGLISH_MONTHS,
            Language::Russian => RUSSIAN_MONTHS,
        };
        let month = usize::try_from(at.month()).ok().and_then(|month| months.get(month.checked_sub(1)?));
        format!("{:2} {}", at.day(), month.unwrap_or(&""))
    }

    /// `UTC+3`, as it is at that time.
    pub fn offset(&self, time: Timestamp) -> String {
        let seconds = self.zoned(time).offset().seconds();
        let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() % 3_600 / 60);
        let sign = if seconds < 0 { "-" } else { "+" };
        match (hours, minutes) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
        }
    }

    /// A span in its two largest units: `4 d 4 h`, `3 min 4 s`, `320 ms`.
    pub fn span(&self, ms: u64) -> String {
        let units = [
            (86_400_000, self.pick("d", "д")),
            (3_600_000, self.pick("h", "ч")),
            (60_000, self.pick("min", "мин")),
            (1_000, self.pick("s", "с")),
            (1, self.pick("ms", "мс")),
        ];
        let first = units.iter().position(|(size, _)| *size <= ms).unwrap_or(units.len() - 1);
        let (size, unit) = units[first];
        let main = format!("{} {unit}", ms / size);
        match units.get(first + 1) {
            Some((smaller, name)) if *smaller != 1 && smaller <= &(ms % size) => {
                format!("{main} {} {name}", ms % size / smaller)
            }
            _ => main,
        }
    }

    /// `1,234,567`; in Russian with narrow blanks.
    pub(crate) fn grouped(&self, number: u64) -> String {
        let digits = number.to_string();
        let separator = self.pick(",", "\u{202f}");
        let mut out = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index != 0 && (digits.len() - index).is_multiple_of(3) {
                out.push_str(separator);
            }
            out.push(digit);
        }
        out
    }

    /// `98.5 %`.
    pub(super) fn percent(&self, share: f64) -> String {
        let text = format!("{:.1}", 100.0 * share);
        format!("{} %", if self.language == Language::Russian { text.replace('.', ",") } else { text })
    }

    /// What a kind of deviation is called.
    pub(super) fn kind<'t>(&self, kind: &'t str) -> &'t str {
        match kind {
            "unknown_status" => self.pick("status not in the graph", "статуса нет в графе"),
            "wrong_start" => self.pick("wrong start", "не то начало"),
            "unknown_edge" => self.pick("no such way", "нет такого перехода"),
            "skipped" => self.pick("statuses skipped", "пропущены статусы"),
            "repeated" => self.pick("repeated too often", "слишком много повторов"),
            "after_end" => self.pick("after the end", "после завершения"),
            "wrong_service" => self.pick("wrong service", "не тот сервис"),
            "clock_skew" => self.pick("clock is wrong", "часы врут"),
            "unconfirmed" => self.pick("hand-over not confirmed", "передача не подтверждена"),
            other => other,
        }
    }

    /// `3 errors`, with the right form of the noun.
    pub(super) fn count(&self, number: usize, noun: Noun) -> String {
        let english = match noun {
            Noun::Deviation => ["deviation", "deviations"],
            Noun::Failure => ["error", "errors"],
            Noun::Retry => ["retried call", "retried calls"],
            Noun::Event => ["event", "events"],
            Noun::Line => ["line", "lines"],
        };
        let russian = match noun {
            Noun::Deviation => ["отклонение", "отклонения", "отклонений"],
            Noun::Failure => ["ошибка", "ошибки", "ошибок"],
            Noun::Retry => ["вызов с повтором", "вызова с повтором", "вызовов с повтором"],
            Noun::Event => ["событие", "события", "событий"],
            Noun::Line => ["строка", "строки", "строк"],
        };
        format!("{number} {}", self.plural(number as u64, english, russian))
    }

    /// The form of a noun that stands behind a number: one and many, in Russian one, few and many.
    pub fn plural(&self, number: u64, english: [&'static str; 2], russian: [&'static str; 3]) -> &'static str {
        match (self.language, number % 10, number % 100) {
            (Language::English, ..) => english[usize::from(number != 1)],
            (Language::Russian, _, 11..=14) => russian[2],
            (Language::Russian, 1, _) => russian[0],
            (Language::Russian, 2..=4, _) => russian[1],
            (Language::Russian, ..) => russian[2],
        }
    }

    /// `Order 4711`.
    pub(super) fn object(&self, object: &ObjectRef) -> String {
        format!("{} {}", self.object_type(&object.object), object.id)
    }

    /// The word for an object type; types we know no word for stand as they are.
    pub(crate) fn object_type<'t>(&self, object: &'t str) -> &'t str {
        match object {
            "order" => self.pick("Order", "Заказ"),
            "model" => self.pick("Model", "Модель"),
            "customer" => self.pick("Customer", "Клиент"),
            other => other,
        }
    }

    /// What a stuck object misses.
    pub(super) const fn reason(&self, reason: StuckReason) -> &'static str {
        match reason {
            StuckReason::Deadline => self.pick("deadline passed", "срок прошёл"),
            StuckReason::Unconfirmed => self.pick("hand-over not confirmed", "передача не подтверждена"),
            StuckReason::Missing => {
                self.pick("what must follow did not come", "нет события, которое должно последовать")
            }
            StuckReason::Unusual => self.pick("longer than 99 of 100", "дольше, чем 99 из 100"),
        }
    }

    /// A deviation in a few words.
    pub(crate) fn deviation(&self, deviation: &Deviation) -> String {
        match self.language {
            Language::English => self.english(&deviation.kind),
            Language::Russian => self.russian(&deviation.kind),
        }
    }

    fn english(&self, kind: &DeviationKind) -> String {
        match kind {
            DeviationKind::UnknownStatus { status } => format!("{status} is not a status of the graph"),
            DeviationKind::WrongStart { status, expected } => format!("started in {status}, not in {expected}"),
            DeviationKind::UnknownEdge { from, to } => format!("the graph has no way from {from} to {to}"),
            DeviationKind::Skipped { statuses, .. } => format!("skipped {}", statuses.join(", ")),
            DeviationKind::Repeated { status, visits, allowed } => {
                format!("entered {status} {visits} times, allowed are {allowed}")
            }
            DeviationKind::AfterEnd { end, .. } => format!("came after the end ({end})"),
            DeviationKind::WrongService { service, expected, .. } => {
                format!("set by {service}, expected {}", expected.join(" or "))
            }
            DeviationKind::ClockSkew { from, service, other, skew_ms, .. } => {
                let skew = self.span(*skew_ms);
                format!("left {from} by the clock of {service}, {skew} before {other} tells it was entered")
            }
            DeviationKind::Unconfirmed { within_ms, after_ms: Some(after), .. } => {
                format!("hand-over confirmed after {}, due within {}", self.span(*after), self.span(*within_ms))
            }
            DeviationKind::Unconfirmed { within_ms, after_ms: None, .. } => {
                format!("hand-over not confirmed within {}", self.span(*within_ms))
            }
        }
    }

    fn russian(&self, kind: &DeviationKind) -> String {
        match kind {
            DeviationKind::UnknownStatus { status } => format!("статуса {status} нет в графе"),
            DeviationKind::WrongStart { status, expected } => format!("путь начат с {status}, а не с {expected}"),
            DeviationKind::UnknownEdge { from, to } => format!("в графе нет перехода из {from} в {to}"),
            DeviationKind::Skipped { statuses, .. } => format!("пропущено: {}", statuses.join(", ")),
            DeviationKind::Repeated { status, visits, allowed } => {
                format!("вход в {status}: {visits}-й раз, допустимо {allowed}")
            }
            DeviationKind::AfterEnd { end, .. } => format!("после завершения ({end})"),
            DeviationKind::WrongService { service, expected, .. } => {
                format!("статус поставил {service}, ожидался {}", expected.join(" или "))
            }
            DeviationKind::ClockSkew { from, service, other, skew_ms, .. } => {
                let skew = self.span(*skew_ms);
                format!("по часам {service} вышел из {from} за {skew} до того, как {other} сообщил о входе")
            }
            DeviationKind::Unconfirmed { within_ms, after_ms: Some(after), .. } => {
                format!("передача подтверждена через {}, срок {}", self.span(*after), self.span(*within_ms))
            }
            DeviationKind::Unconfirmed { within_ms, after_ms: None, .. } => {
                format!("передача не подтверждена за {}", self.span(*within_ms))
            }
        }
    }

    fn zoned(&self, time: Timestamp) -> jiff::Zoned {
        jiff::Timestamp::from(time).to_zoned(self.zone.clone())
    }
}

#[cfg(test)]
mod tests;

//! Every word of a message that is not data, in each language; times and spans as people say them.

use jiff::tz::TimeZone;
use logline::Timestamp;
use stdx::Language;

const ENGLISH_MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const RUSSIAN_MONTHS: [&str; 12] = ["янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"];

/// Something that is counted, in the forms a language has for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noun {
    Alert,
    Order,
}

/// Says things in one language and one time zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'z> {
    pub(super) language: Language,
    pub(super) zone: &'z TimeZone,
}

impl Words<'_> {
    pub(super) const fn pick<'t>(&self, english: &'t str, russian: &'t str) -> &'t str {
        self.language.pick(english, russian)
    }

    /// `14 Mar 10:02 UTC+3`.
    pub(super) fn minute(&self, time: Timestamp) -> String {
        let at = jiff::Timestamp::from(time).to_zoned(self.zone.clone());
        let months = match self.language {
            Language::English => ENGLISH_MONTHS,
            Language::Russian => RUSSIAN_MONTHS,
        };
        let month = usize::try_from(at.month()).ok().and_then(|month| months.get(month.checked_sub(1)?));
        let seconds = at.offset().seconds();
        let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() % 3_600 / 60);
        let sign = if seconds < 0 { "-" } else { "+" };
        let offset = match (hours, minutes) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
        };
        format!("{} {} {:02}:{:02} {offset}", at.day(), month.unwrap_or(&""), at.hour(), at.minute())
    }

    /// A span in its two largest units: `4 d 4 h`, `3 min 4 s`.
    pub(super) fn span(&self, length: std::time::Duration) -> String {
        let units = [
            (86_400, self.pick("d", "д")),
            (3_600, self.pick("h", "ч")),
            (60, self.pick("min", "мин")),
            (1, self.pick("s", "с")),
        ];
        let seconds = length.as_secs();
        let first = units.iter().position(|(size, _)| *size <= seconds).unwrap_or(units.len() - 1);
        let part = |index: usize, of: u64| units.get(index).map(|(size, name)| (of / size, of % size, *name));
        let Some((count, rest, name)) = part(first, seconds) else { return String::new() };
        match part(first + 1, rest) {
            Some((more, _, smaller)) if more > 0 => format!("{count} {name} {more} {smaller}"),
            _ => format!("{count} {name}"),
        }
    }

    /// `3 alerts`, with the right form of the noun.
    pub(super) fn count(&self, number: u64, noun: Noun) -> String {
        let (english, russian) = match noun {
            Noun::Alert => (["alert", "alerts"], ["оповещение", "оповещения", "оповещений"]),
            Noun::Order => (["order", "orders"], ["заказ", "заказа", "заказов"]),
        };
        let word = match (self.language, number % 10, number % 100) {
            (Language::English, ..) => english[usize::from(number != 1)],
            (Language::Russian, _, 11..=14) => russian[2],
            (Language::Russian, 1, _) => russian[0],
            (Language::Russian, 2..=4, _) => russian[1],
            (Language::Russian, ..) => russian[2],
        };
        format!("{number} {word}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_spans_and_times_are_said_as_people_say_them() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let words = |language| Words { language, zone: &zone };
        let (english, russian) = (words(Language::English), words(Language::Russian));
        assert_eq!(english.count(1, Noun::Alert), "1 alert");
        assert_eq!(russian.count(22, Noun::Order), "22 заказа");
        assert_eq!(russian.count(12, Noun::Alert), "12 оповещений");
        assert_eq!(english.span(std::time::Duration::from_secs(3_725)), "1 h 2 min");
        assert_eq!(russian.span(std::time::Duration::from_secs(59)), "59 с");
        assert_eq!(english.span(std::time::Duration::ZERO), "0 s");
        let time = Timestamp(1_785_000_000_000_000_000);
        assert_eq!(russian.minute(time), "25 июл 20:20 UTC+3");
    }
}

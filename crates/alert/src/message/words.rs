//! Every word of a message that is not data, in each language; times and spans as pages about orders say them.

use jiff::tz::TimeZone;
use logline::Timestamp;
use orders::render;
use stdx::Language;

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

    const fn plain(&self) -> render::Words<'_> {
        render::Words { language: self.language, zone: self.zone }
    }

    /// `14 Mar 10:02 UTC+3`.
    pub(super) fn minute(&self, time: Timestamp) -> String {
        let words = self.plain();
        format!("{} {}", words.minute(time).trim_start(), words.offset(time))
    }

    /// A span in its two largest units: `4 d 4 h`, `3 min 4 s`.
    pub(super) fn span(&self, length: std::time::Duration) -> String {
        match length.as_secs() {
            0 => self.pick("0 s", "0 с").to_owned(),
            seconds => self.plain().span(seconds.saturating_mul(1_000)),
        }
    }

    /// `3 alerts`, with the right form of the noun.
    pub(super) fn count(&self, number: u64, noun: Noun) -> String {
        let (english, russian) = match noun {
            Noun::Alert => (["alert", "alerts"], ["оповещение", "оповещения", "оповещений"]),
            Noun::Order => (["order", "orders"], ["заказ", "заказа", "заказов"]),
        };
        format!("{number} {}", self.plain().plural(number, english, russian))
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

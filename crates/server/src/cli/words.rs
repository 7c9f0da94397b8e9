//! Headings and states in the person's language: in tables only, since programs read the rest.

use stdx::Language;

use super::client::{Connection, Format};

/// The language of cells.
fn language(connection: &Connection) -> Language {
    if connection.format == Format::Table { connection.language() } else { Language::English }
}

/// A heading.
pub(super) fn heading<'w, const N: usize>(
    connection: &Connection,
    english: [&'w str; N],
    russian: [&'w str; N],
) -> [&'w str; N] {
    match language(connection) {
        Language::English => english,
        Language::Russian => russian,
    }
}

/// How far an alert, a delivery, a silence or an incident is, or what happened to it.
pub(super) fn state(connection: &Connection, word: &str) -> String {
    in_language(word, language(connection)).to_owned()
}

/// A time: to the second in tables.
pub(super) fn time(connection: &Connection, written: &str) -> String {
    let parsed = written.parse::<jiff::Timestamp>().ok().filter(|_| connection.format == Format::Table);
    let whole = parsed.and_then(|time| jiff::Timestamp::from_second(time.as_second()).ok());
    whole.map_or_else(|| written.to_owned(), |time| time.to_string())
}

/// Words that we have none for stand as they are.
fn in_language(word: &str, language: Language) -> &str {
    let known = STATES.iter().find(|(english, _)| *english == word);
    known.map_or(word, |(english, russian)| language.pick(english, russian))
}

const STATES: [(&str, &str); 23] = [
    ("all", "все"),
    ("firing", "тревога"),
    ("silenced", "заглушено"),
    ("inhibited", "подавлено"),
    ("waiting", "в очереди"),
    ("sending", "отправляется"),
    ("sent", "доставлено"),
    ("failed", "не доставлено"),
    ("active", "действует"),
    ("pending", "ещё не началось"),
    ("expired", "истекло"),
    ("open", "открыт"),
    ("acknowledged", "принят"),
    ("resolved", "устранён"),
    ("opened", "открыт"),
    ("reopened", "открыт снова"),
    ("alert", "тревога"),
    ("alert ended", "тревога снята"),
    ("stuck", "застряли"),
    ("moved on", "ушли дальше"),
    ("notified", "сообщено"),
    ("assigned", "назначен"),
    ("comment", "комментарий"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_in_the_language_and_what_is_unknown_as_it_is() {
        assert_eq!(in_language("moved on", Language::Russian), "ушли дальше");
        assert_eq!(in_language("moved on", Language::English), "moved on");
        assert_eq!(in_language("PACKAGING", Language::Russian), "PACKAGING");
    }

    #[test]
    fn every_state_of_an_incident_has_a_word() {
        use alert::IncidentState::{Acknowledged, Open, Resolved};
        for state in [Open, Acknowledged, Resolved] {
            assert_ne!(in_language(state.name(), Language::Russian), state.name());
        }
    }
}

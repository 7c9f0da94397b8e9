//! Languages in which programs speak to people, and how a person's choice is found.

/// A language people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// The first language of a list that is one of these: of `LANG` (`ru_RU.UTF-8`), of a flag (`ru`), of
    /// `Accept-Language` (`ru-RU,ru;q=0.9,en;q=0.8`, the best one first, as browsers write it).
    pub fn of(names: &str) -> Option<Self> {
        let short = |name: &str| name.trim_start().split(['-', '_', '.', ';', '@']).next().map(str::to_ascii_lowercase);
        names.split(',').filter_map(short).find_map(|name| match name.as_str() {
            "en" | "c" | "posix" => Some(Self::English),
            "ru" => Some(Self::Russian),
            _ => None,
        })
    }

    /// The language of a terminal: `LAPIDARY_LANG` if it names one of these, else the locale as every program finds it,
    /// else English. `variable` looks a name up in the environment.
    pub fn of_terminal(variable: impl Fn(&str) -> Option<String>) -> Self {
        let own = variable("LAPIDARY_LANG").and_then(|name| Self::of(&name));
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let locale = || names.into_iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        own.or_else(|| Self::of(&locale()?)).unwrap_or_default()
    }

    /// The one of two texts that is in this language.
    pub const fn pick<'t>(self, english: &'t str, russian: &'t str) -> &'t str {
        match self {
            Self::English => english,
            Self::Russian => russian,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_read_from_locales_flags_and_headers() {
        let cases = [
            ("ru_RU.UTF-8", Some(Language::Russian)),
            ("C.UTF-8", Some(Language::English)),
            ("RU", Some(Language::Russian)),
            ("de-DE, ru;q=0.9, en;q=0.8", Some(Language::Russian)),
            ("en-GB,en;q=0.9,ru;q=0.1", Some(Language::English)),
            ("de_DE.UTF-8", None),
            ("", None),
        ];
        for (names, language) in cases {
            assert_eq!(Language::of(names), language, "{names}");
        }
    }

    #[test]
    fn the_locale_decides_unless_our_own_variable_does() {
        let with = |pairs: &'static [(&str, &str)]| {
            Language::of_terminal(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[("LANG", "ru_RU.UTF-8")]), Language::Russian);
        assert_eq!(with(&[("LANG", "ru_RU.UTF-8"), ("LC_ALL", "C")]), Language::English);
        assert_eq!(with(&[("LANG", "ru_RU.UTF-8"), ("LC_ALL", "")]), Language::Russian);
        assert_eq!(with(&[("LANG", "ru_RU.UTF-8"), ("LAPIDARY_LANG", "en")]), Language::English);
        assert_eq!(with(&[("LANG", "de_DE.UTF-8")]), Language::English);
    }
}

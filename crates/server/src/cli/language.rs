//! In which language the command line speaks: `--lang`, else `LAPIDARY_LANG`, else the locale of the terminal.

use clap::ValueEnum;
use stdx::Language;

/// A language as `--lang` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tongue {
    /// English.
    En,
    /// Russian.
    Ru,
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::En => Self::English,
            Tongue::Ru => Self::Russian,
        }
    }
}

/// The language of the terminal.
pub(super) fn of_terminal() -> Language {
    Language::of_terminal(|name| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value))
}

/// The language of a command line that could not be read as a whole.
pub(super) fn asked(mut arguments: impl Iterator<Item = String>) -> Language {
    let mut named = None;
    while let Some(argument) = arguments.next() {
        named = match argument.strip_prefix("--lang") {
            Some("") => arguments.next().or(named),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned).or(named),
            None => named,
        };
    }
    named.and_then(|name| Language::of(&name)).unwrap_or_else(of_terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_decides_even_where_the_rest_cannot_be_read() {
        let flag = |text: &str| asked(text.split(' ').map(str::to_owned));
        assert_eq!(flag("lapidary orders sing --lang ru"), Language::Russian);
        assert_eq!(flag("lapidary --lang=ru orders"), Language::Russian);
        assert_eq!(flag("lapidary orders --lang ru --lang en"), Language::English);
    }
}

//! Errors of usage in Russian; in English the parser of the command line tells them itself.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use stdx::Language;

/// What was typed wrongly; none if the parser's own words will do.
pub(super) fn text(error: &Error, language: Language) -> Option<String> {
    if language == Language::English {
        return None;
    }
    let argument = || quoted(error, ContextKind::InvalidArg);
    let value = || quoted(error, ContextKind::InvalidValue);
    let problem = match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::Io
        | ErrorKind::Format => return None,
        ErrorKind::InvalidValue if value() == "``" => format!("{} требует значения", argument()),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("{} не подходит для {}", value(), argument()),
        ErrorKind::UnknownArgument => format!("неизвестный ключ {}", argument()),
        ErrorKind::InvalidSubcommand => {
            format!("неизвестная команда {}", quoted(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("не хватает {}", argument()),
        ErrorKind::MissingSubcommand => "не хватает команды".to_owned(),
        ErrorKind::ArgumentConflict => {
            format!("{} не сочетается с {}", argument(), quoted(error, ContextKind::PriorArg))
        }
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals => {
            format!("неверное число значений у {}", argument())
        }
        ErrorKind::InvalidUtf8 => "аргумент не в кодировке UTF-8".to_owned(),
        _ => "команда написана неверно".to_owned(),
    };
    let hints = [
        (ContextKind::ValidValue, "возможно"),
        (ContextKind::ValidSubcommand, "возможно"),
        (ContextKind::SuggestedArg, "может быть"),
        (ContextKind::SuggestedSubcommand, "может быть"),
        (ContextKind::SuggestedValue, "может быть"),
    ];
    let told = hints.into_iter().filter(|(kind, _)| error.get(*kind).is_some());
    let told: String = told.map(|(kind, word)| format!("; {word} {}", quoted(error, kind))).collect();
    let usage = error.get(ContextKind::Usage).map(|usage| usage.to_string().replacen("Usage:", "Использование:", 1));
    let usage = usage.map(|usage| format!("\n{}", usage.trim_end())).unwrap_or_default();
    Some(format!("{problem}{told}{usage}\nСправка: --help"))
}

fn quoted(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::Strings(all)) => all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "),
        Some(one) => format!("`{one}`"),
        None => "``".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Args;

    #[track_caller]
    fn check(line: &str, start: &str) {
        let error = Args::try_parse_from(line.split(' ')).unwrap_err();
        let text = text(&error, Language::Russian).unwrap();
        assert!(text.starts_with(start), "{text}");
        assert!(super::text(&error, Language::English).is_none());
    }

    #[test]
    fn what_was_typed_wrongly_is_told_in_russian() {
        check("lapidary orders sing", "неизвестная команда `sing`");
        check("lapidary orders stcuk", "неизвестная команда `stcuk`; может быть `stuck`");
        check("lapidary orders show", "не хватает `<ID>`");
        check("lapidary orders list --limt 5", "неизвестный ключ `--limt`; может быть `--limit`");
        check("lapidary orders list --limit 0", "`0` не подходит для `--limit <1..1000>`");
        check(
            "lapidary orders list --format xml",
            "`xml` не подходит для `--format <FORMAT>`; возможно `table`, `json`, `csv`",
        );
        check("lapidary orders list --format", "`--format <FORMAT>` требует значения");
    }
}

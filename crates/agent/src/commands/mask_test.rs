//! Shows what masking does to a file: the lines that change, before and after, and counts by rule. Sends nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use mask::{Config, Counts, Masker};
use stdx::Language;

/// Longest piece of a line that is masked at once.
const MAX_LINE: u64 = 1 << 20;

/// How a change is shown: on a terminal before and after, in colours; elsewhere masked only, since a file would keep what
/// was to be masked.
#[derive(Clone, Copy)]
enum Style {
    Plain,
    Coloured,
}

/// Whether every line could be masked.
pub(crate) fn run(path: &Path, config: &Config, language: Language) -> Result<bool> {
    let masker = Masker::new(config)?;
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?)
    };
    let style = if io::stdout().is_terminal() { Style::Coloured } else { Style::Plain };
    match show(&masker, BufReader::new(input), &mut io::stdout().lock(), style, language) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        shown => shown.map(|counts| counts.errors() == 0).context("cannot show the lines"),
    }
}

fn show(
    masker: &Masker,
    mut input: impl BufRead,
    out: &mut impl Write,
    style: Style,
    language: Language,
) -> io::Result<Counts> {
    let (mut counts, mut lines, mut changed) = (Counts::default(), 0_u64, 0_u64);
    let mut line = Vec::new();
    while input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
        lines += 1;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        match masker.mask_line(text, &mut counts) {
            Some(masked) if masked == text => {}
            masked => {
                changed += 1;
                let after = masked.as_deref().unwrap_or(language.pick("(dropped)", "(строка удалена)"));
                difference(out, lines, text, after, style)?;
            }
        }
        line.clear();
    }
    writeln!(out, "{}", summary(&counts, changed, lines, language))?;
    Ok(counts)
}

fn summary(counts: &Counts, changed: u64, lines: u64, language: Language) -> String {
    let mut rules: Vec<_> = counts.iter().map(|(rule, n)| format!("{n} {rule}")).collect();
    if counts.errors() > 0 {
        rules.push(format!(
            "{} {}",
            counts.errors(),
            language.pick("that could not be masked", "не удалось замаскировать")
        ));
    }
    let what = if rules.is_empty() { language.pick("nothing", "ничего").to_owned() } else { rules.join(", ") };
    match language {
        Language::English => format!("{changed} of {lines} lines change: {what}"),
        Language::Russian => format!("изменится строк: {changed} из {lines}; найдено: {what}"),
    }
}

fn difference(out: &mut impl Write, number: u64, text: &str, after: &str, style: Style) -> io::Result<()> {
    match style {
        Style::Plain => writeln!(out, "{number}: {after}"),
        Style::Coloured => {
            let (start, end) = (common(text.chars(), after.chars()), common(text.chars().rev(), after.chars().rev()));
            let part = |text: &str, colour: &str| {
                let count = text.chars().count();
                let end = end.min(count - start.min(count));
                let take = |from: usize, to: usize| text.chars().skip(from).take(to - from).collect::<String>();
                let (before, changed, after) = (take(0, start), take(start, count - end), take(count - end, count));
                format!("{}\x1b[{colour}m{}\x1b[0m{}", visible(&before), visible(&changed), visible(&after))
            };
            writeln!(out, "{number}: - {}", part(text, "31"))?;
            writeln!(out, "{number}: + {}", part(after, "32"))
        }
    }
}

/// How many characters are the same from the start on.
fn common(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other).take_while(|(a, b)| a == b).count()
}

/// What a terminal would obey is shown instead.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &str = "plain\nmail anna@example.org\r\nphone +7 916 123-45-67 and anna@example.org";

    fn shown(style: Style, language: Language) -> String {
        let masker = Masker::new(&Config::default()).unwrap();
        let mut out = Vec::new();
        show(&masker, INPUT.as_bytes(), &mut out, style, language).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn changed_lines_are_shown_masked_and_counted() {
        assert_eq!(
            shown(Style::Plain, Language::English),
            "2: mail <email>\n3: phone <phone> and <email>\n2 of 3 lines change: 2 email, 1 phone\n"
        );
    }

    #[test]
    fn the_summary_is_in_the_language_of_the_terminal() {
        let text = shown(Style::Plain, Language::Russian);
        assert!(text.ends_with("\nизменится строк: 2 из 3; найдено: 2 email, 1 phone\n"), "{text}");
    }

    #[test]
    fn a_terminal_shows_what_was_there_and_what_will_be() {
        let text = shown(Style::Coloured, Language::English);
        assert!(
            text.starts_with("2: - mail \x1b[31manna@example.org\x1b[0m\n2: + mail \x1b[32m<email>\x1b[0m\n"),
            "{text}"
        );
    }

    #[test]
    fn a_dropped_line_is_shown_as_dropped() {
        let own = mask::OwnRule::parse("[[rule]]\nid = \"card\"\naction = \"drop_line\"").unwrap();
        let masker = Masker::new(&Config { own, ..Config::default() }).unwrap();
        let mut out = Vec::new();
        show(&masker, "card 4111111111111111\n".as_bytes(), &mut out, Style::Plain, Language::English).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "1: (dropped)\n1 of 1 lines change: 1 card\n");
    }
}

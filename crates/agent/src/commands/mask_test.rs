//! Shows what masking does to a file: the lines that change, as they would be sent, and counts by rule.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use mask::{Config, Counts, Masker};

/// Longest piece of a line that is masked at once.
const MAX_LINE: u64 = 1 << 20;

pub(crate) fn run(path: &Path, config: Config) -> Result<()> {
    let masker = Masker::new(config)?;
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?)
    };
    match show(&masker, BufReader::new(input), &mut io::stdout().lock()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        shown => shown.context("cannot show the lines"),
    }
}

fn show(masker: &Masker, mut input: impl BufRead, out: &mut impl Write) -> io::Result<()> {
    let (mut counts, mut lines, mut changed) = (Counts::default(), 0_u64, 0_u64);
    let mut line = Vec::new();
    while input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
        lines += 1;
        let text = String::from_utf8_lossy(&line);
        let before = counts.total();
        let masked = masker.mask_with_counts(text.trim_end(), &mut counts);
        if counts.total() > before {
            changed += 1;
            writeln!(out, "{lines}: {masked}")?;
        }
        line.clear();
    }
    let rules: Vec<_> = counts.iter().filter(|(_, n)| *n > 0).map(|(rule, n)| format!("{n} {}", rule.name())).collect();
    let what = if rules.is_empty() { "nothing".to_owned() } else { rules.join(", ") };
    writeln!(out, "{changed} of {lines} lines change: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_are_shown_masked_and_counted() {
        let masker = Masker::new(Config::default()).unwrap();
        let mut out = Vec::new();
        let input = "plain\nmail anna@example.org\r\nphone +7 916 123-45-67 and anna@example.org".as_bytes();
        show(&masker, input, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "2: mail <email>\n3: phone <phone> and <email>\n2 of 3 lines change: 2 email, 1 phone\n"
        );
    }
}

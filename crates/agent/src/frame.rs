//! Lines of container runtimes: Docker's json-file and the CRI format of Kubernetes, told apart for each line.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use logline::{LineTime, Timestamp};
use serde::Deserialize;

/// What a runtime wrote about a piece of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) output: Output,
    /// Whether the line goes on in the next piece of the same output.
    pub(crate) is_partial: bool,
}

/// Where a container wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Output {
    #[default]
    Stdout,
    Stderr,
}

impl Output {
    /// The value of the metadata `stream`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Stdout, Self::Stderr].into_iter().find(|output| output.name() == name)
    }
}

#[derive(Deserialize)]
struct Docker<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Cow<'a, str>,
    #[serde(borrow, default)]
    time: Cow<'a, str>,
}

/// Reads one line of a container's log; `None` if it is neither format, and then it is a line like any other.
pub(crate) fn container(line: &str) -> Option<Frame<'_>> {
    if line.starts_with('{') { docker(line) } else { cri(line) }
}

/// `{"log":"text\n","stream":"stdout","time":"2026-01-01T00:00:00.1Z"}`.
fn docker(line: &str) -> Option<Frame<'_>> {
    let docker: Docker<'_> = serde_json::from_str(line).ok()?;
    let is_partial = !docker.log.ends_with('\n');
    let text = match docker.log {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix('\n').unwrap_or(text)),
        Cow::Owned(mut text) => {
            text.truncate(text.strip_suffix('\n').map_or(text.len(), str::len));
            Cow::Owned(text)
        }
    };
    let output = Output::parse(&docker.stream).unwrap_or_default();
    Some(Frame { text, time: time(&docker.time), output, is_partial })
}

/// `2026-01-01T00:00:00.1Z stdout F text`; the third word may hold more tags: `P:tag`.
fn cri(line: &str) -> Option<Frame<'_>> {
    let mut words = line.splitn(4, ' ');
    let (stamp, output, tags) = (words.next()?, words.next()?, words.next()?);
    let time = Some(time(stamp)?);
    let is_partial = match tags.split(':').next()? {
        "P" => true,
        "F" => false,
        _ => return None,
    };
    let text = Cow::Borrowed(words.next().unwrap_or_default());
    Some(Frame { text, time, output: Output::parse(output)?, is_partial })
}

fn time(text: &str) -> Option<Timestamp> {
    LineTime::parse(text, &TimeZone::UTC).map(|time| time.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(line: &str) -> Option<String> {
        let frame = container(line)?;
        let time = frame.time.map_or(0, |time| time.0);
        let partial = if frame.is_partial { " …" } else { "" };
        Some(format!("{time} {} {}{partial}", frame.output.name(), frame.text))
    }

    #[test]
    fn both_formats_are_read_with_their_partial_lines() {
        let at = "2026-01-01T00:00:00.000000001Z";
        let want = |rest: &str| Some(format!("1767225600000000001 {rest}"));
        assert_eq!(show(&format!("{at} stdout F some text")), want("stdout some text"));
        assert_eq!(show(&format!("{at} stderr P first ")), want("stderr first  …"));
        assert_eq!(show(&format!("{at} stderr F:tag ")), want("stderr "));
        let docker = |log: &str| format!(r#"{{"log":"{log}","stream":"stderr","attrs":{{"a":"b"}},"time":"{at}"}}"#);
        assert_eq!(show(&docker(r"say \u0022hi\u0022\n")), want(r#"stderr say "hi""#));
        assert_eq!(show(&docker("first ")), want("stderr first  …"));
        assert_eq!(show(r#"{"log":"x\n"}"#), Some("0 stdout x".to_owned()));
    }

    #[test]
    fn other_lines_are_no_frames() {
        for line in
            ["", "text", r#"{"msg":"x"}"#, "2026-01-01T00:00:00Z stdout X a", "2026-01-01T00:00:00Z in F a", "{"]
        {
            assert_eq!(show(line), None, "{line}");
        }
    }
}

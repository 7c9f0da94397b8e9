//! Go's layouts of a time (`2006-01-02 15:04:05`) as strftime's.

/// Their pieces and ours, the longer of two with the same beginning first.
const PIECES: [(&str, &str); 28] = [
    ("January", "%B"),
    ("Jan", "%b"),
    ("Monday", "%A"),
    ("Mon", "%a"),
    ("2006", "%Y"),
    ("-07:00", "%:z"),
    ("Z07:00", "%:z"),
    ("-0700", "%z"),
    ("Z0700", "%z"),
    (".000000000", "%.f"),
    (".999999999", "%.f"),
    (".000000", "%.f"),
    (".999999", "%.f"),
    (".000", "%.f"),
    (".999", "%.f"),
    (",000", ",%f"),
    (",999", ",%f"),
    ("15", "%H"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("_2", "%e"),
    ("PM", "%p"),
    ("MST", ""),
    ("%", "%%"),
];

/// Names of layouts.
const NAMED: [(&str, &str); 8] = [
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", ""),
    ("RFC3339Nano", ""),
    ("Unix", ""),
    ("UnixMs", ""),
];

/// The format for strftime; empty for those that are known without one; `None` for one that has no counterpart.
pub(super) fn strftime(layout: &str) -> Option<String> {
    let layout = NAMED.iter().find(|(name, _)| *name == layout).map_or(layout, |(_, layout)| layout);
    let (mut out, mut rest) = (String::new(), layout);
    while let Some(next) = rest.chars().next() {
        match PIECES.iter().find(|(theirs, _)| rest.starts_with(theirs)) {
            // A zone by its name says nothing that can be relied on.
            Some((_, "")) => return None,
            Some((theirs, ours)) => {
                out.push_str(ours);
                rest = rest.strip_prefix(theirs).unwrap_or_default();
            }
            // A bare digit is a piece that is not known here.
            None if next.is_ascii_digit() && !out.is_empty() && layout.contains("2006") => return None,
            None => {
                out.push(next);
                rest = rest.strip_prefix(next).unwrap_or_default();
            }
        }
    }
    let is_known = layout.is_empty() || out.contains('%');
    is_known.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::strftime;

    #[test]
    fn layouts_become_formats_that_read_the_same() {
        let check = |layout: &str, want: Option<&str>| assert_eq!(strftime(layout).as_deref(), want, "{layout}");
        check("2006-01-02 15:04:05", Some("%Y-%m-%d %H:%M:%S"));
        check("2006-01-02 15:04:05.000", Some("%Y-%m-%d %H:%M:%S%.f"));
        check("2006-01-02 15:04:05,000", Some("%Y-%m-%d %H:%M:%S,%f"));
        check("02/Jan/2006:15:04:05 -0700", Some("%d/%b/%Y:%H:%M:%S %z"));
        check("RFC1123Z", Some("%a, %d %b %Y %H:%M:%S %z"));
        check("RFC3339Nano", Some(""));
        check("UnixMs", Some(""));
        check("Mon Jan _2 15:04:05 MST 2006", None);
        check("2006-1-2", None);
        check("nonsense", None);
    }
}

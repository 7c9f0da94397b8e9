//! Conditions on labels, as Alertmanager writes them: `team="shop"`, `service=~"crm|mes"`.

use std::collections::BTreeMap;
use std::fmt;

use regex::Regex;

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
}

/// One condition on one label; a label that is not there counts as empty.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    comparison: Comparison,
    value: String,
    /// Of the whole value; for the two that want one.
    regex: Option<Regex>,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.comparison, &self.value) == (&other.name, other.comparison, &other.value)
    }
}

impl Matcher {
    /// Puts a condition together.
    ///
    /// # Errors
    /// The name is no label's, or the value is no regular expression where one is wanted.
    pub fn new(name: &str, comparison: Comparison, value: &str) -> Result<Self, String> {
        let regex = match comparison {
            Comparison::Equal | Comparison::NotEqual => None,
            Comparison::Matches | Comparison::MatchesNot => {
                let whole = regex::RegexBuilder::new(&format!("^(?:{value})$")).size_limit(1 << 20).build();
                Some(whole.map_err(|_| format!("`{value}` is no regular expression (or too large a one)"))?)
            }
        };
        if !is_label(name) {
            return Err(format!("`{name}` is no name of a label; want letters, digits and `_`"));
        }
        Ok(Self { name: name.to_owned(), comparison, value: value.to_owned(), regex })
    }

    /// Reads one condition, or several with commas between, in braces or not.
    ///
    /// # Errors
    /// The text is not that; the message names the part that is wrong.
    pub fn parse(text: &str) -> Result<Vec<Self>, String> {
        let inner = text.trim();
        let inner = inner.strip_prefix('{').unwrap_or(inner);
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        split(inner)?.into_iter().filter(|part| !part.trim().is_empty()).map(Self::one).collect()
    }

    fn one(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("`{text}` is no matcher; want one such as `team=\"shop\"` or `service=~\"crm|mes\"`");
        let end = text.find(['=', '!']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(end);
        let signs = [
            ("=~", Comparison::Matches),
            ("!~", Comparison::MatchesNot),
            ("!=", Comparison::NotEqual),
            ("=", Comparison::Equal),
        ];
        let (value, comparison) =
            signs.iter().find_map(|(sign, kind)| Some((rest.strip_prefix(sign)?, *kind))).ok_or_else(wrong)?;
        Self::new(name.trim(), comparison, &unquoted(value.trim()).ok_or_else(wrong)?)
    }

    /// Whether these labels fulfil the condition.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        let fits = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.comparison {
            Comparison::Equal => value == self.value,
            Comparison::NotEqual => value != self.value,
            Comparison::Matches => fits(),
            Comparison::MatchesNot => !fits(),
        }
    }

    /// The label it is about.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the label is compared with.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// How it is compared.
    pub const fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// Whether the value is a regular expression.
    pub const fn is_regex(&self) -> bool {
        matches!(self.comparison, Comparison::Matches | Comparison::MatchesNot)
    }

    /// Whether the label shall be like the value, not unlike it.
    pub const fn is_equal(&self) -> bool {
        matches!(self.comparison, Comparison::Equal | Comparison::Matches)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.comparison {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Matches => "=~",
            Comparison::MatchesNot => "!~",
        };
        write!(f, "{}{sign}{:?}", self.name, self.value)
    }
}

/// Matchers as one text: `{a="b",c=~"d"}`.
pub(crate) fn shown(matchers: &[Matcher]) -> String {
    format!("{{{}}}", matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

fn is_label(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// Parts between commas that stand outside of quotes.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut rest, mut quoted, mut escaped) = (Vec::new(), text, false, false);
    let mut at = 0;
    while let Some(c) = rest.get(at..).and_then(|tail| tail.chars().next()) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                let (part, tail) = rest.split_at(at);
                parts.push(part);
                (rest, at) = (tail.get(1..).unwrap_or(""), 0);
                continue;
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    if quoted {
        return Err(format!("a quote is left open in `{text}`"));
    }
    parts.push(rest);
    Ok(parts)
}

/// The value without its quotes and escapes; a bare one may have neither.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else { return (!value.contains('"')).then(|| value.to_owned()) };
    let mut out = String::new();
    let mut chars = inner.strip_suffix('"')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                c @ ('"' | '\\') => out.push(c),
                other => out.extend(['\\', other]),
            },
            '"' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn matchers_are_read_as_alertmanager_writes_them() {
        let cases = [
            ("team=shop", r#"{team="shop"}"#),
            (r#" team = "shop" "#, r#"{team="shop"}"#),
            (r#"{a="b", c=~"d|e",}"#, r#"{a="b",c=~"d|e"}"#),
            (r#"a!="x,y",b!~"z{2}""#, r#"{a!="x,y",b!~"z{2}"}"#),
            (r#"a="q\"q\\""#, r#"{a="q\"q\\"}"#),
            (r#"a=~"\d+""#, r#"{a=~"\\d+"}"#),
            ("a=", r#"{a=""}"#),
            ("{}", "{}"),
        ];
        for (text, want) in cases {
            assert_eq!(Matcher::parse(text).map(|all| shown(&all)).as_deref(), Ok(want), "{text}");
        }
        for text in ["team", r#"a="b"#, r#"a=b"c"#, r#"a="b"c""#, "1a=b", r#"a=~"(""#, "=x"] {
            assert!(Matcher::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_regex_is_about_the_whole_value_and_a_missing_label_is_empty() {
        let all = |text: &str, pairs: &[(&str, &str)]| {
            Matcher::parse(text).unwrap().iter().all(|matcher| matcher.matches(&labels(pairs)))
        };
        assert!(all(r#"a=~"b|c""#, &[("a", "c")]));
        assert!(!all(r#"a=~"b|c""#, &[("a", "bc")]));
        assert!(all(r#"a!~"b.*",z="""#, &[("a", "abc")]));
        assert!(all(r#"z!="x""#, &[]));
        assert!(!all(r#"z=~".+""#, &[]));
    }
}

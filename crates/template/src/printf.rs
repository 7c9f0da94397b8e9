//! Go's `printf`: verbs with flags, width and precision.

use crate::Error;
use crate::run::Run;
use crate::value::{self, Value};

/// Widest field and longest precision.
const MAX_WIDTH: usize = 1_000_000;

/// `%[flags][width][.precision]verb`
#[derive(Debug, Default)]
struct Verb {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

pub(crate) fn printf(run: &mut Run<'_>, format: &str, args: &[Value]) -> Result<String, Error> {
    let mut out = String::new();
    let mut rest = format;
    let mut args = args.iter();
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (verb, after) = Verb::read(after, &mut args)?;
        let mut chars = after.chars();
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(letter) => match args.next() {
                Some(value) => {
                    run.fits(verb.width.max(verb.precision.unwrap_or(0)))?;
                    let text = verb.text(run, letter, value)?;
                    out.push_str(&text);
                }
                None => out.push_str(&format!("%!{letter}(MISSING)")),
            },
        }
        run.fits(out.len())?;
        rest = chars.as_str();
    }
    out.push_str(rest);
    let extra: Vec<_> = args.collect();
    if !extra.is_empty() {
        out.push_str("%!(EXTRA ");
        for (index, value) in extra.into_iter().enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            out.push_str(value.kind());
            out.push('=');
            out.push_str(&run.printed(value)?);
        }
        out.push(')');
    }
    Ok(out)
}

impl Verb {
    fn read<'f, 'v>(mut rest: &'f str, args: &mut impl Iterator<Item = &'v Value>) -> Result<(Self, &'f str), Error> {
        let mut verb = Self::default();
        while let Some(flag) = rest.chars().next() {
            match flag {
                '-' => verb.minus = true,
                '+' => verb.plus = true,
                '#' => verb.sharp = true,
                ' ' => verb.space = true,
                '0' => verb.zero = true,
                _ => break,
            }
            rest = rest.get(1..).unwrap_or_default();
        }
        let (width, after) = number(rest, args)?;
        rest = after;
        verb.width = width.unwrap_or(0);
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = number(after, args)?;
            verb.precision = Some(precision.unwrap_or(0));
            rest = after;
        }
        verb.zero &= !verb.minus;
        Ok((verb, rest))
    }

    fn text(&self, run: &mut Run<'_>, letter: char, value: &Value) -> Result<String, Error> {
        let (text, is_number) = match (letter, value) {
            ('v' | 's', _)
                if !matches!(value, Value::Text(_))
                    && (letter == 'v'
                        || matches!(value, Value::List(_) | Value::Map(_) | Value::Labels | Value::Time(_))) =>
            {
                let printed = run.printed(value)?;
                let signed = self.plus && matches!(value, Value::Int(number) if *number >= 0);
                (if signed { format!("+{printed}") } else { printed }, matches!(value, Value::Int(_) | Value::Float(_)))
            }
            ('v' | 's', Value::Text(text)) => (self.cut(text), false),
            ('q', Value::Text(text)) => (quoted(&self.cut(text)), false),
            ('T', _) => (value.kind().to_owned(), false),
            ('t', Value::Bool(value)) => (value.to_string(), false),
            ('x' | 'X', Value::Text(text)) => {
                let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
                (if letter == 'X' { hex.to_uppercase() } else { hex }, false)
            }
            (_, Value::Int(number)) => match self.whole(letter, *number) {
                Some(text) => (text, !matches!(letter, 'c' | 'q' | 'U')),
                None => (bad(run, letter, value)?, false),
            },
            (_, Value::Float(number)) => match self.float(letter, *number) {
                Some(text) => (text, true),
                None => (bad(run, letter, value)?, false),
            },
            _ => (bad(run, letter, value)?, false),
        };
        Ok(self.padded(text, is_number))
    }

    fn cut(&self, text: &str) -> String {
        self.precision.map_or_else(|| text.to_owned(), |most| text.chars().take(most).collect())
    }

    fn whole(&self, letter: char, number: i64) -> Option<String> {
        let magnitude = number.unsigned_abs();
        let digits = match letter {
            'd' => magnitude.to_string(),
            'b' => format!("{magnitude:b}"),
            'o' => format!("{}{magnitude:o}", if self.sharp { "0" } else { "" }),
            'O' => format!("0o{magnitude:o}"),
            'x' => format!("{}{magnitude:x}", if self.sharp { "0x" } else { "" }),
            'X' => format!("{}{magnitude:X}", if self.sharp { "0X" } else { "" }),
            'U' => return Some(format!("U+{magnitude:04X}")),
            'c' | 'q' => {
                let c = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
                return Some(if letter == 'q' { format!("'{c}'") } else { c.to_string() });
            }
            _ => return None,
        };
        let digits = match self.precision {
            Some(least) => format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len()))),
            None => digits,
        };
        Some(self.signed(digits, number < 0))
    }

    fn float(&self, letter: char, number: f64) -> Option<String> {
        if !number.is_finite() {
            let text = value::float(number);
            return Some(if self.plus || text == "NaN" { text } else { text.trim_start_matches('+').to_owned() });
        }
        let magnitude = number.abs();
        let digits = match letter {
            'f' | 'F' => format!("{magnitude:.*}", self.precision.unwrap_or(6)),
            'e' | 'E' => {
                let text = exponent(magnitude, self.precision.unwrap_or(6));
                if letter == 'E' { text.to_uppercase() } else { text }
            }
            'g' | 'G' => {
                let text = match self.precision {
                    None => value::float(magnitude),
                    Some(precision) => shortest(magnitude, precision.max(1)),
                };
                if letter == 'G' { text.to_uppercase() } else { text }
            }
            _ => return None,
        };
        Some(self.signed(digits, number.is_sign_negative()))
    }

    fn signed(&self, digits: String, is_negative: bool) -> String {
        let sign = match is_negative {
            true => "-",
            false if self.plus => "+",
            false if self.space => " ",
            false => return digits,
        };
        format!("{sign}{digits}")
    }

    fn padded(&self, text: String, is_number: bool) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if missing == 0 {
            return text;
        }
        if self.minus {
            return format!("{text}{}", " ".repeat(missing));
        }
        if self.zero && is_number {
            let digits = text.trim_start_matches(['-', '+', ' ']);
            let sign = text.get(..text.len() - digits.len()).unwrap_or_default();
            return format!("{sign}{}{digits}", "0".repeat(missing));
        }
        format!("{}{text}", if self.zero { "0" } else { " " }.repeat(missing))
    }
}

/// A width or precision: digits, or `*` for the next argument.
fn number<'f, 'v>(
    text: &'f str,
    args: &mut impl Iterator<Item = &'v Value>,
) -> Result<(Option<usize>, &'f str), Error> {
    let (number, rest) = if let Some(rest) = text.strip_prefix('*') {
        let number = match args.next() {
            Some(Value::Int(number)) => usize::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        (Some(number), rest)
    } else {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = text.get(..text.len() - rest.len()).unwrap_or_default();
        (if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(usize::MAX)) }, rest)
    };
    match number {
        Some(number) if number > MAX_WIDTH => Err(Error::new("a field of printf is too wide")),
        number => Ok((number, rest)),
    }
}

fn bad(run: &mut Run<'_>, letter: char, value: &Value) -> Result<String, Error> {
    Ok(format!("%!{letter}({}={})", value.kind(), run.printed(value)?))
}

/// `1.500000e+06`
fn exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    value::with_exponent(digits, exponent.parse().unwrap_or(0))
}

/// So many digits that count, zeros at the end cut, with an exponent where that is shorter.
fn shortest(number: f64, precision: usize) -> String {
    let scientific = exponent(number, precision - 1);
    let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if power < -4 || power >= limit {
        return value::with_exponent(&trim(digits), power);
    }
    let decimals = usize::try_from(limit - 1 - power).unwrap_or(0);
    trim(&format!("{number:.decimals$}"))
}

/// A text in quotes with Go's escapes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() && u32::from(c) < 0x80 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

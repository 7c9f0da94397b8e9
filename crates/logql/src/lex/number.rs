//! Numbers, durations and sizes.

use super::{Lexer, Token};
use crate::{ByteCount, Error, Nanos};

impl<'a> Lexer<'a> {
    /// Takes a number, which units may make a duration or a size.
    pub(super) fn number(&mut self, start: usize) -> Result<Token<'a>, Error> {
        let length = self.number_length().map_err(|message| self.error(start, message))?;
        Ok(self.duration(length).or_else(|| self.size(length)).unwrap_or_else(|| Token::Number(self.skip(length))))
    }

    /// Takes a duration that begins with the next `sign_or_number` bytes and has units.
    pub(super) fn duration(&mut self, sign_or_number: usize) -> Option<Token<'a>> {
        let text = self.run(sign_or_number, |c| "nuµmshdwy".contains(c))?;
        let duration = Nanos::parse_literal(text)?;
        self.skip(text.len());
        Some(Token::Duration(duration))
    }

    fn size(&mut self, number: usize) -> Option<Token<'a>> {
        let text = self.run(number, |c| "BikKMGTP".contains(c))?;
        let bytes = ByteCount::parse(text)?;
        self.skip(text.len());
        Some(Token::Bytes(bytes))
    }

    /// The text that begins with the next `number` bytes and goes on with digits, points and units, at least one unit.
    fn run(&self, number: usize, unit: impl Fn(char) -> bool) -> Option<&'a str> {
        let (_, tail) = self.rest.split_at(number);
        let end = tail.find(|c: char| c != '.' && !c.is_numeric() && !unit(c)).unwrap_or(tail.len());
        let (units, _) = tail.split_at(end);
        units.contains(&unit).then(|| self.rest.split_at(number + end).0)
    }

    /// Length of the number ahead: decimal with fraction and exponent, or hexadecimal; digits may have `_` between.
    fn number_length(&self) -> Result<usize, &'static str> {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize, pass: fn(&u8) -> bool| {
            from + bytes.iter().skip(from).take_while(|b| **b == b'_' || pass(b)).count()
        };
        let hexadecimal = self.rest.starts_with("0x") || self.rest.starts_with("0X");
        let (start, pass, exponent): (usize, fn(&u8) -> bool, u8) =
            if hexadecimal { (2, u8::is_ascii_hexdigit, b'p') } else { (0, u8::is_ascii_digit, b'e') };
        let mut end = digits(start, pass);
        let mut mantissa = end - start;
        if bytes.get(end) == Some(&b'.') {
            let after = digits(end + 1, pass);
            mantissa += after - end - 1;
            end = after;
        }
        if mantissa == 0 {
            return Err("hexadecimal literal has no digits");
        }
        if bytes.get(end).is_some_and(|b| b.to_ascii_lowercase() == exponent) {
            let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
            let from = end + 1 + usize::from(signed);
            end = digits(from, u8::is_ascii_digit);
            if end == from {
                return Err("exponent has no digits");
            }
        }
        Ok(end)
    }
}

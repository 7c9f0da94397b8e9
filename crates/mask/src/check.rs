//! Checksums of numbers: what passes is a card, an account, a person's number; what does not is some other number.

use serde::Deserialize;

/// A check that a value must pass to be a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validator {
    /// The sum of payment cards and many other numbers.
    Luhn,
    /// The remainder of 97 of bank accounts.
    Iban,
    /// The checksum of Russian insurance numbers.
    Snils,
    /// The checksums of Russian taxpayer numbers.
    Inn,
}

impl Validator {
    /// Whether a value in any spelling passes; what is neither letter nor digit does not matter.
    pub(crate) fn accepts(self, value: &str) -> bool {
        let digits = || value.bytes().filter(u8::is_ascii_digit);
        match self {
            Self::Luhn => luhn(digits()) && digits().count() > 1,
            Self::Iban => iban(value.bytes().filter(u8::is_ascii_alphanumeric)),
            Self::Snils => snils(digits()),
            Self::Inn => inn(digits()),
        }
    }
}

/// Whether the digits have a right Luhn sum and are not all zero.
pub(crate) fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let mut any = false;
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            any |= digit != b'0';
            let digit = u32::from(digit - b'0');
            let doubled = digit * 2;
            if index % 2 == 0 { digit } else { doubled / 10 + doubled % 10 }
        })
        .sum();
    any && sum.is_multiple_of(10)
}

/// Whether letters and digits are an account number: its first four moved to the end leave 1 when divided by 97.
pub(crate) fn iban(symbols: impl Iterator<Item = u8> + Clone) -> bool {
    let moved = symbols.clone().skip(4).chain(symbols.take(4));
    let remainder = moved.fold(0_u32, |remainder, symbol| match symbol {
        b'0'..=b'9' => (remainder * 10 + u32::from(symbol - b'0')) % 97,
        _ => (remainder * 100 + u32::from(symbol.to_ascii_uppercase().wrapping_sub(b'A')) + 10) % 97,
    });
    remainder == 1
}

/// How many symbols an account number of this country has.
pub(crate) fn iban_length(country: [u8; 2]) -> Option<usize> {
    const LENGTHS: [(usize, &[u8]); 17] = [
        (15, b"NO"),
        (16, b"BE"),
        (18, b"DKFOFIGLNL"),
        (19, b"MKSI"),
        (20, b"ATBAEEKZLTLUXK"),
        (21, b"CHHRLILV"),
        (22, b"BGBHCRDEGBGEIEMERSVA"),
        (23, b"AEGIILIQTL"),
        (24, b"ADCZESMDPKROSASESKTNVG"),
        (25, b"PTST"),
        (26, b"ISTR"),
        (27, b"FRGRITMCMRSM"),
        (28, b"ALAZBYCYDOGTHULBPLSV"),
        (29, b"BREGPSQAUA"),
        (30, b"JOKWMU"),
        (31, b"MTSC"),
        (33, b"RU"),
    ];
    let has = |countries: &[u8]| countries.chunks_exact(2).any(|known| known == country);
    LENGTHS.iter().find(|(_, countries)| has(countries)).map(|(length, _)| *length)
}

/// Whether eleven digits are an insurance number with a right checksum.
pub(crate) fn snils(digits: impl Iterator<Item = u8>) -> bool {
    let Some(digits) = exactly::<11>(digits) else { return false };
    let sum: u32 = digits.iter().take(9).zip((1..=9).rev()).map(|(digit, weight)| digit * weight).sum();
    let check = sum % 101 % 100;
    // Numbers up to 001-001-998 were given out without a checksum; nobody logs them.
    sum > 0 && check == digits[9] * 10 + digits[10]
}

/// Whether ten or twelve digits are a taxpayer number with right checksums.
pub(crate) fn inn(digits: impl Iterator<Item = u8> + Clone) -> bool {
    const WEIGHTS: [u32; 11] = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
    let check = |digits: &[u32], weights: &[u32]| {
        digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11 % 10
    };
    if let Some(digits) = exactly::<10>(digits.clone()) {
        return digits.iter().any(|digit| *digit != 0) && check(&digits, &WEIGHTS[2..]) == digits[9];
    }
    exactly::<12>(digits).is_some_and(|digits| {
        let any = digits.iter().any(|digit| *digit != 0);
        any && check(&digits, &WEIGHTS[1..]) == digits[10] && check(&digits, &WEIGHTS) == digits[11]
    })
}

fn exactly<const N: usize>(mut digits: impl Iterator<Item = u8>) -> Option<[u32; N]> {
    let mut all = [0; N];
    for slot in &mut all {
        *slot = u32::from(digits.next()?.wrapping_sub(b'0'));
    }
    digits.next().is_none().then_some(all)
}

#[cfg(test)]
mod tests;

//! A path in few bytes: what is kept of an object once its lines no longer matter, and what analysis reads.
//!
//! Times are whole milliseconds. A stay takes about eight bytes, so a million orders of twenty stays fit into 180 MB.

use logline::Timestamp;

use crate::Evidence;
use crate::path::Path;
use crate::symbols::Symbol;

const NANOS: i64 = 1_000_000;
/// Failures that are counted in one stay.
const FAILURES: u8 = 15;

/// The path of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    /// Its id, as the lines write it.
    pub(crate) id: String,
    /// Stays in order of time; never empty.
    pub(crate) stays: Vec<Stay>,
    /// The stay with which it ended; what follows came after the end.
    pub(crate) end: Option<usize>,
    /// What its customer thought of it, 1 to 5.
    pub(crate) rating: Option<u8>,
    /// Objects named beside it, `model/77 customer/5`.
    pub(crate) related: String,
}

/// A stay in one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) status: Symbol,
    /// Who set it.
    pub(crate) service: Symbol,
    pub(crate) evidence: Evidence,
    /// The status that was left, as the line told, where that is not the one before.
    pub(crate) told: Option<Symbol>,
    /// Milliseconds since 1970.
    pub(crate) entered: i64,
    /// Milliseconds until the other side confirmed the hand-over.
    pub(crate) confirmed: Option<u64>,
    /// What went wrong meanwhile; 15 stands for more.
    pub(crate) failures: u8,
}

impl Trail {
    /// Takes over the path of an object and when something went wrong with it.
    pub(crate) fn set(&mut self, id: &str, path: &Path, failures: impl Iterator<Item = Timestamp>) {
        self.id.clear();
        self.id.push_str(id);
        self.stays.clear();
        self.end = path.end;
        for (index, visit) in path.visits.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| path.visits.get(before)).map(|visit| visit.status);
            let entered = visit.entered.0.div_euclid(NANOS);
            self.stays.push(Stay {
                status: visit.status,
                service: visit.service,
                evidence: visit.evidence,
                told: visit.told.filter(|told| before.is_some() && before != Some(*told)),
                entered,
                confirmed: visit.confirmed.map(|at| at.0.div_euclid(NANOS).saturating_sub(entered).unsigned_abs()),
                failures: 0,
            });
        }
        for time in failures {
            let next = path.visits.partition_point(|visit| visit.entered <= time);
            if let Some(stay) = self.stays.get_mut(next.saturating_sub(1)) {
                stay.failures = (stay.failures + 1).min(FAILURES);
            }
        }
    }

    /// When it came into being.
    pub(crate) fn began(&self) -> Timestamp {
        Timestamp(self.stays.first().map_or(0, |stay| stay.entered).saturating_mul(NANOS))
    }

    /// The stays that count: those up to the end.
    pub(crate) fn counted(&self) -> &[Stay] {
        self.end.and_then(|end| self.stays.get(..=end)).unwrap_or(&self.stays)
    }

    /// Appends the packed form.
    pub(crate) fn pack(&self, out: &mut Vec<u8>) {
        text(out, &self.id);
        text(out, &self.related);
        out.push(self.rating.unwrap_or(0));
        number(out, self.end.map_or(0, |end| end as u64 + 1));
        number(out, self.stays.len() as u64);
        let mut before = 0;
        for stay in &self.stays {
            let evidence = match stay.evidence {
                Evidence::Line => 0,
                Evidence::Call => 1,
                Evidence::Seen => 2,
            };
            let flags = u8::from(stay.confirmed.is_some()) << 2 | u8::from(stay.told.is_some()) << 3;
            out.push(evidence | flags | stay.failures << 4);
            number(out, u64::from(stay.status.number()));
            number(out, u64::from(stay.service.number()));
            // The first one is counted from 1970, which lies before or after it.
            number(out, zigzag(stay.entered.wrapping_sub(before)));
            before = stay.entered;
            if let Some(confirmed) = stay.confirmed {
                number(out, confirmed);
            }
            if let Some(told) = stay.told {
                number(out, u64::from(told.number()));
            }
        }
    }

    /// Reads a packed form into `self`, whose memory is used again; gives what follows it.
    pub(crate) fn unpack<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = Reader(bytes);
        rest.text(&mut self.id)?;
        rest.text(&mut self.related)?;
        self.rating = Some(rest.byte()?).filter(|rating| *rating != 0);
        self.end = usize::try_from(rest.number()?).ok()?.checked_sub(1);
        let stays = rest.number()?;
        self.stays.clear();
        let mut before = 0_i64;
        for _ in 0..stays {
            let flags = rest.byte()?;
            let status = Symbol::from_number(rest.number()?)?;
            let service = Symbol::from_number(rest.number()?)?;
            before = before.wrapping_add(unzigzag(rest.number()?));
            let confirmed = if flags & 4 == 0 { None } else { Some(rest.number()?) };
            let told = if flags & 8 == 0 { None } else { Some(Symbol::from_number(rest.number()?)?) };
            let evidence = match flags & 3 {
                0 => Evidence::Line,
                1 => Evidence::Call,
                _ => Evidence::Seen,
            };
            self.stays.push(Stay { status, service, evidence, told, entered: before, confirmed, failures: flags >> 4 });
        }
        Some(rest.0)
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the lowest first.
fn number(out: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn text(&mut self, out: &mut String) -> Option<()> {
        let length = usize::try_from(self.number()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        out.clear();
        out.push_str(std::str::from_utf8(taken).ok()?);
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stay() -> impl Strategy<Value = Stay> {
        let symbol = || (0..400_u64).prop_map(|number| Symbol::from_number(number).unwrap());
        let evidence = prop_oneof![Just(Evidence::Line), Just(Evidence::Call), Just(Evidence::Seen)];
        let parts = (symbol(), symbol(), evidence, proptest::option::of(symbol()), any::<i64>());
        (parts, proptest::option::of(any::<u64>()), 0..=15_u8).prop_map(|(parts, confirmed, failures)| {
            let (status, service, evidence, told, entered) = parts;
            Stay { status, service, evidence, told, entered, confirmed, failures }
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_as_it_was(
            id in "[a-z0-9-]{0,40}",
            stays in proptest::collection::vec(stay(), 1..30),
            end in proptest::option::of(0..30_usize),
            rating in proptest::option::of(1..=5_u8),
            related in "(model/[0-9]{1,3})?",
        ) {
            let trail = Trail { id, stays, end, rating, related };
            let mut bytes = Vec::new();
            trail.pack(&mut bytes);
            trail.pack(&mut bytes);
            let mut read = Trail::default();
            let rest = read.unpack(&bytes).unwrap();
            prop_assert_eq!(&read, &trail);
            prop_assert_eq!(rest.len(), bytes.len() / 2);
            prop_assert!(Trail::default().unpack(&bytes[..rest.len() - 1]).is_none());
        }
    }
}

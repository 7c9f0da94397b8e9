//! Go's time layouts: `2006-01-02T15:04:05.000Z07:00`.

use std::fmt::Write as _;

use jiff::civil::{DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A piece of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'l> {
    Text(&'l str),
    Part(Part),
    /// A point or comma and so many digits of a second; trailing zeros go or stay.
    Fraction {
        sign: char,
        digits: usize,
        trims: bool,
    },
    Zone {
        is_z: bool,
        colons: bool,
        parts: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    LongMonth,
    Month,
    ZeroMonth,
    NumMonth,
    LongDay,
    WeekDay,
    Day,
    UnderDay,
    ZeroDay,
    ZeroYearDay,
    UnderYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
}

/// Parts by their text; longer ones first.
const PARTS: [(&str, Part); 23] = [
    ("January", Part::LongMonth),
    ("Monday", Part::LongDay),
    ("2006", Part::LongYear),
    ("__2", Part::UnderYearDay),
    ("002", Part::ZeroYearDay),
    ("MST", Part::ZoneName),
    ("Jan", Part::Month),
    ("Mon", Part::WeekDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("_2", Part::UnderDay),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
    ("1", Part::NumMonth),
    ("2", Part::Day),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
];

const ZONES: [(&str, bool, bool, usize); 10] = [
    ("-07:00:00", false, true, 3),
    ("Z07:00:00", true, true, 3),
    ("-070000", false, false, 3),
    ("Z070000", true, false, 3),
    ("-07:00", false, true, 2),
    ("Z07:00", true, true, 2),
    ("-0700", false, false, 2),
    ("Z0700", true, false, 2),
    ("-07", false, false, 1),
    ("Z07", true, false, 1),
];

/// The piece that a layout begins with, if it is no text, and what follows.
fn piece(layout: &str) -> Option<(Piece<'_>, &str)> {
    for (text, is_z, colons, parts) in ZONES {
        if let Some(rest) = layout.strip_prefix(text) {
            return Some((Piece::Zone { is_z, colons, parts }, rest));
        }
    }
    if let Some(sign @ ('.' | ',')) = layout.chars().next() {
        let after = layout.get(1..)?;
        let digit = after.chars().next().filter(|c| matches!(c, '0' | '9'))?;
        let rest = after.trim_start_matches(digit);
        let digits = after.len() - rest.len();
        let ends = !rest.starts_with(|c: char| c.is_ascii_digit());
        return ends.then_some((Piece::Fraction { sign, digits: digits.min(9), trims: digit == '9' }, rest));
    }
    if layout.starts_with("_2006") {
        return None;
    }
    let (text, part) = PARTS.iter().find(|(text, _)| layout.starts_with(text))?;
    let rest = layout.get(text.len()..)?;
    let is_cut = matches!(part, Part::Month | Part::WeekDay) && rest.starts_with(|c: char| c.is_ascii_lowercase());
    (!is_cut).then_some((Piece::Part(*part), rest))
}

fn pieces(layout: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(c) = layout.get(at..).and_then(|rest| rest.chars().next()) {
        let Some((found, rest)) = layout.get(at..).and_then(piece) else {
            at += c.len_utf8();
            continue;
        };
        pieces.extend(layout.get(start..at).filter(|text| !text.is_empty()).map(Piece::Text));
        pieces.push(found);
        at = layout.len() - rest.len();
        start = at;
    }
    pieces.extend(layout.get(start..).filter(|text| !text.is_empty()).map(Piece::Text));
    pieces
}

/// The time as the layout wants it.
pub(crate) fn format(time: &Zoned, layout: &str) -> String {
    let mut out = String::with_capacity(layout.len() + 16);
    for piece in pieces(layout) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Part(part) => write_part(&mut out, time, part),
            Piece::Fraction { sign, digits, trims } => {
                let nanos = format!("{:09}", time.subsec_nanosecond());
                let nanos = nanos.get(..digits).unwrap_or_default();
                let nanos = if trims { nanos.trim_end_matches('0') } else { nanos };
                if !nanos.is_empty() {
                    out.push(sign);
                    out.push_str(nanos);
                }
            }
            Piece::Zone { is_z, colons, parts } => write_offset(&mut out, time.offset().seconds(), is_z, colons, parts),
        }
    }
    out
}

fn write_part(out: &mut String, time: &Zoned, part: Part) {
    let month = MONTHS.get(usize::from(time.month().unsigned_abs()).wrapping_sub(1)).copied().unwrap_or_default();
    let day = DAYS.get(usize::from(time.weekday().to_monday_zero_offset().unsigned_abs())).copied().unwrap_or_default();
    let hour12 = (time.hour() + 11) % 12 + 1;
    let written = match part {
        Part::LongMonth => write!(out, "{month}"),
        Part::Month => write!(out, "{month:.3}"),
        Part::ZeroMonth => write!(out, "{:02}", time.month()),
        Part::NumMonth => write!(out, "{}", time.month()),
        Part::LongDay => write!(out, "{day}"),
        Part::WeekDay => write!(out, "{day:.3}"),
        Part::Day => write!(out, "{}", time.day()),
        Part::UnderDay => write!(out, "{:2}", time.day()),
        Part::ZeroDay => write!(out, "{:02}", time.day()),
        Part::ZeroYearDay => write!(out, "{:03}", time.day_of_year()),
        Part::UnderYearDay => write!(out, "{:3}", time.day_of_year()),
        Part::Hour => write!(out, "{:02}", time.hour()),
        Part::Hour12 => write!(out, "{hour12}"),
        Part::ZeroHour12 => write!(out, "{hour12:02}"),
        Part::Minute => write!(out, "{}", time.minute()),
        Part::ZeroMinute => write!(out, "{:02}", time.minute()),
        Part::Second => write!(out, "{}", time.second()),
        Part::ZeroSecond => write!(out, "{:02}", time.second()),
        Part::LongYear => write!(out, "{:04}", time.year()),
        Part::Year => write!(out, "{:02}", time.year().rem_euclid(100)),
        Part::UpperPm => out.write_str(if time.hour() < 12 { "AM" } else { "PM" }),
        Part::LowerPm => out.write_str(if time.hour() < 12 { "am" } else { "pm" }),
        Part::ZoneName => out.write_str(&zone_name(time)),
    };
    written.expect("writing to a string cannot fail");
}

/// `MSK`, `UTC`; what has no name is told by its offset.
fn zone_name(time: &Zoned) -> String {
    match time.time_zone().to_offset_info(time.timestamp()).abbreviation() {
        name if name.starts_with(|c: char| c.is_ascii_alphabetic()) => name.to_owned(),
        _ if time.offset().seconds() == 0 => "UTC".to_owned(),
        _ => {
            let mut name = String::new();
            let seconds = time.offset().seconds();
            write_offset(&mut name, seconds, false, false, if seconds % 3600 == 0 { 1 } else { 2 });
            name
        }
    }
}

fn write_offset(out: &mut String, seconds: i32, is_z: bool, colons: bool, parts: usize) {
    if is_z && seconds == 0 {
        out.push('Z');
        return;
    }
    out.push(if seconds < 0 { '-' } else { '+' });
    let seconds = seconds.unsigned_abs();
    let all = [seconds / 3600, seconds / 60 % 60, seconds % 60];
    for (index, value) in all.iter().take(parts).enumerate() {
        let colon = if colons && index > 0 { ":" } else { "" };
        write!(out, "{colon}{value:02}").expect("writing to a string cannot fail");
    }
}

/// What a text says about a time.
#[derive(Debug, Default)]
struct Read {
    year: i16,
    month: i8,
    day: i8,
    year_day: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    is_pm: Option<bool>,
    offset: Option<i32>,
}

/// Reads a time in a layout; without a zone of its own it is in `zone`. `None` when the text does not fit.
pub(crate) fn parse(text: &str, layout: &str, zone: &TimeZone) -> Option<Zoned> {
    let mut read = Read { month: 1, day: 1, ..Read::default() };
    let mut rest = text;
    let pieces = pieces(layout);
    for (index, piece) in pieces.iter().enumerate() {
        rest = match piece {
            Piece::Text(expected) => rest.strip_prefix(expected)?,
            Piece::Part(part) => {
                let rest = read.part(rest, *part)?;
                let is_second = matches!(part, Part::Second | Part::ZeroSecond);
                let has_fraction = matches!(pieces.get(index + 1), Some(Piece::Fraction { .. }));
                // A fraction after the seconds is read even if the layout has none.
                if is_second && !has_fraction { read.fraction(rest).unwrap_or(rest) } else { rest }
            }
            Piece::Fraction { trims, digits, .. } => match read.fraction(rest) {
                Some(after) if *trims || rest.len() - after.len() == digits + 1 => after,
                None if *trims => rest,
                _ => return None,
            },
            Piece::Zone { is_z, colons, parts } => read.zone(rest, *is_z, *colons, *parts)?,
        };
    }
    if rest.is_empty() { read.time(zone) } else { None }
}

/// A number of `least` to `most` digits.
fn number(text: &str, least: usize, most: usize) -> Option<(i32, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let number = text.get(..digits)?.parse().ok()?;
    (least <= digits).then_some((number, text.get(digits..)?))
}

/// The number, from 1, of the name that a text begins with, in any case.
fn named<'t>(text: &'t str, names: &[&str], is_long: bool) -> Option<(i8, &'t str)> {
    names.iter().zip(1..).find_map(|(name, number)| {
        let name = if is_long { name } else { name.get(..3)? };
        text.get(..name.len())?.eq_ignore_ascii_case(name).then_some((number, text.get(name.len()..)?))
    })
}

fn small(number: i32) -> Option<i8> {
    i8::try_from(number).ok()
}

impl Read {
    fn part<'t>(&mut self, text: &'t str, part: Part) -> Option<&'t str> {
        let blanks =
            if matches!(part, Part::UnderDay | Part::UnderYearDay) { text.trim_start_matches(' ') } else { text };
        Some(match part {
            Part::LongMonth | Part::Month => {
                let (month, rest) = named(text, &MONTHS, part == Part::LongMonth)?;
                self.month = month;
                rest
            }
            Part::LongDay | Part::WeekDay => named(text, &DAYS, part == Part::LongDay)?.1,
            Part::ZeroMonth | Part::NumMonth => self.small(text, part == Part::ZeroMonth, |read| &mut read.month)?,
            Part::Day | Part::UnderDay | Part::ZeroDay => {
                self.small(blanks, part == Part::ZeroDay, |read| &mut read.day)?
            }
            Part::ZeroYearDay | Part::UnderYearDay => {
                let (day, rest) = number(blanks, 1, 3)?;
                self.year_day = Some(i16::try_from(day).ok()?);
                rest
            }
            Part::Hour | Part::ZeroHour12 | Part::Hour12 => {
                self.small(text, part == Part::ZeroHour12, |read| &mut read.hour)?
            }
            Part::Minute | Part::ZeroMinute => self.small(text, part == Part::ZeroMinute, |read| &mut read.minute)?,
            Part::Second | Part::ZeroSecond => self.small(text, part == Part::ZeroSecond, |read| &mut read.second)?,
            Part::LongYear | Part::Year => {
                let digits = if part == Part::Year { 2 } else { 4 };
                let (year, rest) = number(text, digits, digits)?;
                let century = match part {
                    Part::Year if year >= 69 => 1900,
                    Part::Year => 2000,
                    _ => 0,
                };
                self.year = i16::try_from(year + century).ok()?;
                rest
            }
            Part::UpperPm | Part::LowerPm => {
                let word = text.get(..2)?;
                let upper = word.to_ascii_uppercase();
                self.is_pm = Some(match upper.as_str() {
                    "PM" => true,
                    "AM" => false,
                    _ => return None,
                });
                text.get(2..)?
            }
            Part::ZoneName => {
                let rest = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
                let name = text.get(..text.len() - rest.len())?;
                if name.len() < 3 {
                    return None;
                }
                if name == "UTC" {
                    self.offset = Some(0);
                }
                rest
            }
        })
    }

    fn small<'t>(&mut self, text: &'t str, is_two: bool, slot: impl Fn(&mut Self) -> &mut i8) -> Option<&'t str> {
        let (number, rest) = number(text, if is_two { 2 } else { 1 }, 2)?;
        *slot(self) = small(number)?;
        Some(rest)
    }

    fn fraction<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let digits = text.strip_prefix(['.', ','])?;
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        let (read, rest) = (digits.get(..count.min(9))?, digits.get(count..)?);
        self.nanos = format!("{read:0<9}").parse().ok().filter(|_| count > 0)?;
        Some(rest)
    }

    fn zone<'t>(&mut self, text: &'t str, is_z: bool, colons: bool, parts: usize) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix('Z').filter(|_| is_z) {
            self.offset = Some(0);
            return Some(rest);
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let mut rest = text.strip_prefix(['+', '-'])?;
        let mut seconds = 0;
        for (index, scale) in [3600, 60, 1].into_iter().take(parts).enumerate() {
            rest = if colons && index > 0 { rest.strip_prefix(':')? } else { rest };
            let (value, after) = number(rest, 2, 2)?;
            seconds += value * scale;
            rest = after;
        }
        self.offset = Some(sign * seconds);
        Some(rest)
    }

    fn time(self, zone: &TimeZone) -> Option<Zoned> {
        let hour = match self.is_pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let mut local =
            DateTime::new(self.year, self.month, self.day, hour, self.minute, self.second, self.nanos).ok()?;
        if let Some(day) = self.year_day {
            let date = jiff::civil::Date::new(self.year, 1, 1).ok()?.with().day_of_year(day).build().ok()?;
            local = date.to_datetime(local.time());
        }
        match self.offset {
            Some(0) => local.to_zoned(TimeZone::UTC).ok(),
            Some(seconds) => local.to_zoned(TimeZone::fixed(Offset::from_seconds(seconds).ok()?)).ok(),
            None => local.to_zoned(zone.clone()).ok(),
        }
    }
}

/// Go's name of the time before all others, 1 January of year 1.
pub(crate) fn zero() -> Zoned {
    DateTime::constant(1, 1, 1, 0, 0, 0, 0)
        .to_zoned(TimeZone::UTC)
        .unwrap_or_else(|_| Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC))
}

/// The name of a day of the week.
pub(crate) fn day_name(day: Weekday) -> &'static str {
    DAYS.get(usize::from(day.to_monday_zero_offset().unsigned_abs())).copied().unwrap_or_default()
}

/// The name of a month, from 1.
pub(crate) fn month_name(month: i8) -> &'static str {
    MONTHS.get(usize::from(month.unsigned_abs()).wrapping_sub(1)).copied().unwrap_or_default()
}

//! Arithmetic: whole numbers and floats, read from whatever looks like one.

use logql::{ByteCount, Nanos};

use super::{Function, MANY, int, plain, text};
use crate::Error;
use crate::lex::whole;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    plain("int", 1, 1, |_, args| Ok(Value::Int(to_int(&args[0])))),
    plain("float64", 1, 1, |_, args| Ok(Value::Float(to_float(&args[0])))),
    plain("add", 0, MANY, |_, args| Ok(ints(args, 0, i64::wrapping_add))),
    plain("sub", 2, 2, |_, args| Ok(Value::Int(to_int(&args[0]).wrapping_sub(to_int(&args[1]))))),
    plain("mul", 1, MANY, |_, args| Ok(ints(args, 1, i64::wrapping_mul))),
    plain("div", 2, 2, |_, args| divided(args, i64::checked_div)),
    plain("mod", 2, 2, |_, args| divided(args, i64::checked_rem)),
    plain("max", 1, MANY, |_, args| Ok(ints(args, i64::MIN, i64::max))),
    plain("min", 1, MANY, |_, args| Ok(ints(args, i64::MAX, i64::min))),
    plain("addf", 0, MANY, |_, args| Ok(Value::Float(args.iter().map(to_float).fold(0.0, |sum, value| sum + value)))),
    plain("subf", 1, MANY, |_, args| Ok(floats(args, |left, right| left - right))),
    plain("mulf", 1, MANY, |_, args| Ok(floats(args, |left, right| left * right))),
    plain("divf", 1, MANY, |_, args| {
        if args.iter().skip(1).any(|value| to_float(value) == 0.0) {
            return Err(Error::new("division by 0"));
        }
        Ok(floats(args, |left, right| left / right))
    }),
    plain("maxf", 1, MANY, |_, args| Ok(floats(args, f64::max))),
    plain("minf", 1, MANY, |_, args| Ok(floats(args, f64::min))),
    plain("ceil", 1, 1, |_, args| Ok(Value::Float(to_float(&args[0]).ceil()))),
    plain("floor", 1, 1, |_, args| Ok(Value::Float(to_float(&args[0]).floor()))),
    plain("round", 2, 3, |_, args| rounded(args)),
    #[expect(clippy::cast_precision_loss, reason = "a float is what Loki gives")]
    plain("bytes", 1, 1, |_, args| {
        let bytes = ByteCount::parse(&text(&args[0])?).ok_or_else(|| Error::new("not a size"))?;
        Ok(Value::Float(bytes.0 as f64))
    }),
    plain("duration", 1, 1, |_, args| seconds(args)),
    plain("duration_seconds", 1, 1, |_, args| seconds(args)),
];

#[expect(clippy::cast_precision_loss, reason = "seconds as a float are what Loki gives")]
fn seconds(args: &[Value]) -> Result<Value, Error> {
    let nanos = Nanos::parse_go(&text(&args[0])?).ok_or_else(|| Error::new("not a duration"))?;
    Ok(Value::Float(nanos.0 as f64 / 1e9))
}

/// Any value as a whole number; 0 for what is none.
#[expect(clippy::cast_possible_truncation, reason = "floats lose their fraction and stop at the ends")]
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Bool(value) => i64::from(*value),
        Value::Int(value) => *value,
        Value::Float(value) => *value as i64,
        // `12.00` counts as whole.
        Value::Text(text) => match text.split_once('.') {
            Some((before, after)) if after.bytes().all(|byte| byte == b'0') => whole(before),
            _ => whole(text),
        }
        .unwrap_or(0),
        Value::Nil | Value::List(_) | Value::Map(_) | Value::Labels | Value::Time(_) => 0,
    }
}

/// Any value as a float; 0 for what is none.
#[expect(clippy::cast_precision_loss, reason = "a float is what was asked for")]
fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(value) => *value,
        Value::Text(text) => text.parse().unwrap_or(0.0),
        other => to_int(other) as f64,
    }
}

fn ints(args: &[Value], start: i64, combine: impl Fn(i64, i64) -> i64) -> Value {
    Value::Int(args.iter().map(to_int).fold(start, combine))
}

fn floats(args: &[Value], combine: impl Fn(f64, f64) -> f64) -> Value {
    Value::Float(args.iter().map(to_float).reduce(combine).unwrap_or(0.0))
}

fn divided(args: &[Value], divide: impl Fn(i64, i64) -> Option<i64>) -> Result<Value, Error> {
    let (left, right) = (to_int(&args[0]), to_int(&args[1]));
    divide(left, right).map(Value::Int).ok_or_else(|| Error::new("integer divide by zero"))
}

/// `round value digits [from]`: fractions from `from` on, one half if it is not given, go up.
fn rounded(args: &[Value]) -> Result<Value, Error> {
    let value = to_float(&args[0]);
    let from = args.get(2).map_or(0.5, to_float);
    let digits = i32::try_from(int(&args[1])?).map_err(|_| Error::new("too many digits"))?;
    let scale = 10.0_f64.powi(digits);
    let scaled = scale * value;
    let fraction = scaled.fract();
    let rounded = if fraction >= from { scaled.ceil() } else { scaled.floor() };
    Ok(Value::Float(rounded / scale))
}

//! `eq ne lt le gt ge`: only values of one kind can be compared.

use std::cmp::Ordering;

use super::{Function, MANY, plain};
use crate::Error;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    // Whether the first is equal to any of the others.
    plain("eq", 2, MANY, |_, args| {
        for other in args.get(1..).unwrap_or_default() {
            if equal(&args[0], other)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    plain("ne", 2, 2, |_, args| equal(&args[0], &args[1]).map(|equal| Value::Bool(!equal))),
    plain("lt", 2, 2, |_, args| ordered(args, |order| order == Some(Ordering::Less))),
    plain("le", 2, 2, |_, args| ordered(args, |order| matches!(order, Some(Ordering::Less | Ordering::Equal)))),
    plain("gt", 2, 2, |_, args| ordered(args, |order| order == Some(Ordering::Greater))),
    plain("ge", 2, 2, |_, args| ordered(args, |order| matches!(order, Some(Ordering::Greater | Ordering::Equal)))),
];

fn incompatible() -> Error {
    Error::new("incompatible types for comparison")
}

#[expect(clippy::float_cmp, reason = "as Go compares")]
fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        _ => Err(incompatible()),
    }
}

fn ordered(args: &[Value], holds: impl Fn(Option<Ordering>) -> bool) -> Result<Value, Error> {
    let order = match (&args[0], &args[1]) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (a, b) if a.kind() == b.kind() => return Err(Error::new("invalid type for comparison")),
        _ => return Err(incompatible()),
    };
    Ok(Value::Bool(holds(order)))
}

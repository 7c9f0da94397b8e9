//! The functions a template may call: Go's own, Loki's, and Loki's choice of sprig.

mod alerts;
mod compare;
mod number;
mod text;
mod time;

use std::fmt;

pub(crate) use self::time::method;
use crate::Error;
use crate::printf::printf;
use crate::run::{Run, map};
use crate::value::Value;

/// Most arguments of a function that takes any number.
const MANY: usize = 1_000;

/// A function by its name.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Fewest arguments.
    pub(crate) least: usize,
    /// Most arguments.
    pub(crate) most: usize,
    pub(crate) kind: Kind,
}

/// How a function runs.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Plain(Plain),
    And,
    Or,
}

/// A function of values; the number of arguments was checked.
pub(crate) type Plain = fn(&mut Run<'_>, &[Value]) -> Result<Value, Error>;

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Error {
    /// The same with the function that failed.
    pub(crate) fn of(self, function: &str) -> Self {
        Self::new(format!("error calling {function}: {}", self.message))
    }
}

const fn plain(name: &'static str, least: usize, most: usize, run: Plain) -> Function {
    Function { name, least, most, kind: Kind::Plain(run) }
}

/// Functions of Go's `text/template` itself, and what has no other place.
static GENERAL: &[Function] = &[
    Function { name: "and", least: 1, most: MANY, kind: Kind::And },
    Function { name: "or", least: 1, most: MANY, kind: Kind::Or },
    plain("not", 1, 1, |_, args| Ok(Value::Bool(!args[0].is_true()))),
    plain("len", 1, 1, len),
    plain("index", 1, MANY, index),
    plain("slice", 1, 3, slice),
    plain("call", 1, MANY, |_, args| Err(Error::new(format!("non-function of type {}", args[0].kind())))),
    plain("print", 0, MANY, |run, args| sprint(run, args, false)),
    plain("println", 0, MANY, |run, args| sprint(run, args, true)),
    plain("printf", 1, MANY, |run, args| {
        let text = printf(run, &text(&args[0])?, args.get(1..).unwrap_or_default())?;
        run.text(text)
    }),
    plain("default", 1, 2, |_, args| Ok(args.get(1).filter(|given| given.is_true()).unwrap_or(&args[0]).clone())),
    plain("fromJson", 1, 1, |run, args| {
        let text = text(&args[0])?;
        // A value is several times larger than its text.
        run.spend(text.len().saturating_mul(8))?;
        Ok(serde_json::from_str(&text).map_or(Value::Nil, |json| from_json(&json)))
    }),
    plain("__line__", 0, 0, |run, _| {
        let fields = run.fields;
        run.text(fields.line())
    }),
];

/// Which functions a template may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Those of LogQL.
    Lines,
    /// Those of rules and notifications, and those of LogQL that they do not know.
    Alerts,
}

/// The function with this name.
pub(crate) fn find(name: &str, dialect: Dialect) -> Option<&'static Function> {
    let all = [GENERAL, compare::FUNCTIONS, text::FUNCTIONS, number::FUNCTIONS, time::FUNCTIONS];
    let own = if dialect == Dialect::Alerts { alerts::FUNCTIONS } else { &[] };
    own.iter().chain(all.into_iter().flatten()).find(|function| function.name == name)
}

/// An argument that must be a text.
pub(crate) fn text(value: &Value) -> Result<std::sync::Arc<str>, Error> {
    match value {
        Value::Text(text) => Ok(std::sync::Arc::clone(text)),
        other => Err(Error::new(format!("wrong type for value; expected string; got {}", other.kind()))),
    }
}

/// An argument that must be a whole number.
pub(crate) fn int(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(*number),
        other => Err(Error::new(format!("wrong type for value; expected int; got {}", other.kind()))),
    }
}

fn len(run: &mut Run<'_>, args: &[Value]) -> Result<Value, Error> {
    let length = match &args[0] {
        Value::Text(text) => text.len(),
        Value::List(values) => values.len(),
        Value::Map(pairs) => pairs.len(),
        Value::Labels => run.fields.labels().len(),
        other => return Err(Error::new(format!("len of type {}", other.kind()))),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn position(value: &Value, length: usize) -> Result<usize, Error> {
    let index = int(value)?;
    let found = usize::try_from(index).ok().filter(|index| *index < length);
    found.ok_or_else(|| Error::new(format!("index out of range: {index}")))
}

fn index(run: &mut Run<'_>, args: &[Value]) -> Result<Value, Error> {
    let mut value = args[0].clone();
    for key in args.get(1..).unwrap_or_default() {
        value = match &value {
            Value::List(values) => values[position(key, values.len())?].clone(),
            Value::Map(pairs) => pairs.get(&*text(key)?).cloned().unwrap_or(Value::Nil),
            Value::Labels => {
                let (fields, key) = (run.fields, text(key)?);
                run.text(fields.label(&key).unwrap_or_default())?
            }
            Value::Text(text) => Value::Int(i64::from(text.as_bytes()[position(key, text.len())?])),
            Value::Nil => return Err(Error::new("index of untyped nil")),
            other => return Err(Error::new(format!("can't index item of type {}", other.kind()))),
        };
    }
    Ok(value)
}

fn slice(run: &mut Run<'_>, args: &[Value]) -> Result<Value, Error> {
    let length = match &args[0] {
        Value::Text(text) => text.len(),
        Value::List(values) => values.len(),
        other => return Err(Error::new(format!("can't slice item of type {}", other.kind()))),
    };
    let start = args.get(1).map_or(Ok(0), |start| position(start, length + 1))?;
    let end = args.get(2).map_or(Ok(length), |end| position(end, length + 1))?;
    if end < start {
        return Err(Error::new(format!("invalid slice index: {start} > {end}")));
    }
    match &args[0] {
        Value::List(values) => Ok(Value::List(values.get(start..end).unwrap_or_default().into())),
        other => {
            let text = text(other)?;
            run.text(String::from_utf8_lossy(text.as_bytes().get(start..end).unwrap_or_default()))
        }
    }
}

/// Go's `Sprint`: a blank between two values of which none is a text; `Sprintln`: one between any two.
fn sprint(run: &mut Run<'_>, args: &[Value], is_line: bool) -> Result<Value, Error> {
    let mut out = String::new();
    for (index, value) in args.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| args.get(before));
        let no_text = |value: &Value| !matches!(value, Value::Text(_));
        if before.is_some_and(|before| is_line || (no_text(before) && no_text(value))) {
            out.push(' ');
        }
        out.push_str(&run.printed(value)?);
    }
    if is_line {
        out.push('\n');
    }
    run.text(out)
}

/// JSON as Go reads it into an `interface{}`: every number is a float.
fn from_json(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;

    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(value) => Value::Float(value.as_f64().unwrap_or(f64::NAN)),
        Json::String(value) => Value::text(value),
        Json::Array(values) => Value::List(values.iter().map(from_json).collect()),
        Json::Object(pairs) => map(pairs.iter().map(|(key, value)| (key.clone(), from_json(value))).collect()),
    }
}

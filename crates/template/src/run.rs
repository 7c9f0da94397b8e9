//! Runs a template over the fields of one row, within limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::{Branch, Command, Node, Operand, Pipe};
use crate::func::{self, Kind};
use crate::parse::Parsed;
use crate::value::Value;
use crate::{Error, Fields, MAX_DEPTH, MAX_OUTPUT};

/// Work that a rendering may do whatever the size of its line, in bytes moved.
const WORK: usize = 4 << 20;
/// And how often it may touch each byte of the line.
const WORK_PER_BYTE: usize = 16;
/// What one step costs.
const STEP: usize = 32;

/// Runs a template with `dot` as its data; `missing` is what a key that a map does not have comes to.
pub(crate) fn render(parsed: &Parsed, fields: &dyn Fields, dot: &Value, missing: Value) -> Result<String, Error> {
    let left = WORK + WORK_PER_BYTE * fields.line().len();
    let variables = vec![("", dot.clone())];
    let mut run = Run { parsed, fields, missing, out: String::new(), variables, left, depth: 0 };
    run.nodes(&parsed.nodes, dot)?;
    Ok(run.out)
}

/// What a loop should do after a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// One rendering.
pub(crate) struct Run<'t> {
    parsed: &'t Parsed,
    pub(crate) fields: &'t dyn Fields,
    missing: Value,
    out: String,
    variables: Vec<(&'t str, Value)>,
    /// Work that is left.
    left: usize,
    depth: usize,
}

impl<'t> Run<'t> {
    /// Pays for work; fails when too much was done.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| Error::new("exceeded the work one line may cost"))?;
        Ok(())
    }

    /// A text of limited size as a value.
    pub(crate) fn text(&mut self, text: impl AsRef<str>) -> Result<Value, Error> {
        let text = text.as_ref();
        self.fits(text.len())?;
        Ok(Value::text(text))
    }

    /// Fails for a text that is too long, before it is made, and pays for it.
    pub(crate) fn fits(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > MAX_OUTPUT + self.fields.line().len() {
            return Err(Error::new("exceeded the size a text may have"));
        }
        self.spend(bytes)
    }

    fn put(&mut self, text: &str) -> Result<(), Error> {
        self.fits(self.out.len() + text.len())?;
        // What is already there was paid for.
        self.left += self.out.len();
        self.out.push_str(text);
        Ok(())
    }

    fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == 4 * MAX_DEPTH {
            return Err(Error::new("exceeded maximum template depth"));
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    fn nodes(&mut self, nodes: &'t [Node], dot: &Value) -> Result<Flow, Error> {
        let known = self.variables.len();
        for node in nodes {
            self.spend(STEP)?;
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                self.variables.truncate(known);
                return Ok(flow);
            }
        }
        self.variables.truncate(known);
        Ok(Flow::On)
    }

    fn node(&mut self, node: &'t Node, dot: &Value) -> Result<Flow, Error> {
        match node {
            Node::Text(text) => self.put(text)?,
            Node::Field(name) if *dot == Value::Labels => {
                let fields = self.fields;
                self.put(fields.label(name).unwrap_or_default())?;
            }
            Node::Field(name) => {
                let value = self.field(dot, name)?;
                self.print(&value)?;
            }
            Node::Put(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.print(&value)?;
                }
            }
            Node::If(branch) | Node::With(branch) => return self.branch(branch, dot, matches!(node, Node::With(_))),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Call(name, argument) => self.call(name, argument.as_ref(), dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn print(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::Text(text) => self.put(text),
            other => {
                let printed = self.printed(other)?;
                self.put(&printed)
            }
        }
    }

    /// The value as `%v` prints it.
    pub(crate) fn printed(&mut self, value: &Value) -> Result<String, Error> {
        let mut text = String::new();
        if *value == Value::Labels {
            self.all_labels().print(&mut text)
        } else {
            value.print(&mut text)
        }
        self.fits(text.len())?;
        Ok(text)
    }

    /// The labels as a map.
    pub(crate) fn all_labels(&self) -> Value {
        let labels = self.fields.labels().into_iter();
        Value::Map(Arc::new(labels.map(|(name, value)| (name.to_owned(), Value::text(value))).collect()))
    }

    fn branch(&mut self, branch: &'t Branch, dot: &Value, is_with: bool) -> Result<Flow, Error> {
        let known = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let is_true = if value == Value::Labels { !self.fields.labels().is_empty() } else { value.is_true() };
        let flow = self.deeper(|run| match is_true {
            true if is_with => run.nodes(&branch.then, &value),
            true => run.nodes(&branch.then, dot),
            false => run.nodes(&branch.otherwise, dot),
        });
        self.variables.truncate(known);
        flow
    }

    fn range(&mut self, branch: &'t Branch, dot: &Value) -> Result<Flow, Error> {
        let known = self.variables.len();
        let over = self.pipe(&branch.pipe, dot)?;
        self.variables.truncate(known);
        let over = if over == Value::Labels { self.all_labels() } else { over };
        let mut any = false;
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match &over {
            Value::List(values) => Box::new((0..).map(Value::Int).zip(values.iter().cloned())),
            Value::Map(pairs) => Box::new(pairs.iter().map(|(key, value)| (Value::text(key), value.clone()))),
            Value::Int(count) => Box::new((0..*count).map(|n| (Value::Int(n), Value::Int(n)))),
            Value::Nil => Box::new(std::iter::empty()),
            other => return Err(Error::new(format!("range can't iterate over a {}", other.kind()))),
        };
        for (key, value) in items {
            any = true;
            self.spend(STEP)?;
            match branch.pipe.variables.as_slice() {
                [one] => self.declare(one, value.clone(), branch.pipe.assigns),
                [first, second, ..] => {
                    self.declare(first, key, branch.pipe.assigns);
                    self.declare(second, value.clone(), branch.pipe.assigns);
                }
                [] => {}
            }
            let flow = self.deeper(|run| run.nodes(&branch.then, &value))?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        if !any {
            return self.deeper(|run| run.nodes(&branch.otherwise, dot));
        }
        Ok(Flow::On)
    }

    fn call(&mut self, name: &str, argument: Option<&'t Pipe>, dot: &Value) -> Result<(), Error> {
        let argument = argument.map_or(Ok(Value::Nil), |pipe| self.pipe(pipe, dot))?;
        let parsed = self.parsed;
        let nodes = parsed.defined.get(name).ok_or_else(|| Error::new(format!("template {name:?} not defined")))?;
        let outer = std::mem::replace(&mut self.variables, vec![("", argument.clone())]);
        let result = self.deeper(|run| run.nodes(nodes, &argument));
        self.variables = outer;
        result.map(drop)
    }

    fn declare(&mut self, name: &'t str, value: Value, assigns: bool) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| *known == name);
        match known.filter(|_| assigns) {
            Some((_, slot)) => *slot = value,
            None => self.variables.push((name, value)),
        }
    }

    fn pipe(&mut self, pipe: &'t Pipe, dot: &Value) -> Result<Value, Error> {
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.deeper(|run| run.command(command, dot, last.take()))?);
        }
        let value = last.unwrap_or(Value::Nil);
        if let [name] = pipe.variables.as_slice() {
            self.declare(name, value.clone(), pipe.assigns);
        }
        Ok(value)
    }

    fn command(&mut self, command: &'t Command, dot: &Value, last: Option<Value>) -> Result<Value, Error> {
        self.spend(STEP)?;
        let Operand::Function(function) = &command.head else {
            if let Operand::Field(names) | Operand::Variable(_, names) | Operand::Pipe(_, names) = &command.head
                && let Some((method, before)) = names.split_last()
            {
                return self.method(command, dot, before, method, last);
            }
            if last.is_some() || !command.arguments.is_empty() {
                return Err(Error::new("can't give argument to non-function"));
            }
            return self.operand(&command.head, dot);
        };
        let count = command.arguments.len() + usize::from(last.is_some());
        if count < function.least || function.most < count {
            return Err(Error::new(format!("wrong number of args for {}: got {count}", function.name)));
        }
        match function.kind {
            Kind::Plain(run) => {
                let mut arguments = Vec::with_capacity(count);
                for argument in &command.arguments {
                    arguments.push(self.operand(argument, dot)?);
                }
                arguments.extend(last);
                run(self, &arguments).map_err(|error| error.of(function.name))
            }
            // `and` stops at the first that is not true, `or` at the first that is.
            Kind::And | Kind::Or => {
                let stops_at = matches!(function.kind, Kind::Or);
                let mut value = Value::Nil;
                for argument in &command.arguments {
                    value = self.operand(argument, dot)?;
                    if value.is_true() == stops_at {
                        return Ok(value);
                    }
                }
                Ok(last.unwrap_or(value))
            }
        }
    }

    /// A chain of fields whose last one may be a method of a time with arguments.
    fn method(
        &mut self,
        command: &'t Command,
        dot: &Value,
        before: &'t [String],
        method: &str,
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let start = match &command.head {
            Operand::Variable(name, _) => self.variable(name),
            Operand::Pipe(pipe, _) => self.pipe(pipe, dot)?,
            _ => dot.clone(),
        };
        let receiver = self.fields_of(start, before)?;
        let mut arguments = Vec::new();
        for argument in &command.arguments {
            arguments.push(self.operand(argument, dot)?);
        }
        arguments.extend(last);
        if let Value::Time(time) = &receiver {
            return func::method(self, time, method, &arguments);
        }
        if !arguments.is_empty() {
            return Err(Error::new(format!("{method} is not a method but has arguments")));
        }
        self.field(&receiver, method)
    }

    fn operand(&mut self, operand: &'t Operand, dot: &Value) -> Result<Value, Error> {
        Ok(match operand {
            Operand::Dot => dot.clone(),
            Operand::Nil => Value::Nil,
            Operand::Bool(value) => Value::Bool(*value),
            Operand::Int(value) => Value::Int(*value),
            Operand::Float(value) => Value::Float(*value),
            Operand::Text(value) => Value::text(value),
            Operand::Function(function) => match function.kind {
                Kind::Plain(run) if function.least == 0 => run(self, &[])?,
                _ => return Err(Error::new(format!("wrong number of args for {}: got 0", function.name))),
            },
            Operand::Field(names) => self.fields_of(dot.clone(), names)?,
            Operand::Variable(name, names) => {
                let value = self.variable(name);
                self.fields_of(value, names)?
            }
            Operand::Pipe(pipe, names) => {
                let value = self.deeper(|run| run.pipe(pipe, dot))?;
                self.fields_of(value, names)?
            }
        })
    }

    fn variable(&self, name: &str) -> Value {
        let known = self.variables.iter().rev().find(|(known, _)| *known == name);
        known.map_or(Value::Nil, |(_, value)| value.clone())
    }

    fn fields_of(&mut self, mut value: Value, names: &[String]) -> Result<Value, Error> {
        for name in names {
            value = match &value {
                Value::Time(time) => func::method(self, &time.clone(), name, &[])?,
                other => self.field(other, name)?,
            };
        }
        Ok(value)
    }

    /// A key of a map: a missing label is an empty text, a missing key of anything else what the run says.
    fn field(&mut self, value: &Value, name: &str) -> Result<Value, Error> {
        match value {
            Value::Labels => {
                let fields = self.fields;
                self.text(fields.label(name).unwrap_or_default())
            }
            Value::Map(pairs) => Ok(pairs.get(name).unwrap_or(&self.missing).clone()),
            Value::Nil => Err(Error::new(format!("nil data; no entry for key {name:?}"))),
            other => Err(Error::new(format!("can't evaluate field {name} in type {}", other.kind()))),
        }
    }
}

/// A map of JSON as a value.
pub(crate) fn map(pairs: BTreeMap<String, Value>) -> Value {
    Value::Map(Arc::new(pairs))
}

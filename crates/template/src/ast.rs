//! The syntax tree of a template.

use crate::func::Function;

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Node {
    Text(String),
    /// `{{ .name }}`, the most common action by far.
    Field(String),
    /// `{{ pipe }}`; prints unless it declares.
    Put(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// `{{ template "name" pipe }}`
    Call(String, Option<Pipe>),
    Break,
    Continue,
}

/// A block with a condition or a value, and what else.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) then: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

/// `$x := a b | c`: commands in a row, each with the result of the one before as its last argument.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// Variables that take the result; two only in `range`.
    pub(crate) variables: Vec<String>,
    /// The variables are known ones that change.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

/// A function or method with arguments, or one value.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) head: Operand,
    pub(crate) arguments: Vec<Operand>,
}

/// A value in a command.
#[derive(Debug)]
pub(crate) enum Operand {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Function(&'static Function),
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`; `$` has an empty name.
    Variable(String, Vec<String>),
    /// `(pipe).a.b`
    Pipe(Box<Pipe>, Vec<String>),
}

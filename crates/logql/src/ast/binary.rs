//! Operators between two metric expressions, and how their series find each other.

use std::fmt;

use super::{Compare, MetricExpr};
use crate::Span;
use crate::words::words;

/// `left op bool on (a) group_left (b) right`
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left side.
    pub left: MetricExpr,
    /// Right side.
    pub right: MetricExpr,
    /// `bool`: a comparison yields 0 or 1 instead of keeping or dropping the left side.
    pub return_bool: bool,
    /// Which labels pair the series; `None` is all of them.
    pub matching: Option<Matching>,
    /// Left side to right side.
    pub span: Span,
}

/// Which series of the two sides belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// The labels that must be equal.
    pub on: On,
    /// Many series of one side may meet one of the other.
    pub group: Option<GroupedMatch>,
}

/// The labels that pair series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// `on (…)`: these.
    On(Vec<String>),
    /// `ignoring (…)`: all but these.
    Ignoring(Vec<String>),
}

/// `group_left (…)` or `group_right (…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupedMatch {
    /// The side with many series.
    pub many: GroupSide,
    /// Labels the result takes over from the other side.
    pub include: Vec<String>,
}

/// A side of a binary expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupSide {
    /// `group_left`
    Left,
    /// `group_right`
    Right,
}

words! {
    /// An operator between two metric expressions.
    pub enum BinaryOp {
        /// Union of series.
        Or = "or",
        /// Intersection of series.
        And = "and",
        /// Difference of series.
        Unless = "unless",
        /// Comparison.
        Equal = "==",
        /// Comparison.
        NotEqual = "!=",
        /// Comparison.
        Greater = ">",
        /// Comparison.
        GreaterOrEqual = ">=",
        /// Comparison.
        Less = "<",
        /// Comparison.
        LessOrEqual = "<=",
        /// Sum.
        Add = "+",
        /// Difference.
        Sub = "-",
        /// Product.
        Mul = "*",
        /// Quotient; NaN when the right side is 0.
        Div = "/",
        /// Remainder; NaN when the right side is 0.
        Mod = "%",
        /// Power; the only one that binds to the right.
        Pow = "^",
    }
}

impl BinaryOp {
    /// Whether it works on sets of series, never on scalars.
    #[must_use]
    pub fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }

    /// The comparison it stands for, if it is one.
    #[must_use]
    pub fn comparison(self) -> Option<Compare> {
        match self {
            Self::Equal => Some(Compare::Equal),
            Self::NotEqual => Some(Compare::NotEqual),
            Self::Greater => Some(Compare::Greater),
            Self::GreaterOrEqual => Some(Compare::GreaterOrEqual),
            Self::Less => Some(Compare::Less),
            Self::LessOrEqual => Some(Compare::LessOrEqual),
            Self::Or | Self::And | Self::Unless => None,
            Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Mod | Self::Pow => None,
        }
    }

    /// How strongly it binds, 1 to 6.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Equal | Self::NotEqual | Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Mod => 5,
            Self::Pow => 6,
        }
    }
}

impl Binary {
    /// The operator with its modifiers, as it stands between the two sides.
    pub(crate) fn operator(&self) -> String {
        let mut text = self.op.name().to_owned();
        if self.return_bool {
            text.push_str(" bool");
        }
        if let Some(matching) = &self.matching {
            text.push(' ');
            text.push_str(&matching.to_string());
        }
        text
    }
}

impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.on {
            On::On(labels) => write!(f, "on ({})", labels.join(", "))?,
            On::Ignoring(labels) => write!(f, "ignoring ({})", labels.join(", "))?,
        }
        match &self.group {
            Some(group) => write!(f, " {group}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for GroupedMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.many {
            GroupSide::Left => "group_left",
            GroupSide::Right => "group_right",
        };
        write!(f, "{name} ({})", self.include.join(", "))
    }
}

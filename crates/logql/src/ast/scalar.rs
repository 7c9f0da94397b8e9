//! Arithmetic of numbers, as Loki does it.

use super::{BinaryOp, MetricExpr};

impl MetricExpr {
    /// The value of an expression made of numbers alone, which is a scalar and no vector.
    #[must_use]
    pub fn scalar(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.value),
            Self::Binary(binary) => binary.op.apply(binary.left.scalar()?, binary.right.scalar()?),
            Self::Range(_) | Self::Vector(_) | Self::LabelReplace(_) | Self::Constant(_) => None,
        }
    }
}

impl BinaryOp {
    /// The operator on two numbers: comparisons yield 0 or 1, division by zero NaN; `None` for set operators.
    #[must_use]
    pub fn apply(self, left: f64, right: f64) -> Option<f64> {
        if let Some(compare) = self.comparison() {
            return Some(if compare.holds(&left, &right) { 1.0 } else { 0.0 });
        }
        match self {
            Self::Add => Some(left + right),
            Self::Sub => Some(left - right),
            Self::Mul => Some(left * right),
            Self::Div => Some(if right == 0.0 { f64::NAN } else { left / right }),
            Self::Mod => Some(if right == 0.0 { f64::NAN } else { left % right }),
            Self::Pow => Some(left.powf(right)),
            _ => None,
        }
    }
}

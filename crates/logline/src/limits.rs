//! How much of a line the reader looks at.

/// Bounds on what one line may make the reader do. What goes beyond is a [`crate::Defect`], never an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a line that are read; the rest is not looked at.
    pub line_bytes: usize,
    /// Fields that are kept; the rest is not looked at.
    pub fields: usize,
    /// How deep JSON may nest; at most 64.
    pub depth: u32,
}

impl Default for Limits {
    /// 1 MiB, 128 fields, 32 levels.
    fn default() -> Self {
        Self { line_bytes: 1 << 20, fields: 128, depth: 32 }
    }
}

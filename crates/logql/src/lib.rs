//! LogQL text to syntax tree and back, with spans and good messages; knows nothing of data.
//!
//! ```
//! let query = logql::parse(r#"sum by (level) (rate({app="shop"} |= "error" [5m]))"#)?;
//! assert_eq!(query.to_string(), r#"sum by (level) (rate({app="shop"} |= "error" [5m]))"#);
//! # Ok::<(), logql::Error>(())
//! ```

pub mod ast;
mod error;
mod ip;
mod json_path;
mod lex;
mod parse;
mod pattern;
mod pretty;
mod quantity;
mod regex;
mod span;
mod validate;
mod words;

pub use ast::{Expr, LogExpr, Matcher, MetricExpr, Selector, Stage, ValueMatch};
pub use error::{Error, Position};
pub use ip::IpSet;
pub use parse::{MAX_DEPTH, MAX_LENGTH, parse, parse_selector};
pub use pattern::{Pattern, PatternError, PatternPart};
pub use quantity::{ByteCount, Nanos};
pub use regex::Regex;
pub use span::Span;

//! Replaces personal data and secrets in text by rule. Pure: no IO, no clock, no global state.
//!
//! ```
//! let masker = mask::Masker::new(&mask::Config::default())?;
//! assert_eq!(masker.mask("to ivan@example.ru, +7 916 123-45-67"), "to <email>, <phone>");
//! assert_eq!(masker.mask(r#"{"password":"hunter2","order_id":4711}"#), r#"{"password":"<secret>","order_id":4711}"#);
//! # Ok::<(), mask::Error>(())
//! ```
//!
//! Laws, kept by tests: masking twice is masking once, and a planted value survives in no form the rules know (plain
//! text, JSON, JSON inside a JSON string, URLs, HTML, base64, hex, quoted-printable, Unicode's other digits).
//!
//! How it works: one pass finds the bytes at which something may begin, numbers above all, and reads around them by hand;
//! a vectorised search finds words such as `Bearer` or `ghp_`; rules of one's own are one automaton. Only a text that has
//! escapes, or runs of base64 or hex that mean text, is read again without them.

mod action;
mod bits;
mod check;
mod config;
mod context;
mod encoded;
mod keys;
mod masker;
mod own;
mod rule;
mod runs;
mod scan;
mod token;
mod view;

pub use action::{Action, Seal};
pub use check::Validator;
pub use config::{Config, Error};
pub use masker::Masker;
pub use own::OwnRule;
pub use rule::{Counts, Hit, Rule};
pub use token::TokenKey;

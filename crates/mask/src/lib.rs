//! Replaces personal data and secrets in text by rule. Pure: no IO, no clock, no global state.
//!
//! ```
//! let masker = mask::Masker::new(mask::Config::default())?;
//! assert_eq!(masker.mask("to ivan@example.ru, +7 916 123-45-67"), "to <email>, <phone>");
//! assert_eq!(masker.mask(r#"{"password":"hunter2","order_id":4711}"#), r#"{"password":"<secret>","order_id":4711}"#);
//! # Ok::<(), mask::Error>(())
//! ```
//!
//! Laws, kept by tests: masking twice is masking once, and a planted value survives in no surrounding the rules know
//! (plain text, JSON, JSON inside a JSON string, query strings).

mod config;
mod decode;
mod keys;
mod masker;
mod rule;
mod scan;
mod token;

pub use config::{Config, Error};
pub use masker::Masker;
pub use rule::{Counts, Hit, Rule};
pub use token::TokenKey;

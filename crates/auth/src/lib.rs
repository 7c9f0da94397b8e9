//! Who is asking and what may they see: callers, permissions and the [`Scope`] under which everything is read.
//!
//! Denied by default: what no token names is neither seen nor done. Only this crate makes a [`Scope`].

mod audit;
mod authenticator;
mod permission;
mod scope;

pub use audit::{AuditEvent, AuditSink, Outcome};
pub use authenticator::{Authenticator, Caller, Credentials, Denied, InvalidToken, Token};
pub use permission::{Permission, Permissions};
pub use scope::{Scope, Services};

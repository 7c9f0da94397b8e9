//! Who is asking and what may they see: users, sessions, tokens, roles, policies, and the [`Scope`] under which
//! everything is read.
//!
//! Denied by default: what nothing names is neither seen nor done, and a denial wins over whatever allows. Only this
//! crate makes a [`Scope`].

mod access;
mod attempts;
mod audit;
mod authenticator;
mod caller;
mod certificate;
mod error;
mod identity;
mod ldap;
mod model;
mod oidc;
mod password;
mod permission;
mod policy;
mod rights;
mod role;
mod scope;
mod session;
mod sight;

pub use access::{
    Access, Decision, Explained, Listed, Lockout, NewToken, NewUser, Principal, Report, Seen, Settings, UserChange,
};
pub use attempts::Attempts;
pub use audit::{
    AUDIT_TENANT, Anchor, Around, AuditEvent, AuditSink, BREAK, Broken, Chain, Cost, Link, Outcome, Record, Unreadable,
    Verified, Verifier, Why, server_wide, shorten,
};
pub use authenticator::{Authenticator, Credentials, Token};
pub use caller::{Caller, Denied};
pub use certificate::{InvalidPattern, NamePattern, Names};
pub use error::{Error, Kind};
pub use identity::{Identity, IdentityProvider, LOCAL, ProviderError};
pub use ldap::{Bind, Directory, GroupName, GroupSearch, Groups, InvalidTemplate, Ldap, Security, Server, Template};
pub use model::{Declared, Group, Invalid, Source};
pub use oidc::{Answer, Begun, Finished, Oidc, OidcError, OidcSettings};
pub use permission::{Permission, Permissions};
pub use policy::{Effect, Policy};
pub use rights::Via;
pub use role::Role;
pub use scope::Scope;
pub use session::{LoggedIn, SessionLimits};
pub use sight::{Amount, Grant, LabelTest, Services, Sight, Veil};
pub use state::{Token as StoredToken, User};

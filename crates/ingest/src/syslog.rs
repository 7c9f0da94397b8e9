//! Syslog as it is in the wild: RFC 5424, RFC 3164 and its dialects; over TCP in lines or with lengths, over UDP.
//!
//! Nothing is refused: a message that is neither is kept whole as text.

mod frame;
mod message;
mod stamp;

pub use frame::{Frame, Framer};
pub use message::message;

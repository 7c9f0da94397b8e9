//! What std lacks and has no domain noun in it: clock, seeded randomness, tasks, back-off, byte sizes, secrets.

mod backoff;
mod bytesize;
mod clock;
mod rng;
mod secret;
mod tasks;

pub use backoff::Backoff;
pub use bytesize::{ByteSize, InvalidByteSize};
pub use clock::{Clock, ManualClock, SystemClock};
pub use rng::Rng;
pub use secret::Secret;
pub use tasks::{Drained, Shutdown, Tasks};

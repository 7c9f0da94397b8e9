//! What std lacks and has no domain noun in it: clock, seeded randomness, tasks, back-off, byte sizes, secrets,
//! languages, texts of bytes, and settings from a TOML file that report all their problems at once (used by every program).

mod backoff;
mod bytesize;
mod clock;
mod entropy;
mod language;
mod rng;
mod secret;
mod settings;
mod tasks;
mod text;

pub use backoff::Backoff;
pub use bytesize::{ByteSize, InvalidByteSize};
pub use clock::{Clock, ManualClock, SystemClock};
pub use entropy::{NoEntropy, entropy};
pub use language::Language;
pub use rng::Rng;
pub use secret::Secret;
pub use settings::{KeyDoc, Problem, Problems, Setting, Settings, parse_duration, show_duration};
pub use tasks::{Drained, Shutdown, Tasks};
pub use text::lossy;

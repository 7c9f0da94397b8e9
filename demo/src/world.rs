//! The simulated business: orders and their statuses, how long each step takes, customers and goods. Knows no HTTP and
//! no log line; history and the live services both follow it.

mod calendar;
mod dwell;
mod goods;
mod ids;
mod order;
mod people;
mod status;
mod step;
mod traffic;
mod visit;

pub use calendar::Calendar;
pub use goods::{Item, Model, ModelStatus};
pub use ids::Ids;
pub use order::{FIRST_ORDER, Order, World};
pub use people::{Customer, luhn_valid};
pub use status::Status;
pub use step::{Actor, Step};
pub use traffic::Traffic;
pub use visit::{Look, visit};

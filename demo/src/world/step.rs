//! What is done to an order, by whom, and what comes next.

use stdx::Rng;

use super::{Order, Status};

/// One thing somebody does to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The customer sends the 3D model.
    Upload,
    /// The customer submits the order.
    Submit,
    /// SHOP asks MES for the price.
    Price,
    /// The customer pays.
    Pay,
    /// A manager lets the order into the workshop.
    Approve,
    /// The workshop begins.
    Start,
    /// The workshop is done.
    Complete,
    /// Quality control sends the piece back to the bench.
    Rework,
    /// The piece is packed.
    Package,
    /// The parcel is handed to the courier.
    Ship,
    /// The courier reports the delivery.
    Deliver,
    /// CRM's nightly job, or the customer, closes the order.
    Close,
}

/// Who acts, which decides at what hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// At any hour, mostly by day.
    Customer,
    /// A machine: at any hour.
    Job,
    /// The office: weekdays and Saturday.
    Manager,
    /// The workshop: every day, two shifts.
    Workshop,
    /// Every day, by daylight.
    Courier,
}

/// One order in this many goes back to the bench after quality control.
const REWORK: f64 = 0.022;

impl Step {
    /// Every step.
    pub const ALL: [Self; 12] = [
        Self::Upload,
        Self::Submit,
        Self::Price,
        Self::Pay,
        Self::Approve,
        Self::Start,
        Self::Complete,
        Self::Rework,
        Self::Package,
        Self::Ship,
        Self::Deliver,
        Self::Close,
    ];

    /// Who does it.
    pub const fn actor(self) -> Actor {
        match self {
            Self::Upload | Self::Submit | Self::Pay => Actor::Customer,
            Self::Price | Self::Close => Actor::Job,
            Self::Approve => Actor::Manager,
            Self::Start | Self::Complete | Self::Rework | Self::Package | Self::Ship => Actor::Workshop,
            Self::Deliver => Actor::Courier,
        }
    }

    /// The status the order has afterwards; none if the step keeps it.
    pub const fn leads_to(self) -> Option<Status> {
        match self {
            Self::Upload | Self::Pay => None,
            Self::Submit => Some(Status::Submitted),
            Self::Price => Some(Status::PriceCalculated),
            Self::Approve => Some(Status::ManufacturingApproved),
            Self::Start | Self::Rework => Some(Status::ManufacturingStarted),
            Self::Complete => Some(Status::ManufacturingCompleted),
            Self::Package => Some(Status::Packaging),
            Self::Ship => Some(Status::Shipped),
            Self::Deliver => Some(Status::Delivered),
            Self::Close => Some(Status::Closed),
        }
    }

    /// What comes first in the life of a new order.
    pub fn first(order: &Order) -> Self {
        if order.model.is_some() { Self::Upload } else { Self::Submit }
    }

    /// What comes after this step; none when the order is closed.
    pub fn next(self, rng: &mut Rng) -> Option<Self> {
        Some(match self {
            Self::Upload => Self::Submit,
            Self::Submit => Self::Price,
            Self::Price => Self::Pay,
            Self::Pay => Self::Approve,
            Self::Approve => Self::Start,
            Self::Start | Self::Rework => Self::Complete,
            Self::Complete if rng.chance(REWORK) => Self::Rework,
            Self::Complete => Self::Package,
            Self::Package => Self::Ship,
            Self::Ship => Self::Deliver,
            Self::Deliver => Self::Close,
            Self::Close => return None,
        })
    }
}

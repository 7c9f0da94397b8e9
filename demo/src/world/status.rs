//! The ten statuses of an order and the graph between them.

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The customer has put it together.
    Created,
    /// The customer has sent it off.
    Submitted,
    /// MES knows what it costs.
    PriceCalculated,
    /// It is paid and a manager let it into the workshop.
    ManufacturingApproved,
    /// On the bench.
    ManufacturingStarted,
    /// Made; quality control may send it back.
    ManufacturingCompleted,
    /// Being packed.
    Packaging,
    /// With the courier.
    Shipped,
    /// With the customer.
    Delivered,
    /// Nothing is left to do.
    Closed,
}

impl Status {
    /// All of them, in the order an order passes them.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Submitted,
        Self::PriceCalculated,
        Self::ManufacturingApproved,
        Self::ManufacturingStarted,
        Self::ManufacturingCompleted,
        Self::Packaging,
        Self::Shipped,
        Self::Delivered,
        Self::Closed,
    ];

    /// The word in a log line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Submitted => "SUBMITTED",
            Self::PriceCalculated => "PRICE_CALCULATED",
            Self::ManufacturingApproved => "MANUFACTURING_APPROVED",
            Self::ManufacturingStarted => "MANUFACTURING_STARTED",
            Self::ManufacturingCompleted => "MANUFACTURING_COMPLETED",
            Self::Packaging => "PACKAGING",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Closed => "CLOSED",
        }
    }

    /// Reads the word of a log line.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether an order may go from here to `to`: one step on, or back to the bench after quality control.
    pub fn may_become(self, to: Self) -> bool {
        match (self, to) {
            (Self::ManufacturingCompleted, Self::ManufacturingStarted) => true,
            _ => Self::ALL.windows(2).any(|pair| pair == [self, to]),
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statuses_are_those_of_the_platform() {
        assert_eq!(Status::ALL.map(Status::as_str), logline::DEFAULT_ORDER_STATUSES);
        assert!(Status::ALL.into_iter().all(|status| Status::parse(status.as_str()) == Some(status)));
    }

    #[test]
    fn only_rework_goes_back() {
        let back: Vec<_> = Status::ALL
            .into_iter()
            .flat_map(|from| Status::ALL.map(|to| (from, to)))
            .filter(|(from, to)| to <= from && from.may_become(*to))
            .collect();
        assert_eq!(back, [(Status::ManufacturingCompleted, Status::ManufacturingStarted)]);
        assert!(!Status::Created.may_become(Status::PriceCalculated));
    }
}

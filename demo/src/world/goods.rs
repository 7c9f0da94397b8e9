//! What is ordered: pieces from the catalogue, and 3D models that customers send.

use stdx::Rng;

/// One position of an order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Item {
    /// Article number, such as `RING-014`.
    pub sku: String,
    /// Alloy.
    pub metal: String,
    /// Ring size or length in centimetres.
    pub size: u16,
    /// How many.
    pub count: u16,
}

/// A customer's 3D model, with a life of its own.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Model {
    /// Such as `mdl-3fa29c10`.
    pub id: String,
    /// Where it stands.
    pub status: ModelStatus,
}

/// Where a 3D model stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ModelStatus {
    /// The file is there.
    Uploaded,
    /// Its walls are thick enough and it is closed.
    Checked,
    /// It cannot be cast; the customer sends another.
    Rejected,
    /// A wax of it is on the bench.
    InProduction,
    /// It has been cast.
    Cast,
}

impl ModelStatus {
    /// The word in a log line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "UPLOADED",
            Self::Checked => "CHECKED",
            Self::Rejected => "REJECTED",
            Self::InProduction => "IN_PRODUCTION",
            Self::Cast => "CAST",
        }
    }
}

const KINDS: [(&str, u32); 5] =
    [("RING", 290), ("EARRINGS", 340), ("PENDANT", 210), ("BRACELET", 520), ("NECKLACE", 780)];
const METALS: [&str; 5] = ["gold585", "gold750", "silver925", "platinum950", "whitegold585"];

impl Item {
    /// Something from the catalogue.
    pub fn draw(rng: &mut Rng) -> Self {
        let (kind, _) = rng.pick(&KINDS).copied().unwrap_or(("RING", 0));
        Self {
            sku: format!("{kind}-{:03}", rng.below(240) + 1),
            metal: rng.pick(&METALS).copied().unwrap_or("gold585").to_owned(),
            size: u16::try_from(15 + rng.below(8)).unwrap_or(17),
            count: if rng.chance(0.1) { 2 } else { 1 },
        }
    }

    /// What it costs, in whole euros: article, alloy, size.
    pub fn price(&self) -> u32 {
        let base = KINDS.iter().find(|(kind, _)| self.sku.starts_with(kind)).map_or(250, |(_, price)| *price);
        let alloy = METALS.iter().position(|metal| *metal == self.metal).unwrap_or(0);
        let share = [100, 140, 45, 190, 120].get(alloy).copied().unwrap_or(100);
        (base * share / 100 + u32::from(self.size) * 3) * u32::from(self.count)
    }
}

impl Model {
    /// A file that nobody has looked at.
    pub fn draw(rng: &mut Rng) -> Self {
        Self { id: format!("mdl-{:08x}", rng.below(1 << 32)), status: ModelStatus::Uploaded }
    }
}

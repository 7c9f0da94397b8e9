//! The lines: six hours of a jewellery maker's services, the same in every run of a seed. 70 % come from three order
//! services that keep 2,000 orders open at a time, the rest from nginx, postgres, sshd and the kernel.

mod draw;
mod orders;
mod system;
mod wide;

use std::fmt::Write as _;

use logline::{Labels, Timestamp};
use stdx::Rng;

use self::draw::Draws;
use self::orders::Orders;

/// All lines lie behind this instant: a full five minutes, in UTC.
pub const START: i64 = 1_790_000_100_000_000_000;
/// And before this one, six hours later.
pub const END: i64 = START + 6 * 3_600_000_000_000;
/// Orders that are on their way at any time.
pub const OPEN_ORDERS: u64 = 2_000;
/// The first order's id; later ones count up, so that all ids have seven digits.
pub const FIRST_ORDER: u64 = 1_000_000;

/// Services, in the order of [`Line::service`]; the first three write about orders.
pub const SERVICES: [&str; 7] = ["shop-api", "crm-api", "mes-api", "nginx", "postgres", "sshd", "kernel"];
const LEVELS: [&str; 3] = ["info", "warn", "error"];
const INSTANCES: [usize; 7] = [3, 3, 3, 2, 1, 4, 4];

/// One line of the world; the same value is filled again and again.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Which of [`World::streams`].
    pub stream: usize,
    /// Which of [`SERVICES`].
    pub service: usize,
    /// Nanoseconds since 1970: milliseconds as the line has them for orders, the reader's clock for the rest.
    pub timestamp: i64,
    /// The text.
    pub text: String,
    /// Structured metadata: `order_id` and `trace_id` on lines about orders.
    pub metadata: Vec<(String, String)>,
    /// The order that the line is about.
    pub order: Option<u64>,
}

/// Ids that the questions look for; each occurs.
#[derive(Clone, Debug)]
pub struct Needles {
    /// A trace from the middle of the time.
    pub trace: String,
    /// Eleven digits from inside another trace id, from its last quarter.
    pub digits: String,
    /// An order that begins somewhere before the middle.
    pub order: u64,
    inside: String,
}

/// Makes the lines of a seed, one after the other, in constant memory.
#[derive(Debug)]
pub struct World {
    draws: Draws,
    orders: Orders,
    needles: Needles,
    streams: Vec<Labels>,
    lines: u64,
    next: u64,
    text_bytes: u64,
}

/// What the lines are made of: how much of them is chance, and so how small they can become.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Lines so far.
    pub lines: u64,
    /// Bytes of their text.
    pub text_bytes: u64,
    /// Random bits that went into text, times, labels and order.
    pub random_bits: f64,
}

impl Account {
    /// Random bits of one line, on average.
    pub fn bits_per_line(&self) -> f64 {
        self.random_bits / self.lines.max(1) as f64
    }

    /// No lossless form of these lines is smaller than this part of their text.
    pub fn bound(&self) -> f64 {
        self.random_bits / 8.0 / self.text_bytes.max(1) as f64
    }
}

impl World {
    /// `lines` lines of `seed`.
    pub fn new(seed: u64, lines: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        let trace = format!("{:016x}{:016x}", rng.bits(), rng.bits());
        let inside = format!("{:016x}{:016x}", rng.bits(), rng.bits());
        let digits: String = inside.chars().skip(9).take(11).collect();
        let order = FIRST_ORDER + OPEN_ORDERS + lines / 100;
        let mut draws = Draws::new(rng);
        Self {
            orders: Orders::new(&mut draws),
            draws,
            needles: Needles { trace, digits, order, inside },
            streams: streams(),
            lines,
            next: 0,
            text_bytes: 0,
        }
    }

    /// Labels of all streams there can be.
    pub fn streams(&self) -> &[Labels] {
        &self.streams
    }

    /// What the questions look for.
    pub const fn needles(&self) -> &Needles {
        &self.needles
    }

    /// The account of the lines so far.
    pub const fn account(&self) -> Account {
        Account { lines: self.next, text_bytes: self.text_bytes, random_bits: self.draws.bits() }
    }

    /// Makes the next line; false after the last.
    pub fn next_into(&mut self, line: &mut Line) -> bool {
        if self.lines <= self.next {
            return false;
        }
        let step = ((END - START).cast_unsigned() / self.lines.max(1)).max(1_000);
        let micros = 1 + self.draws.below(step / 1_000);
        let time = START + ((self.next * step) + micros * 1_000).cast_signed();
        line.text.clear();
        line.metadata.clear();
        line.order = None;
        line.timestamp = time.min(END - 1);
        self.plant();
        let level = match self.draws.weighted(&[70, 17, 8, 1, 4]) {
            0 => self.orders.line(line, &mut self.draws),
            service => system::line(service + 2, line, &mut self.draws),
        };
        line.stream = stream_index(line.service, line.stream, level);
        self.next += 1;
        self.text_bytes += line.text.len() as u64;
        true
    }

    /// Gives the next call the id that a question will look for.
    fn plant(&mut self) {
        if self.next == self.lines / 2 {
            self.orders.plant(self.needles.trace.clone());
        } else if self.next == self.lines / 4 * 3 {
            self.orders.plant(self.needles.inside.clone());
        }
    }
}

fn streams() -> Vec<Labels> {
    let mut all = Vec::new();
    for (service, name) in SERVICES.iter().enumerate() {
        for instance in 0..INSTANCES[service] {
            for level in LEVELS {
                let instance = format!("{name}-{instance}");
                let pairs = [("service_name", *name), ("instance", &instance), ("level", level), ("env", "prod")];
                let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
                all.extend(Labels::new(pairs).ok());
            }
        }
    }
    all
}

fn stream_index(service: usize, instance: usize, level: usize) -> usize {
    let before: usize = INSTANCES.iter().take(service).sum();
    (before + instance) * LEVELS.len() + level
}

/// RFC 3339 in UTC with milliseconds; days begin where `jiff` says.
fn push_time(out: &mut String, nanos: i64) {
    let time = jiff::Timestamp::from(Timestamp(nanos / 1_000_000 * 1_000_000));
    write!(out, "{time:.3}").unwrap_or_default();
}

//! What a rule may look at: LogQL, or one of our own kinds with its settings. Each kind's settings have defaults that
//! suit a system without configuration.

mod check;

use std::fmt;

use jiff::civil::Date;
use logql::Expr;
use serde::{Deserialize, Serialize};

use super::Span;
use crate::anomaly::DaysOff;

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A metric query of LogQL.
    Logql(String),
    /// Objects that wait longer than they may.
    OrderStuck(OrderStuck),
    /// The share of objects that keep their deadlines.
    OrderSla(OrderSla),
    /// Errors while an order changes its status.
    TransitionError(TransitionError),
    /// 4xx and 5xx by service, endpoint and class.
    HttpErrors(HttpErrors),
    /// Unusually few or many lines.
    VolumeAnomaly(VolumeAnomaly),
    /// A service that has fallen silent.
    Absence(Absence),
    /// Bad lines of a form that was not seen before.
    NewPattern(NewPattern),
    /// Much more, or much less, than just before.
    Spike(Spike),
    /// A field whose value has changed.
    Change(Change),
}

/// Words of `kind:`.
pub(super) const NAMES: [&str; 9] = [
    "order_stuck",
    "order_sla",
    "transition_error",
    "http_errors",
    "volume_anomaly",
    "absence",
    "new_pattern",
    "spike",
    "change",
];

macro_rules! settings {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

fn every_service() -> String {
    r#"{service_name=~".+"}"#.to_owned()
}

fn by_service() -> Vec<String> {
    vec!["service_name".to_owned()]
}

settings! {
    /// Objects that wait longer than they may, in one alert for each status and owner.
    OrderStuck {
        /// The type of object.
        object: String = "order".to_owned(),
        /// Only in this status; in any without.
        status: Option<String> = None,
        /// Only those this service has to move on.
        owner: Option<String> = None,
        /// How many it takes.
        min: u64 = 1,
    }
}

settings! {
    /// A promise of the status graph whose error budget burns too fast.
    OrderSla {
        /// The type of object.
        object: String = "order".to_owned(),
        /// Only this promise, by its name; all without.
        objective: Option<String> = None,
        /// Over how long burning is measured: 6h, 24h, 3d or 7d.
        window: Span = Span::seconds(86_400),
        /// How fast the budget may burn: 1 uses it up just at the end of the promise's window.
        burn: f64 = 2.0,
        /// How many outcomes there must be, for a share to mean anything.
        min: u64 = 20,
    }
}

settings! {
    /// Errors of calls that are about an object and were not mended right away.
    TransitionError {
        /// Where such lines are.
        selector: String = every_service(),
        /// The type of object.
        object: String = "order".to_owned(),
        /// How long an error counts.
        window: Span = Span::seconds(300),
        /// How many it takes.
        min: u64 = 1,
        /// How long a further attempt may take to mend it.
        mend: Span = Span::seconds(30),
        /// Whether refusals (4xx) count as well.
        rejected: bool = false,
    }
}

settings! {
    /// Answers of 400 and more.
    HttpErrors {
        /// Where such lines are.
        selector: String = every_service(),
        /// What they are grouped by, beside the class.
        by: Vec<String> = vec!["service_name".to_owned(), "endpoint".to_owned()],
        /// Classes that count.
        classes: Vec<String> = vec!["4xx".to_owned(), "5xx".to_owned()],
        /// How long an answer counts.
        window: Span = Span::seconds(300),
        /// The share of all answers that is too large.
        rate: f64 = 0.1,
        /// How many it takes.
        count: u64 = 5,
        /// How many answers there must be, for a share to mean anything.
        min_requests: u64 = 10,
    }
}

settings! {
    /// Fewer or more lines than usual at this hour of the week.
    VolumeAnomaly {
        /// What is counted.
        selector: String = every_service(),
        /// What makes a series.
        by: Vec<String> = by_service(),
        /// Length of a bucket.
        bucket: Span = Span::seconds(300),
        /// Past weeks that are compared with.
        weeks: usize = 4,
        /// Which sides are told.
        sides: Vec<Way> = vec![Way::Low, Way::High],
        /// How many spreads are too far.
        threshold: f64 = 5.0,
        /// The share of the usual that is too low.
        low: f64 = 0.65,
        /// The share of the usual that is too high.
        high: f64 = 1.6,
        /// Lines that must be usual in a window, or come, for it to be judged.
        min_volume: f64 = 20.0,
        /// History that a series needs before it is judged.
        learning: Span = Span::seconds(7 * 86_400),
        /// Days on which nothing is judged, such as holidays and promotions.
        days_off: Vec<String> = Vec::new(),
        /// The zone they are days of.
        timezone: String = "UTC".to_owned(),
    }
}

settings! {
    /// No lines at all of what usually has some.
    Absence {
        /// What is looked for.
        selector: String = every_service(),
        /// What makes a series.
        by: Vec<String> = by_service(),
        /// How long it must be silent.
        window: Span = Span::seconds(300),
        /// How far back a series is known.
        lookback: Span = Span::seconds(86_400),
        /// In which share of its windows it must have had lines, else silence is usual.
        presence: f64 = 0.98,
        /// How long it must have been known.
        known_for: Span = Span::seconds(3_600),
        /// Values of the first label of `by` that must be there whether they were seen or not.
        expect: Vec<String> = Vec::new(),
    }
}

settings! {
    /// Bad lines of a form that was not there before.
    NewPattern {
        /// Where they are looked for.
        selector: String = every_service(),
        /// Levels of such lines.
        levels: Vec<String> = ["error", "critical", "fatal"].map(str::to_owned).into(),
        /// How long a new form is new.
        window: Span = Span::seconds(600),
        /// How far back forms are known.
        lookback: Span = Span::seconds(7 * 86_400),
        /// How long there must have been lines of the service, for anything to be new.
        learning: Span = Span::seconds(86_400),
        /// How many lines it takes.
        min: u64 = 1,
    }
}

settings! {
    /// Much more, or much less, than in the same length of time just before.
    Spike {
        /// What is counted: a selector with any stages.
        selector: String = every_service(),
        /// What makes a series.
        by: Vec<String> = by_service(),
        /// The length of time.
        window: Span = Span::seconds(600),
        /// How much time before it is compared with, as a mean; the window itself if zero.
        reference: Span = Span::seconds(3_600),
        /// How many times as many, or as few.
        factor: f64 = 3.0,
        /// Which way.
        sides: Vec<Way> = vec![Way::High],
        /// How many lines the larger of both must have.
        min: u64 = 50,
    }
}

settings! {
    /// A field has another value than before, for the same key.
    Change {
        /// Which lines: a selector with the stages that make the labels.
        selector: String = String::new(),
        /// What must not change.
        field: String = String::new(),
        /// For what; a change of anything else is another series.
        by: Vec<String> = by_service(),
        /// The length of time that is looked at.
        window: Span = Span::seconds(300),
        /// The time before it that is compared with.
        reference: Span = Span::seconds(3_600),
    }
}

/// A side of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Too few.
    Low,
    /// Too many.
    High,
}

/// A setting of a kind that must be LogQL, for checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: String,
}

impl Kind {
    /// A metric query.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn logql(text: &str) -> Result<Self, String> {
        match logql::parse(text).and_then(|expr| expr.validate_for_query().map(|()| expr)) {
            Ok(Expr::Metric(_)) => Ok(Self::Logql(text.to_owned())),
            Ok(Expr::Log(_)) => {
                Err("could not parse expression: a query for lines is no rule; count them, as in `count_over_time(… [5m]) > 0`".to_owned())
            }
            Err(error) => Err(format!("could not parse expression: {error}")),
        }
    }

    /// A kind of our own with its settings.
    ///
    /// # Errors
    /// Unknown settings, or values that make no sense.
    pub(super) fn own(name: &str, with: Option<serde_yaml_ng::Value>) -> Result<Self, String> {
        let with = with.unwrap_or(serde_yaml_ng::Value::Mapping(serde_yaml_ng::Mapping::new()));
        let read = match name {
            "order_stuck" => serde_yaml_ng::from_value(with).map(Self::OrderStuck),
            "order_sla" => serde_yaml_ng::from_value(with).map(Self::OrderSla),
            "transition_error" => serde_yaml_ng::from_value(with).map(Self::TransitionError),
            "http_errors" => serde_yaml_ng::from_value(with).map(Self::HttpErrors),
            "volume_anomaly" => serde_yaml_ng::from_value(with).map(Self::VolumeAnomaly),
            "absence" => serde_yaml_ng::from_value(with).map(Self::Absence),
            "new_pattern" => serde_yaml_ng::from_value(with).map(Self::NewPattern),
            "spike" => serde_yaml_ng::from_value(with).map(Self::Spike),
            _ => serde_yaml_ng::from_value(with).map(Self::Change),
        };
        let kind = read.map_err(|error| format!("settings of `{name}`: {error}"))?;
        kind.check().map_err(|problem| format!("settings of `{name}`: {problem}"))?;
        Ok(kind)
    }

    /// The word of `kind:`, or `logql`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Logql(_) => "logql",
            Self::OrderStuck(_) => "order_stuck",
            Self::OrderSla(_) => "order_sla",
            Self::TransitionError(_) => "transition_error",
            Self::HttpErrors(_) => "http_errors",
            Self::VolumeAnomaly(_) => "volume_anomaly",
            Self::Absence(_) => "absence",
            Self::NewPattern(_) => "new_pattern",
            Self::Spike(_) => "spike",
            Self::Change(_) => "change",
        }
    }

    /// Which lines it reads; none if it reads orders.
    pub fn selector(&self) -> Option<&str> {
        match self {
            Self::Logql(_) | Self::OrderStuck(_) | Self::OrderSla(_) => None,
            Self::TransitionError(with) => Some(&with.selector),
            Self::HttpErrors(with) => Some(&with.selector),
            Self::VolumeAnomaly(with) => Some(&with.selector),
            Self::Absence(with) => Some(&with.selector),
            Self::NewPattern(with) => Some(&with.selector),
            Self::Spike(with) => Some(&with.selector),
            Self::Change(with) => Some(&with.selector),
        }
    }
}

impl VolumeAnomaly {
    /// The zone of its days.
    pub(crate) fn zone(&self) -> Result<jiff::tz::TimeZone, String> {
        jiff::tz::TimeZone::get(&self.timezone).map_err(|_| format!("`timezone`: `{}` is unknown", self.timezone))
    }

    /// Its days off.
    pub(crate) fn days(&self) -> Result<DaysOff, String> {
        let day = |text: &String| {
            text.parse::<Date>().map_err(|_| format!("`days_off`: `{text}` is no date such as 2026-12-31"))
        };
        Ok(DaysOff::new(self.days_off.iter().map(day).collect::<Result<Vec<_>, _>>()?, self.zone()?))
    }
}

/// LogQL as it was written; a kind as a call with the settings that differ from their defaults.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = match self {
            Self::Logql(text) => return f.write_str(text),
            Self::OrderStuck(with) => changed(with),
            Self::OrderSla(with) => changed(with),
            Self::TransitionError(with) => changed(with),
            Self::HttpErrors(with) => changed(with),
            Self::VolumeAnomaly(with) => changed(with),
            Self::Absence(with) => changed(with),
            Self::NewPattern(with) => changed(with),
            Self::Spike(with) => changed(with),
            Self::Change(with) => changed(with),
        };
        write!(f, "{}({})", self.name(), settings.join(", "))
    }
}

fn changed<T: Serialize + Default>(with: &T) -> Vec<String> {
    let pairs = |with: &T| match serde_json::to_value(with) {
        Ok(serde_json::Value::Object(pairs)) => pairs,
        _ => serde_json::Map::new(),
    };
    let usual = pairs(&T::default());
    let own = pairs(with).into_iter().filter(|(name, value)| usual.get(name) != Some(value));
    own.map(|(name, value)| format!("{name}={value}")).collect()
}

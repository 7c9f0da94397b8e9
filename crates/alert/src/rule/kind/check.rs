//! What settings of a kind may be: each problem names the setting, what it has, and what it wants.

use logline::Level;
use logql::Expr;

use super::{Absence, Change, HttpErrors, Kind, NewPattern, OrderSla, Spike, TransitionError, VolumeAnomaly, Way};
use crate::rule::Span;

type Checked = Result<(), String>;

impl Kind {
    /// Whether its settings make sense.
    pub(super) fn check(&self) -> Checked {
        if let Some(selector) = self.selector() {
            match logql::parse(selector) {
                Ok(Expr::Log(_)) => {}
                Ok(Expr::Metric(_)) => return Err(format!("`selector` must select lines, `{selector}` gives numbers")),
                Err(error) => return Err(format!("`selector`: {error}")),
            }
        }
        match self {
            Self::Logql(_) => Ok(()),
            Self::OrderStuck(with) => some("min", with.min),
            Self::OrderSla(with) => with.check(),
            Self::TransitionError(with) => with.check(),
            Self::HttpErrors(with) => with.check(),
            Self::VolumeAnomaly(with) => with.check(),
            Self::Absence(with) => with.check(),
            Self::NewPattern(with) => with.check(),
            Self::Spike(with) => with.check(),
            Self::Change(with) => with.check(),
        }
    }
}

impl OrderSla {
    fn check(&self) -> Checked {
        if ![6, 24, 72, 168].map(|hours| hours * 3_600).contains(&self.window.0.as_secs()) {
            return Err(format!("`window` must be 6h, 24h, 3d or 7d, not {}", self.window));
        }
        more("burn", self.burn, 0.0)
    }
}

impl TransitionError {
    fn check(&self) -> Checked {
        long("window", self.window).and(some("min", self.min))
    }
}

impl HttpErrors {
    fn check(&self) -> Checked {
        if let Some(class) = self.classes.iter().find(|class| !matches!(class.as_str(), "4xx" | "5xx")) {
            return Err(format!("`classes`: `{class}` is none; want `4xx` or `5xx`"));
        }
        named("classes", "4xx, 5xx", &self.classes)?;
        share("rate", "all answers", self.rate)?;
        long("window", self.window).and(labels(&self.by)).and(some("count", self.count))
    }
}

impl VolumeAnomaly {
    fn check(&self) -> Checked {
        let bucket = self.bucket.0.as_secs();
        if bucket < 60 || 86_400 % bucket != 0 || 3_600 < bucket {
            return Err(format!("`bucket` must divide the day and be between 1m and 1h, not {}", self.bucket));
        }
        if !(1..=8).contains(&self.weeks) {
            return Err(format!("`weeks` must be between 1 and 8, not {}", self.weeks));
        }
        if !(0.0 < self.low && self.low < 1.0) {
            return Err(format!(
                "`low` is a share of what is usual: want more than 0 and less than 1, not {}",
                self.low
            ));
        }
        if !(0.0..f64::INFINITY).contains(&self.min_volume) {
            return Err(format!("`min_volume` is a number of lines: want 0 or more, not {}", self.min_volume));
        }
        more("threshold", self.threshold, 0.0).and(more("high", self.high, 1.0))?;
        self.learns()?;
        sides(&self.sides).and(labels(&self.by)).and(self.days().map(drop))
    }

    /// Learning ends before what is learned is forgotten.
    fn learns(&self) -> Checked {
        let most = 7 * (self.weeks as u64 + 1).max(2);
        if self.learning.0.as_secs() <= most * 86_400 {
            return Ok(());
        }
        let learning = self.learning;
        Err(format!(
            "`learning` of {learning} never ends: only {most}d are looked at; make it shorter, or `weeks` more"
        ))
    }
}

impl Absence {
    fn check(&self) -> Checked {
        named("by", "service_name", &self.by).map_err(|_| "`by` must name a label".to_owned())?;
        if self.presence <= 0.0 {
            return Err(
                "`presence` of 0 takes silence of everything for unusual; want more than 0 and up to 1".to_owned()
            );
        }
        share("presence", "windows with lines", self.presence)?;
        long("window", self.window).and(labels(&self.by))?;
        fits("window", self.window, "lookback", self.lookback)?;
        fits("known_for", self.known_for, "lookback", self.lookback)
    }
}

impl NewPattern {
    fn check(&self) -> Checked {
        named("levels", "error, critical, fatal", &self.levels)?;
        if let Some(level) = self.levels.iter().find(|level| Level::parse(level) == Level::Unknown) {
            return Err(format!("`levels`: `{level}` is none; want error, warn …"));
        }
        long("window", self.window).and(some("min", self.min))?;
        fits("window", self.window, "lookback", self.lookback)
    }
}

impl Spike {
    fn check(&self) -> Checked {
        more("factor", self.factor, 1.0).and(sides(&self.sides))?;
        long("window", self.window).and(labels(&self.by))
    }
}

impl Change {
    fn check(&self) -> Checked {
        if !is_name(&self.field) {
            return Err(format!("`field` must name a label, `{}` does not", self.field));
        }
        long("window", self.window).and(long("reference", self.reference)).and(labels(&self.by))
    }
}

fn long(name: &str, span: Span) -> Checked {
    if span.0.is_zero() { Err(format!("`{name}` must be longer than nothing, such as 5m")) } else { Ok(()) }
}

fn fits(name: &str, span: Span, within: &str, whole: Span) -> Checked {
    if span.0 <= whole.0 {
        return Ok(());
    }
    Err(format!("`{name}` of {span} is longer than `{within}` of {whole}, so nothing is ever found; make it shorter"))
}

fn some(name: &str, number: u64) -> Checked {
    if number == 0 { Err(format!("`{name}` of 0 would tell of nothing at all; want 1 or more")) } else { Ok(()) }
}

fn more(name: &str, number: f64, than: f64) -> Checked {
    if than < number && number.is_finite() {
        Ok(())
    } else {
        Err(format!("`{name}` must be more than {than}, not {number}"))
    }
}

fn share(name: &str, of: &str, number: f64) -> Checked {
    if (0.0..=1.0).contains(&number) {
        return Ok(());
    }
    Err(format!("`{name}` is a share of {of}: want 0 to 1 (0.05 is 5 %), not {number}"))
}

fn named(name: &str, such: &str, texts: &[String]) -> Checked {
    if texts.is_empty() { Err(format!("`{name}` must name one of {such}")) } else { Ok(()) }
}

fn sides(sides: &[Way]) -> Checked {
    if sides.is_empty() { Err("`sides` must name low, high or both".to_owned()) } else { Ok(()) }
}

fn labels(by: &[String]) -> Checked {
    match by.iter().find(|name| !is_name(name)) {
        Some(name) => Err(format!("`by`: `{name}` is no name of a label")),
        None => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

//! What somebody may see of one tenant's lines: which streams, since when, and what of them is hidden.

use std::collections::BTreeSet;
use std::sync::Arc;

use logline::{Labels, Timestamp};
use logql::{Matcher, ValueMatch};

/// The label that names the service of a stream.
pub(crate) const SERVICE_NAME: &str = "service_name";

/// The services whose lines may be seen; a service is the value of the label `service_name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Services {
    /// Those there are and those to come.
    All,
    /// These and no others; none when empty.
    Only(BTreeSet<String>),
    /// Those of which a sight shows whole lines.
    Seen(Arc<Sight>),
}

/// How much of a service's lines may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// None.
    Nothing,
    /// Some streams, some time, or some parts of each line.
    Part,
    /// Every line, whole.
    All,
}

/// A set of streams, by service and labels, and how far back.
#[derive(Clone, Debug)]
pub struct Grant {
    services: Services,
    tests: Arc<[LabelTest]>,
    since: Option<Timestamp>,
}

/// A test of one label that is ready to be used.
#[derive(Clone, Debug)]
pub struct LabelTest {
    matcher: Matcher,
    ready: ValueMatch,
}

/// What is hidden of the lines of some streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Veil {
    /// Of which streams.
    pub on: Grant,
    /// Whether the text of the line is hidden altogether.
    pub lines: bool,
    /// Labels, metadata and keys in the line that are left out.
    pub hide: BTreeSet<String>,
    /// Those that are shown without their value.
    pub mask: BTreeSet<String>,
}

/// What may be seen: what any grant shows and no denial takes away, behind its veils. Empty shows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    pub(crate) grants: Vec<Grant>,
    pub(crate) denials: Vec<Grant>,
    pub(crate) veils: Vec<Veil>,
}

impl Services {
    /// Whether the lines of this service may be seen.
    pub fn contains(&self, service: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(service),
            Self::Seen(sight) => sight.shows_service(service),
        }
    }
}

impl LabelTest {
    pub(crate) fn new(matcher: &Matcher) -> Self {
        Self { ready: ValueMatch::new(&matcher.test), matcher: matcher.clone() }
    }

    /// The test as it was written.
    pub const fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// Whether the labels pass.
    pub fn accepts(&self, labels: &Labels) -> bool {
        self.ready.accepts(labels.get(&self.matcher.name).unwrap_or_default())
    }
}

impl PartialEq for Grant {
    fn eq(&self, other: &Self) -> bool {
        let texts = |grant: &Self| grant.tests.iter().map(|test| test.matcher.to_string()).collect::<Vec<_>>();
        self.services == other.services && self.since == other.since && texts(self) == texts(other)
    }
}

impl Eq for Grant {}

impl Grant {
    pub(crate) const fn new(services: Services, tests: Arc<[LabelTest]>, since: Option<Timestamp>) -> Self {
        Self { services, tests, since }
    }

    /// The streams of these services, whatever their other labels.
    pub(crate) fn of(services: Services) -> Self {
        Self::new(services, Arc::new([]), None)
    }

    /// The same streams, no further back than this.
    pub(crate) fn back_to(&self, since: Option<Timestamp>) -> Self {
        Self { since, ..self.clone() }
    }

    /// Which services' streams.
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// What the labels must pass as well.
    pub fn tests(&self) -> &[LabelTest] {
        &self.tests
    }

    /// The oldest instant, if there is one.
    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Whether it says all there is to say by the name of the service.
    pub(crate) fn is_by_service(&self) -> bool {
        self.tests.iter().all(|test| test.matcher.name == SERVICE_NAME)
    }

    /// Whether a stream with these labels belongs to it, at any time.
    pub fn covers(&self, labels: &Labels) -> bool {
        let service = match &self.services {
            Services::All => true,
            services => labels.get(SERVICE_NAME).is_some_and(|service| services.contains(service)),
        };
        service && self.tests.iter().all(|test| test.accepts(labels))
    }

    /// Whether it may cover a stream of this service, as far as the name tells.
    fn may_cover_service(&self, service: &str) -> bool {
        let by_name = |test: &LabelTest| test.matcher.name != SERVICE_NAME || test.ready.accepts(service);
        self.services.contains(service) && self.tests.iter().all(by_name)
    }

    /// What both cover.
    pub(crate) fn both(&self, other: &Self) -> Self {
        let services = match (&self.services, &other.services) {
            (Services::All, services) | (services, Services::All) => services.clone(),
            (Services::Only(one), two) | (two, Services::Only(one)) => {
                Services::Only(one.iter().filter(|name| two.contains(name)).cloned().collect())
            }
            (Services::Seen(_), Services::Seen(_)) => Services::Only(BTreeSet::new()),
        };
        let tests = self.tests.iter().chain(other.tests.iter()).cloned().collect();
        Self { services, tests, since: self.since.max(other.since) }
    }

    fn write(&self, out: &mut String) {
        let services = match &self.services {
            Services::All => "*".to_owned(),
            Services::Only(names) => format!("{names:?}"),
            Services::Seen(sight) => sight.text(),
        };
        let tests: String = self.tests.iter().map(|test| format!("{};", test.matcher)).collect();
        out.push_str(&format!("({services};{tests}{:?})", self.since.map(|time| time.0)));
    }
}

impl Sight {
    /// Sees everything.
    pub(crate) fn everything() -> Self {
        Self { grants: vec![Grant::of(Services::All)], ..Self::default() }
    }

    /// What shows lines.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What takes lines away, whatever shows them.
    pub fn denials(&self) -> &[Grant] {
        &self.denials
    }

    /// What hides parts of the lines that are shown.
    pub fn veils(&self) -> &[Veil] {
        &self.veils
    }

    /// Whether nothing at all may be seen.
    pub const fn is_nothing(&self) -> bool {
        self.grants.is_empty()
    }

    /// Whether everything may be seen, whole.
    pub fn is_everything(&self) -> bool {
        let all = |grant: &Grant| grant.services == Services::All && grant.tests.is_empty() && grant.since.is_none();
        self.grants.iter().any(all) && self.denials.is_empty() && self.veils.is_empty()
    }

    /// Whether a stream with these labels may be seen, as far as labels tell.
    pub fn shows(&self, labels: &Labels) -> bool {
        self.grants.iter().any(|grant| grant.covers(labels)) && !self.denials.iter().any(|deny| deny.covers(labels))
    }

    /// The veils on a stream with these labels.
    pub fn veils_on(&self, labels: &Labels) -> impl Iterator<Item = &Veil> {
        self.veils.iter().filter(|veil| veil.on.covers(labels))
    }

    /// Whether whole lines of this service may be seen where nothing but its name is known: what needs other labels to
    /// be decided shows nothing, and denies and hides everything.
    pub fn shows_service(&self, service: &str) -> bool {
        self.grants.iter().any(|grant| grant.is_by_service() && grant.may_cover_service(service))
            && !self.denials.iter().any(|deny| deny.may_cover_service(service))
            && !self.veils.iter().any(|veil| veil.on.may_cover_service(service))
    }

    /// How much of a service's lines may be seen, where nothing but its name is known.
    pub(crate) fn amount(&self, service: &str) -> Amount {
        let some = |grants: &[Grant]| grants.iter().any(|grant| grant.may_cover_service(service));
        let denied = self
            .denials
            .iter()
            .any(|deny| deny.is_by_service() && deny.since.is_none() && deny.may_cover_service(service));
        if denied || !some(&self.grants) {
            return Amount::Nothing;
        }
        let has_whole =
            |grant: &Grant| grant.is_by_service() && grant.since.is_none() && grant.may_cover_service(service);
        let is_whole = self.grants.iter().any(has_whole) && self.shows_service(service);
        if is_whole { Amount::All } else { Amount::Part }
    }

    /// Grants that differ by their services only become one, so that fifty policies cost as much as one.
    pub(crate) fn simplified(mut self) -> Self {
        let (mut plain, others): (Vec<_>, Vec<_>) =
            self.grants.drain(..).partition(|grant| grant.tests.is_empty() && grant.since.is_none());
        if plain.iter().any(|grant| grant.services == Services::All) {
            self.grants = vec![Grant::of(Services::All)];
            return self;
        }
        let names: BTreeSet<String> = plain
            .drain(..)
            .flat_map(|grant| match grant.services {
                Services::Only(names) => names,
                Services::All | Services::Seen(_) => BTreeSet::new(),
            })
            .collect();
        if !names.is_empty() {
            self.grants.push(Grant::of(Services::Only(names)));
        }
        self.grants.extend(others);
        self
    }

    /// Everything it says, the same text for the same rights.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (mark, grants) in [("+", &self.grants), ("-", &self.denials)] {
            for grant in grants {
                out.push_str(mark);
                grant.write(&mut out);
            }
        }
        for veil in &self.veils {
            out.push_str(&format!("~{}{:?}{:?}", veil.lines, veil.hide, veil.mask));
            veil.on.write(&mut out);
        }
        out
    }
}

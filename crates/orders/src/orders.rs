//! The door: live state of open objects, fed by storage, and the story of each object.
// SHAPE ONLY YET: being written.

/// What [`Orders::start`] works with.
pub struct Components {
    pub engine: Arc<query::Engine>,
    pub storage: Arc<storage::Storage>,
    pub graphs: Graphs,
    pub clock: Arc<dyn Clock>,
    pub tasks: Tasks,
    pub audit: Arc<dyn AuditSink>,
}

/// What a story shall hold.
#[derive(Default: lines = true)]
pub struct StoryOptions { pub lines: bool }

impl OrderEvents {
    pub fn new(reader: logline::Reader) -> Self;                 // + Default; Arc<OrderEvents> goes into storage's derives
    pub fn defects(&self) -> Vec<DefectCount>;                   // {tenant, service, defect: logline::Defect, lines: u64}, since start
}

impl Orders {
    /// Returns at once; the state is read in the background (summary.loading says so).
    pub fn start(components: Components) -> Result<Arc<Self>, Error>;
    pub async fn story(&self, scope: &Scope, object: &str, id: &str, options: StoryOptions) -> Result<Story, Error>; // Kind::NotFound
    pub fn stuck(&self, scope: &Scope, filter: &Filter) -> Result<Page, Error>;  // = list with state stuck
    pub fn list(&self, scope: &Scope, filter: &Filter) -> Result<Page, Error>;   // Kind::Invalid for a bad cursor
    pub fn summary(&self, scope: &Scope) -> Summary;
    pub fn graphs(&self) -> &Graphs;
}
// render::story(&Story, &Style) -> String; render::list(&Page, &Style) -> String (stuck ones: render::stuck); render::summary(&Summary, &Style)
// Style { width: usize, color: bool, language: Language::{English, Russian}, zone: jiff::tz::TimeZone, lines: bool, now: none - Story/Page carry as_of }

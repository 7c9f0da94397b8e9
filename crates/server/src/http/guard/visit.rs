//! One use of a route, as the audit trail has it: who, what was asked, under which rights, how it ended, what it cost.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use auth::{AuditEvent, AuditSink as _, Caller, Cost, Outcome, Permission, Services, server_wide, shorten};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{Stream, StreamExt as _, unfold};
use logline::Tenant;
use serde_json::Value;

use super::super::Form;
use super::super::routes::Route;
use crate::app::App;

/// Services that are named; of more, how many there are.
const NAMED: usize = 20;
/// Tenants that have a record each; a read of more is told to every auditor.
const TENANTS: usize = 16;
/// Bytes of a string in JSON; the fewer the more long ones there are.
const STRINGS: [usize; 4] = [4 << 10, 1 << 10, 256, 64];
/// Bytes of a path, of rights, of a body.
const PATH: usize = 1 << 10;
const SCOPE: usize = 4 << 10;
const BODY: usize = 32 << 10;

/// What was asked, once it was read; goes along with the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note(Arc<OnceLock<String>>);

impl Note {
    /// Says it, apart from the query of the URL, which stands in the trail in any case; the first time counts.
    pub(crate) fn say(&self, asked: impl FnOnce() -> String) {
        self.0.get_or_init(|| shorten(&asked(), BODY).into_owned());
    }

    /// Says what a body of JSON says.
    pub(crate) fn json(&self, body: &[u8]) {
        self.say(|| serde_json::from_slice(body).map(|value| fitting(&value)).unwrap_or_default());
    }
}

/// An answer that is written while it is read; goes along with the response.
#[derive(Clone, Debug)]
pub(crate) struct Unfinished {
    spent: query::Spent,
    failed: Arc<AtomicBool>,
}

impl Unfinished {
    pub(crate) fn new(spent: query::Spent) -> Self {
        Self { spent, failed: Arc::default() }
    }

    /// To be set when it ends with an error.
    pub(crate) fn failed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.failed)
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn cost(&self) -> Cost {
        self.spent.cost()
    }
}

/// A use that goes on after it was answered, such as a tail: its end is told as well, with what it cost until then. One
/// of these goes along with the response, the other stays with what goes on.
#[derive(Clone, Default)]
pub(crate) struct Afterwards(Arc<OnceLock<Mutex<Visit>>>);

impl Afterwards {
    /// It ended.
    pub(crate) fn end(&self, cost: Cost) {
        if let Some(visit) = self.0.get() {
            let mut visit = visit.lock().unwrap_or_else(PoisonError::into_inner);
            visit.note.say(|| "ended".to_owned());
            visit.tell(Outcome::Allowed, Some(cost));
        }
    }
}

/// A use that has begun. One that is dropped came to nothing: its caller went away.
pub(super) struct Visit {
    app: App,
    route: &'static Route,
    principal: String,
    /// Whose auditors read of it.
    tenants: Vec<Tenant>,
    method: Method,
    uri: Uri,
    /// The query of the URL, as the trail has it.
    query: String,
    scope: String,
    address: Option<IpAddr>,
    note: Note,
    begun: Instant,
    /// The answer, as long as it is being written.
    unfinished: Option<Unfinished>,
    ended: bool,
}

impl Visit {
    pub(super) fn new(
        app: &App,
        route: &'static Route,
        caller: &Caller,
        request: &Request,
        address: Option<IpAddr>,
    ) -> Self {
        let mut scope = if route.audit { described(caller.scope().services()) } else { String::new() };
        if let Some(token) = caller.by() {
            scope += &format!(", asked by the token {token}");
        }
        let query = request.uri().query().filter(|_| route.notes_query());
        Self {
            app: app.clone(),
            route,
            principal: caller.principal().to_owned(),
            tenants: tenants(route.access.permission(request.method()), caller),
            method: request.method().clone(),
            uri: request.uri().clone(),
            query: query.map(|query| Form::of(query).to_string()).unwrap_or_default(),
            scope,
            address,
            note: Note::default(),
            begun: app.clock.instant(),
            unfinished: None,
            ended: false,
        }
    }

    pub(super) fn note(&self) -> Note {
        self.note.clone()
    }

    /// It was not let through.
    pub(super) fn refused(mut self) {
        self.tell(Outcome::Denied, None);
    }

    /// It was answered; where the answer is still being written, it ends when that does.
    pub(super) fn end(mut self, mut response: Response) -> Response {
        self.unfinished = response.extensions_mut().remove::<Unfinished>();
        // Of an answer to HEAD nobody reads a body.
        if self.unfinished.is_some() && self.method != Method::HEAD {
            return response.map(|body| Body::from_stream(self.along(body)));
        }
        let outcome = match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Outcome::Denied,
            status if status.is_client_error() || status.is_server_error() => Outcome::Failed,
            _ => Outcome::Allowed,
        };
        self.tell(outcome, response.extensions().get::<Cost>().copied());
        if let Some(afterwards) = response.extensions_mut().remove::<Afterwards>() {
            // It is there for the first time.
            drop(afterwards.0.set(Mutex::new(self)));
        }
        response
    }

    /// Goes along with the body to its end.
    fn along(self, body: Body) -> impl Stream<Item = Result<Bytes, axum::Error>> {
        unfold((body.into_data_stream(), self), |(mut body, mut visit)| async move {
            let next = body.next().await;
            if next.is_none() {
                let failed = visit.unfinished.as_ref().is_some_and(Unfinished::has_failed);
                visit.tell(if failed { Outcome::Failed } else { Outcome::Allowed }, None);
            }
            next.map(|next| (next, (body, visit)))
        })
    }

    fn tell(&mut self, outcome: Outcome, cost: Option<Cost>) {
        self.ended = true;
        let cost = cost.or_else(|| self.unfinished.as_ref().map(Unfinished::cost));
        let Self { app, route, principal, address, .. } = &*self;
        if !route.audit && outcome != Outcome::Denied {
            for tenant in &self.tenants {
                app.usage.count(principal, tenant, route.name, *address, outcome);
            }
            return;
        }
        let detail = self.detail();
        let took = (app.clock.instant() - self.begun).as_millis();
        let cost = cost.map(|cost| Cost { millis: u64::try_from(took).unwrap_or(u64::MAX), ..cost });
        for tenant in &self.tenants {
            let event = AuditEvent::new(principal.as_str(), tenant.clone(), route.name, &*detail, outcome);
            app.audit.record(AuditEvent { cost, ..event.at(*address) });
        }
    }

    /// Route, rights and what was asked. The rights come first: what was asked can say anything.
    fn detail(&self) -> String {
        let path = shorten(self.uri.path(), PATH);
        let mut detail = match self.method {
            Method::GET | Method::HEAD => path.into_owned(),
            _ => format!("{} {path}", self.method),
        };
        if !self.scope.is_empty() {
            // Writing to a String cannot fail.
            write!(detail, " scope: {};", shorten(&self.scope, SCOPE)).unwrap_or_default();
        }
        let asked = self.note.0.get().map_or("", String::as_str);
        for asked in [self.query.as_str(), asked].into_iter().filter(|asked| !asked.is_empty()) {
            write!(detail, " {asked}").unwrap_or_default();
        }
        detail
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(Outcome::Failed, None);
        }
    }
}

/// Whose auditors read of a use: those of each tenant whose data it is about, or every auditor.
fn tenants(needed: Option<Permission>, caller: &Caller) -> Vec<Tenant> {
    let named = caller.tenants();
    if needed.is_none_or(Permission::is_of_server) || TENANTS < named.len() {
        return vec![server_wide()];
    }
    named.to_vec()
}

/// JSON without strings so long, or so many long ones, that they would push others out.
fn fitting(value: &Value) -> String {
    let mut text = String::new();
    for most in STRINGS {
        text = short(value, most).to_string();
        if text.len() <= BODY {
            break;
        }
    }
    text
}

/// The same with no string that is longer.
fn short(value: &Value, most: usize) -> Value {
    match value {
        Value::String(text) => Value::String(shorten(text, most).into_owned()),
        Value::Array(values) => values.iter().map(|value| short(value, most)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (shorten(name, most).into_owned(), short(value, most))).collect()
        }
        other => other.clone(),
    }
}

/// The services that could be seen.
fn described(services: &Services) -> String {
    match services {
        Services::All => "all services".to_owned(),
        Services::Seen(_) => "parts, by policies".to_owned(),
        Services::Only(names) if names.is_empty() => "no services".to_owned(),
        Services::Only(names) => {
            let more = names.len().saturating_sub(NAMED);
            let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            if more == 0 { named } else { format!("{named} and {more} more") }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_padding_in_json_pushes_out_what_was_asked() {
        let query = r#"{service_name="shop"} |= "ivan@planted.example""#;
        for (count, length) in [(1, 4 << 20), (40, 100_000), (100, 5_000), (1, 10)] {
            let mut body: serde_json::Map<String, Value> = (0..count)
                .flat_map(|n| [format!("a{n}"), format!("z{n}")])
                .map(|name| (name, json!("x".repeat(length))))
                .collect();
            body.insert("expr".to_owned(), json!(query));
            body.insert("rules".to_owned(), json!([{"matchers": [{"value": query}]}]));
            let note = Note::default();
            note.json(Value::Object(body).to_string().as_bytes());
            let said = note.0.get().unwrap();
            assert!(said.len() <= BODY + 256, "{count} of {length}: {}", said.len());
            assert_eq!(said.matches("ivan@planted.example").count(), 2, "{count} of {length}: {said}");
            assert_eq!(said.contains("blake3"), 64 < length, "{count} of {length}");
        }
    }
}

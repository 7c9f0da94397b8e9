//! What every service has: its log, the book of orders, and a way to call the others.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::Request;
use http::request::Parts;
use logline::Timestamp;
use sdk::{
    Attempt, Call, ClientLayer, Log, ObjectContext, OrderContext, QueueLimits, RouteTemplate, ServerLayer, Writer,
};
use serde_json::Value;
use stdx::{Clock, Rng};
use tower::{Layer, ServiceExt, service_fn};

use super::book::{Book, Case};
use super::transport::{Failure, send};
use super::{Addresses, Components};
use crate::Error;
use crate::faults::LiveFaults;
use crate::lines::{FLAKY, Route, Service, bodies};
use crate::world::Status;

/// One service's own things; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Office {
    pub(super) book: Book,
    pub(super) faults: LiveFaults,
    pub(super) http: reqwest::Client,
    log: Log,
    raw: Writer,
    addresses: Addresses,
    clock: Arc<dyn Clock>,
    rng: Arc<Mutex<Rng>>,
}

impl Office {
    /// Opens the service's log; nothing is served yet.
    pub(super) fn open(
        service: Service,
        file: &Path,
        book: Book,
        addresses: Addresses,
        components: &mut Components,
    ) -> Result<Self, Error> {
        let mut settings = sdk::Settings { headers: false, ..sdk::Settings::default() };
        if service == Service::Mes {
            // The workshop's service is the one that forgot to mask.
            settings.mask.rules.clear();
        }
        let raw = Writer::file(file, QueueLimits::default())?;
        let clock = Arc::clone(&components.clock);
        let log = Log::new(raw.clone(), settings, move || whole_micros(clock.now()))?;
        let clock = Arc::clone(&components.clock);
        let rng = Arc::new(Mutex::new(components.rng.fork()));
        let faults = components.faults.clone();
        let http = reqwest::Client::builder().no_proxy().build().map_err(Error::Client)?;
        Ok(Self { book, faults, http, log, raw, addresses, clock, rng })
    }

    pub(super) const fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn now(&self) -> Timestamp {
        whole_micros(self.clock.now()).into()
    }

    /// Writes a line past the SDK, unmasked.
    pub(super) fn write_raw(&self, line: String) {
        self.raw.write(line);
    }

    /// Works for about this long.
    pub(super) async fn think(&self, typical: Duration) {
        let half = typical.div_f64(2.0);
        let more = self.with_rng(|rng| rng.exponential(half));
        tokio::time::sleep(half + more).await;
    }

    pub(super) fn with_rng<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The open order of this id; `call` is about it and its customer from here on.
    pub(super) fn case(&self, id: u64, call: &Call) -> Result<Case, Problem> {
        let case = self.book.case(id).ok_or(Problem::NoSuchOrder)?;
        call.object(customer(&case));
        call.order(&case.context);
        Ok(case)
    }

    /// As [`case`](Self::case), when the call is also about the order's 3D model, should that be in the status that
    /// `concerns` tells.
    pub(super) fn case_with_model(
        &self,
        id: u64,
        call: &Call,
        concerns: impl FnOnce(crate::world::ModelStatus) -> bool,
    ) -> Result<(Case, Option<ObjectContext>), Problem> {
        let case = self.book.case(id).ok_or(Problem::NoSuchOrder)?;
        call.object(customer(&case));
        let model = case.order.model.as_ref().filter(|model| concerns(model.status));
        let model = model.map(|model| ObjectContext::model(model.id.as_str()));
        if let Some(model) = &model {
            call.object(model.clone());
        }
        call.order(&case.context);
        Ok((case, model))
    }

    /// Moves an order on and says so.
    pub(super) async fn moves(&self, order: &OrderContext, to: Status) {
        self.think(Duration::from_millis(4)).await;
        self.log.transition(order, to.as_str());
    }

    /// Calls another service, a second time if the connection breaks.
    pub(super) async fn reach(&self, route: Route, order: &OrderContext, body: Option<&Value>) -> Result<(), Failure> {
        let first = self.attempt(route, order, body, 1).await;
        if first != Err(Failure::Reset) {
            return first;
        }
        self.think(Duration::from_millis(200)).await;
        self.attempt(route, order, body, 2).await
    }

    async fn attempt(
        &self,
        route: Route,
        order: &OrderContext,
        body: Option<&Value>,
        attempt: u32,
    ) -> Result<(), Failure> {
        let breaks = attempt == 1 && self.with_rng(|rng| rng.chance(FLAKY));
        let http = self.http.clone();
        let transport = service_fn(move |request| send(http.clone(), request, breaks));
        let address = self.addresses.of(route.server);
        let request = Request::builder()
            .method(route.method())
            .uri(format!("http://{address}{}", route.path(order.id())))
            .header("content-type", "application/json")
            .extension(RouteTemplate(route.template().to_owned()))
            .extension(Attempt(attempt))
            .extension(order.clone())
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .map_err(|_| Failure::Reset)?;
        let response = ClientLayer::new(self.log.clone(), route.server).layer(transport).oneshot(request).await?;
        let status = response.status();
        // RESP is written when the body has been read.
        let read = axum::body::to_bytes(Body::new(response.into_body()), usize::from(u16::MAX)).await;
        read.map_err(|_| Failure::Reset)?;
        if status.is_success() { Ok(()) } else { Err(Failure::Refused(status.as_u16())) }
    }

    /// The queue's address.
    pub(super) fn queue(&self, name: &str) -> String {
        format!("http://{}/queues/{name}", self.addresses.queue)
    }
}

/// The customer of a case, as an object of a call.
pub(super) fn customer(case: &Case) -> ObjectContext {
    ObjectContext::customer(case.order.customer.to_string())
}

/// Why a request is not done, and what the log says about it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Problem {
    /// 404.
    NoSuchOrder,
    /// 404.
    NoSuchArticle,
    /// 400: what is wrong with the body.
    BadBody(&'static str),
    /// 409: the order is elsewhere.
    WrongStatus,
    /// 500: what broke, told to the log.
    Broken(&'static str),
    /// 503: who is missing, told to the log.
    Unavailable(&'static str),
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let log = |error: &str| {
            if let Some(call) = Call::current() {
                call.error(error);
            }
        };
        match self {
            Self::NoSuchOrder | Self::NoSuchArticle => StatusCode::NOT_FOUND.into_response(),
            Self::BadBody(text) => (StatusCode::BAD_REQUEST, Json(bodies::problem(text))).into_response(),
            Self::WrongStatus => (StatusCode::CONFLICT, Json(bodies::problem("not in this status"))).into_response(),
            Self::Broken(text) => {
                log(text);
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Self::Unavailable(text) => {
                log(text);
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    }
}

/// Refuses a step for which the order is in another status.
pub(super) fn expect(case: &Case, status: Status) -> Result<(), Problem> {
    if case.status() == status { Ok(()) } else { Err(Problem::WrongStatus) }
}

/// The services' clocks tell microseconds.
fn whole_micros(time: SystemTime) -> SystemTime {
    let nanos = Timestamp::from(time).0.rem_euclid(1_000);
    time.checked_sub(Duration::from_nanos(nanos.unsigned_abs())).unwrap_or(time)
}

/// What every service's router gets.
impl Office {
    /// Adds the health check, and the SDK's layer around everything.
    pub(super) fn logged(self, router: Router<Self>) -> Router {
        let route = |parts: &Parts| parts.extensions.get().map(|path: &MatchedPath| path.as_str().to_owned());
        let layer = ServerLayer::new(self.log.clone()).route(route);
        let alive = |State(office): State<Self>| async move { office.think(Duration::from_millis(3)).await };
        router.route("/health", get(alive)).with_state(self).layer(layer)
    }
}

//! One step of an order as an HTTP request, and one visit of a customer.

use reqwest::StatusCode;
use serde_json::Value;

use super::Crowd;
use crate::history::LATEST;
use crate::lines::{Route, Service, Visit, bodies, routes};
use crate::services::{CART, CUSTOMER};
use crate::world::{Look, Order, Step};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it should.
    Done,
    /// It was refused and may be tried again.
    Failed,
    /// The order has moved on, but nobody was told: it stays where it is.
    Lost,
}

impl Crowd {
    /// Does one step of an order.
    pub(crate) async fn act(&self, order: &Order, step: Step) -> Ended {
        let (route, body) = match step {
            Step::Price => return done(self.0.company.price(order.id).await.is_ok()),
            Step::Close => return done(self.0.company.close(order.id)),
            Step::Upload => (routes::UPLOAD, Some(bodies::upload(order))),
            Step::Submit => (routes::SUBMIT, None),
            Step::Pay => (routes::PAY, Some(bodies::payment(order, &order.customer()))),
            Step::Approve => (routes::APPROVE, None),
            Step::Start => (routes::START, None),
            Step::Complete => (routes::COMPLETE, None),
            Step::Rework => (routes::REWORK, None),
            Step::Package => (routes::PACKAGE, None),
            Step::Ship => (routes::SHIP, None),
            Step::Deliver => (routes::DELIVER, None),
        };
        match self.send(self.request(route, order.id, order.customer), body.as_ref()).await {
            Some(StatusCode::ACCEPTED) => Ended::Lost,
            answer => done(answer.is_some_and(|status| status.is_success())),
        }
    }

    /// A customer makes an order of their cart; false if SHOP does not take it.
    pub(crate) async fn create(&self, order: &Order) -> bool {
        self.0.company.book().fill_cart(order.clone());
        let request = self.request(routes::CREATE, order.id, order.customer).header(CART, order.id);
        let answer = self.send(request, Some(&bodies::create(order, &order.customer()))).await;
        answer.is_some_and(|status| status.is_success())
    }

    /// A visitor looks at something, or puts it into the cart.
    pub(super) async fn look(&self, customer: u32, look: &Look) {
        let order = self.with_rng(|rng| rng.below(LATEST));
        let latest = self.world().next_order().saturating_sub(order + 1);
        let order = self.0.company.book().near(latest);
        if *look == Look::Order && order.is_none() {
            return;
        }
        let (id, owner) = order.map_or((0, customer), |order| (order.id, order.customer));
        let customer = if *look == Look::Order { owner } else { customer };
        let Visit { route, id, body, .. } = Visit::of(look, id);
        self.send(self.request(route, id.unwrap_or_default(), customer), body.as_ref()).await;
    }

    /// Asks a service whether it is alive.
    pub(super) async fn ask_health(&self, service: Service) {
        self.send(self.request(routes::health(service), "", 0), None).await;
    }

    fn request(&self, route: Route, id: impl std::fmt::Display, customer: u32) -> reqwest::RequestBuilder {
        let address = self.0.company.address(route.server);
        let url = format!("http://{address}{}", route.path(id));
        let method = if route.method() == "GET" { reqwest::Method::GET } else { reqwest::Method::POST };
        self.0.http.request(method, url).header(CUSTOMER, customer)
    }

    /// The answer's status; none if there is no answer.
    async fn send(&self, request: reqwest::RequestBuilder, body: Option<&Value>) -> Option<StatusCode> {
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.ok()?;
        let status = answer.status();
        // A RESP line is written when its body has gone out.
        answer.bytes().await.ok()?;
        Some(status)
    }
}

const fn done(fine: bool) -> Ended {
    if fine { Ended::Done } else { Ended::Failed }
}

//! One step of an order as an HTTP request, and one visit of a customer.

use reqwest::StatusCode;
use serde_json::Value;

use super::Crowd;
use crate::lines::{Route, bodies, routes};
use crate::services::{CART, CUSTOMER};
use crate::world::{Item, Order, Step};

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

    /// A customer looks at something, or puts it into the cart.
    pub(super) async fn look(&self, customer: u32, look: &Look) {
        let (route, id, body) = match look {
            Look::Catalog => (routes::CATALOG, String::new(), None),
            Look::Article(item) => (routes::ARTICLE, item.sku.clone(), None),
            Look::Gone(number) => (routes::ARTICLE, format!("OLD-{number:03}"), None),
            Look::Add(item) => (routes::ADD_TO_CART, String::new(), Some(bodies::cart_item(item))),
            Look::AddBroken(item) => (routes::ADD_TO_CART, String::new(), Some(bodies::broken_cart_item(item))),
            Look::Cart => (routes::CART, String::new(), None),
            Look::Order(order) => (routes::LOOK, order.to_string(), None),
        };
        self.send(self.request(route, id, customer), body.as_ref()).await;
    }

    /// Asks a service whether it is alive.
    pub(super) async fn ask_health(&self, service: crate::lines::Service) {
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

/// One request of a visitor.
#[derive(Clone, Debug)]
pub(super) enum Look {
    /// At the catalogue.
    Catalog,
    /// At one article.
    Article(Item),
    /// At an article that is no more.
    Gone(u64),
    /// Puts it into the cart.
    Add(Item),
    /// Puts it into the cart with the broken release of the mobile app.
    AddBroken(Item),
    /// At the cart.
    Cart,
    /// At an order.
    Order(u64),
}

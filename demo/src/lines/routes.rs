//! Who answers what: the services and their routes.

/// One of the three services whose logs are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// What customers talk to.
    Shop,
    /// Managers, payments, deliveries.
    Crm,
    /// The workshop.
    Mes,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Shop, Self::Crm, Self::Mes];

    /// The name in labels and in `peer`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shop => "shop-api",
            Self::Crm => "crm-api",
            Self::Mes => "mes-api",
        }
    }
}

/// The queue's name in `peer`; it writes no log.
pub const QUEUE: &str = "queue";

/// A method and a route template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// Who answers: a service's name, or the queue's.
    pub server: &'static str,
    /// Method and template, such as `POST /api/v1/orders/{id}/submit`.
    pub endpoint: &'static str,
}

impl Route {
    /// Such as `POST`.
    pub fn method(&self) -> &'static str {
        self.endpoint.split_once(' ').map_or(self.endpoint, |(method, _)| method)
    }

    /// Such as `/api/v1/orders/{id}/submit`.
    pub fn template(&self) -> &'static str {
        self.endpoint.split_once(' ').map_or("/", |(_, path)| path)
    }

    /// The real path for this id.
    pub fn path(&self, id: impl std::fmt::Display) -> String {
        match self.template().split_once("{id}") {
            Some((before, after)) => format!("{before}{id}{after}"),
            None => self.template().to_owned(),
        }
    }
}

const fn route(server: &'static str, endpoint: &'static str) -> Route {
    Route { server, endpoint }
}

/// Every route there is.
pub mod routes {
    use super::{QUEUE, Route, Service, route};

    const SHOP: &str = Service::Shop.name();
    const CRM: &str = Service::Crm.name();
    const MES: &str = Service::Mes.name();

    /// The goods.
    pub const CATALOG: Route = route(SHOP, "GET /api/v1/catalog");
    /// One article.
    pub const ARTICLE: Route = route(SHOP, "GET /api/v1/catalog/{id}");
    /// Puts an article into the cart.
    pub const ADD_TO_CART: Route = route(SHOP, "POST /api/v1/cart/items");
    /// The cart.
    pub const CART: Route = route(SHOP, "GET /api/v1/cart");
    /// Makes an order of the cart.
    pub const CREATE: Route = route(SHOP, "POST /api/v1/orders");
    /// Where the order is.
    pub const LOOK: Route = route(SHOP, "GET /api/v1/orders/{id}");
    /// Sends a 3D model.
    pub const UPLOAD: Route = route(SHOP, "POST /api/v1/orders/{id}/model");
    /// Submits the order.
    pub const SUBMIT: Route = route(SHOP, "POST /api/v1/orders/{id}/submit");
    /// Pays.
    pub const PAY: Route = route(SHOP, "POST /api/v1/orders/{id}/payment");
    /// CRM tells SHOP about an order.
    pub const NOTIFY: Route = route(SHOP, "POST /api/v1/orders/{id}/notices");
    /// SHOP hands an order to CRM.
    pub const REGISTER: Route = route(CRM, "POST /api/v1/orders");
    /// SHOP hands a payment to CRM.
    pub const PAYMENT: Route = route(CRM, "POST /api/v1/orders/{id}/payments");
    /// A manager lets an order into the workshop.
    pub const APPROVE: Route = route(CRM, "POST /api/v1/orders/{id}/approval");
    /// The queue delivers a parcel's hand-over.
    pub const HANDOVER: Route = route(CRM, "POST /api/v1/handovers");
    /// The courier reports a delivery.
    pub const DELIVER: Route = route(CRM, "POST /api/v1/orders/{id}/delivery");
    /// SHOP hands a 3D model to MES.
    pub const MODEL: Route = route(MES, "POST /api/v1/models");
    /// SHOP asks for a price.
    pub const PRICE: Route = route(MES, "POST /api/v1/orders/{id}/price");
    /// The queue delivers an approved order.
    pub const JOB: Route = route(MES, "POST /api/v1/jobs");
    /// The workshop begins.
    pub const START: Route = route(MES, "POST /api/v1/orders/{id}/manufacturing/start");
    /// The workshop is done.
    pub const COMPLETE: Route = route(MES, "POST /api/v1/orders/{id}/manufacturing/complete");
    /// Quality control sends the piece back.
    pub const REWORK: Route = route(MES, "POST /api/v1/orders/{id}/quality");
    /// The piece is packed.
    pub const PACKAGE: Route = route(MES, "POST /api/v1/orders/{id}/packaging");
    /// The parcel goes to the courier.
    pub const SHIP: Route = route(MES, "POST /api/v1/orders/{id}/shipment");
    /// Approved orders, from CRM to MES.
    pub const QUEUE_JOBS: Route = route(QUEUE, "POST /queues/manufacturing");
    /// Parcels handed over, from MES to CRM.
    pub const QUEUE_HANDOVERS: Route = route(QUEUE, "POST /queues/handovers");

    /// Whether a service is alive.
    pub const fn health(service: Service) -> Route {
        route(service.name(), "GET /health")
    }
}

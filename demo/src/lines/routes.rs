//! Every route there is, and the two queues.

use super::{QUEUE, Route, Service};

const SHOP: &str = Service::Shop.name();
const CRM: &str = Service::Crm.name();
const MES: &str = Service::Mes.name();

/// The goods.
pub const CATALOG: Route = Route::new(SHOP, "GET /api/v1/catalog");
/// One article.
pub const ARTICLE: Route = Route::new(SHOP, "GET /api/v1/catalog/{id}");
/// Puts an article into the cart.
pub const ADD_TO_CART: Route = Route::new(SHOP, "POST /api/v1/cart/items");
/// The cart.
pub const CART: Route = Route::new(SHOP, "GET /api/v1/cart");
/// Makes an order of the cart.
pub const CREATE: Route = Route::new(SHOP, "POST /api/v1/orders");
/// Where the order is.
pub const LOOK: Route = Route::new(SHOP, "GET /api/v1/orders/{id}");
/// Sends a 3D model.
pub const UPLOAD: Route = Route::new(SHOP, "POST /api/v1/orders/{id}/model");
/// Submits the order.
pub const SUBMIT: Route = Route::new(SHOP, "POST /api/v1/orders/{id}/submit");
/// Pays.
pub const PAY: Route = Route::new(SHOP, "POST /api/v1/orders/{id}/payment");
/// CRM tells SHOP about an order.
pub const NOTIFY: Route = Route::new(SHOP, "POST /api/v1/orders/{id}/notices");
/// SHOP hands an order to CRM.
pub const REGISTER: Route = Route::new(CRM, "POST /api/v1/orders");
/// SHOP hands a payment to CRM.
pub const PAYMENT: Route = Route::new(CRM, "POST /api/v1/orders/{id}/payments");
/// A manager lets an order into the workshop.
pub const APPROVE: Route = Route::new(CRM, "POST /api/v1/orders/{id}/approval");
/// CRM takes the hand-over of a parcel from the queue.
pub const TAKE_HANDOVER: Route = Route::new(QUEUE, "CONSUME handovers");
/// The courier reports a delivery.
pub const DELIVER: Route = Route::new(CRM, "POST /api/v1/orders/{id}/delivery");
/// SHOP hands a 3D model to MES.
pub const MODEL: Route = Route::new(MES, "POST /api/v1/models");
/// SHOP asks for a price.
pub const PRICE: Route = Route::new(MES, "POST /api/v1/orders/{id}/price");
/// MES takes an approved order from the queue.
pub const TAKE_JOB: Route = Route::new(QUEUE, "CONSUME manufacturing");
/// The workshop begins.
pub const START: Route = Route::new(MES, "POST /api/v1/orders/{id}/manufacturing/start");
/// The workshop is done.
pub const COMPLETE: Route = Route::new(MES, "POST /api/v1/orders/{id}/manufacturing/complete");
/// Quality control sends the piece back.
pub const REWORK: Route = Route::new(MES, "POST /api/v1/orders/{id}/quality");
/// The piece is packed.
pub const PACKAGE: Route = Route::new(MES, "POST /api/v1/orders/{id}/packaging");
/// The parcel goes to the courier.
pub const SHIP: Route = Route::new(MES, "POST /api/v1/orders/{id}/shipment");
/// Approved orders, from CRM to MES.
pub const PUBLISH_JOB: Route = Route::new(QUEUE, "PUBLISH manufacturing");
/// Parcels handed over, from MES to CRM.
pub const PUBLISH_HANDOVER: Route = Route::new(QUEUE, "PUBLISH handovers");

/// Whether a service is alive.
pub const fn health(service: Service) -> Route {
    Route::new(service.name(), "GET /health")
}

//! What a call is about: an order, which always has a status, and other objects.

use std::sync::{Arc, Mutex, PoisonError};

/// An order and its status now. Clones share the status, so that whoever holds one may move the order on.
///
/// There is no way to name an order in a log without its status:
///
/// ```compile_fail,E0061
/// lapidary_sdk::OrderContext::new("4711"); // the status is missing
/// ```
/// ```compile_fail,E0308
/// fn handler(call: &lapidary_sdk::Call) {
///     call.order("4711"); // an id is not an order context
/// }
/// ```
/// ```
/// fn handler(call: &lapidary_sdk::Call) {
///     let order = lapidary_sdk::OrderContext::new("4711", "SUBMITTED");
///     call.order(&order); // REQ says SUBMITTED
///     order.set_status("PRICE_CALCULATED"); // RESP will say PRICE_CALCULATED
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OrderContext {
    id: Arc<str>,
    status: Arc<Mutex<String>>,
}

impl OrderContext {
    /// An order in the status it has now.
    pub fn new(id: impl Into<String>, status: impl Into<String>) -> Self {
        Self { id: id.into().into(), status: Arc::new(Mutex::new(status.into())) }
    }

    /// The order's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The status now.
    pub fn status(&self) -> String {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the new status and returns the old one. [`Log::transition`](crate::Log::transition) also logs it.
    pub fn set_status(&self, status: impl Into<String>) -> String {
        std::mem::replace(&mut *self.status.lock().unwrap_or_else(PoisonError::into_inner), status.into())
    }
}

/// Another object that a call is about, named by its type and id: `model_id=99`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectContext {
    object: String,
    id: String,
}

impl ObjectContext {
    /// An object of some type, such as `shipment`. For orders use [`OrderContext`]: `order` becomes `order_ref`.
    pub fn new(object: impl Into<String>, id: impl Into<String>) -> Self {
        let object = object.into();
        let object = if object == "order" { "order_ref".to_owned() } else { object };
        Self { object, id: id.into() }
    }

    /// A customer.
    pub fn customer(id: impl Into<String>) -> Self {
        Self::new("customer", id)
    }

    /// A 3D model.
    pub fn model(id: impl Into<String>) -> Self {
        Self::new("model", id)
    }

    /// The type.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The field that carries the id: `model_id`.
    pub(crate) fn key(&self) -> String {
        format!("{}_id", self.object)
    }
}

//! The three services, the queue between two of them, and what a route is.

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
    /// A route of `server`.
    pub(super) const fn new(server: &'static str, endpoint: &'static str) -> Self {
        Self { server, endpoint }
    }

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

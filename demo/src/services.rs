//! The three services and the queue, live: they speak HTTP to each other on loopback, through the SDK's layers.

mod book;
mod crm;
mod mes;
mod office;
mod queue;
mod shop;
mod transport;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use stdx::{Clock, Rng, Tasks};
use tokio::net::TcpListener;

use crate::Error;
use crate::faults::LiveFaults;
use crate::history::log_file;
use crate::lines::{QUEUE, Service};
use crate::world::Order;

pub use book::Book;
pub(crate) use shop::{CART, CUSTOMER};
pub use transport::Failure;

use office::Office;

/// What the services and everybody around them are built of.
#[derive(Clone, Debug)]
pub struct Components {
    /// Tells the time of their lines.
    pub clock: Arc<dyn Clock>,
    /// Runs them.
    pub tasks: Tasks,
    /// What goes wrong.
    pub faults: LiveFaults,
    /// Draws what is left to chance.
    pub rng: Rng,
}

/// The running services.
#[derive(Debug)]
pub struct Company {
    addresses: Addresses,
    offices: [Office; Service::ALL.len()],
    book: Book,
}

/// Where each of them listens.
#[derive(Clone, Copy, Debug)]
struct Addresses {
    services: [SocketAddr; Service::ALL.len()],
    queue: SocketAddr,
}

impl Addresses {
    fn of(&self, server: &str) -> SocketAddr {
        let service = Service::ALL.into_iter().find(|service| service.name() == server);
        service.map_or(self.queue, |service| self.services[service as usize])
    }
}

impl Company {
    /// Starts everything on free ports of the loopback interface, with logs in `folder`.
    pub async fn open(folder: &Path, orders: Vec<Order>, mut components: Components) -> Result<Self, Error> {
        let [shop, crm, mes, queue] = [listen().await?, listen().await?, listen().await?, listen().await?];
        let address = |listener: &TcpListener| listener.local_addr().map_err(Error::Listen);
        let services = [address(&shop)?, address(&crm)?, address(&mes)?];
        let addresses = Addresses { services, queue: address(&queue)? };
        let book = Book::new(orders);
        let mut office =
            |service| Office::open(service, &log_file(folder, service), book.clone(), addresses, &mut components);
        let offices = [office(Service::Shop)?, office(Service::Crm)?, office(Service::Mes)?];
        let [shop_office, crm_office, mes_office] = offices.clone();
        serve(&components.tasks, shop, shop::router(shop_office));
        serve(&components.tasks, crm, crm::router(crm_office.clone()));
        serve(&components.tasks, mes, mes::router(mes_office.clone()));
        serve(&components.tasks, queue, queue::router(components.faults.clone()));
        crm::start(&crm_office, &components.tasks);
        mes::start(mes_office, &components.tasks);
        Ok(Self { addresses, offices, book })
    }

    /// Where a service listens.
    pub fn address(&self, server: &str) -> SocketAddr {
        debug_assert!(server != QUEUE, "nobody outside talks to the queue");
        self.addresses.of(server)
    }

    /// The orders, which the services share.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// SHOP's job: asks MES for the price of a submitted order.
    pub async fn price(&self, order: u64) -> Result<(), Failure> {
        shop::price(self.office(Service::Shop), order).await
    }

    /// CRM's job: closes a delivered order; false if CRM is silent.
    pub fn close(&self, order: u64) -> bool {
        crm::close(self.office(Service::Crm), order)
    }

    /// Waits until all lines are in their files; false if that took longer than `within`. Blocks the thread.
    pub fn flush(&self, within: Duration) -> bool {
        self.offices.iter().all(|office| office.log().flush(within))
    }

    fn office(&self, service: Service) -> &Office {
        &self.offices[service as usize]
    }
}

async fn listen() -> Result<TcpListener, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Listen)
}

fn serve(tasks: &Tasks, listener: TcpListener, router: Router) {
    let mut shutdown = tasks.shutdown();
    tasks.spawn(async move {
        let stop = async move { shutdown.wait().await };
        // An accept loop that cannot go on has said so to its callers.
        drop(axum::serve(listener, router).with_graceful_shutdown(stop).await);
    });
}

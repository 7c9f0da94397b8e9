//! Faults on demand: a small door on the loopback interface, and the command that knocks on it.

use std::fs;
use std::net::Ipv4Addr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use stdx::Tasks;
use tokio::net::TcpListener;

use crate::Error;
use crate::children::client;
use crate::faults::{Fault, LiveFaults};
use crate::folder::Folder;

/// Opens `POST /faults/{name}` on a free port, which is written into the folder.
pub async fn open(folder: &Folder, faults: LiveFaults, tasks: &Tasks) -> Result<(), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Listen)?;
    let address = listener.local_addr().map_err(Error::Listen)?;
    fs::write(folder.control(), address.to_string()).map_err(Error::file(folder.control()))?;
    let router = Router::new().route("/faults/{name}", post(trigger)).with_state(faults);
    let mut shutdown = tasks.shutdown();
    tasks.spawn(async move {
        let stop = async move { shutdown.wait().await };
        // An accept loop that cannot go on has said so to its callers.
        drop(axum::serve(listener, router).with_graceful_shutdown(stop).await);
    });
    Ok(())
}

async fn trigger(State(faults): State<LiveFaults>, Path(name): Path<String>) -> (StatusCode, String) {
    match Fault::parse(&name) {
        Some(fault) if faults.trigger(fault) => {
            (StatusCode::OK, format!("{fault} for {} s: {}\n", fault.live_duration().as_secs(), fault.story()))
        }
        Some(fault) => (StatusCode::CONFLICT, format!("{fault} is going on already\n")),
        None => (StatusCode::NOT_FOUND, format!("`{name}` is none of {}\n", Fault::ALL.map(Fault::name).join(", "))),
    }
}

/// Triggers a fault in the demo that runs in this folder, and returns what it says.
pub async fn knock(folder: &Folder, fault: Fault) -> Result<String, Error> {
    let nobody = || Error::NoDemo(folder.path().to_owned());
    let address = fs::read_to_string(folder.control()).map_err(|_| nobody())?;
    let answer = client()?.post(format!("http://{}/faults/{fault}", address.trim())).send().await;
    let answer = answer.map_err(|_| nobody())?;
    let fine = answer.status().is_success();
    let text = answer.text().await.map_err(Error::Client)?;
    if fine { Ok(text) } else { Err(Error::Answer(text.trim().to_owned())) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use stdx::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_fault_is_triggered_once_at_a_time_in_the_demo_of_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(root.path()).unwrap();
        let nobody = knock(&folder, Fault::StuckStatus).await.unwrap_err();
        assert!(matches!(nobody, Error::NoDemo(_)), "{nobody}");
        fs::write(folder.control(), "127.0.0.1:1").unwrap();
        assert!(
            matches!(knock(&folder, Fault::StuckStatus).await, Err(Error::NoDemo(_))),
            "the door of a demo that is gone"
        );
        let (faults, tasks) = (LiveFaults::new(Arc::new(SystemClock)), Tasks::default());
        open(&folder, faults.clone(), &tasks).await.unwrap();
        assert!(knock(&folder, Fault::StuckStatus).await.unwrap().contains("600 s"));
        assert!(faults.is_on(Fault::StuckStatus) && !faults.is_on(Fault::FailedChange));
        let again = knock(&folder, Fault::StuckStatus).await.unwrap_err().to_string();
        assert!(again.contains("going on already"), "{again}");
        tasks.drain(Duration::from_secs(10)).await;
    }
}

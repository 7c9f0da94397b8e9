//! A whole server for a test, on a free port and a folder of its own.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::{Config, Flags};
use crate::serve::Server;

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs until [`Started::end`].
pub(crate) struct Started {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    stop: tokio::sync::oneshot::Sender<()>,
    tasks: stdx::Tasks,
    _folder: tempfile::TempDir,
}

impl Started {
    /// With these settings, as they stand in a file; anybody may ask.
    pub(crate) async fn with(settings: &str) -> Self {
        Self::new(settings, true).await
    }

    /// With these settings, for those whom they let in.
    pub(crate) async fn closed(settings: &str) -> Self {
        Self::new(settings, false).await
    }

    async fn new(settings: &str, no_auth: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags {
            data_dir: Some(folder.path().to_owned()),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            no_auth,
        };
        let server = Server::build(Config::load(settings, [], &flags).unwrap()).await.unwrap();
        let address = server.address().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let tasks = stdx::Tasks::default();
        tasks.spawn(async move { server.run(async { drop(stopped.await) }).await.unwrap() });
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { url: format!("http://{address}"), address, client, stop, tasks, _folder: folder }
    }

    /// Stops it as a signal does, and waits until it has ended.
    pub(crate) async fn end(self) {
        self.stop.send(()).unwrap();
        assert_eq!(self.tasks.drain(PATIENCE).await, stdx::Drained::Clean);
    }
}

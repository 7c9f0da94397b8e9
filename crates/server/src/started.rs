//! A whole server for a test, which anybody may ask, on a free port and a folder of its own.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::{Config, Flags};
use crate::serve::Server;

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs until [`Started::end`].
pub(super) struct Started {
    pub(super) url: String,
    pub(super) client: reqwest::Client,
    stop: tokio::sync::oneshot::Sender<()>,
    tasks: stdx::Tasks,
    _folder: tempfile::TempDir,
}

impl Started {
    /// With these settings, as they stand in a file.
    pub(super) async fn with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags {
            data_dir: Some(folder.path().to_owned()),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            no_auth: true,
        };
        let server = Server::build(Config::load(settings, [], &flags).unwrap()).await.unwrap();
        let url = format!("http://{}", server.address().unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let tasks = stdx::Tasks::default();
        tasks.spawn(async move { server.run(async { drop(stopped.await) }).await.unwrap() });
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { url, client, stop, tasks, _folder: folder }
    }

    /// Stops it as a signal does, and waits until it has ended.
    pub(super) async fn end(self) {
        self.stop.send(()).unwrap();
        assert_eq!(self.tasks.drain(PATIENCE).await, stdx::Drained::Clean);
    }
}

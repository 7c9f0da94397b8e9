//! Background tasks that a shutdown can wait for.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

/// Spawns tasks and drains them: every task is told to stop, then waited for until a deadline, then aborted.
#[derive(Clone, Debug)]
pub struct Tasks {
    set: Arc<Mutex<JoinSet<()>>>,
    stop: Arc<watch::Sender<bool>>,
}

/// Told to every task; resolves when it is time to stop.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All tasks ended by themselves.
    Clean,
    /// This many had to be aborted.
    Aborted(usize),
}

impl Default for Tasks {
    fn default() -> Self {
        Self { set: Arc::default(), stop: Arc::new(watch::Sender::new(false)) }
    }
}

impl Tasks {
    /// Runs a task until it ends or is drained.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        while set.try_join_next().is_some() {}
        set.spawn(task);
    }

    /// What a task watches to know when to stop.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.stop.subscribe())
    }

    /// Tells all tasks to stop, without waiting.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Tells all tasks to stop and waits up to `grace`; what still runs then is aborted.
    pub async fn drain(&self, grace: Duration) -> Drained {
        self.stop();
        let mut set = std::mem::take(&mut *self.set.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while set.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_ok() {
            return Drained::Clean;
        }
        let left = set.len();
        set.shutdown().await;
        Drained::Aborted(left)
    }
}

impl Shutdown {
    /// Resolves once the stop was asked for, or everything that could ask is gone.
    pub async fn wait(&mut self) {
        // An error means that the owner is gone, which is a stop as well.
        drop(self.0.wait_for(|stop| *stop).await);
    }

    /// Whether the stop was asked for.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_waits_for_those_who_listen_and_aborts_the_rest() {
        let tasks = Tasks::default();
        let mut shutdown = tasks.shutdown();
        tasks.spawn(async move { shutdown.wait().await });
        assert_eq!(tasks.drain(Duration::from_secs(5)).await, Drained::Clean);

        let deaf = Tasks::default();
        deaf.spawn(std::future::pending());
        assert_eq!(deaf.drain(Duration::from_millis(20)).await, Drained::Aborted(1));
    }
}

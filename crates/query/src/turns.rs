//! Who runs next: so many queries at once, of one asker not all of them, and of those that wait each asker's in turn, so
//! that nobody waits for another's hundred.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::Scope;
use tokio::sync::oneshot;

use crate::error::{Error, Failure};

/// Who asks: tenant and principal.
type Asker = (String, String);

/// Hands out turns.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    /// Of one asker.
    most_running: usize,
    most_waiting: usize,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// How many run of each asker.
    running: BTreeMap<Asker, usize>,
    /// Who waits, the first first.
    waiting: BTreeMap<Asker, VecDeque<oneshot::Sender<Turn>>>,
    /// Who was given a turn last.
    last: Option<Asker>,
}

/// The right to run, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Option<(Arc<Turns>, Asker)>);

impl Turns {
    /// So many at once, of one asker three quarters of them; so many of one asker may wait.
    pub(crate) fn new(at_once: usize, most_waiting: usize) -> Arc<Self> {
        let at_once = at_once.max(1);
        let (running, waiting) = (BTreeMap::new(), BTreeMap::new());
        let state = State { free: at_once, running, waiting, last: None };
        Arc::new(Self { state: Mutex::new(state), most_running: at_once - at_once / 4, most_waiting })
    }

    /// Waits for a turn; fails at once when too many of the asker wait already. Who stops waiting costs nobody a turn.
    pub(crate) async fn wait(self: &Arc<Self>, scope: &Scope) -> Result<Turn, Error> {
        let told = {
            let mut state = self.lock();
            let asker = (scope.tenant().as_str().to_owned(), scope.principal().to_owned());
            if state.free > 0 && state.running_of(&asker) < self.most_running {
                state.begin(&asker);
                return Ok(Turn(Some((Arc::clone(self), asker))));
            }
            let queue = state.waiting.entry(asker).or_default();
            queue.retain(|waiter| !waiter.is_closed());
            if self.most_waiting <= queue.len() {
                return Err(Failure::Busy.into());
            }
            let (tell, told) = oneshot::channel();
            queue.push_back(tell);
            told
        };
        told.await.map_err(|_| Error::internal("a turn was lost"))
    }

    /// Takes the next who waits from the queue of the next asker who may have one more; its place is taken then.
    fn next(&self) -> Option<(Asker, oneshot::Sender<Turn>)> {
        let mut state = self.lock();
        while state.free > 0 {
            let may = |asker: &&Asker| state.running_of(asker) < self.most_running;
            let behind = state.last.as_ref().and_then(|last| {
                let behind = state.waiting.range((Bound::Excluded(last.clone()), Bound::Unbounded));
                behind.map(|(asker, _)| asker).find(may).cloned()
            });
            let asker = behind.or_else(|| state.waiting.keys().find(may).cloned())?;
            let mut queue = state.waiting.remove(&asker).unwrap_or_default();
            let next = queue.pop_front();
            if !queue.is_empty() {
                state.waiting.insert(asker.clone(), queue);
            }
            state.last = Some(asker.clone());
            if let Some(next) = next {
                state.begin(&asker);
                return Some((asker, next));
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn running_of(&self, asker: &Asker) -> usize {
        self.running.get(asker).copied().unwrap_or(0)
    }

    fn begin(&mut self, asker: &Asker) {
        self.free -= 1;
        *self.running.entry(asker.clone()).or_default() += 1;
    }

    fn end(&mut self, asker: &Asker) {
        self.free += 1;
        match self.running.get_mut(asker) {
            Some(running) if *running > 1 => *running -= 1,
            _ => drop(self.running.remove(asker)),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((turns, asker)) = self.0.take() else { return };
        turns.lock().end(&asker);
        // Whoever does not wait there any more gives the turn back at once.
        while let Some((asker, waiter)) = turns.next() {
            if let Err(mut turn) = waiter.send(Self(Some((Arc::clone(&turns), asker))))
                && let Some((_, asker)) = turn.0.take()
            {
                turns.lock().end(&asker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use auth::{AuditEvent, AuditSink};
    use futures::poll;
    use logline::Tenant;

    use super::*;

    #[derive(Debug)]
    struct NoAudit;

    impl AuditSink for NoAudit {
        fn record(&self, _: AuditEvent) {}
    }

    fn of(tenant: &str) -> Scope {
        Scope::system("a test", Tenant::new(tenant).unwrap(), &NoAudit)
    }

    #[tokio::test]
    async fn those_who_wait_are_served_one_asker_after_the_other() {
        let turns = Turns::new(1, 10);
        let (a, b) = (of("a"), of("b"));
        let mut running = Some(turns.wait(&a).await.unwrap());
        let mut waiting: Vec<_> = [("a1", &a), ("a2", &a), ("a3", &a), ("b1", &b)]
            .map(|(name, scope)| (name, Box::pin(turns.wait(scope))))
            .into();
        for (_, waiter) in &mut waiting {
            assert!(poll!(waiter.as_mut()).is_pending());
        }
        let mut order = Vec::new();
        while !waiting.is_empty() {
            drop(running.take());
            for index in 0..waiting.len() {
                if let std::task::Poll::Ready(turn) = poll!(waiting[index].1.as_mut()) {
                    running = Some(turn.unwrap());
                    order.push(waiting.remove(index).0);
                    break;
                }
            }
            assert!(running.is_some());
        }
        assert_eq!(order, ["a1", "b1", "a2", "a3"]);
        drop(running);
        assert_eq!(turns.lock().free, 1);
    }

    #[tokio::test]
    async fn who_stops_waiting_costs_nobody_a_turn() {
        let turns = Turns::new(1, 10);
        let scope = of("a");
        let running = turns.wait(&scope).await.unwrap();
        let (mut first, mut second) = (Box::pin(turns.wait(&scope)), Box::pin(turns.wait(&scope)));
        assert!(poll!(first.as_mut()).is_pending() && poll!(second.as_mut()).is_pending());
        drop(first);
        drop(running);
        drop(second.await.unwrap());
        assert_eq!(turns.lock().free, 1);
        // A turn that was sent but not taken is not lost either.
        let running = turns.wait(&scope).await.unwrap();
        let mut third = Box::pin(turns.wait(&scope));
        assert!(poll!(third.as_mut()).is_pending());
        drop(running);
        drop(third);
        assert_eq!(turns.lock().free, 1);
    }

    #[tokio::test]
    async fn one_asker_leaves_a_place_to_others() {
        let turns = Turns::new(4, 10);
        let (a, b) = (of("a"), of("b"));
        let mut running = Vec::new();
        for _ in 0..3 {
            running.push(turns.wait(&a).await.unwrap());
        }
        let mut fourth = Box::pin(turns.wait(&a));
        assert!(poll!(fourth.as_mut()).is_pending());
        drop(turns.wait(&b).await.unwrap());
        assert!(poll!(fourth.as_mut()).is_pending(), "what another gives back is not for who has enough");
        drop(running.pop());
        drop(fourth.await.unwrap());
        drop(running);
        let state = turns.lock();
        assert_eq!((state.free, state.running.len()), (4, 0));
    }

    #[tokio::test]
    async fn too_many_who_wait_are_told_so_and_others_are_not() {
        let turns = Turns::new(1, 1);
        let (a, b) = (of("a"), of("b"));
        let _running = turns.wait(&a).await.unwrap();
        let mut waits = Box::pin(turns.wait(&a));
        assert!(poll!(waits.as_mut()).is_pending());
        assert_eq!(turns.wait(&a).await.unwrap_err().to_string(), "too many outstanding requests");
        assert!(poll!(Box::pin(turns.wait(&b)).as_mut()).is_pending());
    }
}

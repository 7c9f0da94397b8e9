//! Real TLS on both sides of the agent: private authorities, certificates of clients, certificates that change, a proxy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod authority;
#[path = "../inputs/clients.rs"]
mod clients;
mod listeners;
mod proxy;
#[path = "../ship/receiver.rs"]
#[expect(dead_code, reason = "this suite needs a part of it")]
mod receiver;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use agent::{Agent, Config, Progress};
use authority::{Authority, Gate, TlsListener};
use receiver::{Receiver, until};
use stdx::{Clock, SystemClock, Tasks};

/// How often the agent looks at certificates.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The system's clock, put forward at will, so that nobody has to wait for the next look.
#[derive(Clone, Debug, Default)]
struct Hasty(Arc<Mutex<Duration>>);

impl Hasty {
    fn pass(&self) {
        *self.0.lock().unwrap() += LOOK_EVERY;
    }
}

impl Clock for Hasty {
    fn now(&self) -> SystemTime {
        SystemClock.now()
    }

    fn instant(&self) -> Instant {
        SystemClock.instant() + *self.0.lock().unwrap()
    }
}

/// A folder with certificates, a log and an agent's state.
struct Host {
    folder: tempfile::TempDir,
    clock: Hasty,
    tasks: Tasks,
    lines: usize,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, clock: Hasty::default(), tasks: Tasks::default(), lines: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts an agent; `$` in the settings stands for the folder.
    fn start(&self, settings: &str) {
        let base = self.folder.path().display().to_string();
        let settings = format!("state_dir = \"$/state\"\n{settings}\n[spool]\nbatch_wait = \"20ms\"\n");
        let config = Config::load(&settings.replace('$', &base), []).unwrap();
        let agent = Agent::open(&config, Arc::new(self.clock.clone()), &self.tasks).unwrap();
        drop(agent.spawn(&self.tasks));
    }

    /// Starts one that ships its log to `url`.
    fn ship(&self, url: &str, more: &str) {
        self.start(&format!(
            "[[input]]\npaths = [\"$/*.log\"]\nlabels = {{ service = \"s\" }}\n[output]\nurl = \"{url}\"\nca_file = \"$/ca\"\n\
             cert_file = \"$/cert\"\nkey_file = \"$/key\"\n{more}"
        ));
    }

    fn log(&mut self, lines: usize) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path("a.log")).unwrap();
        for n in self.lines..self.lines + lines {
            writeln!(file, "line {n}").unwrap();
        }
        self.lines += lines;
    }

    fn written(&self) -> Vec<String> {
        fs::read_to_string(self.path("a.log")).unwrap().lines().map(str::to_owned).collect()
    }

    fn progress(&self) -> Progress {
        Progress::load(&self.path("state")).unwrap().remove("lapidary").unwrap_or_default()
    }

    async fn stop(&self) {
        self.tasks.drain(Duration::from_secs(10)).await;
    }
}

async fn receiver(acceptor: tokio_rustls::TlsAcceptor) -> (Receiver, Arc<Mutex<Gate>>) {
    let (listener, gate) = TlsListener::bind(acceptor).await;
    (Receiver::start_on("https", listener), gate)
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_failed_request_and_a_bad_one_is_not() {
    let (authority, mut host) = (Authority::new("ours"), Host::new());
    let (receiver, gate) = receiver(authority.acceptor(&authority.certify())).await;
    let (first, second) = (authority.certify(), authority.certify());
    authority.write(&host.path("ca"));
    first.write_certificate(&host.path("cert"));
    first.write_key(&host.path("key"));
    host.ship(receiver.url(), "");
    host.log(20);
    receiver.wait_for(20).await;

    // Half of a change: the certificate is new, the key is not.
    second.write_certificate(&host.path("cert"));
    host.clock.pass();
    host.log(20);
    receiver.wait_for(40).await;
    assert!(gate.lock().unwrap().seen.iter().all(|seen| *seen == first.certificate));

    // While lines are under way.
    second.write_key(&host.path("key"));
    for _ in 0..20 {
        host.clock.pass();
        host.log(5);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    receiver.wait_for(140).await;
    until(|| {
        host.clock.pass();
        host.log(1);
        gate.lock().unwrap().seen.last() == Some(&second.certificate)
    })
    .await;
    receiver.wait_for(host.lines).await;
    host.stop().await;
    assert_eq!(receiver.lines(), host.written());
    assert_eq!((host.progress().retries, gate.lock().unwrap().refused), (0, 0));
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_nothing_until_somebody_does() {
    let (ours, theirs, mut host) = (Authority::new("ours"), Authority::new("theirs"), Host::new());
    let (receiver, gate) = receiver(ours.acceptor(&theirs.certify())).await;
    let own = ours.certify();
    ours.write(&host.path("ca"));
    own.write_certificate(&host.path("cert"));
    own.write_key(&host.path("key"));
    host.log(10);
    host.ship(receiver.url(), "");
    // The question for the time, and two attempts.
    until(|| gate.lock().unwrap().refused >= 3).await;
    assert_eq!(receiver.attempts(), 0);
    theirs.write(&host.path("ca"));
    receiver.wait_for(10).await;
    host.stop().await;
    assert_eq!(receiver.lines(), host.written());
    assert!(host.progress().retries >= 2);
}

#[tokio::test]
async fn an_agent_that_the_server_does_not_know_delivers_nothing_and_loses_nothing() {
    let (ours, theirs, mut host) = (Authority::new("ours"), Authority::new("theirs"), Host::new());
    let (receiver, _) = receiver(ours.acceptor(&ours.certify())).await;
    let (stranger, own) = (theirs.certify(), ours.certify());
    ours.write(&host.path("ca"));
    stranger.write_certificate(&host.path("cert"));
    stranger.write_key(&host.path("key"));
    host.log(10);
    host.ship(receiver.url(), "");
    // It is told after its own side of the handshake is done.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.attempts(), 0);
    own.write_certificate(&host.path("cert"));
    own.write_key(&host.path("key"));
    receiver.wait_for(10).await;
    host.stop().await;
    assert_eq!(receiver.lines(), host.written());
}

#[tokio::test]
async fn through_a_proxy_the_way_is_closed_from_end_to_end() {
    let (authority, mut host) = (Authority::new("ours"), Host::new());
    let (receiver, _) = receiver(authority.acceptor(&authority.certify())).await;
    let own = authority.certify();
    authority.write(&host.path("ca"));
    own.write_certificate(&host.path("cert"));
    own.write_key(&host.path("key"));
    let proxy = proxy::Proxy::start().await;
    host.log(10);
    host.ship(receiver.url(), &format!("proxy = \"{}\"", proxy.url));
    receiver.wait_for(10).await;
    host.stop().await;
    assert_eq!(receiver.lines(), host.written());
    let seen = proxy.seen.lock().unwrap().clone();
    let head = String::from_utf8_lossy(&seen);
    let host = receiver.url().trim_start_matches("https://");
    assert!(head.starts_with(&format!("CONNECT {host} HTTP/1.1\r\n")), "{head}");
    assert!(!head.contains("line 1") && !head.contains("loki"), "{head}");
}

//! A proxy before a store that does what networks and busy stores do: refuses, waits, throttles, cuts uploads off, loses
//! answers. One request a connection; which of them fail is drawn from a seed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Nothing here takes longer.
const LIMIT: Duration = Duration::from_secs(30);
const MOST_HEAD: usize = 64 << 10;
const SLOW_DOWN: &str = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// The connection ends at once.
    Refused,
    /// It is answered late, but within the time that the client gives it.
    Slow,
    /// It is answered with 503 and `SlowDown`.
    Throttled,
    /// Half of its body arrives.
    Cut,
    /// It is carried out, and the answer never comes.
    Unanswered,
}

pub(super) const FAULTS: [Fault; 5] = [Fault::Refused, Fault::Slow, Fault::Throttled, Fault::Cut, Fault::Unanswered];

/// Runs until it is dropped.
pub(super) struct Proxy {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

struct State {
    faults: Vec<Fault>,
    per_cent: u32,
    /// Whether the next request meets a fault for certain.
    is_due: bool,
    random: fastrand::Rng,
    happened: Vec<Fault>,
}

impl Proxy {
    pub(super) async fn open(store: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let random = fastrand::Rng::with_seed(seed);
        let state = State { faults: Vec::new(), per_cent: 0, is_due: false, random, happened: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let drawn = Arc::clone(&state);
        #[expect(clippy::disallowed_methods, reason = "ends with the proxy")]
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let fault = drawn.lock().unwrap().draw();
                tokio::spawn(tokio::time::timeout(LIMIT, pass(client, store, fault)));
            }
        });
        Self { url, state, task: task.abort_handle() }
    }

    /// From now on so many of a hundred requests meet one of these, the first for certain.
    pub(super) fn fail(&self, per_cent: u32, faults: &[Fault]) {
        let mut state = self.state.lock().unwrap();
        (state.per_cent, state.is_due, state.faults) = (per_cent, 0 < per_cent, faults.to_vec());
    }

    /// How often it happened so far.
    pub(super) fn count(&self, fault: Fault) -> usize {
        self.state.lock().unwrap().happened.iter().filter(|known| **known == fault).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn draw(&mut self) -> Option<Fault> {
        let fails = std::mem::take(&mut self.is_due) || self.random.u32(0..100) < self.per_cent;
        let fault = self.random.choice(&self.faults).copied().filter(|_| fails)?;
        self.happened.push(fault);
        Some(fault)
    }
}

async fn pass(mut client: TcpStream, store: u16, fault: Option<Fault>) -> std::io::Result<()> {
    if fault == Some(Fault::Refused) {
        return Ok(());
    }
    let Some((head, mut body, len)) = request(&mut client).await? else { return Ok(()) };
    let wanted = if fault == Some(Fault::Cut) { len / 2 } else { len };
    while body.len() < wanted {
        if client.read_buf(&mut body).await? == 0 {
            return Ok(());
        }
    }
    if fault == Some(Fault::Throttled) {
        let head =
            format!("HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", SLOW_DOWN.len());
        return client.write_all((head + SLOW_DOWN).as_bytes()).await;
    }
    if fault == Some(Fault::Slow) {
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let mut store = TcpStream::connect(("127.0.0.1", store)).await?;
    store.write_all(&head).await?;
    store.write_all(&body[..wanted]).await?;
    if fault == Some(Fault::Cut) {
        return Ok(());
    }
    let mut answer = Vec::new();
    store.read_to_end(&mut answer).await?;
    match fault {
        Some(Fault::Unanswered) => Ok(()),
        _ => client.write_all(&answer).await,
    }
}

/// The head of a request, which asks for the connection to be closed, what came of its body, and how long that is.
async fn request(client: &mut TcpStream) -> std::io::Result<Option<(Vec<u8>, Vec<u8>, usize)>> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if MOST_HEAD < read.len() || client.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    };
    let body = read.split_off(end + 4);
    let text = String::from_utf8_lossy(&read).into_owned();
    let len = text.lines().filter_map(|line| line.split_once(':'));
    let len = len.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let len = len.filter_map(|(_, value)| value.trim().parse().ok()).next().unwrap_or(0);
    read.truncate(end);
    read.extend_from_slice(b"\r\nConnection: close\r\n\r\n");
    Ok(Some((read, body, len)))
}

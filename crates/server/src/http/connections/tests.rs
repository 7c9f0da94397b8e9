//! Slow and many clients, on real sockets.

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::*;
use crate::http::Form;

const PATIENCE: Patience =
    Patience { connections: 2, header: Duration::from_millis(200), body: Duration::from_millis(200) };
const LONG: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    tasks: stdx::Tasks,
}

/// `/slow` takes longer than any header may; `/form` reads a form.
async fn start() -> Running {
    let slow = || async {
        sleep(3 * PATIENCE.header).await;
        "slow"
    };
    let limited = |request: Request, next: Next| next.run(request.map(|body| timely(body, PATIENCE.body)));
    let form = |form: Form| async move { form.get("a").unwrap_or_default().to_owned() };
    let router = Router::new().route("/slow", get(slow)).route("/form", post(form)).layer(from_fn(limited));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let tasks = stdx::Tasks::default();
    tasks
        .spawn(async move { serve(listener, &Greeting::Clear, router, PATIENCE, async { drop(stopped.await) }).await });
    Running { address, stop, tasks }
}

impl Running {
    /// Sends a text and returns everything that comes until the server closes the connection.
    async fn tell(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        assert_eq!(self.tasks.drain(LONG).await, stdx::Drained::Clean);
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end as well.
    drop(tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the connection stays open"));
    String::from_utf8(answer).unwrap()
}

const FORM: &str =
    "POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_do_not_end_end_the_connection() {
    let server = start().await;
    for begun in ["", "P", "GET /slow HT", "GET /slow HTTP/1.1\r\nHost: x\r\nX-A: "] {
        let answer = server.tell(begun).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{begun:?}: {answer}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_take_longer_than_headers_and_an_idle_connection_is_closed_after_it() {
    let server = start().await;
    let answer = server.tell("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow"), "{answer}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_end_is_refused() {
    let server = start().await;
    let answer = server.tell(&format!("{FORM}a=")).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("took too long"), "{answer}");
    let answer = server.tell(&format!("{FORM}a=123")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("123"), "{answer}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_for_one_to_end() {
    let server = start().await;
    let ask = "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = futures::future::join_all((0..6).map(|_| server.tell(ask))).await;
    assert!(answers.iter().all(|answer| answer.ends_with("slow")), "{answers:?}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_runs_is_answered_before_the_end() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // It is being answered when another one, sent later, is answered too.
    let answer = server.tell(&format!("{FORM}a=123")).await;
    assert!(answer.ends_with("123"), "{answer}");
    server.end().await;
    assert!(rest(&mut stream).await.ends_with("slow"));
}

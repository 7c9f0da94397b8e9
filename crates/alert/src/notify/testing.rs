//! For tests of senders: a server that answers what it was told to, and a sender made of a piece of YAML.

use std::sync::{Arc, Mutex};

use stdx::Language;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::receiver::{Global, Written};
use super::{Built, Failure, Memory, Place, Post, Sender};
use crate::message::tests::author;
use crate::message::{Notification, Style};

/// A server on loopback that gives these answers in order, then the last one for ever; `Retry-After: 7` with a 429.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<(String, String)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Answers {
    pub(crate) async fn start(answers: Vec<(u16, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        #[expect(clippy::disallowed_methods, reason = "ends with the test")]
        let task = tokio::spawn(async move {
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                seen.lock().unwrap().push(request);
                let (status, body) = answers.get(number).or(answers.last()).unwrap();
                let extra = match status {
                    429 => "Retry-After: 7\r\n",
                    302 => "Location: http://127.0.0.1:1/\r\n",
                    _ => "",
                };
                let head = format!(
                    "HTTP/1.1 {status} x\r\n{extra}Connection: close\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
            }
        });
        Self { url, requests, task }
    }

    /// Heads and bodies of what came.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            let begin = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            if bytes.len() >= begin + length {
                return (head.to_owned(), String::from_utf8_lossy(&bytes[begin..]).into_owned());
            }
        }
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the request ended early");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

type Read = fn(&Written, &Global, &dyn Fn(&str) -> Result<String, String>) -> Result<Built, String>;

/// A sender of a piece of YAML.
pub(super) fn built(read: Read, yaml: &str) -> Arc<dyn Sender> {
    let written = Written::of(serde_yaml_ng::from_str(yaml).unwrap());
    read(&written, &Global::default(), &|path| Err(format!("`{path}` cannot be read"))).unwrap().sender
}

/// Sends a first message of a thread.
pub(crate) async fn send(sender: &dyn Sender, notification: &Notification) -> Result<(), Failure> {
    send_in(sender, notification, &mut Memory::default(), &mut Place::default()).await
}

/// Sends a message of a thread.
pub(crate) async fn send_in(
    sender: &dyn Sender,
    notification: &Notification,
    memory: &mut Memory,
    place: &mut Place,
) -> Result<(), Failure> {
    let author = author();
    let style = Style { language: Language::English, zone: jiff::tz::TimeZone::UTC };
    let message = author.write(notification, &style);
    let masked = author.masked(notification);
    let now = notification.at.0 / 1_000_000_000;
    let post =
        Post { notification: &masked, message: &message, key: "key-1", external_url: author.external_url(), now };
    sender.send(&post, memory, place).await
}

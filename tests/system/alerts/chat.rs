//! A server that plays Telegram: its limits, its refusals, and a check of everything it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A chat that keeps what it is told.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) url: String,
    inner: Arc<Mutex<Inner>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Inner {
    texts: Vec<String>,
    problems: Vec<String>,
    /// Status codes of the next answers; 0 for a good one.
    script: VecDeque<u16>,
}

impl Chat {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner::default()));
        let kept = Arc::clone(&inner);
        #[expect(clippy::disallowed_methods, reason = "ends with the test")]
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move { answer(stream, &kept).await });
            }
        });
        Self { url, inner, task }
    }

    /// The next answers.
    pub(super) fn script(&self, statuses: &[u16]) {
        self.inner.lock().unwrap().script = statuses.iter().copied().collect();
    }

    /// Texts of messages that were taken, in order.
    pub(super) fn told(&self) -> Vec<String> {
        self.inner.lock().unwrap().texts.clone()
    }

    /// What the real one would have refused.
    pub(super) fn problems(&self) -> Vec<String> {
        self.inner.lock().unwrap().problems.clone()
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers requests of one connection until it ends.
async fn answer(mut stream: TcpStream, inner: &Mutex<Inner>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        if let Some((head, body, rest)) = request(&bytes) {
            bytes = rest;
            let (status, said) = inner.lock().unwrap().take(&head, &body);
            let text = said.to_string();
            let reply = format!(
                "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            );
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
            continue;
        }
        match stream.read(&mut chunk).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
}

/// The first whole request, and what follows it.
fn request(bytes: &[u8]) -> Option<(String, Vec<u8>, Vec<u8>)> {
    let begin = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..begin]).into_owned();
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let end = begin + length.map_or(0, |length| length.trim().parse().unwrap());
    Some((head, bytes.get(begin..end)?.to_vec(), bytes[end..].to_vec()))
}

impl Inner {
    fn take(&mut self, head: &str, body: &[u8]) -> (u16, Value) {
        match self.script.pop_front() {
            Some(429) => return (429, json!({"ok": false, "error_code": 429, "parameters": {"retry_after": 1}})),
            Some(status) if status != 0 => return (status, json!({"ok": false, "description": "scripted"})),
            _ => {}
        }
        let method = head.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or("").to_owned();
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            self.problems.push(format!("{method}: no JSON"));
            return (400, json!({"ok": false, "description": "no JSON"}));
        };
        let text = body["text"].as_str().unwrap_or("").to_owned();
        if let Err(problem) = check(&text, &body) {
            self.problems.push(format!("{method}: {problem}"));
            return (400, json!({"ok": false, "description": problem}));
        }
        if method == "sendMessage" {
            self.texts.push(text + "\n");
        }
        (200, json!({"ok": true, "result": {"message_id": self.texts.len()}}))
    }
}

/// What the Bot API would say of a text and its entities.
fn check(text: &str, body: &Value) -> Result<(), String> {
    let units: Vec<u16> = text.encode_utf16().collect();
    if units.is_empty() || units.len() > 4_096 {
        return Err(format!("{} units of text", units.len()));
    }
    for entity in body["entities"].as_array().into_iter().flatten() {
        let number = |name: &str| {
            entity[name].as_u64().and_then(|number| usize::try_from(number).ok()).ok_or(format!("no {name}"))
        };
        let (offset, length) = (number("offset")?, number("length")?);
        let part = units.get(offset..offset + length).ok_or("an entity beyond the text")?;
        String::from_utf16(part).map_err(|_| "an entity that parts a character")?;
    }
    Ok(())
}

//! An HTTP proxy that knows one method: CONNECT.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Listens on loopback until the test's runtime ends.
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// All that clients sent, requests first.
    pub(crate) seen: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        let all = Arc::clone(&seen);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((client, _)) = socket.accept().await {
                tokio::spawn(tunnel(client, Arc::clone(&all)));
            }
        });
        Self { url, seen }
    }
}

async fn tunnel(mut client: TcpStream, seen: Arc<Mutex<Vec<u8>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    seen.lock().unwrap().extend_from_slice(&head);
    let target = String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().to_owned();
    let (mut from_server, mut to_server) = TcpStream::connect(target).await.unwrap().into_split();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let up = async {
        let mut chunk = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_client.read(&mut chunk).await {
            seen.lock().unwrap().extend_from_slice(&chunk[..length]);
            to_server.write_all(&chunk[..length]).await.unwrap();
        }
    };
    tokio::select! {
        () = up => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}

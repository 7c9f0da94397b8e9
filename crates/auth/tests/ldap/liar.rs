//! A server that speaks some LDAP, and lies in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stdx::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lie {
    /// It takes everything and says nothing.
    Silent,
    /// It says yes, a byte at a time.
    Slow,
    /// It hangs up.
    Closes,
    /// It says what is no LDAP.
    Garbage,
    /// Its entries never end.
    Endless,
    /// It finds an entry in another place than it was asked for.
    Elsewhere,
    /// It finds two people.
    Twice,
    /// Its entries are none.
    Malformed,
}

pub(crate) struct Liar {
    pub(crate) port: u16,
    open: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
    _tasks: Tasks,
}

pub(crate) async fn liar(lie: Lie) -> Liar {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, open) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let (counted, taken) = (Arc::clone(&open), Arc::new(AtomicUsize::new(0)));
    let taking = Arc::clone(&taken);
    let tasks = Tasks::default();
    let serving = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            taking.fetch_add(1, Ordering::SeqCst);
            let counted = Arc::clone(&counted);
            serving.spawn(async move {
                // Whoever was lied to may leave in the middle of it.
                drop(lie_to(stream, lie).await);
                counted.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    Liar { port, open, taken, _tasks: tasks }
}

impl Liar {
    /// How many connections it has taken.
    pub(crate) fn connections(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Nobody holds a connection any more.
    pub(crate) async fn until_everybody_has_left(&self) {
        for _ in 0..1_000 {
            if self.open.load(Ordering::SeqCst) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("a connection is held for ever");
    }
}

async fn lie_to(mut stream: TcpStream, lie: Lie) -> std::io::Result<()> {
    if matches!(lie, Lie::Closes) {
        return Ok(());
    }
    let mut request = vec![0; 4_096];
    loop {
        let count = stream.read(&mut request).await?;
        if count == 0 {
            return Ok(());
        }
        // SEQUENCE, length, INTEGER, 1, the number of the message, the kind of the request.
        let (id, kind) = (request[4], request[5]);
        match (lie, kind) {
            (Lie::Silent | Lie::Closes, _) => {}
            (Lie::Garbage, _) => stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nthis is no LDAP").await?,
            (Lie::Slow, _) => {
                for byte in done(id, 0x61) {
                    tokio::time::sleep(Duration::from_millis(150)).await;
                    stream.write_all(&[byte]).await?;
                }
            }
            (_, 0x60) => stream.write_all(&done(id, 0x61)).await?,
            (_, 0x77) => stream.write_all(&done(id, 0x78)).await?,
            (Lie::Endless, 0x63) => loop {
                stream.write_all(&entry(id, "uid=anna,ou=people,dc=shop")).await?;
            },
            (Lie::Elsewhere, 0x63) => {
                stream.write_all(&entry(id, "uid=anna,ou=machines,dc=shop")).await?;
                stream.write_all(&done(id, 0x65)).await?;
            }
            (Lie::Twice, 0x63) => {
                stream.write_all(&entry(id, "uid=anna,ou=people,dc=shop")).await?;
                stream.write_all(&entry(id, "uid=anna,ou=x,ou=people,dc=shop")).await?;
                stream.write_all(&done(id, 0x65)).await?;
            }
            (Lie::Malformed, 0x63) => {
                // An entry whose name is a number and which has no attributes.
                stream.write_all(&message(id, 0x64, &[0x02, 0x01, 0x07])).await?;
                stream.write_all(&done(id, 0x65)).await?;
            }
            _ => {}
        }
    }
}

fn message(id: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let inner = [&[0x02, 0x01, id, kind, u8::try_from(body.len()).unwrap()], body].concat();
    [&[0x30, u8::try_from(inner.len()).unwrap()], inner.as_slice()].concat()
}

/// Success.
fn done(id: u8, kind: u8) -> Vec<u8> {
    message(id, kind, &[0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00])
}

/// An entry with the attributes `uid` and `entryUUID`.
fn entry(id: u8, dn: &str) -> Vec<u8> {
    let text = |text: &str| [&[0x04, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let sequence = |tag: u8, parts: &[Vec<u8>]| {
        let body = parts.concat();
        [&[tag, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    let attribute = |name: &str, value: &str| sequence(0x30, &[text(name), sequence(0x31, &[text(value)])]);
    let attributes = sequence(0x30, &[attribute("uid", "anna"), attribute("entryUUID", "1")]);
    message(id, 0x64, &[text(dn), attributes].concat())
}

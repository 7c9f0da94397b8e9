//! Records as syslog messages (RFC 5424), over UDP, TCP or TLS.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use auth::{Outcome, Record};
use futures::FutureExt as _;
use stdx::Clock;
use tls::{Connection, Renewed, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::Place;

/// Facility 13, log audit.
const FACILITY: u8 = 13 << 3;
/// Of what was let through: notice; of all else: warning.
const SEVERITIES: (u8, u8) = (5, 4);
/// How soon a machine says that nobody listens there.
const REFUSAL: Duration = Duration::from_millis(50);
/// A datagram that is longer may be lost on its way.
const DATAGRAM: usize = 2_048;

/// Sends to one server; connects when it must.
pub(super) struct Syslog {
    place: Place,
    secure: Option<Renewed<Arc<ClientConfig>>>,
    connection: Option<Connection>,
    /// What was sent last: nobody says whether it was read before its connection broke.
    last: String,
}

impl Syslog {
    pub(super) fn new(place: Place, tls: Tls, clock: &Arc<dyn Clock>) -> Result<Self, tls::Problem> {
        let secure = match place {
            Place::Tls(_) => {
                let files = tls.clone();
                let make = move |pem: &_| tls::client_config(&files, pem);
                Some(Renewed::new("audit.forward".to_owned(), tls, Arc::clone(clock), make)?)
            }
            _ => None,
        };
        Ok(Self { place, secure, connection: None, last: String::new() })
    }

    pub(super) async fn send(&mut self, records: &[Record]) -> Result<(), String> {
        let sent = self.try_send(records).await;
        if sent.is_err() {
            self.connection = None;
        }
        sent.map_err(|error| error.to_string())
    }

    async fn try_send(&mut self, records: &[Record]) -> std::io::Result<()> {
        if let Place::Udp(address) = &self.place {
            let socket = UdpSocket::bind(("::", 0)).await;
            let socket = match socket {
                Ok(socket) => socket,
                Err(_) => UdpSocket::bind(("0.0.0.0", 0)).await?,
            };
            socket.connect(address).await?;
            for record in records {
                let mut text = message(record);
                text.truncate(text.floor_char_boundary(DATAGRAM));
                socket.send(text.as_bytes()).await?;
            }
            // That nobody listens is told a moment later, if at all.
            tokio::time::sleep(REFUSAL).await;
            return socket.take_error()?.map_or(Ok(()), Err);
        }
        let mut bytes = String::new();
        for record in records {
            let text = message(record);
            // Writing to a String cannot fail.
            write!(bytes, "{} {text}", text.len()).unwrap_or_default();
        }
        let connection = self.connected().await?;
        connection.write_all(bytes.as_bytes()).await?;
        connection.flush().await?;
        self.last = bytes;
        Ok(())
    }

    /// The connection, or a new one where the other side has ended it; that begins with what was sent last.
    async fn connected(&mut self) -> std::io::Result<&mut Connection> {
        if self.connection.as_mut().is_some_and(has_ended) {
            self.connection = None;
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                let mut connection = connect(&self.place, self.secure.as_ref()).await?;
                connection.write_all(self.last.as_bytes()).await?;
                Ok(none.insert(connection))
            }
        }
    }
}

/// Whether the other side has closed: what is written then is lost without an error. What it says is of no interest.
fn has_ended(connection: &mut Connection) -> bool {
    let mut said = [0; 512];
    loop {
        match connection.read(&mut said).now_or_never() {
            None => return false,
            Some(Ok(0) | Err(_)) => return true,
            Some(Ok(_)) => {}
        }
    }
}

async fn connect(place: &Place, secure: Option<&Renewed<Arc<ClientConfig>>>) -> std::io::Result<Connection> {
    let (Place::Udp(address) | Place::Tcp(address) | Place::Tls(address)) = place else {
        return Err(std::io::ErrorKind::Unsupported.into());
    };
    let stream = TcpStream::connect(address).await?;
    let Some(secure) = secure else { return Ok(Box::new(stream)) };
    let host = place.host().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(std::io::Error::other)?;
    Ok(Box::new(TlsConnector::from(secure.get()).connect(name, stream).await?))
}

/// One record as a message.
pub(super) fn message(record: &Record) -> String {
    let severity = if record.outcome == Outcome::Allowed { SEVERITIES.0 } else { SEVERITIES.1 };
    let time = jiff::Timestamp::from(record.time);
    let node = plain(&record.node, 255);
    let action = plain(&record.action, 32);
    let mut text = format!("<{}>1 {time:.6} {node} lapidary - {action} [audit@32473", FACILITY + severity);
    let (sequence, count) = (record.sequence.to_string(), record.count.to_string());
    let pairs = [
        ("sequence", sequence.as_str()),
        ("principal", &record.principal),
        ("tenant", &record.tenant),
        ("outcome", record.outcome.name()),
        ("address", &record.address),
        ("count", &count),
        ("hash", &record.hash),
    ];
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        write!(text, " {name}=\"{value}\"").unwrap_or_default();
    }
    text.push_str("] ");
    text.extend(record.detail.chars().map(|c| if c.is_control() { ' ' } else { c }));
    text
}

/// A word as the header has them: printable ASCII without blanks.
fn plain(text: &str, most: usize) -> String {
    let word: String = text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).take(most).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

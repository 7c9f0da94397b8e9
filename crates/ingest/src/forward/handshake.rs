//! The exchange that opens a connection where a shared key is set: HELO, PING, PONG.
//!
//! The randomness comes from the caller. Digests are SHA-512 in lower-case hex, and are compared in constant time.

use ring::digest::{Context, SHA512};

use super::msgpack::{Reader, Value, write_array, write_bin, write_bool, write_map, write_str};

/// One connection's handshake, on the side of the server.
#[derive(Clone)]
pub struct Handshake {
    shared_key: Vec<u8>,
    hostname: String,
    nonce: [u8; 16],
}

/// Why a client is refused; goes into the answer and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not the message that must come first.
    #[error("the first message is no PING")]
    NoPing,
    /// The digest does not fit.
    #[error("shared key mismatch")]
    SharedKey,
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

impl Handshake {
    /// `nonce` must be fresh for each connection.
    pub fn new(shared_key: &str, hostname: &str, nonce: [u8; 16]) -> Self {
        Self { shared_key: shared_key.as_bytes().to_vec(), hostname: hostname.to_owned(), nonce }
    }

    /// What the server says first.
    pub fn helo(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_array(&mut out, 2);
        write_str(&mut out, b"HELO");
        write_map(&mut out, 3);
        write_str(&mut out, b"nonce");
        write_bin(&mut out, &self.nonce);
        write_str(&mut out, b"auth");
        write_str(&mut out, b"");
        write_str(&mut out, b"keepalive");
        write_bool(&mut out, true);
        out
    }

    /// The answer to the client's PING, and whether the client may go on.
    pub fn pong(&self, ping: &[u8]) -> (Vec<u8>, Result<(), Refused>) {
        let checked = self.check(ping);
        let mut out = Vec::new();
        write_array(&mut out, 5);
        write_str(&mut out, b"PONG");
        write_bool(&mut out, checked.is_ok());
        match &checked {
            Ok(salt) => {
                write_str(&mut out, b"");
                write_str(&mut out, self.hostname.as_bytes());
                write_str(&mut out, self.digest(salt, self.hostname.as_bytes()).as_bytes());
            }
            Err(reason) => {
                write_str(&mut out, reason.to_string().as_bytes());
                write_str(&mut out, b"");
                write_str(&mut out, b"");
            }
        }
        (out, checked.map(drop))
    }

    /// The client's salt, if its digest proves that it knows the key.
    fn check(&self, ping: &[u8]) -> Result<Vec<u8>, Refused> {
        let Ok(Value::Array(parts)) = Reader::new(ping, 100).value() else { return Err(Refused::NoPing) };
        let bytes = |index: usize| match parts.get(index) {
            Some(Value::Str(bytes) | Value::Bin(bytes)) => Ok(*bytes),
            _ => Err(Refused::NoPing),
        };
        if bytes(0)? != b"PING" {
            return Err(Refused::NoPing);
        }
        let (hostname, salt, digest) = (bytes(1)?, bytes(2)?, bytes(3)?);
        let own = self.digest(salt, hostname);
        if is_same(own.as_bytes(), digest) { Ok(salt.to_vec()) } else { Err(Refused::SharedKey) }
    }

    fn digest(&self, salt: &[u8], hostname: &[u8]) -> String {
        let mut context = Context::new(&SHA512);
        for part in [salt, hostname, &self.nonce, &self.shared_key] {
            context.update(part);
        }
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Takes the same time wherever the first difference is.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;

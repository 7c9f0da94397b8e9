//! Both sides of the exchange.

use super::*;

fn ping(key: &[u8], salt: &[u8], nonce: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA512);
    for part in [salt, b"client", nonce, key] {
        context.update(part);
    }
    let digest: String = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut out = Vec::new();
    write_array(&mut out, 6);
    for part in [b"PING".as_slice(), b"client", salt, digest.as_bytes(), b"", b""] {
        write_str(&mut out, part);
    }
    out
}

#[test]
fn who_knows_the_key_may_go_on_and_is_told_that_the_server_knows_it_too() {
    let server = Handshake::new("key", "server", [7; 16]);
    assert!(server.helo().windows(16).any(|window| window == [7; 16]));
    let (pong, checked) = server.pong(&ping(b"key", b"salt", &[7; 16]));
    assert_eq!(checked, Ok(()));
    let Ok(Value::Array(parts)) = Reader::new(&pong, 10).value() else { panic!("an array") };
    let digest = server.digest(b"salt", b"server");
    assert_eq!(parts[1..], [Value::Bool(true), Value::Str(b""), Value::Str(b"server"), Value::Str(digest.as_bytes())]);
}

#[test]
fn who_does_not_know_the_key_is_refused() {
    let server = Handshake::new("key", "server", [7; 16]);
    let (pong, checked) = server.pong(&ping(b"other", b"salt", &[7; 16]));
    assert_eq!(checked, Err(Refused::SharedKey));
    assert!(pong.windows(8).any(|window| window == b"mismatch"));
    assert_eq!(server.pong(&ping(b"key", b"salt", &[8; 16])).1, Err(Refused::SharedKey));
    assert_eq!(server.pong(b"\x92\xa1a\x05").1, Err(Refused::NoPing));
}

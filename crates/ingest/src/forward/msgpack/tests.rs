//! Objects in every encoding, and streams in pieces.

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Result<Value<'_>, Broken> {
    Reader::new(bytes, 100).value()
}

#[test]
fn numbers_and_texts_of_every_size_are_read() {
    assert_eq!(read(&[0x7f]), Ok(Value::Int(127)));
    assert_eq!(read(&[0xff]), Ok(Value::Int(-1)));
    assert_eq!(read(&[0xd0, 0x80]), Ok(Value::Int(-128)));
    assert_eq!(read(&[0xd1, 0xff, 0xfe]), Ok(Value::Int(-2)));
    assert_eq!(read(&[0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Ok(Value::Int(-1)));
    assert_eq!(read(&[0xcd, 1, 0]), Ok(Value::Int(256)));
    assert_eq!(read(&[0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0]), Ok(Value::UInt(0xff << 56)));
    assert_eq!(read(&[0xca, 0x3f, 0x80, 0, 0]), Ok(Value::Float(1.0)));
    assert_eq!(read(&[0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]), Ok(Value::Float(1.0)));
    assert_eq!(read(b"\xa2ab"), Ok(Value::Str(b"ab")));
    assert_eq!(read(b"\xdb\0\0\0\x02ab"), Ok(Value::Str(b"ab")));
    assert_eq!(read(b"\xc5\0\x02ab"), Ok(Value::Bin(b"ab")));
    assert_eq!(read(b"\xd7\x00abcdefgh"), Ok(Value::Ext(0, b"abcdefgh")));
    assert_eq!(read(b"\xc7\x02\xffab"), Ok(Value::Ext(-1, b"ab")));
    assert_eq!(read(b"\xdd\0\0\0\x01\xc3"), Ok(Value::Array(vec![Value::Bool(true)])));
    assert_eq!(read(b"\xdf\0\0\0\x01\xc0\xc2"), Ok(Value::Map(vec![(Value::Nil, Value::Bool(false))])));
}

#[test]
fn what_claims_too_much_is_refused_without_memory_for_it() {
    assert_eq!(read(&[0xdd, 0xff, 0xff, 0xff, 0xff]), Err(Broken::Short));
    assert_eq!(read(&[0xdb, 0xff, 0xff, 0xff, 0xff]), Err(Broken::Short));
    assert_eq!(read(&[0x91; 64]), Err(Broken::Invalid));
    assert_eq!(Reader::new(&[0x9f; 16], 10).value(), Err(Broken::Invalid));
    assert_eq!(read(&[0xc1]), Err(Broken::Invalid));
}

#[test]
fn a_stream_is_cut_into_messages_whatever_pieces_it_comes_in() {
    let stream = b"\x92\xa1a\x91\xa1b\xc0\x81\xa1k\xdc\0\x01\x05";
    for size in [1, 2, 3, 100] {
        let mut framer = Framer::new(100);
        let mut out = Vec::new();
        for piece in stream.chunks(size) {
            framer.push(piece);
            while let Some(message) = framer.next().unwrap() {
                out.push(message.to_vec());
            }
        }
        assert_eq!(out, [b"\x92\xa1a\x91\xa1b".as_slice(), b"\xc0", b"\x81\xa1k\xdc\0\x01\x05"]);
    }
    let mut framer = Framer::new(4);
    framer.push(b"\xd9\x10too long");
    assert!(matches!(framer.next(), Err(crate::DecodeError::TooLarge(_))));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut framer = Framer::new(1000);
        framer.push(&bytes);
        while let Ok(Some(message)) = framer.next() {
            let message = message.to_vec();
            drop(super::super::decode(&message, 1000, logline::Timestamp(1)));
        }
    }
}

//! MessagePack: finds where an object ends in a stream, reads objects without copying, writes the few that answers need.

/// An object, borrowed from the bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// Above the range of `Int`.
    UInt(u64),
    Float(f64),
    Str(&'a [u8]),
    Bin(&'a [u8]),
    Ext(i8, &'a [u8]),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// What stands at the beginning of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// An object without parts.
    Value(Value<'a>),
    /// So many objects follow.
    Array(u32),
    /// So many pairs follow.
    Map(u32),
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// They end too early.
    Short,
    /// They are not MessagePack, or nested too deep, or too many.
    Invalid,
}

/// How deep an object may be nested.
const MAX_DEPTH: u32 = 32;

/// Reads objects one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// Objects that may still be read; bounds memory, since an object takes more of it than its bytes.
    left: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], max_objects: usize) -> Self {
        Self { bytes, left: max_objects }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Allows so many objects from here on.
    pub(crate) fn allow(&mut self, objects: usize) {
        self.left = objects;
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], Broken> {
        let (head, rest) = self.bytes.split_at_checked(n).ok_or(Broken::Short)?;
        self.bytes = rest;
        Ok(head)
    }

    /// Reads a number of `n` bytes, at most eight.
    fn number(&mut self, n: usize) -> Result<u64, Broken> {
        Ok(self.take(n)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn length(&mut self, n: usize) -> Result<usize, Broken> {
        usize::try_from(self.number(n)?).map_err(|_| Broken::Invalid)
    }

    fn count(&mut self, n: usize) -> Result<u32, Broken> {
        u32::try_from(self.number(n)?).map_err(|_| Broken::Invalid)
    }

    fn signed(&mut self, n: usize) -> Result<Token<'a>, Broken> {
        let shift = 64 - 8 * u32::try_from(n).map_err(|_| Broken::Invalid)?;
        Ok(Token::Value(Value::Int((self.number(n)? << shift).cast_signed() >> shift)))
    }

    fn unsigned(&mut self, n: usize) -> Result<Token<'a>, Broken> {
        let number = self.number(n)?;
        Ok(Token::Value(i64::try_from(number).map_or(Value::UInt(number), Value::Int)))
    }

    fn str(&mut self, length: usize) -> Result<Token<'a>, Broken> {
        Ok(Token::Value(Value::Str(self.take(length)?)))
    }

    fn bin(&mut self, length: usize) -> Result<Token<'a>, Broken> {
        Ok(Token::Value(Value::Bin(self.take(length)?)))
    }

    fn ext(&mut self, length: usize) -> Result<Token<'a>, Broken> {
        let kind = self.take(1)?.first().copied().unwrap_or(0).cast_signed();
        Ok(Token::Value(Value::Ext(kind, self.take(length)?)))
    }

    /// The beginning of the next object; the parts of an array or a map follow.
    pub(crate) fn token(&mut self) -> Result<Token<'a>, Broken> {
        let first = self.take(1)?.first().copied().ok_or(Broken::Short)?;
        let low = |mask: u8| usize::from(first & mask);
        match first {
            0x00..=0x7f => Ok(Token::Value(Value::Int(i64::from(first)))),
            0x80..=0x8f => Ok(Token::Map(u32::from(first & 0x0f))),
            0x90..=0x9f => Ok(Token::Array(u32::from(first & 0x0f))),
            0xa0..=0xbf => self.str(low(0x1f)),
            0xc0 => Ok(Token::Value(Value::Nil)),
            0xc1 => Err(Broken::Invalid),
            0xc2 | 0xc3 => Ok(Token::Value(Value::Bool(first == 0xc3))),
            0xc4..=0xc6 => self.length(1 << (first - 0xc4)).and_then(|length| self.bin(length)),
            0xc7..=0xc9 => self.length(1 << (first - 0xc7)).and_then(|length| self.ext(length)),
            0xca => {
                let bits = u32::try_from(self.number(4)?).map_err(|_| Broken::Invalid)?;
                Ok(Token::Value(Value::Float(f64::from(f32::from_bits(bits)))))
            }
            0xcb => Ok(Token::Value(Value::Float(f64::from_bits(self.number(8)?)))),
            0xcc..=0xcf => self.unsigned(1 << (first - 0xcc)),
            0xd0..=0xd3 => self.signed(1 << (first - 0xd0)),
            0xd4..=0xd8 => self.ext(1 << (first - 0xd4)),
            0xd9..=0xdb => self.length(1 << (first - 0xd9)).and_then(|length| self.str(length)),
            0xdc | 0xdd => self.count(2 << (first - 0xdc)).map(Token::Array),
            0xde | 0xdf => self.count(2 << (first - 0xde)).map(Token::Map),
            0xe0..=0xff => Ok(Token::Value(Value::Int(i64::from(first.cast_signed())))),
        }
    }

    /// The next object with all its parts.
    pub(crate) fn value(&mut self) -> Result<Value<'a>, Broken> {
        self.nested(MAX_DEPTH)
    }

    fn nested(&mut self, depth: u32) -> Result<Value<'a>, Broken> {
        self.left = self.left.checked_sub(1).ok_or(Broken::Invalid)?;
        let depth = depth.checked_sub(1).ok_or(Broken::Invalid)?;
        match self.token()? {
            Token::Value(value) => Ok(value),
            // Nothing is reserved for what a length claims.
            Token::Array(length) => {
                let mut items = Vec::new();
                for _ in 0..length {
                    items.push(self.nested(depth)?);
                }
                Ok(Value::Array(items))
            }
            Token::Map(length) => {
                let mut pairs = Vec::new();
                for _ in 0..length {
                    pairs.push((self.nested(depth)?, self.nested(depth)?));
                }
                Ok(Value::Map(pairs))
            }
        }
    }
}

/// Cuts a stream into messages, which are objects of any size up to a limit.
#[derive(Clone, Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes of messages that went out already.
    taken: usize,
    /// Bytes of the message under way that were looked through.
    looked: usize,
    /// Objects that the message under way still lacks.
    missing: u64,
    max: usize,
}

impl Framer {
    /// Takes messages of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), taken: 0, looked: 0, missing: 1, max }
    }

    /// Takes what came. Call [`Self::next`] until it has nothing, before more is pushed.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; an error, after which the stream is of no use, for one that is too long or none at all.
    #[expect(clippy::should_implement_trait, reason = "more can be pushed after `None`")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, crate::DecodeError> {
        let invalid = || crate::DecodeError::Invalid("forward: not MessagePack".to_owned());
        while self.missing > 0 {
            let from = self.taken + self.looked;
            let bytes = self.buffer.get(from..).unwrap_or_default();
            let mut reader = Reader::new(bytes, 1);
            let parts = match reader.token() {
                Ok(Token::Value(_)) => 0,
                Ok(Token::Array(length)) => u64::from(length),
                Ok(Token::Map(length)) => 2 * u64::from(length),
                Err(Broken::Short) if self.buffer.len() - self.taken > self.max => {
                    return Err(crate::DecodeError::TooLarge(format!("forward: a message over {} bytes", self.max)));
                }
                Err(Broken::Short) => return Ok(None),
                Err(Broken::Invalid) => return Err(invalid()),
            };
            self.looked += bytes.len() - reader.bytes.len();
            self.missing = (self.missing - 1).saturating_add(parts);
        }
        let message = self.taken..self.taken + self.looked;
        (self.taken, self.looked, self.missing) = (message.end, 0, 1);
        Ok(self.buffer.get(message))
    }
}

/// Appends the head of a map of at most 15 pairs.
pub(crate) fn write_map(out: &mut Vec<u8>, pairs: u8) {
    out.push(0x80 | pairs & 0x0f);
}

/// Appends the head of an array of at most 15 objects.
pub(crate) fn write_array(out: &mut Vec<u8>, items: u8) {
    out.push(0x90 | items & 0x0f);
}

/// Appends a text.
pub(crate) fn write_str(out: &mut Vec<u8>, text: &[u8]) {
    if let Some(length) = u8::try_from(text.len()).ok().filter(|length| *length < 32) {
        out.push(0xa0 | length);
        return out.extend_from_slice(text);
    }
    write_bytes(out, text, [0xd9, 0xda, 0xdb]);
}

/// Appends bytes.
pub(crate) fn write_bin(out: &mut Vec<u8>, bytes: &[u8]) {
    write_bytes(out, bytes, [0xc4, 0xc5, 0xc6]);
}

/// Appends a truth value.
pub(crate) fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8], heads: [u8; 3]) {
    if let Ok(length) = u8::try_from(bytes.len()) {
        out.extend([heads[0], length]);
    } else if let Ok(length) = u16::try_from(bytes.len()) {
        out.push(heads[1]);
        out.extend(length.to_be_bytes());
    } else {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        out.push(heads[2]);
        out.extend(length.to_be_bytes());
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;

//! Cuts a TCP stream into messages: each ends with LF or NUL, or begins with its length; told apart for each message.

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its bytes, without framing; the beginning of them where it was too long.
    pub bytes: Vec<u8>,
    /// How long it was, where that is more than was kept.
    pub total: Option<usize>,
}

/// Collects bytes and hands out messages. Holds one message of at most `max` bytes and what was pushed last.
#[derive(Clone, Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes at the beginning of the buffer that went out already.
    taken: usize,
    max: usize,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Between messages.
    Start,
    /// In a message that ends with LF; so many bytes were looked through.
    Line { looked: usize, dropped: usize },
    /// In a message of known length; `skip` bytes of it are to be dropped behind the kept ones.
    Counted { keep: usize, skip: usize },
    /// Behind a counted message that was too long.
    Skip { left: usize },
}

/// Digits that a length can have; with more it is no length, so that a mistake swallows 10 MB at most.
const MAX_DIGITS: usize = 7;

impl Framer {
    /// Keeps at most `max` bytes of a message.
    pub fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), taken: 0, max, state: State::Start }
    }

    /// Takes what came. Call [`Self::next`] until it has nothing, before more is pushed.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; empty ones are left out.
    #[expect(clippy::should_implement_trait, reason = "more can be pushed after `None`")]
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = self.step()?;
            if frame.as_ref().is_some_and(|frame| !frame.bytes.is_empty()) {
                return frame;
            }
        }
    }

    /// What stands behind the last whole message, when the sender has closed the stream.
    pub fn finish(&mut self) -> Option<Frame> {
        if matches!(self.state, State::Skip { .. }) {
            return None;
        }
        let rest = self.buffer.split_off(self.taken);
        self.buffer.clear();
        self.taken = 0;
        let dropped = if let State::Line { dropped, .. } = self.state { dropped } else { 0 };
        self.state = State::Start;
        let frame = frame(rest, dropped);
        (!frame.bytes.is_empty()).then_some(frame)
    }

    /// One step; the outer `None`: more bytes are needed.
    fn step(&mut self) -> Option<Option<Frame>> {
        match self.state {
            State::Start => self.start(),
            State::Line { looked, dropped } => self.line(looked, dropped),
            State::Counted { keep, skip } => {
                let bytes = self.rest().get(..keep)?.to_vec();
                self.taken += keep;
                self.state = if skip > 0 { State::Skip { left: skip } } else { State::Start };
                Some(Some(frame(bytes, skip)))
            }
            State::Skip { left } => {
                let gone = left.min(self.rest().len());
                self.taken += gone;
                self.state = if gone < left { State::Skip { left: left - gone } } else { State::Start };
                (gone == left).then_some(None)
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    /// A message begins: with a digit when its length comes first.
    fn start(&mut self) -> Option<Option<Frame>> {
        let rest = self.rest();
        let first = *rest.first()?;
        if matches!(first, b'\n' | b'\r' | 0) {
            self.taken += 1;
            return Some(None);
        }
        let digits = rest.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
        let line = State::Line { looked: 0, dropped: 0 };
        match rest.get(digits) {
            Some(b' ') if (1..=MAX_DIGITS).contains(&digits) && first != b'0' => {
                let length = rest.iter().take(digits).fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
                self.taken += digits + 1;
                let keep = length.min(self.max);
                self.state = State::Counted { keep, skip: length - keep };
            }
            None if digits > 0 && digits <= MAX_DIGITS => return None,
            _ => self.state = line,
        }
        Some(None)
    }

    fn line(&mut self, looked: usize, dropped: usize) -> Option<Option<Frame>> {
        let rest = self.rest();
        let end = rest.iter().skip(looked).position(|byte| matches!(byte, b'\n' | 0)).map(|at| at + looked);
        let kept = end.unwrap_or(rest.len()).min(self.max);
        let over = end.unwrap_or(rest.len()) - kept;
        let bytes = rest.get(..kept).unwrap_or_default();
        if let Some(end) = end {
            let frame = frame(bytes.to_vec(), dropped + over);
            self.taken += end + 1;
            self.state = State::Start;
            return Some(Some(frame));
        }
        self.buffer.truncate(self.taken + kept);
        self.state = State::Line { looked: kept, dropped: dropped + over };
        None
    }
}

/// Some senders count the line end into the length.
fn frame(mut bytes: Vec<u8>, dropped: usize) -> Frame {
    let total = (dropped > 0).then(|| bytes.len() + dropped);
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
        bytes.pop();
    }
    Frame { bytes, total }
}

#[cfg(test)]
mod tests;

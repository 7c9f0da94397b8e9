//! A body that is noted in its call while it passes through.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::call::Half;
use crate::{Call, OpenCall};

/// Passes a body on unchanged and keeps its beginning for the log line.
///
/// The RESP line is written when the response's body has ended or is dropped.
#[derive(Debug)]
pub struct Captured<B> {
    body: Pin<Box<B>>,
    tap: Tap,
}

#[derive(Debug)]
enum Tap {
    Request(Call),
    Response(Option<OpenCall>),
}

impl<B: Body> Captured<B> {
    pub(crate) fn request(body: B, call: Call) -> Self {
        Self { body: Box::pin(body), tap: Tap::Request(call) }
    }

    pub(crate) fn response(body: B, open: OpenCall) -> Self {
        let open = (!body.is_end_stream()).then_some(open);
        Self { body: Box::pin(body), tap: Tap::Response(open) }
    }
}

impl Tap {
    fn call(&self) -> Option<(&Call, Half)> {
        match self {
            Self::Request(call) => Some((call, Half::Request)),
            Self::Response(open) => open.as_ref().map(|open| (open.call(), Half::Response)),
        }
    }

    fn took(&self, data: &[u8]) {
        if let Some((call, half)) = self.call() {
            let limit = call.log().settings().body_limit;
            call.note(half, |message| message.take(data, limit));
        }
    }

    fn failed(&self, error: &dyn fmt::Display) {
        if let Some((call, _)) = self.call() {
            call.error(error);
        }
    }

    fn ended(&mut self) {
        if let Self::Response(open) = self {
            drop(open.take());
        }
    }
}

impl<B> Body for Captured<B>
where
    B: Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(self.body.as_mut().poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => self.tap.took(frame.data_ref().map_or(&[], AsRef::as_ref)),
            Some(Err(error)) => self.tap.failed(error),
            None => {}
        }
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.tap.ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! The agent's lines, joins and parsers: never panic, and a crash at any place changes no event.

use std::time::Instant;

use crate::Target;
use stdx::{Clock, SystemClock};

pub(crate) const TARGET: Target = Target { name: "events", run, words: WORDS };

const WORDS: &[&str] = &[
    "\n",
    "\tat a.b.C(D.java:1)\n",
    "Caused by: ",
    "java.lang.Exception: x\n",
    "Traceback (most recent call last):\n",
    "  File \"a.py\", line 1\n",
    "During handling of the above exception, another exception occurred:\n",
    "goroutine 1 [running]:\n",
    "panic: ",
    "   at A.B()\n",
    "2026-01-01T00:00:00Z stdout P ",
    "2026-01-01T00:00:00Z stderr F ",
    "{\"log\":\"x\\n\",\"stream\":\"stderr\"}\n",
    "[2026-03-01T12:00:00Z][REQ][GET /] ",
    "order_id=1",
    "{\"level\":\"error\"}\n",
];

/// The first byte chooses the settings.
fn run(input: &[u8]) {
    let Some((variant, bytes)) = input.split_first() else { return };
    let now: Instant = SystemClock.instant();
    let whole = agent::fuzzing::events(*variant, bytes, false, now);
    assert_eq!(agent::fuzzing::events(*variant, bytes, true, now), whole, "a restart changes events");
}

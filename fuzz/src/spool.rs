//! The agent's spool: a segment of any bytes is opened and read to its end, its records in the order of their numbers.

use crate::Target;

pub(crate) const TARGET: Target = Target { name: "spool", run, words: WORDS };

const WORDS: &[&str] = &["LAPSPL01", "LREC", "{\"counts\":{}}", "{\"counts\":{\"batches\":1}}", "\0\0\0\0\0\0\0\0"];

fn run(input: &[u8]) {
    agent::fuzzing::spool(input);
}

//! Push bodies, encoded before any clock starts and kept in a file, so that any number of lines fits.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result};
use ingest::loki::Encoder;
use logline::Timestamp;

use crate::answer::Answer;
use crate::questions::{Question, questions};
use crate::truth::Truth;
use crate::world::{Account, Line, World};

/// Text kept aside for measuring what the machine can do with it.
const SAMPLE_BYTES: usize = 64 << 20;

/// Everything a run needs, made from a seed.
#[derive(Debug)]
pub struct Bodies {
    file: File,
    places: Vec<(u64, u32)>,
    /// What is asked.
    pub questions: Vec<Question>,
    /// What is right, in the order of the questions.
    pub truth: Vec<Answer>,
    /// What the lines are made of.
    pub account: Account,
    /// The first lines, stream by stream.
    pub sample: Vec<u8>,
}

impl Bodies {
    /// Makes `lines` lines of `seed`, in bodies of `batch` lines each.
    pub fn make(seed: u64, lines: u64, batch: u64) -> Result<Self> {
        let file = tempfile::tempfile().context("cannot make a file for the bodies")?;
        let mut out = BufWriter::with_capacity(1 << 20, file.try_clone()?);
        let mut world = World::new(seed, lines);
        let questions = questions(world.needles());
        let mut truth = Truth::new(&questions);
        let mut sample = Sample::default();
        let (mut places, mut offset) = (Vec::new(), 0_u64);
        let mut line = Line::default();
        let mut left = lines;
        while 0 < left {
            let mut encoder = Encoder::default();
            for _ in 0..left.min(batch.max(1)) {
                if world.next_into(&mut line) {
                    let place = encoder.stream(&world.streams()[line.stream]);
                    encoder.entry(place, Timestamp(line.timestamp), &line.text, &line.metadata);
                    truth.observe(&line);
                    sample.add(&line);
                }
            }
            left -= left.min(batch.max(1));
            let body = encoder.finish();
            out.write_all(&body).context("cannot write the file of bodies")?;
            places.push((offset, u32::try_from(body.len()).context("a body is too large")?));
            offset += body.len() as u64;
        }
        out.flush().context("cannot write the file of bodies")?;
        Ok(Self { file, places, questions, truth: truth.answers(), account: world.account(), sample: sample.text() })
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The body at a place; `None` behind the last.
    pub fn get(&self, index: usize) -> Result<Option<Vec<u8>>> {
        let Some((offset, len)) = self.places.get(index) else { return Ok(None) };
        let mut body = vec![0; usize::try_from(*len)?];
        self.file.read_exact_at(&mut body, *offset).context("cannot read the file of bodies")?;
        Ok(Some(body))
    }
}

#[derive(Debug, Default)]
struct Sample {
    streams: Vec<Vec<u8>>,
    bytes: usize,
}

impl Sample {
    fn add(&mut self, line: &Line) {
        if SAMPLE_BYTES <= self.bytes {
            return;
        }
        if self.streams.len() <= line.stream {
            self.streams.resize(line.stream + 1, Vec::new());
        }
        self.streams[line.stream].extend_from_slice(line.text.as_bytes());
        self.streams[line.stream].push(b'\n');
        self.bytes += line.text.len() + 1;
    }

    fn text(self) -> Vec<u8> {
        self.streams.concat()
    }
}

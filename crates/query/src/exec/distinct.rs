//! Distinct streams: looks at the dictionary of the column, hardly at the rows.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use storage::logs;

use super::batches::{TextDictionary, column, used_keys};
use super::codec::Node;
use super::unary::{Batches, Operator};
use crate::error::Error;

/// Passes on each stream of a partition once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Distinct;

impl fmt::Display for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(logs::STREAM)
    }
}

impl Operator for Distinct {
    const NAME: &'static str = "DistinctExec";

    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new(logs::STREAM, DataType::Utf8, false)]))
    }

    fn run(&self, input: SendableRecordBatchStream, _: &TaskContext) -> Result<Batches, Error> {
        let schema = self.schema();
        let mut seen = Seen::default();
        let distinct = input.map(move |batch| {
            let new: ArrayRef = Arc::new(StringArray::from(seen.new_in(column(&batch?, logs::STREAM)?)));
            Ok(RecordBatch::try_new(Arc::clone(&schema), vec![new])?)
        });
        Ok(distinct.boxed())
    }

    fn node(&self) -> Node {
        Node::Distinct(self.clone())
    }
}

#[derive(Default)]
struct Seen {
    texts: HashSet<String>,
    /// The dictionary of the last batch and which of its keys were seen: batches of a file mostly share one.
    last: Option<(ArrayRef, Vec<bool>)>,
}

impl Seen {
    fn new_in(&mut self, streams: &TextDictionary) -> Vec<String> {
        let texts = streams.values().as_string::<i32>();
        let (dictionary, mut seen) =
            self.last.take().unwrap_or_else(|| (Arc::clone(streams.values()), vec![false; texts.len()]));
        if !dictionary.to_data().ptr_eq(&streams.values().to_data()) {
            seen = vec![false; texts.len()];
        }
        let mut new = Vec::new();
        for key in used_keys(streams) {
            if let Some(seen) = seen.get_mut(key)
                && !*seen
            {
                *seen = true;
                new.extend(self.insert(texts.value(key)));
            }
        }
        self.last = Some((Arc::clone(streams.values()), seen));
        new
    }

    fn insert(&mut self, text: &str) -> Option<String> {
        let is_new = !self.texts.contains(text) && self.texts.insert(text.to_owned());
        is_new.then(|| text.to_owned())
    }
}

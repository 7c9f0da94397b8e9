//! An input of files as the tail works with it: where it looks, and what becomes of the lines of each file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use logline::Labels;
use mask::Masker;

use super::docker;
use crate::config::{Files, Input, Kind};
use crate::find::Finder;
use crate::glob::Glob;
use crate::lines::{Source, Treating, masked};
use crate::state::Position;

/// An input of files.
#[derive(Debug)]
pub(super) struct FileInput {
    /// How it is known in the state.
    pub(super) name: String,
    pub(super) finder: Finder,
    pub(super) files: Files,
    labels: Labels,
    treating: Arc<Treating>,
    /// Sources so far by their labels before masking; paths may add to those of the input.
    sources: BTreeMap<Labels, Arc<Source>>,
}

impl FileInput {
    /// `None` if the input is of another kind.
    pub(super) fn new(input: &Input, masker: &Masker) -> Option<Self> {
        let Kind::Files(files) = &input.kind else { return None };
        let mut this = Self {
            name: files.paths.iter().map(Glob::as_str).collect::<Vec<_>>().join(" "),
            finder: Finder::new(files.paths.clone(), files.exclude.clone()),
            files: files.clone(),
            labels: input.labels.clone(),
            treating: Arc::new(Treating::of(input)),
            sources: BTreeMap::new(),
        };
        this.with_labels(input.labels.clone(), masker);
        Some(this)
    }

    /// The source of a file's lines.
    pub(super) fn source(&mut self, path: &Path, masker: &Masker) -> Arc<Source> {
        let mut labels = self.labels.clone();
        if self.files.container {
            // What the settings say of the service counts.
            let known = docker::labels(path).into_iter().filter(|(name, _)| labels.get(name).is_none());
            known.collect::<Vec<_>>().iter().for_each(|(name, value)| labels.set(name, value));
        }
        for (name, value) in self.files.path_labels.iter().flat_map(|found| found.of(path)) {
            labels.set(&name, &value);
        }
        self.with_labels(labels, masker)
    }

    fn with_labels(&mut self, labels: Labels, masker: &Masker) -> Arc<Source> {
        if let Some(known) = self.sources.get(&labels) {
            return Arc::clone(known);
        }
        let source = Arc::new(Source { labels: masked(&labels, masker), treating: Arc::clone(&self.treating) });
        self.sources.insert(labels, Arc::clone(&source));
        source
    }
}

/// The source of a file that an earlier run read: of the input that reads files of that name, or had those labels.
pub(super) fn earlier_source(inputs: &mut [FileInput], position: &Position, masker: &Masker) -> Arc<Source> {
    if let Some(input) = inputs.iter_mut().find(|input| input.finder.matches(&position.path)) {
        return input.source(&position.path, masker);
    }
    let sources = || inputs.iter().flat_map(|input| input.sources.values());
    let known = sources().find(|source| source.labels == position.labels);
    let other = || Arc::new(Source { labels: position.labels.clone(), treating: Arc::default() });
    known.map_or_else(other, Arc::clone)
}

//! Writes the JSON of documents and events: strings straight from the line, without values in between.

use logline::{Entry, Labels};

/// Appends `"text"`, escaped.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("memory takes everything");
}

/// Appends `"name":"value"` for each label and each pair of metadata, a comma between them. Of equal names the first
/// stands, since a document has each name once.
pub(super) fn pairs(out: &mut Vec<u8>, labels: &Labels, entry: &Entry) {
    let metadata = entry.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let metadata = metadata.filter(|(name, _)| labels.get(name).is_none());
    for (index, (name, value)) in labels.iter().chain(metadata).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(out, name);
        out.push(b':');
        string(out, value);
    }
}

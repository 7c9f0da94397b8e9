//! Secrets: they stand in the settings (better: in the environment), or in files of their own.

use std::path::PathBuf;

use stdx::{Secret, Settings};

/// Reads `key`, or the file that `key_file` names; what is wrong with either is reported.
pub(super) fn read(settings: &mut Settings, key: &str, docs: [&'static str; 2]) -> Option<Secret<String>> {
    let direct: Option<Secret<String>> = settings.optional(key, docs[0]);
    let file_key = format!("{key}_file");
    let file: Option<PathBuf> = settings.optional(&file_key, docs[1]);
    let Some(file) = file else { return direct };
    if direct.is_some() {
        settings.problem(&file_key, format!("stands beside `{key}`; write one of them"));
        return None;
    }
    match std::fs::read_to_string(&file) {
        Ok(text) if !text.trim().is_empty() => Some(Secret::new(text.trim().to_owned())),
        Ok(_) => {
            settings.problem(&file_key, format!("names `{}`, which is empty", file.display()));
            None
        }
        Err(error) => {
            settings.problem(&file_key, format!("names `{}`, which cannot be read: {error}", file.display()));
            None
        }
    }
}

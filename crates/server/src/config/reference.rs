//! The reference of all settings, as Markdown, made from the code that reads them.

use std::fmt::Write as _;

use stdx::Settings;

use super::{ENVIRONMENT_PREFIX, Flags, read};

/// `docs/reference/config.md`; a test compares it with the file.
pub fn reference() -> String {
    // One of everything that there may be several of, so that its keys are asked for.
    let one = "[[extract]]\npattern = \"x\"\n[[auth.token]]\nname = \"x\"\n[[auth.ldap]]\nname = \"x\"\n[[auth.oidc]]\nname = \"x\"\n[[auth.role]]\nname = \"x\"\n[[auth.policy]]\nname = \"x\"\n[[auth.group]]\nname = \"x\"\n[[limits.retention_stream]]\npriority = 0\n[[limits.override]]\ntenant = \"x\"\n[[limits.override.retention_stream]]\npriority = 0";
    let mut settings = Settings::parse(one, ENVIRONMENT_PREFIX, []);
    read(&mut settings, &Flags::default());
    let mut out = String::from(
        "# Settings of `lapidary serve`\n\nOne TOML file, given with `--config`. Every key can be overridden by the environment: \
         `storage.memory` by\n`LAPIDARY__STORAGE__MEMORY`. All problems are reported at once. This page is made from the code \
         (`cargo xtask docs`).\n\n| key | value | default | what it does |\n|---|---|---|---|\n",
    );
    for doc in settings.docs() {
        let default = if doc.default.is_empty() { String::new() } else { format!("`{}`", doc.default) };
        // Writing to a String cannot fail.
        writeln!(out, "| `{}` | {} | {default} | {} |", doc.key, doc.want, doc.doc).unwrap_or_default();
    }
    out
}

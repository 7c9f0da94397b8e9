//! The rules of the house that no compiler knows: arrows between crates, first lines, sizes, names.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().to_owned()
}

/// Every Rust file of the project, as (path from the root, text).
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["crates", "demo", "tests", "bench", "xtask", "fuzz"] {
        collect(&root().join(folder), &mut found);
    }
    assert!(found.len() > 50, "the walk over the sources found only {} files", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() && path.file_name().unwrap() != "target" {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[track_caller]
fn assert_none(what: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{what}:\n  {}", offenders.join("\n  "));
}

#[test]
fn every_file_opens_with_its_duty() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(name, _)| name);
    assert_none("these files do not say in a first `//!` line what they are for", &silent.collect::<Vec<_>>());
}

#[test]
fn no_file_is_longer_than_a_person_can_hold() {
    let length = |text: &str| text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    let is_test = |name: &str| name.contains("/tests/") || name.ends_with("/tests.rs");
    let long = sources().into_iter().filter(|(name, text)| !is_test(name) && length(text) > MAX_LINES);
    let names: Vec<_> = long.map(|(name, text)| format!("{name} ({} lines)", length(&text))).collect();
    assert_none("these files are over the limit of 600 lines before their tests", &names);
}

#[test]
fn modules_are_files_beside_their_folder() {
    let old = sources().into_iter().map(|(name, _)| name).filter(|name| name.ends_with("/mod.rs"));
    assert_none("use `foo.rs` beside `foo/`, not `mod.rs`", &old.collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_unfinished() {
    // Written in two parts, so that this file does not find itself.
    let marks = [
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ign", "ore"),
    ];
    let marked = |text: &str| marks.into_iter().find(|mark| text.contains(*mark));
    let names = sources().into_iter().filter_map(|(name, text)| marked(&text).map(|mark| format!("{name}: {mark}")));
    assert_none("unfinished", &names.collect::<Vec<_>>());
}

/// Names that only some crates may utter, with the folders where they may stand.
const RESERVED: [(&str, &[&str]); 7] = [
    ("sqlx::", &["crates/state/"]),
    ("datafusion", &["crates/query/"]),
    ("deltalake_core::", &["crates/storage/"]),
    ("parquet::", &["crates/storage/"]),
    ("Visibility::new(", &["crates/query/", "crates/storage/"]),
    ("Scope::new(", &["crates/auth/"]),
    (".scan(&", &["crates/query/", "crates/storage/"]),
];

#[test]
fn reserved_names_stay_in_their_crates() {
    let mut offenders = Vec::new();
    for (name, text) in sources() {
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for (word, homes) in RESERVED {
            let allowed = homes.iter().any(|home| name.starts_with(home)) || name == "tests/tidy.rs";
            if !allowed && code.iter().any(|line| line.contains(word)) {
                offenders.push(format!("{name} names `{word}`, which belongs to {}", homes.join(", ")));
            }
        }
    }
    assert_none("a crate does its neighbour's work", &offenders);
}

/// The block of permitted arrows in ARCHITECTURE.md: who may depend on whom.
fn permitted() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let block =
        text.split("```arrows").nth(1).expect("ARCHITECTURE.md has a block ```arrows").split("```").next().unwrap();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let (from, to) = line.split_once("->").unwrap_or_else(|| panic!("no arrow in `{line}`"));
        let to: BTreeSet<String> = to.split_whitespace().map(str::to_owned).collect();
        for name in from.split([',', ' ']).filter(|name| !name.is_empty()) {
            arrows.insert(name.to_owned(), to.clone());
        }
    }
    arrows
}

/// The crates of ours that a manifest names among its (not dev-) dependencies.
fn depends(manifest: &Path, ours: &BTreeSet<String>) -> BTreeSet<String> {
    let text = fs::read_to_string(manifest).unwrap();
    let section = text.split("[dependencies]").nth(1).unwrap_or("").split("\n[").next().unwrap();
    let names = section.lines().filter_map(|line| line.split(['.', '=', ' ']).next());
    names.filter(|name| ours.contains(*name)).map(str::to_owned).collect()
}

#[test]
fn manifests_keep_to_the_permitted_arrows() {
    let permitted = permitted();
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("crates")).unwrap().map(|e| e.unwrap().path()).collect();
    folders.push(root().join("demo"));
    let name_of = |folder: &PathBuf| folder.file_name().unwrap().to_string_lossy().into_owned();
    let ours: BTreeSet<String> = folders.iter().map(name_of).collect();
    let mut offenders = Vec::new();
    for folder in &folders {
        let name = name_of(folder);
        let Some(allowed) = permitted.get(&name) else {
            offenders.push(format!("{name} does not stand in the block of arrows"));
            continue;
        };
        let wrong = depends(&folder.join("Cargo.toml"), &ours).into_iter().filter(|to| !allowed.contains(to));
        offenders.extend(wrong.map(|to| format!("{name} -> {to}")));
    }
    assert_none("arrows that ARCHITECTURE.md does not permit", &offenders);
}

#[test]
fn a_crate_is_named_as_its_folder() {
    let mut offenders = Vec::new();
    for folder in fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        // The SDK is published, so its package carries the product's name.
        let package = if name == "sdk" { "lapidary-sdk" } else { &name };
        if !manifest.contains(&format!("name = \"{package}\"")) {
            offenders.push(name);
        }
    }
    assert_none("folder and package differ", &offenders);
}

#[test]
fn documents_link_to_files_that_exist() {
    let mut broken = Vec::new();
    let mut documents = vec![root().join("README.md"), root().join("ARCHITECTURE.md"), root().join("CONTRIBUTING.md")];
    documents
        .extend(fs::read_dir(root().join("docs")).unwrap().map(|e| e.unwrap().path()).filter(|path| path.is_file()));
    for document in documents.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(document).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if !path.is_empty() && !target.contains("://") && !document.parent().unwrap().join(path).exists() {
                broken.push(format!("{}: {target}", document.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert_none("links to nowhere", &broken);
}

/// Whether a module or a test of this path is there: `crate::module::…::test`, with `*` for any module.
fn is_there(path: &str, sources: &[(String, String)]) -> bool {
    let parts: Vec<&str> = path.split("::").filter(|part| *part != "*").collect();
    let [krate, modules @ .., leaf] = parts.as_slice() else { return false };
    let folder = format!("crates/{krate}/");
    let of_crate = || sources.iter().filter(|(name, _)| name.starts_with(&folder));
    let place = std::iter::once("src").chain(modules.iter().copied()).collect::<Vec<_>>().join("/");
    let (inside, file) = (format!("{folder}{place}.rs"), format!("{folder}{place}/{leaf}.rs"));
    of_crate().any(|(name, text)| {
        *name == file
            || (*name == inside && text.contains(&format!("mod {leaf} {{")))
            || text.contains(&format!("fn {leaf}("))
    })
}

#[test]
fn tests_that_the_security_page_names_are_there() {
    let (text, sources) = (fs::read_to_string(root().join("docs/security.md")).unwrap(), sources());
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|name| !name.contains([' ', '\n', '"'])).collect();
    let tests = named.iter().filter(|name| name.contains("::"));
    let gone: Vec<_> = tests.clone().filter(|name| !is_there(name, &sources)).map(|name| (*name).to_owned()).collect();
    assert!(tests.count() > 20);
    assert_none("docs/security.md names tests that are not there", &gone);
    let files = named.iter().filter(|name| name.starts_with("tests/") || name.starts_with("crates/"));
    let gone: Vec<_> = files.filter(|name| !root().join(name).exists()).map(|name| (*name).to_owned()).collect();
    assert_none("docs/security.md names files that are not there", &gone);
    let rows = text.lines().filter(|line| line.starts_with("| A"));
    let bare: Vec<_> = rows.filter(|row| !row.rsplit('|').nth(1).unwrap().contains('`')).map(str::to_owned).collect();
    assert_none("these points of docs/security.md name no test", &bare);
}

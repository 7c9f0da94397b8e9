//! Where inputs are kept: a folder a target, a file an input.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of the corpora of the package that runs, asked at run time since a build may come from another clone.
pub fn folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("fuzz"), PathBuf::from).join("corpus")
}

/// The inputs of one target, in the order of their names.
pub fn load(folder: &Path, target: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut paths: Vec<_> =
        fs::read_dir(folder.join(target))?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}

/// Keeps an input that broke a law, under a name made from its bytes.
pub(crate) fn save(folder: &Path, target: &str, input: &[u8]) -> io::Result<PathBuf> {
    // FNV-1a: the name only has to differ from its neighbours'.
    let hash = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let path = folder.join(target).join(format!("crash-{hash:016x}"));
    fs::write(&path, input)?;
    Ok(path)
}

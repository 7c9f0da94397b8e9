//! Keys for values that are closed up, and the opening of such values, all on this machine.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use ingest::seal::{OpenKey, new_keys};

/// Longest piece of a line that is looked at at once.
const MAX_LINE: u64 = 16 << 20;

/// Writes a new pair of keys into files that must not be there.
pub(crate) fn keygen(private: &Path, public: &Path) -> Result<()> {
    let Some((for_all, for_few)) = new_keys() else { bail!("the operating system gives no randomness") };
    write(private, &for_few, 0o600)?;
    write(public, &for_all, 0o644)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written =
        file.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_all()));
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

/// Copies a text with its values opened; how many there were.
pub(crate) fn open(key: &Path, path: &Path, out: &mut impl Write) -> Result<usize> {
    let text = std::fs::read_to_string(key).with_context(|| format!("cannot read `{}`", key.display()))?;
    let Some(key) = OpenKey::new(&text) else { bail!("`{}` holds no private key", key.display()) };
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?)
    };
    let (mut input, mut opened) = (BufReader::new(input), 0);
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).context("cannot read the text")? == 0 {
            return Ok(opened);
        }
        let (text, count) = key.open(&String::from_utf8_lossy(&line));
        opened += count;
        match out.write_all(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(opened.max(1)),
            written => written.context("cannot write the text")?,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use ingest::seal::SealKey;
    use mask::Seal as _;

    use super::*;

    #[test]
    fn keys_are_made_once_and_open_what_was_closed_up_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let [private, public, log] = ["private", "public", "log"].map(|name| folder.path().join(name));
        keygen(&private, &public).unwrap();
        assert_eq!(private.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(keygen(&private, &folder.path().join("other")).is_err(), "a key is not overwritten");
        let sealer = SealKey::new(2, &std::fs::read_to_string(&public).unwrap()).unwrap();
        let closed = format!("<phone:{}>", sealer.seal("phone", "+79161234567").unwrap());
        std::fs::write(&log, format!("a {closed} b\nc {closed}")).unwrap();
        let mut out = Vec::new();
        assert_eq!(open(&private, &log, &mut out).unwrap(), 2);
        assert_eq!(out, b"a +79161234567 b\nc +79161234567");
        assert!(open(&public, &log, &mut Vec::new()).is_err());
        assert!(open(&log, &log, &mut Vec::new()).is_err());
    }
}

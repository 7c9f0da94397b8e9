//! A disk in memory that forgets what was not synced, runs full, and stops at any step.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use stdx::Rng;

use super::{Fs, Handle};

/// Bytes that reach the disk together.
const BLOCK: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    rng: Rng,
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    /// What a power cut leaves of the names, and what it may or may not.
    kept_names: BTreeMap<PathBuf, usize>,
    pending: Vec<NameChange>,
    /// Steps that change something until the fault begins, and until it ends.
    fault: Option<(u64, u64)>,
    steps: u64,
}

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    kept: Vec<u8>,
}

#[derive(Debug)]
enum NameChange {
    Set(PathBuf, usize),
    Remove(PathBuf),
}

#[derive(Debug)]
struct Open(Disk, usize);

impl Disk {
    pub(crate) fn new(seed: u64) -> Self {
        let (names, kept_names) = (BTreeMap::new(), BTreeMap::new());
        let rng = Rng::seeded(seed);
        Self(Arc::new(Mutex::new(World {
            rng,
            files: vec![],
            names,
            kept_names,
            pending: vec![],
            fault: None,
            steps: 0,
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// After `after` more steps the disk fails; after `lasting` further ones it works again.
    pub(crate) fn fail(&self, after: u64, lasting: u64) {
        let mut world = self.world();
        let from = world.steps + after;
        world.fault = Some((from, from.saturating_add(lasting)));
    }

    /// The process ends and starts again: what was written stays.
    pub(crate) fn kill(&self) {
        self.world().fault = None;
    }

    /// What was not synced is lost, or a part of it.
    pub(crate) fn cut_power(&self) {
        let mut world = self.world();
        let World { rng, files, names, kept_names, pending, fault, .. } = &mut *world;
        *fault = None;
        for file in files.iter_mut() {
            let (least, most) = (file.kept.len().min(file.bytes.len()), file.kept.len().max(file.bytes.len()));
            let len = least + usize::try_from(rng.below((most - least + 1) as u64)).unwrap();
            let mut left = vec![0; len];
            for at in (0..len).step_by(BLOCK) {
                let from = if rng.chance(0.5) { &file.bytes } else { &file.kept };
                let end = len.min(at + BLOCK).min(from.len());
                if at < end {
                    left[at..end].copy_from_slice(&from[at..end]);
                }
            }
            file.bytes.clone_from(&left);
            file.kept = left;
        }
        let kept = usize::try_from(rng.below(pending.len() as u64 + 1)).unwrap();
        for change in pending.drain(..).take(kept) {
            change.apply(kept_names);
        }
        names.clone_from(kept_names);
    }
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, file) => drop(names.insert(path, file)),
            Self::Remove(path) => drop(names.remove(&path)),
        }
    }
}

impl World {
    /// Takes a step that changes something.
    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        let fails = self.fault.is_some_and(|(from, to)| (from..to).contains(&self.steps));
        if fails {
            Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on the simulated disk"))
        } else {
            Ok(())
        }
    }

    fn change(&mut self, set: Option<(PathBuf, usize)>, remove: Option<PathBuf>) {
        // The old name goes and the new one comes in one step of the journal only if both are kept; order is kept.
        if let Some((path, file)) = set {
            self.names.insert(path.clone(), file);
            self.pending.push(NameChange::Set(path, file));
        }
        if let Some(path) = remove {
            self.names.remove(&path);
            self.pending.push(NameChange::Remove(path));
        }
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Fs for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Handle>> {
        let mut world = self.world();
        world.step()?;
        world.files.push(File::default());
        let file = world.files.len() - 1;
        world.change(Some((path.to_owned(), file)), None);
        Ok(Arc::new(Open(self.clone(), file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Handle>> {
        let file = *self.world().names.get(path).ok_or_else(missing)?;
        Ok(Arc::new(Open(self.clone(), file)))
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let world = self.world();
        let inside = world.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step()?;
        let file = *world.names.get(from).ok_or_else(missing)?;
        world.change(Some((to.to_owned(), file)), Some(from.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step()?;
        world.names.get(path).ok_or_else(missing)?;
        world.change(None, Some(path.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.step()?;
        let World { kept_names, pending, .. } = &mut *world;
        for change in pending.drain(..) {
            change.apply(kept_names);
        }
        Ok(())
    }
}

impl Handle for Open {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let world = self.0.world();
        let bytes = &world.files[self.1].bytes;
        let at = usize::try_from(at).unwrap().min(bytes.len());
        let got = buffer.len().min(bytes.len() - at);
        buffer[..got].copy_from_slice(&bytes[at..at + got]);
        Ok(got)
    }

    fn write_at(&self, new: &[u8], at: u64) -> io::Result<()> {
        let mut world = self.0.world();
        let done = world.step();
        // A write that fails may have come as far as anywhere.
        let len =
            if done.is_ok() { new.len() } else { usize::try_from(world.rng.below(new.len() as u64 + 1)).unwrap() };
        let (bytes, at) = (&mut world.files[self.1].bytes, usize::try_from(at).unwrap());
        if bytes.len() < at + len {
            bytes.resize(at + len, 0);
        }
        bytes[at..at + len].copy_from_slice(&new[..len]);
        done
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut world = self.0.world();
        world.step()?;
        world.files[self.1].bytes.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.world().files[self.1].bytes.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.0.world();
        world.step()?;
        let file = &mut world.files[self.1];
        file.kept.clone_from(&file.bytes);
        Ok(())
    }
}

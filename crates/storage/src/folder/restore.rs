//! A data folder from a backup.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path};

use super::backup::{Backup, Held};
use super::target::{Target, copy, hash};
use super::{Damage, Progress, Tell};
use crate::store::{Reached, Store as _};
use crate::{BucketConfig, Error, Kind, paths};

/// Makes the data folder `folder` from a backup; it is not there before it is whole. Every file is compared with its hash.
/// With a bucket, the tables go there: commits last, so that a table is not there before its files are.
///
/// Refuses a folder, or a part of a bucket, that holds anything, with [`crate::Kind::Invalid`].
pub fn restore(
    target: &Target,
    backup: &Backup,
    folder: &Path,
    bucket: Option<&BucketConfig>,
    tell: Tell<'_>,
) -> Result<(), Error> {
    let reached = bucket.map(Reached::new).transpose()?;
    if let Some(reached) = &reached
        && !reached.bucket().folders("tables")?.is_empty()
    {
        let place = reached.bucket().url.clone();
        return Err(Error::invalid(format!("`{place}` has tables already; restore to another prefix")));
    }
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                let folder = folder.display();
                return Err(Error::invalid(format!("`{folder}` is not empty; restore into a new folder")));
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("read the folder", folder, error)),
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Error::invalid(format!("`{}` is no name for a folder", folder.display())))?;
    let unfinished = folder.with_file_name(format!("{name}.unfinished"));
    if let Err(error) = fs::remove_dir_all(&unfinished)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(Error::io("remove", &unfinished, error));
    }
    let mut progress = Progress { done: 0, total: backup.bytes };
    let (commits, others): (Vec<&Held>, Vec<&Held>) = backup.files.iter().partition(|held| held.is_of_log());
    for held in others.into_iter().chain(commits) {
        write(target, held, &unfinished, reached.as_ref())?;
        progress.done += held.bytes;
        tell(progress);
    }
    paths::create_folder(&unfinished)?;
    // Empty, as was just seen: only then it may be replaced.
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io("replace", folder, error)),
        _ => {}
    }
    fs::rename(&unfinished, folder).map_err(|error| Error::io("rename to", folder, error))?;
    folder.parent().map_or(Ok(()), paths::sync_folder)
}

impl Target {
    /// Reads every file of these backups and compares it with its hash.
    pub fn verify(&self, backups: &[Backup], tell: Tell<'_>) -> Result<Vec<Damage>, Error> {
        let mut objects: Vec<&Held> = backups.iter().flat_map(|backup| &backup.files).collect();
        objects.sort_by(|a, b| a.hash.cmp(&b.hash));
        objects.dedup_by(|a, b| a.hash == b.hash);
        let mut progress = Progress { done: 0, total: objects.iter().map(|held| held.bytes).sum() };
        let mut damages = Vec::new();
        for held in objects {
            let place = self.place(&held.hash);
            let read = self.object(&held.hash, held.bytes).and_then(|mut object| hash(&mut object, &place));
            let reason = match read {
                Err(error) if error.is_not_found() => Some("it is not there".to_owned()),
                Err(error) if error.kind() == Kind::Corrupt => Some(error.to_string()),
                read => (read?.0 != held.hash).then(|| format!("its bytes have changed; it is `{}`", held.path)),
            };
            damages.extend(reason.map(|reason| Damage { place, reason }));
            progress.done += held.bytes;
            tell(progress);
        }
        Ok(damages)
    }
}

/// Below a folder, unless it belongs to a table and tables are in a bucket.
fn write(target: &Target, held: &Held, root: &Path, bucket: Option<&Reached>) -> Result<(), Error> {
    let plain = Path::new(&held.path).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain {
        return Err(Error::invalid(format!("the backup names a file outside the folder: `{}`", held.path)));
    }
    let mut from = target.object(&held.hash, held.bytes)?;
    let found = match bucket.filter(|_| held.path.starts_with("tables/")) {
        Some(reached) => {
            let store = reached.store();
            let mut file = store.create(&held.path)?;
            let found = copy(&mut from, &mut file, &store.location(&held.path))?;
            // One that is not whole is given up.
            if found == held.hash {
                file.finish()?;
            }
            found
        }
        None => write_local(&mut from, &root.join(&held.path))?,
    };
    if found == held.hash {
        return Ok(());
    }
    Err(Error::corrupt(&target.place(&held.hash), format!("its bytes have changed; it is `{}`", held.path)))
}

/// Writes a file and gives the hash of what is there now.
fn write_local(from: &mut dyn Read, path: &Path) -> Result<String, Error> {
    path.parent().map_or(Ok(()), paths::create_folder)?;
    let mut to = File::create(path).map_err(|error| Error::io("write to", path, error))?;
    copy(from, &mut to, path)?;
    to.sync_all().map_err(|error| Error::io("write to", path, error))?;
    path.parent().map_or(Ok(()), paths::sync_folder)?;
    let mut written = File::open(path).map_err(|error| Error::io("read", path, error))?;
    Ok(hash(&mut written, path)?.0)
}

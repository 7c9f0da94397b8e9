//! A data folder from a backup.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::backup::{Backup, Held};
use super::target::{Target, copy, hash};
use super::{Damage, Progress, Tell};
use crate::{Error, paths};

/// Makes the data folder `folder` from a backup; it is not there before it is whole. Every file is compared with its hash.
///
/// Refuses a folder that holds anything, with [`crate::Kind::Invalid`].
pub fn restore(target: &Target, backup: &Backup, folder: &Path, tell: Tell<'_>) -> Result<(), Error> {
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
    for held in &backup.files {
        write(target, held, &unfinished)?;
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
            let place = self.object(&held.hash);
            let reason = match File::open(&place) {
                Err(error) if error.kind() == ErrorKind::NotFound => Some("it is not there".to_owned()),
                Err(error) => return Err(Error::io("read", &place, error)),
                Ok(mut file) => {
                    let same = hash(&mut file, &place)?.0 == held.hash;
                    (!same).then(|| format!("its bytes have changed; it is `{}`", held.path))
                }
            };
            damages.extend(reason.map(|reason| Damage { place, reason }));
            progress.done += held.bytes;
            tell(progress);
        }
        Ok(damages)
    }
}

fn write(target: &Target, held: &Held, root: &Path) -> Result<(), Error> {
    let plain = Path::new(&held.path).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain {
        return Err(Error::invalid(format!("the backup names a file outside the folder: `{}`", held.path)));
    }
    let object = target.object(&held.hash);
    let path: PathBuf = root.join(&held.path);
    path.parent().map_or(Ok(()), paths::create_folder)?;
    let mut from = File::open(&object).map_err(|error| Error::io("read", &object, error))?;
    let mut to = File::create(&path).map_err(|error| Error::io("write to", &path, error))?;
    copy(&mut from, &mut to, &path)?;
    path.parent().map_or(Ok(()), paths::sync_folder)?;
    let mut written = File::open(&path).map_err(|error| Error::io("read", &path, error))?;
    if hash(&mut written, &path)?.0 != held.hash {
        return Err(Error::corrupt(&object, format!("its bytes have changed; it is `{}`", held.path)));
    }
    Ok(())
}

//! Patterns against folders that change.

use stdx::{Clock, SystemClock};

use super::*;

fn finder(folder: &Path, pattern: &str, exclude: &[&str]) -> Finder {
    let glob = Glob::new(&format!("{}/{pattern}", folder.display()));
    Finder::new(vec![glob], exclude.iter().map(|text| Glob::new(text)).collect())
}

fn find(finder: &mut Finder, folder: &Path, now: Instant) -> Vec<String> {
    let found = finder.find(now);
    found.iter().map(|(path, _)| path.strip_prefix(folder).unwrap().display().to_string()).collect()
}

#[test]
fn files_are_found_in_folders_of_any_depth() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemClock.instant();
    for name in ["a.log", "b.txt", "one/a.log", "one/two/b.log", ".git/c.log", "d.log/inner.log"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    std::os::unix::fs::symlink(folder.path(), folder.path().join("one/loop")).unwrap();
    let all = |pattern: &str| {
        let mut finder = finder(folder.path(), pattern, &[]);
        let found = find(&mut finder, folder.path(), now);
        assert!(found.iter().all(|path| finder.appeared(&folder.path().join(path))), "{pattern}");
        found
    };
    assert_eq!(all("*.log"), ["a.log"]);
    assert_eq!(all("a.log"), ["a.log"]);
    assert_eq!(all("**/*.log"), ["a.log", "d.log/inner.log", "one/a.log", "one/two/b.log"]);
    assert_eq!(all("*/a.log"), ["one/a.log"]);
    assert_eq!(all("one/*/b.log"), ["one/two/b.log"]);
    assert_eq!(all("none/*"), Vec::<String>::new());
    let mut excluding = finder(folder.path(), "**/*", &["*.txt", "/**/one/**"]);
    assert_eq!(find(&mut excluding, folder.path(), now), ["a.log", "d.log/inner.log"]);
}

#[test]
fn a_change_is_seen_also_when_the_time_of_the_folder_does_not_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut now = SystemClock.instant();
    let mut finder = finder(folder.path(), "*.log", &[]);
    assert!(find(&mut finder, folder.path(), now).is_empty());
    let modified = fs::metadata(folder.path()).unwrap().modified().unwrap();
    fs::write(folder.path().join("a.log"), "").unwrap();
    fs::File::open(folder.path()).unwrap().set_modified(modified).unwrap();
    now += Duration::from_secs(1);
    assert_eq!(find(&mut finder, folder.path(), now), ["a.log"]);
    fs::remove_file(folder.path().join("a.log")).unwrap();
    now += Duration::from_secs(1);
    assert!(find(&mut finder, folder.path(), now).is_empty());
}

#[test]
fn a_name_that_was_told_is_known_without_listing() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemClock.instant();
    for n in 0..100 {
        fs::write(folder.path().join(format!("{n}.txt")), "").unwrap();
    }
    let mut finder = finder(folder.path(), "*.log", &["b*"]);
    assert!(find(&mut finder, folder.path(), now).is_empty());
    for name in ["a.log", "b.log"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    // A large folder is not listed again at once.
    assert!(find(&mut finder, folder.path(), now + Duration::from_millis(1)).is_empty());
    assert!(finder.appeared(&folder.path().join("a.log")));
    assert!(!finder.appeared(&folder.path().join("b.log")));
    assert_eq!(find(&mut finder, folder.path(), now + Duration::from_millis(1)), ["a.log"]);
    assert_eq!(find(&mut finder, folder.path(), now + Duration::from_secs(1)), ["a.log"]);
    assert_eq!(finder.folders().next(), Some(folder.path()));
}

#[test]
fn names_that_are_no_text_are_found_and_what_is_no_file_is_not() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe.log"));
    fs::write(&odd, "").unwrap();
    fs::create_dir(folder.path().join("folder.log")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zeros.log")).unwrap();
    std::os::unix::fs::symlink("loop.log", folder.path().join("loop.log")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket.log")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("pipe.log"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let now = SystemClock.instant();
    let mut found = finder(folder.path(), "*.log", &[]);
    assert_eq!(found.find(now).into_iter().map(|(path, _)| path).collect::<Vec<_>>(), std::slice::from_ref(&odd));
    assert!(found.appeared(&odd));
    let mut excluding = finder(folder.path(), "*.log", &["*\u{fffd}*"]);
    assert!(excluding.find(now).is_empty() && !excluding.appeared(&odd));
}

#[test]
fn a_folder_that_cannot_be_listed_is_told_once_and_tried_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("a.log"), "").unwrap();
    fs::write(folder.path().join("plain"), "").unwrap();
    let allow = |mode: u32| fs::set_permissions(&inner, fs::Permissions::from_mode(mode)).unwrap();
    allow(0);
    if fs::read_dir(&inner).is_ok() {
        // Root reads everything: a folder that is a loop of links cannot be listed by anybody.
        allow(0o755);
        fs::rename(&inner, folder.path().join("kept")).unwrap();
        std::os::unix::fs::symlink("inner", &inner).unwrap();
    }
    let mut finder = finder(folder.path(), "*/*.log", &["/**/kept/**"]);
    let mut now = SystemClock.instant();
    assert!(finder.find(now).iter().all(|(path, _)| !path.starts_with(&inner)));
    let told = finder.take_refused();
    assert_eq!(told.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>(), std::slice::from_ref(&inner), "{told:?}");
    now += Duration::from_secs(60);
    finder.find(now);
    now += Duration::from_secs(60);
    finder.find(now);
    assert!(finder.take_refused().is_empty(), "told once");
    // Rights change without the folder's time of change.
    if fs::symlink_metadata(&inner).unwrap().is_symlink() {
        fs::remove_file(&inner).unwrap();
        fs::rename(folder.path().join("kept"), &inner).unwrap();
    } else {
        allow(0o755);
    }
    let found: Vec<_> = finder.find(now + Duration::from_secs(1)).into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, [inner.join("a.log")]);
}

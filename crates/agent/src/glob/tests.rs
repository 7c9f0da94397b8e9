//! Patterns against names and against a folder.

use super::*;

#[test]
fn wildcards_stay_within_a_name() {
    let check = |pattern: &str, name: &str, want: bool| {
        assert_eq!(matches_name(&pattern.chars().collect::<Vec<_>>(), name), want, "{pattern} {name}");
    };
    check("*.log", "shop.log", true);
    check("*.log", ".log", false);
    check(".*", ".hidden", true);
    check("*.log", "shop.log.1", false);
    check("a*b*c", "a-xb-b-c", true);
    check("a*b*c", "a-b-c-d", false);
    check("?.log", "ж.log", true);
    check("?.log", "ab.log", false);
    check("*", "", true);
    check("**x", "aax", true);
}

#[test]
fn files_are_found_in_folders_of_any_depth() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    };
    for name in ["a.log", "b.txt", "one/a.log", "one/two/b.log", ".git/c.log", "d.log/inner.log"] {
        make(name);
    }
    std::os::unix::fs::symlink(folder.path(), folder.path().join("one/loop")).unwrap();
    let find = |pattern: &str| {
        let glob = Glob::new(&format!("{}/{pattern}", folder.path().display()));
        let found = glob.find();
        assert!(found.iter().all(|path| glob.matches(path)));
        let short = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
        found.iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(find("*.log"), ["a.log"]);
    assert_eq!(find("a.log"), ["a.log"]);
    assert_eq!(find("**/*.log"), ["a.log", "d.log/inner.log", "one/a.log", "one/two/b.log"]);
    assert_eq!(find("*/a.log"), ["one/a.log"]);
    assert_eq!(find("one/*/b.log"), ["one/two/b.log"]);
    assert_eq!(find("none/*"), Vec::<String>::new());
}

#[test]
fn an_exclusion_without_a_slash_looks_at_the_name_only() {
    assert!(Glob::new("*.gz").matches(Path::new("/var/log/shop.log.gz")));
    assert!(!Glob::new("*.gz").matches(Path::new("/var/log/shop.log")));
    assert!(Glob::new("/var/**/old/*").matches(Path::new("/var/log/old/x.log")));
    assert!(!Glob::new("/var/**/old/*").matches(Path::new("/var/log/new/x.log")));
}

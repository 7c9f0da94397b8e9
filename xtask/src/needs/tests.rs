//! What is missing is found and brought once; what cannot be had is told by its reason.

use super::*;

#[test]
fn suites_have_names_of_their_own_and_need_something() {
    let names: BTreeSet<_> = NEEDS.iter().map(|need| need.suite).collect();
    assert_eq!(names.len(), NEEDS.len());
    for need in NEEDS {
        assert!(!need.suite.is_empty());
        assert!(!need.programs.is_empty() || !need.python.is_empty() || !need.node.is_empty(), "{}", need.suite);
    }
}

#[test]
fn packages_of_missing_programs_are_wanted_once() {
    let need = Need { programs: &[("a", "one"), ("b", "two"), ("c", "two"), ("d", "three")], ..NOTHING };
    assert_eq!(missing(&need, &|program, _| program == "a"), ["two", "three"]);
    assert!(missing(&need, &|_, _| true).is_empty());
}

#[test]
fn programs_are_found_by_name() {
    assert!(has("sh") && !has("no-such-program-anywhere"));
}

#[test]
fn a_complaint_is_its_last_line() {
    let complaint = output(Command::new("sh").args(["-c", "echo first >&2; echo ' why ' >&2; echo >&2; exit 3"]));
    assert_eq!(complaint.unwrap_err(), "why");
    assert_eq!(output(Command::new("sh").args(["-c", "echo fine"])).unwrap(), "fine\n");
    assert!(output(&mut Command::new("no-such-program-anywhere")).is_err());
}

#[test]
fn what_was_brought_is_not_brought_again_unless_its_folder_is_gone() {
    let folder = std::env::temp_dir().join(format!("xtask-needs-{}", std::process::id()));
    let home = folder.join("python");
    fs::create_dir_all(&home).unwrap();
    let tries = std::cell::Cell::new(0);
    let bring = |packages: &[&str], result: Result<(), String>| {
        once(&home, packages, || {
            tries.set(tries.get() + 1);
            result
        })
    };
    assert_eq!(bring(&[], Err("never asked".to_owned())), Ok(()));
    assert_eq!(bring(&["a==1"], Err("no network".to_owned())).unwrap_err(), "a==1: no network");
    assert_eq!(bring(&["a==1", "b"], Ok(())), Ok(()));
    assert_eq!(bring(&["b"], Err("not asked".to_owned())), Ok(()));
    assert_eq!(tries.get(), 2);
    fs::remove_dir(&home).unwrap();
    assert_eq!(bring(&["b"], Ok(())), Ok(()));
    assert_eq!(tries.get(), 3);
    fs::remove_dir_all(folder).unwrap();
}

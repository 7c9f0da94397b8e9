//! Copies that are made before a file is cut: whatever the order in which the agent learns of it, lines arrive once.

use super::super::copies::is_name_of_copy;
use super::*;

impl World {
    /// What `cp a.log a.log.1` does.
    fn copy(&self) -> PathBuf {
        let copy = self.folder.path().join("a.log.1");
        fs::copy(self.log(), &copy).unwrap();
        copy
    }

    /// What logrotate does where `olddir` is set.
    fn copy_elsewhere(&self) -> PathBuf {
        let old = self.folder.path().join("old");
        fs::create_dir_all(&old).unwrap();
        fs::copy(self.log(), old.join("a.log.1")).unwrap();
        old.join("a.log.1")
    }

    /// What `: > a.log` does.
    fn cut(&self) {
        fs::File::create(self.log()).unwrap();
    }
}

#[test]
fn a_copy_is_not_read_again_when_its_original_is_cut() {
    for is_copy_seen_first in [false, true] {
        let mut world = compressing("");
        world.write(&world.log(), 100, false);
        world.drain();
        world.copy();
        if is_copy_seen_first {
            world.drain();
            assert_eq!(world.spool.len(), 100, "the copy waits");
        }
        world.cut();
        world.drain();
        world.write(&world.log(), 50, false);
        world.drain();
        assert_eq!(world.spool, world.written, "seen first: {is_copy_seen_first}");
    }
}

#[test]
fn what_was_not_read_before_the_cut_is_read_in_the_copy() {
    for is_seen in [false, true] {
        let mut world = compressing("");
        world.write(&world.log(), 50, false);
        world.drain();
        world.write(&world.log(), 50, false);
        world.copy();
        if is_seen {
            world.now += 2 * SCAN_EVERY;
            world.tail.scan(world.now, &[]);
        }
        world.cut();
        world.drain();
        world.spool.sort();
        world.written.sort();
        assert_eq!(world.spool, world.written);
    }
}

#[test]
fn a_copy_may_be_under_way_when_it_is_seen() {
    let mut world = compressing("");
    world.write(&world.log(), 100, false);
    world.drain();
    let bytes = fs::read(world.log()).unwrap();
    for end in [0, 700, bytes.len()] {
        fs::write(world.folder.path().join("a.log-20260301"), &bytes[..end]).unwrap();
        world.drain();
    }
    world.cut();
    world.drain();
    assert_eq!(world.spool, world.written);
}

#[test]
fn a_restart_at_any_step_of_a_copy_changes_nothing() {
    for restart in 0..4 {
        let mut world = compressing("");
        world.write(&world.log(), 50, false);
        world.drain();
        world.store.save().unwrap();
        // In the last case the agent is stopped all the while.
        let step = |world: &mut World, at| match restart {
            3 => {}
            _ if at == restart => world.step(Step::Restart),
            _ => world.drain(),
        };
        world.copy();
        step(&mut world, 0);
        world.cut();
        step(&mut world, 1);
        world.write(&world.log(), 50, false);
        step(&mut world, 2);
        world.step(Step::Restart);
        world.drain();
        world.drain();
        assert_eq!(world.spool, world.written, "restart {restart}");
    }
}

#[test]
fn a_crash_at_the_cut_changes_nothing() {
    for crash in [Crash::BeforeTheSpoolHasIt, Crash::BehindIt] {
        let mut world = compressing("");
        world.write(&world.log(), 50, false);
        world.drain();
        world.write(&world.log(), 50, false);
        world.now += 2 * SCAN_EVERY;
        world.ship(None);
        world.copy();
        world.cut();
        world.now += 2 * SCAN_EVERY;
        world.ship(Some(crash));
        world.drain();
        world.drain();
        world.spool.sort();
        world.written.sort();
        assert_eq!(world.spool, world.written, "{crash:?}");
    }
}

#[test]
fn a_copy_that_is_compressed_at_once_is_not_read_again() {
    let mut world = compressing("");
    world.write(&world.log(), 100, false);
    world.drain();
    let other = world.folder.path().join("elsewhere");
    fs::copy(world.log(), &other).unwrap();
    world.cut();
    world.drain();
    let packed = gzip(&other);
    fs::rename(packed, world.folder.path().join("a.log.1.gz")).unwrap();
    world.drain();
    world.drain();
    assert_eq!(world.spool, world.written);
}

#[test]
fn a_copy_may_stand_in_another_folder() {
    for is_copy_seen_first in [false, true] {
        let mut world = compressing("");
        world.write(&world.log(), 50, false);
        world.drain();
        world.write(&world.log(), 50, false);
        let copy = world.copy_elsewhere();
        if is_copy_seen_first {
            world.drain();
            assert_eq!(world.spool.len(), 100, "the copy waits");
        }
        world.cut();
        world.drain();
        world.write(&world.log(), 50, false);
        world.drain();
        gzip(&copy);
        world.drain();
        world.drain();
        world.spool.sort();
        world.written.sort();
        assert_eq!(world.spool, world.written, "seen first: {is_copy_seen_first}");
    }
}

#[test]
fn a_compressed_copy_is_known_behind_a_restart() {
    for (restart, in_good_order) in (0..3).flat_map(|restart| [(restart, false), (restart, true)]) {
        let mut world = compressing("");
        world.write(&world.log(), 100, false);
        world.drain();
        let copy = world.folder.path().join("elsewhere");
        fs::copy(world.log(), &copy).unwrap();
        world.cut();
        let again = |world: &mut World, at: usize| match (at == restart, in_good_order) {
            (true, true) => world.step(Step::Restart),
            (true, false) => world.restart(),
            (false, _) => {}
        };
        again(&mut world, 0);
        world.drain();
        world.write(&world.log(), 50, false);
        world.drain();
        again(&mut world, 1);
        fs::create_dir_all(world.folder.path().join("old")).unwrap();
        fs::rename(gzip(&copy), world.folder.path().join("old/a.log.1.gz")).unwrap();
        world.drain();
        again(&mut world, 2);
        world.drain();
        world.drain();
        assert_eq!(world.spool, world.written, "restart {restart}, in good order: {in_good_order}");
    }
}

#[test]
fn a_file_that_was_read_and_removed_is_known_compressed_behind_a_restart() {
    let mut world = compressing("");
    world.write(&world.log(), 100, false);
    world.drain();
    let kept = world.folder.path().join("elsewhere");
    fs::copy(world.log(), &kept).unwrap();
    fs::remove_file(world.log()).unwrap();
    world.drain();
    world.now += GONE_WAIT;
    world.drain();
    assert!(world.tail.files.is_empty(), "done with it");
    world.restart();
    fs::rename(gzip(&kept), world.folder.path().join("a.log.1.gz")).unwrap();
    world.drain();
    world.drain();
    assert_eq!(world.spool, world.written);
}

#[test]
fn a_copy_is_told_by_its_name() {
    let is_copy = |copy: &str| is_name_of_copy(Path::new(copy), Path::new("/var/log/app.log"));
    for name in ["/var/log/app.log.1", "/var/old/app.log.1", "app.log-20260301", "app-20260301.log", "app.log.bak"] {
        assert!(is_copy(name), "{name}");
    }
    for name in ["/var/log/app.log", "/var/log/app2.txt", "/var/log/app.log/1", "/var/log/other.log.1", "/"] {
        assert!(!is_copy(name), "{name}");
    }
}

#[test]
fn files_that_begin_alike_are_no_copies() {
    let mut world = compressing("");
    let (header, other) = ("a header\n", world.folder.path().join("a.log.err"));
    fs::write(world.log(), header).unwrap();
    world.drain();
    fs::write(&other, header).unwrap();
    world.drain();
    assert_eq!(world.spool.len(), 1, "it may be a copy");
    fs::write(&other, format!("{header}another line\n")).unwrap();
    world.drain();
    assert_eq!(world.spool, ["a header", "a header", "another line"]);
    // One that is like the whole of another is read when that is not cut for long.
    fs::copy(&other, world.folder.path().join("a.log.err.1")).unwrap();
    world.drain();
    assert_eq!(world.spool.len(), 3);
    world.now += GONE_WAIT;
    world.drain();
    assert_eq!(world.spool[3..], ["a header", "another line"]);
}

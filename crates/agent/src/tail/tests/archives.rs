//! Compressed files while their names change, while they are written, and before what they were made of is read.

use super::*;

impl World {
    /// Looks for files so many times, as the agent does while the spool is full.
    fn look(&mut self, times: usize) {
        for _ in 0..times {
            self.now += 2 * SCAN_EVERY;
            self.tail.look(self.now);
        }
    }

    /// Reads a batch that never reaches the spool.
    fn fill(&mut self) -> Prepared {
        self.now += 2 * SCAN_EVERY;
        let mut batch = self.batch();
        self.tail.fill(&mut batch, self.now);
        self.tail.finish(batch, Timestamp(1))
    }

    /// Starts again from what the agent itself has on disk.
    fn crash(&mut self) {
        let disk = State::load(&self.config.state_dir).unwrap().unwrap();
        if disk.sequence >= self.saved.sequence {
            self.saved = disk;
        }
        self.restart();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An archive of lines that nobody has read as a file.
    fn packed(&mut self, name: &str, lines: u16) -> PathBuf {
        let plain = self.path("elsewhere");
        self.write(&plain, lines, false);
        let target = self.path(name);
        fs::rename(gzip(&plain), &target).unwrap();
        target
    }

    fn drain_twice(&mut self) {
        self.drain();
        self.drain();
    }

    #[track_caller]
    fn all_arrived_once(&mut self, what: &str) {
        self.drain_twice();
        self.spool.sort();
        self.written.sort();
        assert!(self.spool == self.written, "{what}: {} lines of {}", self.spool.len(), self.written.len());
    }
}

fn see(world: &mut World, path: &Path, of: &Path) {
    world.now += 2 * SCAN_EVERY;
    let metadata = fs::metadata(of).unwrap();
    world.tail.see_archive(path, FileId::of(&metadata), &metadata, (0, false), world.now);
}

#[test]
fn the_rest_of_a_file_that_was_compressed_is_read_behind_a_restart() {
    for (looks, ships) in [(0, 1), (3, 1), (3, 2), (1, 30), (0, 0)] {
        for in_good_order in [false, true] {
            let mut world = compressing("");
            world.write(&world.log(), 5, false);
            world.drain();
            world.write(&world.log(), 200, false);
            world.fill();
            let old = world.path("a.log.1");
            fs::rename(world.log(), &old).unwrap();
            world.look(1);
            gzip(&old);
            world.crash();
            world.look(looks);
            (0..ships).for_each(|_| world.ship(None));
            if in_good_order {
                world.step(Step::Restart)
            } else {
                world.crash()
            }
            world.all_arrived_once(&format!("{looks} looks, {ships} batches, in good order: {in_good_order}"));
        }
    }
}

#[test]
fn an_archive_of_an_open_file_waits_until_that_is_in_batches() {
    for in_good_order in [false, true] {
        let mut world = compressing("");
        world.write(&world.log(), 200, false);
        world.ship(None);
        world.ship(None);
        let old = world.path("a.log.1");
        fs::rename(world.log(), &old).unwrap();
        world.look(1);
        gzip(&old);
        // The spool is full.
        world.look(4);
        if in_good_order {
            world.step(Step::Restart)
        } else {
            world.crash()
        }
        world.all_arrived_once(&format!("in good order: {in_good_order}"));
        world.step(Step::Restart);
        world.all_arrived_once("again");
    }
}

#[test]
fn the_place_in_the_archive_of_a_copy_goes_with_the_lines_before_it() {
    for batches in 1..5 {
        let mut world = compressing("");
        world.write(&world.log(), 50, false);
        world.drain();
        world.write(&world.log(), 10, false);
        // What is read from here on is never written.
        world.fill();
        world.write(&world.log(), 10, false);
        let copy = world.path("elsewhere");
        fs::copy(world.log(), &copy).unwrap();
        fs::File::create(world.log()).unwrap();
        fs::rename(gzip(&copy), world.path("a.log.1.gz")).unwrap();
        (0..batches).for_each(|_| drop(world.fill()));
        world.look(1);
        world.crash();
        world.all_arrived_once(&format!("{batches} batches"));
    }
}

#[test]
fn an_archive_of_a_copy_waits_until_the_cut_was_seen() {
    for is_packed in [false, true] {
        let mut world = compressing("");
        world.write(&world.log(), 100, false);
        world.drain();
        world.write(&world.log(), 20, false);
        let copy = world.path("elsewhere");
        fs::copy(world.log(), &copy).unwrap();
        fs::File::create(world.log()).unwrap();
        let (from, to) = if is_packed { (gzip(&copy), "a.log.1.gz") } else { (copy, "a.log.1") };
        fs::rename(from, world.path(to)).unwrap();
        // Nothing is read for long, since the spool is full.
        world.look(50);
        world.all_arrived_once(to);
    }
}

#[test]
fn a_name_that_goes_to_another_file_while_it_is_looked_at_changes_nothing() {
    let mut world = compressing("");
    let read = world.packed("b.log.1.gz", 20);
    world.drain_twice();
    let other = world.packed("b.log.2.gz", 30);
    (0..3).for_each(|_| see(&mut world, &read, &other));
    (0..3).for_each(|_| see(&mut world, &read.with_extension("none"), &other));
    world.all_arrived_once("archives");
    world.write(&world.log(), 10, false);
    world.drain();
    world.tail.meet(world.log(), 0, false, world.now);
    world.all_arrived_once("files");
}

#[test]
fn an_archive_that_a_look_has_missed_is_not_read_again() {
    let mut world = compressing("");
    let (path, hidden) = (world.packed("b.log.1.gz", 20), world.path("hidden"));
    world.drain_twice();
    fs::rename(&path, &hidden).unwrap();
    world.drain();
    fs::rename(&hidden, &path).unwrap();
    world.all_arrived_once("while the agent runs");
    fs::rename(&path, &hidden).unwrap();
    world.step(Step::Restart);
    world.drain();
    fs::rename(&hidden, &path).unwrap();
    world.all_arrived_once("at the start");
}

#[test]
fn a_file_that_the_first_look_has_missed_is_read_on() {
    let mut world = compressing("");
    let (old, elsewhere) = (world.path("old"), world.path("elsewhere"));
    fs::create_dir_all(&old).unwrap();
    fs::create_dir_all(&elsewhere).unwrap();
    world.write(&world.log(), 20, false);
    world.drain();
    let missed = elsewhere.join("a.log.1");
    fs::rename(world.log(), &missed).unwrap();
    world.write(&missed, 20, false);
    world.step(Step::Restart);
    world.drain();
    fs::rename(&missed, old.join("a.log.1")).unwrap();
    world.all_arrived_once("in another folder");
}

#[test]
fn an_archive_that_is_written_slowly_is_read_on_when_it_grows() {
    // Of what nobody has read, and of what was read before.
    for is_known in [false, true] {
        let mut world = compressing("");
        world.write(&world.log(), 20_000, false);
        if is_known {
            world.drain();
            world.step(Step::Restart);
        }
        let target = world.path("a.log.1.gz");
        fs::rename(gzip(&world.log()), world.path("elsewhere")).unwrap();
        let bytes = fs::read(world.path("elsewhere")).unwrap();
        for end in [0, 12, bytes.len() / 3, bytes.len() / 2, bytes.len() - 3, bytes.len()] {
            fs::write(&target, &bytes[..end]).unwrap();
            world.drain_twice();
        }
        world.all_arrived_once(&format!("known: {is_known}"));
    }
}

#[test]
fn a_copy_of_an_archive_is_not_read_again() {
    for (is_removed_first, is_restarted) in [(false, false), (true, false), (true, true)] {
        let mut world = compressing("");
        let path = world.packed("b.log.7.gz", 1_000);
        world.drain_twice();
        let kept = world.path("elsewhere");
        fs::copy(&path, &kept).unwrap();
        if is_removed_first {
            fs::remove_file(&path).unwrap();
            world.drain();
            world.now += GONE_WAIT;
            world.drain();
        }
        if is_restarted {
            world.step(Step::Restart);
        }
        fs::rename(&kept, world.path("b.log.8.gz")).unwrap();
        world.all_arrived_once(&format!("removed first: {is_removed_first}, restarted: {is_restarted}"));
    }
}

#[test]
fn an_archive_is_known_by_its_new_name() {
    let mut world = compressing("");
    let path = world.packed("b.log.1.gz", 20);
    world.drain_twice();
    let moved = world.path("old").join("b.log.1.gz");
    fs::create_dir(world.path("old")).unwrap();
    fs::rename(&path, &moved).unwrap();
    world.drain();
    let known: Vec<_> = world.store.with(|state| state.files.values().map(|known| known.path.clone()).collect());
    assert_eq!(known, [moved]);
}

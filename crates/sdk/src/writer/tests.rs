//! What the writer keeps, drops, counts and reopens.

use std::fs;
use std::sync::mpsc;

use super::*;

const LONG: Duration = Duration::from_secs(30);

/// A target that takes nothing until it is let go.
struct Gate(mpsc::Receiver<()>, Arc<Mutex<Vec<u8>>>);

impl Write for Gate {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // Once the other end is gone the gate stands open.
        self.0.recv().ok();
        self.1.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A target whose first write fails half-way.
struct FailsOnce(bool, Arc<Mutex<Vec<u8>>>);

impl Write for FailsOnce {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.0) {
            self.1.lock().unwrap().extend_from_slice(b"torn");
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_are_appended_in_order_and_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    fs::write(&path, "before\n").unwrap();
    let writer = Writer::file(&path, QueueLimits::default()).unwrap();
    for n in 0..1000 {
        writer.write(format!("line {n}"));
    }
    assert!(writer.flush(LONG));
    let want: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("before\n{want}"));
    assert_eq!(writer.dropped(), 0);
}

#[test]
fn dropping_the_last_handle_writes_what_is_queued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let writer = Writer::file(&path, QueueLimits::default()).unwrap();
    let other = writer.clone();
    writer.write("one".to_owned());
    drop(writer);
    other.write("two".to_owned());
    drop(other);
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
}

#[test]
fn a_full_queue_drops_and_counts() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let (open, gate) = mpsc::channel();
    let writer = Writer::to(Gate(gate, Arc::clone(&written)), QueueLimits { lines: 3, bytes: 1000 }).unwrap();
    writer.write("taken by the thread or queued".to_owned());
    for n in 0..100 {
        writer.write(format!("line {n}"));
    }
    let dropped = writer.dropped();
    assert!((97..=98).contains(&dropped), "{dropped}");
    assert!(!writer.flush(Duration::from_millis(1)), "nothing can have been written");
    drop(open);
    assert!(writer.flush(LONG));
    let lines = written.lock().unwrap().iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines as u64 + dropped, 101);
}

#[test]
fn a_line_larger_than_the_queue_is_dropped() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let writer = Writer::to(FailsOnce(false, Arc::clone(&written)), QueueLimits { lines: 10, bytes: 8 }).unwrap();
    writer.write("a very long line".to_owned());
    writer.write("short".to_owned());
    assert!(writer.flush(LONG));
    assert_eq!(writer.dropped(), 1);
    assert_eq!(*written.lock().unwrap(), b"short\n");
}

#[test]
fn a_failed_write_is_counted_and_the_next_line_stands_alone() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let writer = Writer::to(FailsOnce(true, Arc::clone(&written)), QueueLimits::default()).unwrap();
    writer.write("lost".to_owned());
    assert!(writer.flush(LONG));
    assert_eq!(writer.dropped(), 1);
    writer.write("kept".to_owned());
    assert!(writer.flush(LONG));
    assert_eq!(*written.lock().unwrap(), b"torn\nkept\n");
}

#[test]
fn a_file_that_was_renamed_or_deleted_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let write = |writer: &Writer, line: &str| {
        writer.write(line.to_owned());
        assert!(writer.flush(LONG));
    };
    let writer = Writer::file(&path, QueueLimits::default()).unwrap();
    write(&writer, "one");
    fs::rename(&path, folder.path().join("shop.log.1")).unwrap();
    write(&writer, "two");
    fs::remove_file(&path).unwrap();
    write(&writer, "three");
    assert_eq!(fs::read_to_string(folder.path().join("shop.log.1")).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    assert_eq!(writer.dropped(), 0);
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = Writer::file(folder.path(), QueueLimits::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot open `{}`", folder.path().display()));
}

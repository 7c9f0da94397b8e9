//! The demo from nothing to Ctrl-C, and again on the same data.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::harness::{program, signal};

const PATIENCE: Duration = Duration::from_secs(180);

/// A demo that is asked to end, with all its programs, when the test ends, whichever way.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            drop(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status());
            drop(self.0.wait());
        }
    }
}

/// Starts the demo and reads what it says until it is live.
fn start(folder: &Path) -> (Demo, String) {
    let mut command = Command::new(program("lapidary-demo"));
    command.args(["--history", "14d", "--dir"]).arg(folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = String::new();
        for line in lines.map_while(Result::ok) {
            said += &(line.clone() + "\n");
            if line.contains("Ctrl-C") {
                drop(tell.send(said.clone()));
            }
        }
        drop(tell.send(said));
    });
    let demo = Demo(child);
    (demo, told.recv_timeout(PATIENCE).expect("the demo neither became live nor ended"))
}

fn stop(mut demo: Demo) {
    signal("-INT", demo.0.id());
    assert!(demo.0.wait().unwrap().success());
}

#[test]
fn the_demo_tells_an_orders_story_and_starts_again_on_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let (demo, said) = start(folder.path());
    for part in ["http://127.0.0.1:", "shop-api", "crm-api", "mes-api", "SUBMITTED", "stuck"] {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
    stop(demo);
    let (demo, again) = start(folder.path());
    assert!(again.contains("http://127.0.0.1:") && again.contains("stuck"), "{again}");
    stop(demo);
}

//! The demo from nothing to Ctrl-C, and again on the same data.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::harness::{program, signal};

const PATIENCE: Duration = Duration::from_secs(180);

/// Starts the demo and reads what it says until it is live.
fn start(folder: &Path) -> (Child, String) {
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
    (child, told.recv_timeout(PATIENCE).expect("the demo neither became live nor ended"))
}

fn stop(mut child: Child) {
    signal("-INT", child.id());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_demo_tells_an_orders_story_and_starts_again_on_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let (child, said) = start(folder.path());
    for part in ["http://127.0.0.1:", "shop-api", "crm-api", "mes-api", "SUBMITTED", "stuck"] {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
    stop(child);
    let (child, again) = start(folder.path());
    assert!(again.contains("http://127.0.0.1:") && again.contains("stuck"), "{again}");
    stop(child);
}

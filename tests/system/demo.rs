//! The demo from nothing to Ctrl-C, and again on the same data; it goes on when its programs are killed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::harness::{program, run, signal};

const PATIENCE: Duration = Duration::from_secs(180);

/// A demo that is asked to end, with all its programs, when the test ends, whichever way.
struct Demo {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status());
            drop(self.child.wait());
        }
    }
}

impl Demo {
    fn start(folder: &Path, history: &str) -> Self {
        let mut command = Command::new(program("lapidary-demo"));
        command.args(["--history", history, "--dir"]).arg(folder).env("LAPIDARY_LANG", "en");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, lines: told }
    }

    /// Everything it says up to the line with this part.
    fn until(&self, part: &str) -> String {
        let mut said = String::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("`{part}` does not come ({error}) after:\n{said}"));
            said += &(line.clone() + "\n");
            if line.contains(part) {
                return said;
            }
        }
    }

    /// Kills one of the programs it started.
    fn kill(&self, name: &str) {
        let found = Command::new("pgrep").args(["-x", "-P", &self.child.id().to_string(), name]).output().unwrap();
        signal("-KILL", String::from_utf8(found.stdout).unwrap().trim().parse().unwrap());
    }

    fn stop(mut self) {
        signal("-INT", self.child.id());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn the_demo_tells_an_orders_story_and_starts_again_on_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), "14d");
    let said = demo.until("Ctrl-C");
    for part in ["http://127.0.0.1:", "shop-api", "crm-api", "mes-api", "SUBMITTED", "stuck"] {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
    demo.stop();
    let demo = Demo::start(folder.path(), "14d");
    let again = demo.until("Ctrl-C");
    assert!(again.contains("http://127.0.0.1:") && again.contains("stuck"), "{again}");
    demo.stop();
}

#[test]
fn the_demo_goes_on_when_its_programs_are_killed_and_its_invitation_works() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), "2h");
    let said = demo.until("Ctrl-C");
    for name in ["lapidary", "lapidary-agent"] {
        demo.kill(name);
        let told = demo.until("started again");
        assert!(told.contains(&format!("{name} ended with signal: 9")) && told.lines().count() <= 3, "{told}");
    }
    // The invitation comes last.
    let typed = |part: &str| {
        let line = said.lines().map(str::trim).rfind(|line| line.contains(part)).expect(part);
        line.rsplit("  ").next().unwrap().to_owned()
    };
    // The server may still be reading what it had.
    let (address, show) = (typed("export LAPIDARY_ADDR="), typed("orders show"));
    let script = format!("{address}\nfor try in $(seq 100); do {show} && exit 0; sleep 0.3; done; exit 1");
    let (code, story) = run(Command::new("sh").args(["-c", &script]));
    assert!(code == Some(0) && story.contains("shop"), "{script}\n{story}");
    let (code, fault) = run(Command::new("sh").args(["-c", &typed("fault failed-change")]));
    assert!(code == Some(0) && fault.contains("600 s"), "{fault}");
    demo.stop();
}

#[test]
fn a_fault_for_a_demo_that_does_not_run_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let knock = |language| {
        let mut command = Command::new(program("lapidary-demo"));
        run(command.args(["fault", "failed-change", "--dir"]).arg(&none).env("LAPIDARY_LANG", language))
    };
    let (code, said) = knock("en");
    assert!(code == Some(1) && said.contains("no demo is running") && said.contains("cargo xtask demo"), "{said}");
    assert!(knock("ru").1.contains("демо не запущено"));
    assert!(!none.exists(), "asking makes no folder");
}

//! The real program with inputs other than files, and real clients that send to them. A client that cannot be had is named.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../ship/receiver.rs"]
#[expect(dead_code, reason = "this suite needs a part of it")]
mod receiver;

mod clients;

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use clients::{debian, left_out, python, rsyslog, run};
use receiver::{Receiver, until};

fn settings(folder: &Path, receiver: &Receiver, inputs: &str) -> String {
    format!(
        "state_dir = \"{}/state\"\n{inputs}\n[output]\nurl = \"{}\"\n[spool]\nbatch_wait = \"20ms\"\n",
        folder.display(),
        receiver.url()
    )
}

/// The agent's process; ends however the test ends.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Running {
    fn start(folder: &Path, receiver: &Receiver, inputs: &str) -> Self {
        let config = folder.join("agent.toml");
        fs::write(&config, settings(folder, receiver, inputs)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lapidary-agent"));
        command.args(["run", "--config", config.to_str().unwrap()]).env_remove("RUST_LOG");
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdin = child.stdin.take();
        Self { child, stdin }
    }

    /// Has it read its settings again.
    fn reload(&self, folder: &Path, settings: &str) {
        fs::write(folder.join("agent.toml"), settings).unwrap();
        assert!(Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap().success());
    }

    async fn terminate(mut self) -> Option<i32> {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        // The receiver runs on this thread and has to answer meanwhile.
        until(|| self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only when the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An address that is free.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn reachable(address: SocketAddr) {
    until(|| TcpStream::connect(address).is_ok()).await;
}

/// Lines and their metadata, sorted.
fn shown(receiver: &Receiver) -> Vec<String> {
    let mut requests = receiver.requests();
    // The same number again is a repeat, which Lapidary drops.
    requests.sort_by_key(|request| request.sequence);
    requests.dedup_by_key(|request| request.sequence);
    let streams = requests.iter().flat_map(|request| &request.streams);
    let entries = streams.flat_map(|stream| stream.entries.iter().map(move |entry| (&stream.labels, entry)));
    let mut out: Vec<_> = entries
        .map(|(labels, entry)| {
            let kept = entry.metadata.iter().filter(|(name, _)| !matches!(name.as_str(), "pid" | "detected_level"));
            let pairs: String = kept.map(|(name, value)| format!(" {name}={value}")).collect();
            let service = labels.get("service").unwrap_or_default();
            format!("{service}{pairs} | {}", entry.line)
        })
        .collect();
    out.sort();
    out
}

#[tokio::test]
async fn the_standard_input_and_a_program_are_read_to_the_end() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let inputs = r#"
[[input]]
kind = "stdin"
labels = { service = "in" }
join = ["python"]
[[input]]
kind = "command"
command = ["sh", "-c", "echo one; echo mail=anna@example.org; printf last"]
restart = "1h"
labels = { service = "run" }
"#;
    let mut agent = Running::start(folder.path(), &receiver, inputs);
    let mut stdin = agent.stdin.take().unwrap();
    stdin
        .write_all(b"first\nTraceback (most recent call last):\n  File \"a.py\"\nKeyError: 1\nsecond\nno end")
        .unwrap();
    drop(stdin);
    receiver.wait_for(6).await;
    let trace = "in | first\nTraceback (most recent call last):\n  File \"a.py\"\nKeyError: 1";
    assert_eq!(
        shown(&receiver),
        [trace, "in | no end", "in | second", "run | last", "run | mail=<email>", "run | one"]
    );
    assert_eq!(agent.terminate().await, Some(0));
}

#[tokio::test]
async fn what_was_read_before_a_stop_is_kept() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let inputs =
        "[[input]]\nkind = \"stdin\"\nlabels = { service = \"in\" }\njoin_start = '^a'\njoin_timeout = \"1h\"\n";
    let mut agent = Running::start(folder.path(), &receiver, inputs);
    let mut stdin = agent.stdin.take().unwrap();
    stdin.write_all(b"a1\na2\n b\n").unwrap();
    receiver.wait_for(1).await;
    // The second event waits for more; the pipe stays open.
    assert_eq!(agent.terminate().await, Some(0));
    drop(stdin);
    assert_eq!(shown(&receiver), ["in | a1", "in | a2\n b"]);
}

#[tokio::test]
async fn the_standard_input_goes_on_in_the_middle_of_a_line_under_new_settings() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let stdin_of = |service: &str| format!("[[input]]\nkind = \"stdin\"\nlabels = {{ service = \"{service}\" }}\n");
    let log = folder.path().join("a.log");
    fs::write(&log, "from a file\n").unwrap();
    let mut agent = Running::start(folder.path(), &receiver, &stdin_of("in"));
    let mut stdin = agent.stdin.take().unwrap();
    stdin.write_all(b"one\ncall +7 916 ").unwrap();
    receiver.wait_for(1).await;
    let more = format!("{}[[input]]\npaths = [{log:?}]\nlabels = {{ service = \"file\" }}\n", stdin_of("other"));
    agent.reload(folder.path(), &settings(folder.path(), &receiver, &more));
    receiver.wait_for(2).await;
    stdin.write_all(b"123-45-67\nthree\n").unwrap();
    receiver.wait_for(4).await;
    assert_eq!(agent.terminate().await, Some(0));
    assert_eq!(shown(&receiver), ["file | from a file", "in | one", "other | call <phone>", "other | three"]);
}

#[tokio::test]
async fn syslog_is_taken_from_logger_in_every_form() {
    if run(Command::new("logger").arg("--version")).0 != Some(0) {
        return left_out("`logger` of bsdutils is not there");
    }
    let (receiver, folder, address) = (Receiver::start().await, tempfile::tempdir().unwrap(), free());
    let inputs = format!(
        "[[input]]\nkind = \"syslog\"\ntcp = \"{address}\"\nudp = \"{address}\"\nlabels = {{ env = \"test\" }}\n\
         label_fields = {{ service = \"app\" }}\n"
    );
    let agent = Running::start(folder.path(), &receiver, &inputs);
    reachable(address).await;
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    for (number, form) in [
        ["--tcp", "--rfc5424", "--octet-count"],
        ["--tcp", "--rfc5424", "--tcp"],
        ["--tcp", "--rfc3164", "--octet-count"],
        ["--udp", "--rfc5424", "--udp"],
        ["--udp", "--rfc3164", "--udp"],
    ]
    .iter()
    .enumerate()
    {
        let mut command = Command::new("logger");
        command.args(form).args(["--server", &host, "--port", &port, "--tag", "shop", "--priority", "local3.err"]);
        let (code, said) = run(command.arg(format!("привет {number} phone=+79161234567")));
        assert_eq!(code, Some(0), "{said}");
    }
    receiver.wait_for(5).await;
    let lines = shown(&receiver);
    for number in 0..5 {
        let line = lines.iter().find(|line| line.ends_with(&format!("| привет {number} phone=<phone>"))).unwrap();
        assert!(line.starts_with("shop app=shop facility=local3") && line.contains(" level=error"), "{line}");
    }
    assert_eq!(agent.terminate().await, Some(0));
}

#[tokio::test]
async fn syslog_is_taken_from_rsyslog() {
    let Some(root) = debian(&["rsyslog", "libestr0", "libfastjson4", "liblognorm5"]) else { return };
    let (receiver, folder, address) = (Receiver::start().await, tempfile::tempdir().unwrap(), free());
    let inputs = format!("[[input]]\nkind = \"syslog\"\ntcp = \"{address}\"\nlabels = {{ service = \"rsyslog\" }}\n");
    let agent = Running::start(folder.path(), &receiver, &inputs);
    reachable(address).await;
    let base = folder.path().display().to_string();
    let lines: String = (0..200).map(|n| format!("строка number {n}\n")).collect();
    fs::write(folder.path().join("in.log"), lines).unwrap();
    let target = |framing: &str| {
        let (host, port) = (address.ip(), address.port());
        format!(
            "action(type=\"omfwd\" target=\"{host}\" port=\"{port}\" protocol=\"tcp\" TCP_Framing=\"{framing}\" template=\"RSYSLOG_SyslogProtocol23Format\")\n"
        )
    };
    let config = format!(
        "global(workDirectory=\"{base}\")\nmodule(load=\"imfile\")\n\
         input(type=\"imfile\" file=\"{base}/in.log\" tag=\"shop\" freshStartTail=\"off\")\n{}{}",
        target("octet-counted"),
        target("traditional")
    );
    fs::write(folder.path().join("rsyslog.conf"), config).unwrap();
    let mut rsyslog = rsyslog(&root, folder.path());
    receiver.wait_for(400).await;
    drop(rsyslog.kill());
    rsyslog.wait().unwrap();
    let lines = shown(&receiver);
    assert_eq!(lines.len(), 400);
    for n in 0..200 {
        let count = lines.iter().filter(|line| line.ends_with(&format!("| строка number {n}"))).count();
        assert_eq!(count, 2, "{n}");
    }
    assert!(lines[0].contains(" app=shop "), "{}", lines[0]);
    assert_eq!(agent.terminate().await, Some(0));
}

#[tokio::test]
async fn forward_is_taken_from_pythons_fluent_logger() {
    let Some(python) = python(&["fluent-logger==0.11.1"]) else { return };
    let (receiver, folder, address) = (Receiver::start().await, tempfile::tempdir().unwrap(), free());
    let inputs = format!("[[input]]\nkind = \"forward\"\ntcp = \"{address}\"\nlabels = {{ service = \"f\" }}\n");
    let agent = Running::start(folder.path(), &receiver, &inputs);
    reachable(address).await;
    let script = include_str!("fluent_logger.py");
    let (code, said) = run(Command::new(&python).args(["-c", script, &address.port().to_string()]));
    assert_eq!(code, Some(0), "{said}");
    receiver.wait_for(100).await;
    let lines = shown(&receiver);
    assert_eq!((lines.len(), lines[0].as_str()), (100, "f n=0 tag=app.orders | привет 0"));
    assert_eq!(agent.terminate().await, Some(0));
}

#[tokio::test]
async fn forward_is_acknowledged_when_the_spool_has_it_and_the_key_is_asked_for() {
    let Some(python) = python(&["fluent-logger==0.11.1"]) else { return };
    let (receiver, folder, address) = (Receiver::start().await, tempfile::tempdir().unwrap(), free());
    fs::write(folder.path().join("key"), "s3cret\n").unwrap();
    let inputs = format!(
        "[[input]]\nkind = \"forward\"\ntcp = \"{address}\"\nshared_key_file = \"{}/key\"\nlabels = {{ service = \"f\" }}\n",
        folder.path().display()
    );
    let agent = Running::start(folder.path(), &receiver, &inputs);
    reachable(address).await;
    let script = include_str!("forward.py");
    let (code, said) = run(Command::new(&python).args(["-c", script, &address.port().to_string(), "s3cret"]));
    assert_eq!((code, said.trim()), (Some(0), "acknowledged packed gzip"));
    let (code, said) = run(Command::new(&python).args(["-c", script, &address.port().to_string(), "wrong"]));
    assert_eq!((code, said.trim()), (Some(0), "refused shared key mismatch"));
    // What was acknowledged is in the spool, whatever becomes of the agent now.
    drop(agent);
    let again = Running::start(folder.path(), &receiver, &inputs);
    receiver.wait_for(3).await;
    assert_eq!(shown(&receiver), ["f tag=app | gzip 1", "f tag=app | packed 1", "f tag=app | packed 2"]);
    drop(again);
}

#[tokio::test]
async fn the_journal_is_read_on_where_it_was_left() {
    let Some(root) = debian(&["systemd-journal-remote", "libmicrohttpd12"]) else { return };
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let base = folder.path().display().to_string();
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let add = |numbers: std::ops::Range<u32>| {
        let entry = |n: u32| {
            format!(
                "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={n}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
                 _SYSTEMD_UNIT=shop.service\nPRIORITY=4\nORDER_ID={n}\nMESSAGE=запись {n}\n\n",
                1_767_312_000_000_000_u64 + u64::from(n)
            )
        };
        fs::write(folder.path().join("in.export"), numbers.map(entry).collect::<String>()).unwrap();
        let mut command = Command::new(root.join("usr/lib/systemd/systemd-journal-remote"));
        command.arg(format!("--output={base}/x.journal")).arg(format!("{base}/in.export"));
        run(command.env("LD_LIBRARY_PATH", &libraries))
    };
    let (code, said) = add(0..50);
    if code != Some(0) || run(Command::new("journalctl").arg("--version")).0 != Some(0) {
        return left_out(&format!("journalctl and systemd-journal-remote do not work here: {said}"));
    }
    let wrapper = folder.path().join("journalctl");
    fs::write(&wrapper, format!("#!/bin/sh\nexec journalctl --file={base}/x.journal \"$@\"\n")).unwrap();
    run(Command::new("chmod").arg("+x").arg(&wrapper));
    let inputs = format!(
        "[[input]]\nkind = \"journal\"\njournalctl = \"{}\"\nlabels = {{ service = \"j\" }}\n",
        wrapper.display()
    );
    let agent = Running::start(folder.path(), &receiver, &inputs);
    receiver.wait_for(50).await;
    drop(agent);
    let (code, said) = add(50..80);
    assert_eq!(code, Some(0), "{said}");
    let agent = Running::start(folder.path(), &receiver, &inputs);
    receiver.wait_for(80).await;
    assert_eq!(agent.terminate().await, Some(0));
    let lines = shown(&receiver);
    assert_eq!(lines.len(), 80);
    assert_eq!(lines[0], "j level=warn order_id=0 unit=shop.service | запись 0");
}

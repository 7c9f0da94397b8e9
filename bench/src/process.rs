//! What the kernel knows of a process: CPU time, memory, who listens on a port. And programs that end with a value.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// The kernel counts CPU time in hundredths of a second (`getconf CLK_TCK` on every Linux).
const TICK: Duration = Duration::from_millis(10);
/// In `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// A process, by its number.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// Who listens on a port of this machine; needs the right to look at that process.
    pub fn listening_on(port: u16) -> Option<Self> {
        let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| table.lines().skip(1).filter_map(|line| listener(line, port)).collect::<Vec<_>>())
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        let holds = |id: u32| {
            let open = fs::read_dir(format!("/proc/{id}/fd")).ok()?;
            let mut targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
            targets.any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str())).then_some(Self(id))
        };
        let processes = fs::read_dir("/proc").ok()?;
        processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).find_map(holds)
    }

    /// User and system time so far.
    pub fn cpu(self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).context("the process has ended")?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| {
            fields.get(index).and_then(|field| field.parse::<u32>().ok()).context("no CPU time in /proc")
        };
        Ok(TICK * (ticks(11)? + ticks(12)?))
    }

    /// The most memory it had since [`Self::reset_peak`], in bytes.
    pub fn peak_rss(self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).context("the process has ended")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in /proc")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Counts peak memory anew; where that is not allowed, the peak is that of the whole life.
    pub fn reset_peak(self) {
        drop(fs::write(format!("/proc/{}/clear_refs", self.0), "5"));
    }
}

/// The inode of a listening socket on `port`.
fn listener(line: &str, port: u16) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, hex) = fields.get(1)?.rsplit_once(':')?;
    (fields.get(3) == Some(&LISTENS) && u16::from_str_radix(hex, 16) == Ok(port))
        .then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
}

/// `lapidary serve` on a free port of loopback; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    program: PathBuf,
    data: PathBuf,
    url: String,
}

impl Server {
    /// Starts `program` (the one beside this program if not given) and waits until it is ready.
    pub fn start(program: Option<&Path>, data: &Path) -> Result<Self> {
        let beside = || Ok::<PathBuf, std::io::Error>(std::env::current_exe()?.with_file_name("lapidary"));
        let program = program.map_or_else(beside, |path| Ok(path.to_owned()))?;
        let (child, url) = spawn(&program, data)?;
        Ok(Self { child, program, data: data.to_owned(), url })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// How the program was built, by the folder it is in.
    pub fn profile(&self) -> &'static str {
        let is_in = |folder: &str| self.program.components().any(|part| part.as_os_str() == folder);
        match () {
            () if is_in("release") => "release",
            () if is_in("measured") => "measured (release without LTO)",
            () => "dev (optimised, with assertions)",
        }
    }

    /// Ends it as an operator would, forgets what the page cache holds of its files, and starts it again.
    pub fn restart_cold(&mut self) -> Result<()> {
        self.stop()?;
        forget(&self.data)?;
        (self.child, self.url) = spawn(&self.program, &self.data)?;
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        if !asked.success() || !self.child.wait()?.success() {
            bail!("the server did not end well");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(program: &Path, data: &Path) -> Result<(Child, String)> {
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--auth", "none", "--data-dir"]).arg(data);
    // Hundreds of thousands of orders are more series than a dashboard should ever get.
    command.env("LAPIDARY__LIMITS__MAX_QUERY_SERIES", "5000000").env("LAPIDARY_LOG", "info");
    // Each answer is worked out anew.
    command.env("LAPIDARY__QUERY__RESULTS_CACHE", "0B");
    let child = command.stderr(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot start {}", program.display()))?;
    let mut lines = BufReader::new(child.stderr.take().context("the server has no log")?).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("address=")?.1.trim_matches('"').to_owned()));
    let Some(url) = address else {
        drop(child.wait());
        bail!("the server ended before it was ready");
    };
    // Reads on, so that the server never waits for its log to be read.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Ok((child, url))
}

/// Takes the files below a folder out of the page cache. `dd` tells the kernel without being allowed anything special.
pub fn forget(folder: &Path) -> Result<()> {
    for file in files(folder)? {
        let mut dd = Command::new("dd");
        dd.arg(format!("if={}", file.display())).args(["iflag=nocache", "count=0", "status=none"]);
        if !dd.status().context("cannot start dd")?.success() {
            bail!("dd could not drop {} from the page cache", file.display());
        }
    }
    Ok(())
}

/// Bytes of all files below a folder.
pub fn disk(folder: &Path) -> Result<u64> {
    files(folder)?.iter().map(|file| Ok(fs::metadata(file)?.len())).sum()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    Ok(found)
}

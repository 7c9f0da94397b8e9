//! The server under test: started on loopback, asked over HTTP, measured through the kernel.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// A server that ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
    http: reqwest::Client,
}

/// The kernel counts CPU time in hundredths of a second (`getconf CLK_TCK` on every Linux).
const TICK: Duration = Duration::from_millis(10);

impl Server {
    pub(crate) fn start(program: Option<&Path>, data: &Path) -> Result<Self> {
        let beside = || Ok::<PathBuf, std::io::Error>(std::env::current_exe()?.with_file_name("lapidary"));
        let program = program.map_or_else(beside, |path| Ok(path.to_owned()))?;
        let mut command = Command::new(&program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--auth", "none", "--data-dir"]).arg(data);
        let mut child =
            command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut lines = BufReader::new(child.stderr.take().context("the server has no log")?).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("address=")?.1.trim_matches('"').to_owned()));
        let url = address.context("the server ended before it was ready")?;
        // Reads on, so that the server never waits for its log to be read.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self { child, url, http: reqwest::Client::builder().no_proxy().build()? })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// User and system time so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| {
            fields.get(index).and_then(|field| field.parse::<u32>().ok()).context("no CPU time in /proc")
        };
        Ok(TICK * (ticks(11)? + ticks(12)?))
    }

    /// The most memory it ever had, in bytes.
    pub(crate) fn peak_rss(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in /proc")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    pub(crate) async fn post(&self, path: &str) -> Result<()> {
        let response = self.http.post(format!("{}{path}", self.url)).send().await?;
        if !response.status().is_success() {
            bail!("{path} was answered with {}", response.status());
        }
        Ok(())
    }

    /// Asks a range query; gives back what can be compared between runs: series and values.
    pub(crate) async fn query(&self, query: &str, (start, end): (i64, i64), step: &str) -> Result<String> {
        let url = format!("{}/loki/api/v1/query_range", self.url);
        let (start, end) = (start.to_string(), end.to_string());
        let form = [("query", query), ("start", &start), ("end", &end), ("step", step), ("limit", "100")];
        let body = form.map(|(name, value)| format!("{name}={}", escape(value))).join("&");
        let request = self.http.post(url).header("Content-Type", "application/x-www-form-urlencoded").body(body);
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            bail!("{query} was answered with {status}: {text}");
        }
        let answer: serde_json::Value = serde_json::from_str(&text)?;
        let result = answer["data"]["result"].as_array().context("an answer without a result")?;
        let values: usize = result.iter().filter_map(|series| Some(series["values"].as_array()?.len())).sum();
        Ok(format!("{} series, {values} values", result.len()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Bytes of all files below a folder.
pub(crate) fn disk(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { disk(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

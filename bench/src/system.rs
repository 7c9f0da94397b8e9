//! A system under test, reached by its address: what it is told, what it is asked, what the kernel says of it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use stdx::{Clock as _, SystemClock};

use crate::answer::Answer;
use crate::process::{Process, Server};
use crate::questions::Question;

/// Longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Which API it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Lapidary,
    /// Grafana Loki.
    Loki,
    /// VictoriaLogs.
    VictoriaLogs,
}

/// A system given by its address: `loki=http://127.0.0.1:3100[,pid=N][,data=FOLDER]`.
#[derive(Clone, Debug)]
pub struct Address {
    kind: Kind,
    url: String,
    process: Option<u32>,
    data: Option<PathBuf>,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let (name, url) = parts
            .next()
            .and_then(|first| first.split_once('='))
            .ok_or_else(|| format!("`{text}` is not NAME=URL, such as loki=http://127.0.0.1:3101"))?;
        let kind = match name {
            "lapidary" => Kind::Lapidary,
            "loki" => Kind::Loki,
            "victorialogs" => Kind::VictoriaLogs,
            _ => return Err(format!("`{name}` is none of lapidary, loki, victorialogs")),
        };
        let mut address = Self { kind, url: url.trim_end_matches('/').to_owned(), process: None, data: None };
        for part in parts {
            match part.split_once('=') {
                Some(("pid", id)) => address.process = Some(id.parse().map_err(|_| format!("`{id}` is no process"))?),
                Some(("data", folder)) => address.data = Some(folder.into()),
                _ => return Err(format!("`{part}` is neither pid=N nor data=FOLDER")),
            }
        }
        Ok(address)
    }
}

/// A system that runs.
#[derive(Debug)]
pub struct System {
    kind: Kind,
    url: String,
    process: Option<Process>,
    data: Option<PathBuf>,
    own: Option<Server>,
    http: reqwest::Client,
}

impl System {
    /// Ours, started for this run.
    pub fn own(server: Server) -> Result<Self> {
        Ok(Self {
            kind: Kind::Lapidary,
            url: server.url().to_owned(),
            process: Some(server.process()),
            data: Some(server.data().to_owned()),
            own: Some(server),
            http: client()?,
        })
    }

    /// One that runs already. Its process is looked for by its port when it is on this machine.
    pub fn at(address: &Address) -> Result<Self> {
        let process = address.process.map(Process).or_else(|| {
            let url = reqwest::Url::parse(&address.url).ok()?;
            Process::listening_on(url.port_or_known_default()?)
        });
        let (kind, url, data) = (address.kind, address.url.clone(), address.data.clone());
        Ok(Self { kind, url, process, data, own: None, http: client()? })
    }

    /// What it is called in results.
    pub const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Lapidary => "Lapidary",
            Kind::Loki => "Loki",
            Kind::VictoriaLogs => "VictoriaLogs",
        }
    }

    /// What an acknowledged push may rely on, at the system's defaults.
    pub const fn ack(&self) -> &'static str {
        match self.kind {
            Kind::Lapidary => "fsync",
            Kind::Loki => "page cache",
            Kind::VictoriaLogs => "memory",
        }
    }

    /// How its program was built, where that is known.
    pub fn profile(&self) -> Option<&'static str> {
        self.own.as_ref().map(Server::profile)
    }

    /// Its process, when it is on this machine and may be looked at.
    pub const fn process(&self) -> Option<Process> {
        self.process
    }

    /// Its data folder, when it is known.
    pub const fn data(&self) -> Option<&PathBuf> {
        self.data.as_ref()
    }

    /// Its version, as it says itself.
    pub async fn version(&self) -> String {
        self.status().await["version"].as_str().unwrap_or_default().to_owned()
    }

    /// Bytes of the live files of all tables, and of the table of lines; only ours tells.
    pub async fn live(&self) -> Option<(u64, u64)> {
        let status = self.status().await;
        let tables = status["storage"]["tables"].as_array()?;
        let bytes = |name: Option<&str>| {
            let wanted = tables.iter().filter(|table| name.is_none_or(|name| table["name"] == name));
            wanted.filter_map(|table| table["file_bytes"].as_u64()).sum()
        };
        Some((bytes(None), bytes(Some("logs"))))
    }

    async fn status(&self) -> Value {
        let path = match self.kind {
            Kind::Lapidary => "/api/v1/status",
            Kind::Loki | Kind::VictoriaLogs => "/loki/api/v1/status/buildinfo",
        };
        let Ok(response) = self.http.get(format!("{}{path}", self.url)).send().await else { return Value::Null };
        serde_json::from_str(&response.text().await.unwrap_or_default()).unwrap_or_default()
    }

    /// Pushes one body; waits and repeats while the system says that it is busy.
    pub async fn push(&self, body: Vec<u8>) -> Result<()> {
        let path = if self.kind == Kind::VictoriaLogs { "/insert/loki/api/v1/push" } else { "/loki/api/v1/push" };
        loop {
            let request =
                self.http.post(format!("{}{path}", self.url)).header("Content-Type", "application/x-protobuf");
            let response = request.body(body.clone()).send().await?;
            match response.status().as_u16() {
                200 | 204 => return Ok(()),
                429 | 503 => tokio::time::sleep(Duration::from_millis(100)).await,
                status => bail!("a push was answered with {status}: {}", response.text().await?),
            }
        }
    }

    /// Asks for everything to be written to files.
    pub async fn flush(&self) -> Result<()> {
        let request = match self.kind {
            Kind::Lapidary | Kind::Loki => self.http.post(format!("{}/flush", self.url)),
            Kind::VictoriaLogs => self.http.get(format!("{}/internal/force_flush", self.url)),
        };
        let response = request.send().await?;
        if !response.status().is_success() {
            bail!("the flush was answered with {}", response.status());
        }
        Ok(())
    }

    /// Waits until its process has been all but idle for `quiet`; `quiet` alone when the process is not known.
    pub async fn settle(&self, quiet: Duration, limit: Duration) -> Result<()> {
        let Some(process) = self.process else {
            tokio::time::sleep(quiet).await;
            return Ok(());
        };
        let begun = SystemClock.instant();
        loop {
            let before = process.cpu()?;
            tokio::time::sleep(quiet).await;
            if process.cpu()? - before <= quiet / 50 || limit <= SystemClock.instant() - begun {
                return Ok(());
            }
        }
    }

    /// Asks; the time is until the last byte of the answer.
    pub async fn ask(&self, question: &Question) -> Result<(Duration, Answer)> {
        let (path, params) = match self.kind {
            Kind::Lapidary | Kind::Loki => question.loki(),
            Kind::VictoriaLogs => question.victorialogs(),
        };
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let request = self.http.post(format!("{}{path}", self.url));
        let begun = SystemClock.instant();
        let response = request.header("Content-Type", "application/x-www-form-urlencoded").body(form).send().await?;
        let (status, body) = (response.status(), response.text().await?);
        let took = SystemClock.instant() - begun;
        if !status.is_success() {
            bail!("it was answered with {status}: {}", body.chars().take(300).collect::<String>());
        }
        let answer = match self.kind {
            Kind::Lapidary | Kind::Loki => Answer::of_loki(question, &body),
            Kind::VictoriaLogs => Answer::of_victorialogs(question, &body),
        };
        Ok((took, answer?))
    }

    /// Restarts it with an empty page cache; false for a system that was not started by us.
    pub async fn cold(&mut self) -> Result<bool> {
        let Some(server) = &mut self.own else { return Ok(false) };
        server.restart_cold()?;
        (self.url, self.process) = (server.url().to_owned(), Some(server.process()));
        // Whoever waits for a server to start asks this first; it also opens the connection.
        let ready = self.http.get(format!("{}/ready", self.url)).send().await?;
        if !ready.status().is_success() {
            bail!("after the restart it is not ready: {}", ready.status());
        }
        Ok(true)
    }
}

fn client() -> Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().context("cannot start the HTTP client")
}

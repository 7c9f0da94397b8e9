//! How the command line reaches a server: address, token, tenant; and what its refusals mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;
use stdx::Language;
use tls::Tls;

use super::Failure;
use super::language::{self, Tongue};
use super::terminal::{self, Color};

/// Which server to ask, as whom, and how to print what it says. Most commands take these.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    #[command(flatten)]
    login: Login,
    /// How to print the answer.
    #[arg(long, visible_alias = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

impl std::ops::Deref for Connection {
    type Target = Login;

    fn deref(&self) -> &Login {
        &self.login
    }
}

/// Which server to ask, and as whom. Every command takes these.
#[derive(Clone, Debug, Args)]
pub struct Login {
    /// Address of the server.
    #[arg(long, env = "LAPIDARY_ADDR", default_value = "http://127.0.0.1:3100")]
    pub addr: String,
    /// Token, when the server asks for one.
    #[arg(long, alias = "bearer-token", env = "LAPIDARY_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Tenant, when it is not the token's first one.
    #[arg(long, alias = "org-id", env = "LAPIDARY_TENANT")]
    pub tenant: Option<String>,
    /// File with the authorities (PEM) that may vouch for the server, instead of the system's.
    #[arg(long, env = "LAPIDARY_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// File with a certificate (PEM) to show, if the server asks for one.
    #[arg(long, env = "LAPIDARY_CERT", value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// File with the key of that certificate.
    #[arg(long, env = "LAPIDARY_KEY", value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Language of messages and of the words around the data; that of the locale if not given.
    #[arg(long, env = "LAPIDARY_LANG", value_enum)]
    pub lang: Option<Tongue>,
    /// Whether to colour: `auto` does in a terminal, unless `NO_COLOR` is set.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// A session that is not kept yet; that of the file without one.
    #[arg(skip)]
    pub(super) session: Option<String>,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

const TIMEOUT: Duration = Duration::from_secs(60);

impl Login {
    /// Asks the server for JSON. `path` begins with `/`; `params` are escaped here.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, params: &[(&str, String)]) -> Result<T, Failure> {
        let query = encoded(params);
        let ask = |client: &reqwest::Client, address: &str| client.get(format!("{address}{path}?{query}"));
        let (status, body) = self.send(ask).await?;
        if status != 200 {
            return Err(self.refused(status, body.trim()));
        }
        serde_json::from_str(&body)
            .map_err(|error| self.failed("the server's answer cannot be read", "ответ сервера не читается", &error))
    }

    /// Has the server change something; gives its answer, `None` where there is none.
    pub(crate) async fn change<T: DeserializeOwned>(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<Option<T>, Failure> {
        let ask =
            |client: &reqwest::Client, address: &str| client.request(method, format!("{address}{path}")).json(body);
        let (status, body) = self.send(ask).await?;
        if status >= 300 {
            return Err(self.refused(status, body.trim()));
        }
        if status == 204 {
            return Ok(None);
        }
        let answer = serde_json::from_str(&body);
        answer
            .map(Some)
            .map_err(|error| self.failed("the server's answer cannot be read", "ответ сервера не читается", &error))
    }

    /// The language of the person at the terminal.
    pub(crate) fn language(&self) -> Language {
        self.lang.map_or_else(language::of_terminal, Language::from)
    }

    fn refused(&self, status: u16, body: &str) -> Failure {
        let words = self.language();
        Failure::Failed(match (status, body) {
            (401, _) => {
                let english =
                    "the server asks who you are: `lapidary login`, or give a token with --token or LAPIDARY_TOKEN";
                let russian =
                    "сервер просит назваться: `lapidary login`, или укажите токен в --token или LAPIDARY_TOKEN";
                words.pick(english, russian).to_owned()
            }
            (403, text) => format!("{}{text}", words.pick("", "нет доступа: ")),
            (_, "") => format!("{} {status}", words.pick("the server answered", "сервер ответил")),
            (_, text) => text.to_owned(),
        })
    }

    fn failed(&self, english: &str, russian: &str, error: &dyn std::fmt::Display) -> Failure {
        Failure::Failed(format!("{}: {error}", self.language().pick(english, russian)))
    }

    /// Sends any request with the token and the tenant; gives status and body of the answer.
    pub(crate) async fn send(
        &self,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Result<(u16, String), Failure> {
        let response = self.begin(reqwest::Client::builder().timeout(TIMEOUT), request).await?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(|error| self.unreachable(&error))?;
        if status == 401 {
            return Err(self.refused(status, &body));
        }
        Ok((status, body))
    }

    /// Asks for something that may take its time to come, as long as it keeps coming. A refusal is an error.
    pub(crate) async fn open(
        &self,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Failure> {
        let response = self.begin(reqwest::Client::builder().read_timeout(TIMEOUT), request).await?;
        let status = response.status().as_u16();
        if status < 300 {
            return Ok(response);
        }
        let body = response.text().await.map_err(|error| self.unreachable(&error))?;
        Err(self.refused(status, body.trim()))
    }

    /// Sends any request; gives the answer whatever it is.
    pub(crate) async fn answer(
        &self,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Failure> {
        self.begin(reqwest::Client::builder().timeout(TIMEOUT), request).await
    }

    async fn begin(
        &self,
        client: reqwest::ClientBuilder,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Failure> {
        let tls = Tls { ca: self.ca.clone(), own: self.cert.clone().zip(self.key.clone()) };
        let client = tls.read().and_then(|pem| tls::http_client(client, &tls, &pem));
        let client = client
            .map_err(|problem| Failure::Usage(problem.text))?
            .no_proxy()
            .build()
            .map_err(|error| self.failed("cannot start the HTTP client", "клиент HTTP не запускается", &error))?;
        let request = request(&client, self.addr.trim_end_matches('/'));
        let mut request = request.header("Accept-Language", self.language().pick("en", "ru"));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        } else if let Some(session) = self.session.clone().or_else(|| super::session::of(&self.addr)) {
            // No page of another site asks, but the person at this terminal.
            request = request.header("Cookie", format!("lapidary_session={session}")).header("Sec-Fetch-Site", "none");
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    /// The server could not be reached, or went away.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let (address, words) = (&self.addr, self.language());
        let reason = if is_distrusted(error) {
            words.pick(
                "shows a certificate that no known authority vouches for; name its authority's file with --ca",
                "показывает сертификат, за который не ручается ни один известный центр; файл центра задаётся в --ca",
            )
        } else if error.is_builder() {
            words.pick("is not an address such as http://127.0.0.1:3100", "— не адрес вида http://127.0.0.1:3100")
        } else if error.is_timeout() {
            words.pick("does not answer in time", "не отвечает вовремя")
        } else {
            words.pick(
                "cannot be reached; is `lapidary serve` running there? Name another with --addr",
                "недоступен; запущен ли там `lapidary serve`? Другой адрес задаётся в --addr",
            )
        };
        Failure::Failed(format!("{address} {reason}"))
    }

    /// Whether to colour the output.
    pub(crate) fn colours(&self) -> bool {
        self.color.is_wanted(terminal::is_seen())
    }
}

/// Whether the server's certificate is what is wrong.
fn is_distrusted(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.into_iter().any(|cause| cause.to_string().contains("certificate"))
}

/// Parameters as a query string.
pub(crate) fn encoded(params: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

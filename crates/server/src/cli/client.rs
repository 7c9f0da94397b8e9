//! How the command line reaches a server: address, token, tenant; and what its refusals mean.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;

use super::Failure;

/// Which server to ask, and as whom. Every command takes these.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// Address of the server.
    #[arg(long, env = "LAPIDARY_ADDR", default_value = "http://127.0.0.1:3100")]
    pub addr: String,
    /// Token, when the server asks for one.
    #[arg(long, env = "LAPIDARY_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Tenant, when it is not the token's first one.
    #[arg(long, env = "LAPIDARY_TENANT")]
    pub tenant: Option<String>,
    /// How to print the answer.
    #[arg(long, visible_alias = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
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

impl Connection {
    /// Asks the server's own API. `path` begins with `/`; `params` are escaped here.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, params: &[(&str, String)]) -> Result<T, Failure> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
        let client = client.map_err(|error| Failure::Failed(format!("cannot start the HTTP client: {error}")))?;
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let address = self.addr.trim_end_matches('/');
        let mut request = client.get(format!("{address}{path}?{query}"));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let body = response.text().await.map_err(|error| self.unreachable(&error))?;
        match status.as_u16() {
            200 => serde_json::from_str(&body)
                .map_err(|error| Failure::Failed(format!("the server's answer cannot be read: {error}"))),
            401 => {
                Err(Failure::Failed("the server asks for a token: give one with --token or LAPIDARY_TOKEN".to_owned()))
            }
            _ => Err(Failure::Failed(body.trim().to_owned())),
        }
    }

    /// Sends any request with the token and the tenant; gives status and body of the answer.
    pub(crate) async fn send(
        &self,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Result<(u16, String), Failure> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
        let client = client.map_err(|error| Failure::Failed(format!("cannot start the HTTP client: {error}")))?;
        let mut request = request(&client, self.addr.trim_end_matches('/'));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(|error| self.unreachable(&error))?;
        if status == 401 {
            let remedy = "the server asks for a token: give one with --token or LAPIDARY_TOKEN";
            return Err(Failure::Failed(remedy.to_owned()));
        }
        Ok((status, body))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let address = &self.addr;
        let reason = if error.is_builder() {
            "is not an address such as http://127.0.0.1:3100"
        } else if error.is_timeout() {
            "does not answer in time"
        } else {
            "cannot be reached; is `lapidary serve` running there? Name another with --addr"
        };
        Failure::Failed(format!("{address} {reason}"))
    }

    /// Whether to colour the output.
    pub(crate) fn colours() -> bool {
        std::io::stdout().is_terminal()
    }
}

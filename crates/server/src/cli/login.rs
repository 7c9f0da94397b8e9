//! `lapidary login | logout`: a session instead of a token.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::process::Command;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use stdx::Language;

use super::client::Login;
use super::{Failure, block_on, complain, say, session};

/// Who logs in.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Name of the user.
    #[arg(long)]
    user: String,
    #[command(flatten)]
    login: Login,
}

/// Where to log out.
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    login: Login,
}

impl LoginArgs {
    /// The password is asked for, or the first line of the standard input; a new one, where it is wanted, is the second.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let words = self.login.language();
        let password = secret(words.pick("password: ", "пароль: "))?;
        let body = json!({"name": self.user, "password": password});
        let mut login = Login { token: None, ..self.login };
        let (answer, mut session) = block_on(enter(&login, Method::POST, "/api/v1/login", &body))??;
        if answer["must_change_password"] == true {
            complain(words.pick("a new password must be chosen now", "нужно выбрать новый пароль"));
            let new = secret(words.pick("new password: ", "новый пароль: "))?;
            let body = json!({"old": password, "new": new});
            login.session = Some(session);
            (_, session) = block_on(enter(&login, Method::PUT, "/api/v1/me/password", &body))??;
        }
        session::keep(&login.addr, Some(&session)).map_err(|error| kept_nowhere(words, &error))?;
        say(&format!("{}\n", words.pick("logged in", "вход выполнен")));
        Ok(())
    }
}

impl LogoutArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let words = self.login.language();
        // It is the session that ends, whatever token stands in the environment.
        let login = Login { token: None, ..self.login };
        let asked = login.send(|client, address| client.post(format!("{address}/api/v1/logout")));
        // A session that has ended is no reason to keep it.
        let done = block_on(asked)?;
        session::keep(&login.addr, None).map_err(|error| kept_nowhere(words, &error))?;
        done.map(drop)
    }
}

fn kept_nowhere(words: Language, error: &io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", words.pick("the session cannot be kept", "сессию не удалось сохранить")))
}

/// Asks for a session; gives the answer and the session's id.
async fn enter(login: &Login, method: Method, path: &str, body: &Value) -> Result<(Value, String), Failure> {
    let words = login.language();
    let asked = login.answer(|client, address| client.request(method, format!("{address}{path}")).json(body));
    let response = asked.await?;
    let status = response.status().as_u16();
    let set = response.headers().get("set-cookie").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let text = response.text().await.map_err(|error| login.unreachable(&error))?;
    if status != 200 {
        return Err(Failure::Failed(text.trim().to_owned()));
    }
    let id = set.as_deref().and_then(|set| set.strip_prefix("lapidary_session=")?.split(';').next());
    let unread =
        || Failure::Failed(words.pick("the server's answer cannot be read", "ответ сервера не читается").to_owned());
    Ok((serde_json::from_str(&text).map_err(|_| unread())?, id.ok_or_else(unread)?.to_owned()))
}

/// A secret from the terminal, which does not show it, or from the standard input.
fn secret(prompt: &str) -> Result<String, Failure> {
    let is_terminal = io::stdin().is_terminal();
    if is_terminal {
        say(prompt);
        echo(false);
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    if is_terminal {
        echo(true);
        say("\n");
    }
    read.map_err(|error| Failure::Failed(format!("cannot read the password: {error}")))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Has the terminal show what is typed, or not.
fn echo(on: bool) {
    drop(Command::new("stty").arg(if on { "echo" } else { "-echo" }).status());
}

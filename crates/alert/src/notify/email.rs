//! E-mail over SMTP: text and HTML, one thread a group, the picture within the mail.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, InReplyTo, MessageId, References};
use lettre::message::{Attachment, Mailbox, Mailboxes, MultiPart, SinglePart};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor};
use serde::Deserialize;
use stdx::Secret;

use super::receiver::{Global, Written, one_of};
use super::{Built, Failure, Memory, Pace, Place, Post, Sender};
use crate::message::{Message, html, plain};

const TIMEOUT: Duration = Duration::from_secs(30);
/// Name of the picture within a mail.
const PICTURE: &str = "chart";

#[derive(Debug, Deserialize)]
struct Config {
    to: String,
    from: Option<String>,
    smarthost: Option<String>,
    hello: Option<String>,
    auth_username: Option<String>,
    auth_password: Option<Secret<String>>,
    auth_password_file: Option<String>,
    require_tls: Option<bool>,
    #[serde(default)]
    tls_config: TlsConfig,
}

#[derive(Debug, Default, Deserialize)]
struct TlsConfig {
    ca_file: Option<String>,
    server_name: Option<String>,
    #[serde(default)]
    insecure_skip_verify: bool,
}

#[derive(Debug)]
struct Email {
    from: Mailbox,
    to: Mailboxes,
    builder: AsyncSmtpTransportBuilder,
    /// Made when it is first needed: its pool wants a runtime, and settings are read without one.
    transport: OnceLock<AsyncSmtpTransport<Tokio1Executor>>,
}

/// Reads one of `email_configs`.
pub(super) fn read(
    written: &Written,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Built, String> {
    let (config, left_out): (Config, _) = written.read(&["html", "text", "headers", "threading"])?;
    let from = config.from.as_ref().or(global.smtp_from.as_ref()).ok_or("`from` is missing")?;
    let address = |text: &str| text.parse().map_err(|_| format!("`{text}` is no address of a mailbox"));
    let to: Mailboxes =
        config.to.parse().map_err(|_| format!("`{}` is no list of addresses of mailboxes", config.to))?;
    let builder = transport(&config, global, secret)?;
    let sender = Email { from: address(from)?, to, builder, transport: OnceLock::new() };
    Ok(Built { sender: Arc::new(sender), send_resolved: written.send_resolved(false), left_out })
}

fn transport(
    config: &Config,
    global: &Global,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<AsyncSmtpTransportBuilder, String> {
    let server = config.smarthost.as_ref().or(global.smtp_smarthost.as_ref());
    let server = server.ok_or("`smarthost` is missing; want `host:port`")?;
    let parts = server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) = parts.ok_or_else(|| format!("`smarthost` is `{server}`; want `host:port`"))?;
    let wanted = config.require_tls.or(global.smtp_require_tls).unwrap_or(true);
    let tls = tls(&config.tls_config, host, port, wanted, secret)?;
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port).tls(tls);
    builder = builder.timeout(Some(TIMEOUT));
    if let Some(name) = config.hello.as_ref().or(global.smtp_hello.as_ref()) {
        builder = builder.hello_name(ClientId::Domain(name.clone()));
    }
    if let Some(user) = config.auth_username.as_ref().or(global.smtp_auth_username.as_ref()) {
        let (own, file) = match (&config.auth_password, &config.auth_password_file) {
            (None, None) => (global.smtp_auth_password.clone(), global.smtp_auth_password_file.clone()),
            (own, file) => (own.clone(), file.clone()),
        };
        let password = one_of("auth_password", own, "auth_password_file", file.as_deref(), secret)?;
        builder = builder.credentials(Credentials::new(user.clone(), password.reveal().clone()));
    }
    Ok(builder)
}

/// Port 465 speaks TLS from the first byte; elsewhere the connection is raised, which is a must unless it was waived.
fn tls(
    config: &TlsConfig,
    host: &str,
    port: u16,
    wanted: bool,
    secret: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Tls, String> {
    let mut parameters = TlsParameters::builder(config.server_name.clone().unwrap_or_else(|| host.to_owned()));
    if let Some(path) = &config.ca_file {
        let pem = secret(path).map_err(|problem| format!("`ca_file`: {problem}"))?;
        let certificate =
            Certificate::from_pem(pem.as_bytes()).map_err(|_| format!("`{path}` holds no certificate"))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    if config.insecure_skip_verify {
        parameters = parameters.dangerous_accept_invalid_certs(true);
    }
    let parameters = parameters.build_rustls().map_err(|_| "TLS cannot be set up".to_owned())?;
    Ok(match (port, wanted) {
        (465, _) => Tls::Wrapper(parameters),
        (_, true) => Tls::Required(parameters),
        (_, false) => Tls::Opportunistic(parameters),
    })
}

#[async_trait]
impl Sender for Email {
    fn destination(&self) -> String {
        let to: Vec<String> = self.to.iter().map(|mailbox| mailbox.email.to_string()).collect();
        format!("email:{}", to.join(","))
    }

    fn pace(&self) -> Pace {
        Pace { burst: 10, every: Duration::from_secs(2) }
    }

    async fn send(&self, post: &Post<'_>, memory: &mut Memory, _: &mut Place) -> Result<(), Failure> {
        // The same for every try, so that a mail program shows a repeat once.
        let id = format!("<{}@{}>", post.key, self.from.email.domain());
        let mail = self.mail(post.message, &id, memory).map_err(|_| Failure::never("the mail cannot be written"))?;
        let transport = self.transport.get_or_init(|| self.builder.clone().build());
        transport.send(mail).await.map_err(|error| failure(&error))?;
        memory.first.get_or_insert_with(|| id.clone());
        memory.message = Some(id);
        Ok(())
    }
}

impl Email {
    fn mail(&self, message: &Message, id: &str, memory: &Memory) -> Result<Mail, lettre::error::Error> {
        let subject = format!("{} {}", message.tone.sign(), message.title);
        let mut mail = Mail::builder().from(self.from.clone()).subject(subject);
        for mailbox in self.to.iter() {
            mail = mail.to(mailbox.clone());
        }
        mail = mail.header(MessageId::from(id.to_owned()));
        if let (Some(first), Some(last)) = (&memory.first, &memory.message) {
            let all = if first == last { first.clone() } else { format!("{first} {last}") };
            mail = mail.header(InReplyTo::from(last.clone())).header(References::from(all));
        }
        let page = SinglePart::builder().header(ContentType::TEXT_HTML).body(page(message));
        let rich = match &message.picture {
            None => MultiPart::alternative().singlepart(text(message)).singlepart(page),
            Some(picture) => {
                let kind = ContentType::parse("image/png").unwrap_or(ContentType::TEXT_PLAIN);
                let image = Attachment::new_inline(PICTURE.to_owned()).body(picture.png.clone(), kind);
                let related = MultiPart::related().singlepart(page).singlepart(image);
                MultiPart::alternative().singlepart(text(message)).multipart(related)
            }
        };
        let mut mail = mail.multipart(rich)?;
        // Tells other machines not to answer.
        for (name, value) in [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")] {
            let name = HeaderName::new_from_ascii_str(name);
            mail.headers_mut().insert_raw(HeaderValue::new(name, value.to_owned()));
        }
        Ok(mail)
    }
}

fn text(message: &Message) -> SinglePart {
    SinglePart::builder().header(ContentType::TEXT_PLAIN).body(plain(message))
}

fn page(message: &Message) -> String {
    let picture = match &message.picture {
        Some(picture) => {
            format!("<p><img src=\"cid:{PICTURE}\" alt=\"{}\"></p>", crate::message::escape(&picture.alt))
        }
        None => String::new(),
    };
    format!(
        "<!doctype html><html><body><div style=\"border-left:4px solid {};padding-left:12px;font-family:sans-serif\">{}{picture}</div></body></html>",
        message.tone.colour(),
        html(message, "<br>\n"),
    )
}

/// Why a mail was not taken; a server's own words may repeat addresses and are left out.
fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let code = error.status().map_or_else(String::new, |code| format!(" ({code})"));
    if error.is_permanent() {
        return Failure::never(format!("the mail server refuses the mail{code}"));
    }
    if error.is_client() {
        return Failure::never("the mail server cannot do what is wanted: TLS or the way to log in");
    }
    let unsure = error.is_timeout();
    let reason = if error.is_transient() { "the mail server is busy" } else { "the mail server cannot be reached" };
    Failure::Again { after: None, reason: format!("{reason}{code}"), unsure }
}

#[cfg(test)]
mod tests;

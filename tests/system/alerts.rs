//! Alerts on their way to people: a real Alertmanager, `amtool`'s decisions, a real mail server.

mod chat;
mod server;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use alert::{Alert, Alertmanagers, Author, Desk, DeskParts, Evidence, Notify as _, Routing, RuleRef};
use logline::{Tenant, Timestamp};
use serde_json::{Value, json};
use stdx::{SystemClock, Tasks};

use super::clients::python;
use super::harness::{eventually, now, run};

/// A program that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A port that was free a moment ago.
fn port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn desk(folder: &Path, yaml: &str, alertmanagers: Option<Alertmanagers>) -> (Arc<Desk>, Tasks) {
    let state = state::State::open(&state::Location::File(folder.join("state.db"))).await.unwrap();
    let secret = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let masker = mask::Masker::new(&mask::Config::default()).unwrap();
    let tasks = Tasks::default();
    let parts = DeskParts {
        state,
        routing: Arc::new(Routing::parse(yaml, &secret).unwrap()),
        alertmanagers,
        heartbeat: None,
        author: Author::new(Arc::new(masker), "https://logs.example.com"),
        lines: None,
        clock: Arc::new(SystemClock),
        tasks: tasks.clone(),
        node: "test".to_owned(),
        deadline: Duration::from_secs(600),
    };
    (Desk::start(parts).await.unwrap(), tasks)
}

fn alert(labels: &[(&str, &str)], summary: &str, ended: bool) -> Alert {
    let start = Timestamp(now().0 - 60_000_000_000);
    Alert {
        tenant: Tenant::default(),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        annotations: BTreeMap::from([("summary".to_owned(), summary.to_owned())]),
        starts_at: start,
        ends_at: ended.then(now),
        updated_at: now(),
        value: 1.0,
        rule: RuleRef::default(),
        generator_url: String::new(),
        evidence: Evidence { orders: vec!["4711".to_owned()], orders_total: 1, ..Evidence::default() },
    }
}

const NOBODY: &str = "route: {receiver: nobody}\nreceivers: [{name: nobody}]";

/// Whether a program is there; Alertmanager is a Debian package.
pub(super) fn has(name: &str) -> bool {
    let found = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        println!("LEFT OUT: {name} is not installed (Debian: prometheus-alertmanager)");
    }
    found
}

#[tokio::test]
async fn a_real_alertmanager_gets_alerts_and_their_end() {
    if !has("prometheus-alertmanager") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("alertmanager.yml");
    std::fs::write(&config, NOBODY).unwrap();
    let address = format!("127.0.0.1:{}", port());
    let mut command = Command::new("prometheus-alertmanager");
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.path={}", folder.path().join("am").display()));
    command.arg(format!("--web.listen-address={address}")).arg("--cluster.listen-address=");
    let _running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str| -> Value {
        match http.get(format!("http://{address}{path}")).send().await {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        }
    };
    eventually("alertmanager answers", async || ask("/api/v2/status").await.is_object()).await;

    let to = Alertmanagers::new(&[format!("http://{address}/")]).unwrap();
    let (desk, tasks) = desk(folder.path(), NOBODY, Some(to)).await;
    let labels = [("alertname", "OrderStuck"), ("service_name", "mes")];
    desk.notify(vec![alert(&labels, "call +7 916 123-45-67", false)]).await.unwrap();
    let active = async || ask("/api/v2/alerts?active=true").await.as_array().map_or(0, Vec::len);
    eventually("the alert is there", async || active().await == 1).await;
    let there = ask("/api/v2/alerts").await;
    assert_eq!(there[0]["labels"]["service_name"], "mes");
    assert!(!there.to_string().contains("916"), "{there}");
    // Its own fingerprint is the one that Alertmanager computes.
    let own = format!("{:016x}", alert(&labels, "", false).fingerprint());
    assert_eq!(there[0]["fingerprint"].as_str(), Some(own.as_str()));
    desk.notify(vec![alert(&labels, "", true)]).await.unwrap();
    eventually("the alert is over", async || active().await == 0).await;
    tasks.drain(Duration::from_secs(10)).await;
}

const TREE: &str = r#"
route:
  receiver: everybody
  routes:
  - matchers: [ team="shop", severity=~"critical|page" ]
    receiver: shop-pager
    continue: true
  - matchers: [ team=shop ]
    receiver: shop-chat
    routes:
    - match_re: {service: "crm|mes"}
      receiver: makers
    - match: {service: web}
  - matchers: [ team!~"shop|crm", env="" ]
    receiver: nobody-s
  - matchers: ['{env=~"prod.*",team="crm"}']
    receiver: crm
    continue: true
  - receiver: after
    matchers: ['env=~".+"']
receivers: [{name: everybody}, {name: shop-pager}, {name: shop-chat}, {name: makers}, {name: nobody-s}, {name: crm}, {name: after}]
"#;

#[tokio::test]
async fn routes_are_those_that_amtool_finds() {
    if !has("amtool") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("alertmanager.yml");
    std::fs::write(&config, TREE).unwrap();
    let routing = Routing::parse(TREE, &|_| Err(String::new())).unwrap();
    let mut compared = 0;
    for team in ["", "shop", "crm", "shopping"] {
        for severity in ["", "critical", "critical!"] {
            for service in ["", "mes", "web"] {
                for env in ["", "prod-1", "dev"] {
                    let pairs = [("team", team), ("severity", severity), ("service", service), ("env", env)];
                    let given: Vec<_> = pairs.iter().filter(|(_, value)| !value.is_empty()).collect();
                    let labels: BTreeMap<String, String> =
                        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
                    let mut amtool = Command::new("amtool");
                    amtool.args(["config", "routes", "test"]).arg(format!("--config.file={}", config.display()));
                    amtool.args(given.iter().map(|(name, value)| format!("{name}={value}")));
                    let (code, said) = run(&mut amtool);
                    assert_eq!(code, Some(0), "{said}");
                    let ours: Vec<&str> =
                        routing.route.matching(&labels).iter().map(|route| route.receiver.as_str()).collect();
                    // Behind the answer stands a warning of some versions.
                    assert_eq!(ours.join(","), said.lines().next().unwrap_or_default(), "{labels:?}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 108);
}

const MAIL_SERVER: &str = r#"
import email, email.policy, json, socket, ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
pem, out = sys.argv[1], sys.argv[2]
class Keep:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        html, text = mail.get_body(('html',)), mail.get_body(('plain',))
        told = {k: mail[k] for k in ('Subject', 'Message-ID', 'References', 'In-Reply-To', 'Auto-Submitted')}
        told.update(html=html.get_content(), text=text.get_content(), to=envelope.rcpt_tos,
                    tls=session.ssl is not None, user=session.auth_data.decode() if session.auth_data else None,
                    images=[p['Content-ID'] for p in mail.walk() if p.get_content_type() == 'image/png'])
        with open(out, 'a') as file:
            file.write(json.dumps(told) + '\n')
        return '250 kept'
def login(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b'lapidary', b'hunter2')
    return AuthResult(success=good, auth_data=data.login)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(pem)
class Here(Controller):
    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self.here)
Here.here = socket.create_server(('127.0.0.1', 0))
port = Here.here.getsockname()[1]
# With a name of its own it asks no DNS for one.
Here(Keep(), hostname='127.0.0.1', port=port, server_hostname='localhost', tls_context=context,
     require_starttls=True, authenticator=login, auth_required=True).start()
print(port, flush=True)
time.sleep(600)
"#;

/// A certificate for 127.0.0.1 with its key, made by openssl.
fn certificate(folder: &Path) -> PathBuf {
    let (pem, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(&key).arg("-out").arg(&pem);
    let (code, said) = run(&mut openssl);
    assert_eq!(code, Some(0), "{said}");
    let both = folder.join("both.pem");
    std::fs::write(&both, std::fs::read_to_string(&key).unwrap() + &std::fs::read_to_string(&pem).unwrap()).unwrap();
    both
}

/// Waits for something to arrive; says what became of the deliveries when it does not.
async fn arrived(what: &str, desk: &Desk, is_there: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_there() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} did not come: {:?}", desk.deliveries(&Tenant::default(), 10).await);
}

#[tokio::test]
async fn a_real_mail_server_gets_mails_in_one_thread_over_tls_with_a_login() {
    let Some(python) = python(&["aiosmtpd==1.4.6"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (pem, out) = (certificate(folder.path()), folder.path().join("mails"));
    std::fs::write(&out, "").unwrap();
    std::fs::write(folder.path().join("password"), "hunter2\n").unwrap();
    let mut command = Command::new(&python);
    command.args(["-c", MAIL_SERVER]).arg(&pem).arg(&out);
    let mut server = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let port = port.trim_end();

    let cert = folder.path().join("cert.pem");
    let yaml = format!(
        "global: {{smtp_smarthost: '127.0.0.1:{port}', smtp_from: lapidary@example.com, smtp_auth_username: lapidary, smtp_auth_password_file: '{}'}}\n\
         route: {{receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s}}\n\
         receivers: [{{name: ops, language: ru, email_configs: [{{to: 'ops@example.com, boss@example.com', send_resolved: true, tls_config: {{ca_file: '{}'}}}}]}}]",
        folder.path().join("password").display(),
        cert.display(),
    );
    let (desk, tasks) = desk(folder.path(), &yaml, None).await;
    let labels = [("alertname", "OrderStuck"), ("service_name", "mes")];
    let mut first = alert(&labels, "позвонить ivan@example.ru", false);
    let picture = alert::Picture { png: b"\x89PNG\r\n\x1a\n0".to_vec(), alt: "band".to_owned() };
    first.evidence.picture = Some(Arc::new(picture));
    desk.notify(vec![first]).await.unwrap();
    let mails = || -> Vec<Value> {
        let text = std::fs::read_to_string(&out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    arrived("a mail", &desk, || mails().len() == 1).await;
    desk.notify(vec![alert(&labels, "позвонить ivan@example.ru", true)]).await.unwrap();
    arrived("a second mail", &desk, || mails().len() == 2).await;
    tasks.drain(Duration::from_secs(10)).await;

    let (first, second) = (&mails()[0], &mails()[1]);
    assert_eq!((first["tls"].as_bool(), first["user"].as_str()), (Some(true), Some("lapidary")));
    assert_eq!(first["to"], json!(["ops@example.com", "boss@example.com"]));
    assert_eq!(first["Subject"], "🟠 OrderStuck (mes)");
    assert_eq!(second["Subject"], "✅ OrderStuck: устранено (mes)");
    assert_eq!(first["Auto-Submitted"], "auto-generated");
    assert_eq!(second["In-Reply-To"], first["Message-ID"]);
    assert_eq!(first["images"].as_array().map(Vec::len), Some(1));
    let (text, html) = (first["text"].as_str().unwrap(), first["html"].as_str().unwrap());
    assert!(text.contains("1 заказ: 4711") && html.contains("https://logs.example.com/orders/4711"), "{text} {html}");
    assert!(!first.to_string().contains("ivan@"), "{first}");
}

//! TLS on the server's listener, with programs of others as clients: curl, OpenSSL, Python; and the command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::harness::{Server, eventually, program, run};
use super::otlp::send_over_grpc;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str, path: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let own = Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap());
        std::fs::write(path, own.0.pem()).unwrap();
        own
    }

    /// Writes a certificate for this host and its key.
    fn certify(&self, name: &str, files: &[PathBuf; 2]) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        std::fs::write(&files[0], params.signed_by(&key, &self.0).unwrap().pem()).unwrap();
    }
}

/// A server with TLS; one token, and agents known by their certificates.
struct Secure {
    folder: TempDir,
    authority: Authority,
    server: Server,
}

impl Secure {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let authority = Authority::new("ours", &path("ca.pem"));
        Authority::new("strangers", &path("stranger.pem"));
        authority.certify("server-1", &[path("cert.pem"), path("key.pem")]);
        authority.certify("agent-7", &[path("agent.pem"), path("agent.key")]);
        let config = format!(
            "data_dir = {data:?}\ngrpc_listen = \"127.0.0.1:0\"\n[http]\ncert_file = {cert:?}\nkey_file = {key:?}\nclient_ca_file = {ca:?}\n\
             [[auth.token]]\nname = \"ops\"\ntoken = \"ops-token-0123456789\"\nservices = [\"*\"]\npermissions = [\"read\", \"push\", \"status\"]\n\
             [[auth.token]]\nname = \"agents\"\ncertificates = [\"CN=agent-*\"]\npermissions = [\"status\"]\n",
            data = path("data"),
            cert = path("cert.pem"),
            key = path("key.pem"),
            ca = path("ca.pem"),
        );
        std::fs::write(path("lapidary.toml"), config).unwrap();
        let server = Server::configured(&path("lapidary.toml"));
        assert!(server.url.starts_with("https://"), "{}", server.url);
        Self { folder, authority, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn curl(&self, args: &[&str], path: &str) -> (Option<i32>, String) {
        let url = format!("{}{path}", self.server.url);
        run(Command::new("curl").args(["--silent", "--show-error", "--include", "--noproxy", "*"]).args(args).arg(url))
    }
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        println!("left out: there is no `{program}`");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_speaks_tls_and_knows_agents_by_their_certificates() {
    if !has("curl") {
        return;
    }
    let secure = Secure::start();
    let [ca, stranger, cert, key] =
        ["ca.pem", "stranger.pem", "agent.pem", "agent.key"].map(|name| secure.path(name).display().to_string());
    let (code, said) = secure.curl(&["--cacert", &ca], "/ready");
    assert_eq!(code, Some(0), "{said}");
    let lower = said.to_lowercase();
    for header in
        ["strict-transport-security: max-age=31536000", "x-content-type-options: nosniff", "x-frame-options: deny"]
    {
        assert!(lower.contains(header), "`{header}` is missing in {said}");
    }
    let (code, said) = secure.curl(&["--cacert", &stranger], "/ready");
    assert!(code != Some(0), "{said}");
    // Without a token: nobody, a known certificate, and one that no authority of ours vouches for.
    assert!(secure.curl(&["--cacert", &ca], "/api/v1/status").1.starts_with("HTTP/1.1 401"));
    let shown = secure.curl(&["--cacert", &ca, "--cert", &cert, "--key", &key], "/api/v1/status").1;
    assert!(shown.starts_with("HTTP/1.1 200"), "{shown}");
    let refused = secure.curl(&["--cacert", &ca, "--cert", &cert, "--key", &key], "/loki/api/v1/labels").1;
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("`agents`"), "{refused}");
    let old = secure.curl(&["--cacert", &ca, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"], "/ready");
    assert!(old.0 != Some(0), "{}", old.1);
    assert_eq!(secure.curl(&["--cacert", &ca, "--tls-max", "1.2"], "/ready").0, Some(0));
    if let Some(said) = send_over_grpc(&secure.server, "ops-token-0123456789", &ca) {
        assert!(said.contains("sent") && !said.contains("failed"), "{said}");
        let said = send_over_grpc(&secure.server, "ops-token-0123456789", &stranger).unwrap();
        assert!(!said.contains("sent"), "{said}");
    }
    // Plain HTTP to a port with TLS is answered by nobody.
    let plain = secure.server.url.replace("https://", "http://");
    let (code, said) = run(Command::new("curl").args(["--silent", "--noproxy", "*", &format!("{plain}/ready")]));
    assert!(code != Some(0) && !said.contains("ready"), "{said}");

    let lapidary = |args: &[&str]| {
        run(Command::new(program("lapidary"))
            .args(["jobs", "--addr", &secure.server.url])
            .args(args)
            .env_remove("LAPIDARY_TOKEN"))
    };
    let (code, said) = lapidary(&["--ca", &ca, "--token", "ops-token-0123456789"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = lapidary(&["--ca", &ca, "--cert", &cert, "--key", &key]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = lapidary(&["--ca", &stranger, "--token", "ops-token-0123456789"]);
    assert!(code == Some(1) && said.contains("--ca"), "{said}");
}

/// The common name of the certificate that is shown to a new connection.
fn shown(server: &Server) -> String {
    let address = server.url.trim_start_matches("https://");
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", address, "-showcerts"]).stdin(Stdio::null());
    run(&mut client).1.lines().find(|line| line.starts_with("subject=")).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_and_no_connection_is_dropped() {
    if !has("openssl") || !has("python3") {
        return;
    }
    let secure = Secure::start();
    assert!(shown(&secure.server).contains("server-1"), "{}", shown(&secure.server));
    // A connection of Python's that stays open asks once before, and once after.
    let script = "import http.client, ssl, sys\n\
        c = http.client.HTTPSConnection(sys.argv[1], context=ssl.create_default_context(cafile=sys.argv[2]))\n\
        for line in sys.stdin:\n c.request('GET', '/ready'); print(c.getresponse().read().decode().split()[0], flush=True)\n";
    let address = secure.server.url.trim_start_matches("https://");
    let mut python = Command::new("python3")
        .args(["-c", script, address])
        .arg(secure.path("ca.pem"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut ask, answers) = (python.stdin.take().unwrap(), std::io::BufReader::new(python.stdout.take().unwrap()));
    let mut answers = std::io::BufRead::lines(answers);
    let mut once = || {
        std::io::Write::write_all(&mut ask, b"\n").unwrap();
        answers.next().unwrap().unwrap()
    };
    assert_eq!(once(), "ready");
    secure.authority.certify("server-2", &[secure.path("cert.pem"), secure.path("key.pem")]);
    eventually("the new certificate is shown", async || shown(&secure.server).contains("server-2")).await;
    assert_eq!(once(), "ready");
    // What is no pair is not taken.
    std::fs::write(secure.path("key.pem"), "nonsense").unwrap();
    eventually("the log tells of it", async || {
        drop(shown(&secure.server));
        secure.server.log().contains("the new certificates are no good")
    })
    .await;
    assert!(shown(&secure.server).contains("server-2"));
    drop(ask);
    python.wait().unwrap();
}

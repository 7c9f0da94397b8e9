//! Listeners with TLS: for senders of ours, and for programs of others.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::Host;
use crate::authority::Authority;
use crate::clients::{debian, python, rsyslog, run};
use crate::receiver::{Receiver, until};

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn say(stream: &mut TlsStream<TcpStream>, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await
}

const TLS: &str = "cert_file = \"$/cert\"\nkey_file = \"$/key\"\nclient_ca_file = \"$/ca\"";

#[tokio::test]
async fn senders_without_a_certificate_are_refused_and_a_new_one_of_ours_cuts_nobody_off() {
    let (receiver, host, address) = (Receiver::start().await, Host::new(), free());
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (first, second, sender, stranger) = (ours.certify(), ours.certify(), ours.certify(), theirs.certify());
    ours.write(&host.path("ca"));
    first.write_certificate(&host.path("cert"));
    first.write_key(&host.path("key"));
    host.start(&format!(
        "[[input]]\nkind = \"syslog\"\ntcp = \"{address}\"\nlabels = {{ service = \"s\" }}\n{TLS}\n[output]\nurl = \"{}\"",
        receiver.url()
    ));
    for own in [None, Some(&stranger)] {
        // In TLS 1.3 the client's side is done before the server has looked.
        if let Ok(mut stream) = ours.connect(address, own).await {
            _ = say(&mut stream, "<13>1 - - - - - - nobody\n").await;
            assert!(stream.read_u8().await.is_err());
        }
    }
    let shown = |stream: &TlsStream<_>| stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let mut early = ours.connect(address, Some(&sender)).await.unwrap();
    say(&mut early, "<13>1 - - - - - - one\n").await.unwrap();
    receiver.wait_for(1).await;
    assert_eq!(shown(&early), first.certificate);

    second.write_certificate(&host.path("cert"));
    second.write_key(&host.path("key"));
    host.clock.pass();
    let mut late = ours.connect(address, Some(&sender)).await.unwrap();
    assert_eq!(shown(&late), second.certificate);
    say(&mut late, "<13>1 - - - - - - two\n").await.unwrap();
    receiver.wait_for(2).await;
    // The last line of a connection needs no end.
    say(&mut early, "<13>1 - - - - - - three").await.unwrap();
    early.shutdown().await.unwrap();
    receiver.wait_for(3).await;
    assert_eq!(receiver.lines(), ["one", "two", "three"]);
    host.stop().await;
}

#[tokio::test]
async fn forward_with_tls_is_taken_from_python() {
    let Some(python) = python(&["fluent-logger==0.11.1"]) else { return };
    let (receiver, host, address) = (Receiver::start().await, Host::new(), free());
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let own = ours.certify();
    ours.write(&host.path("ca"));
    theirs.write(&host.path("other"));
    own.write_certificate(&host.path("cert"));
    own.write_key(&host.path("key"));
    std::fs::write(host.path("shared"), "s3cret\n").unwrap();
    host.start(&format!(
        "[[input]]\nkind = \"forward\"\ntcp = \"{address}\"\nshared_key_file = \"$/shared\"\nheartbeat = true\n\
         labels = {{ service = \"f\" }}\ncert_file = \"$/cert\"\nkey_file = \"$/key\"\n[output]\nurl = \"{}\"",
        receiver.url()
    ));
    let ask = |ca: &str| {
        let mut command = Command::new(&python);
        command.args(["-c", include_str!("../inputs/forward.py"), &address.port().to_string(), "s3cret"]);
        command.arg(host.path(ca));
        tokio::task::spawn_blocking(move || run(&mut command))
    };
    let (code, said) = ask("ca").await.unwrap();
    assert_eq!((code, said.trim()), (Some(0), "acknowledged packed gzip"));
    let (_, said) = ask("other").await.unwrap();
    assert!(said.contains("CERTIFICATE_VERIFY_FAILED"), "{said}");
    receiver.wait_for(3).await;

    // As fluentd asks whether somebody is there.
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(b"\0", address).await.unwrap();
    let mut answer = [9; 8];
    let answered = tokio::time::timeout(std::time::Duration::from_secs(20), socket.recv_from(&mut answer));
    assert_eq!(answered.await.unwrap().unwrap(), (1, address));
    assert_eq!(answer[0], 0);
    host.stop().await;
}

#[tokio::test]
async fn syslog_with_tls_is_taken_from_rsyslog() {
    let packages = ["rsyslog", "libestr0", "libfastjson4", "liblognorm5", "rsyslog-openssl"];
    let Some(root) = debian(&packages) else { return };
    let (receiver, host, address) = (Receiver::start().await, Host::new(), free());
    let ours = Authority::new("ours");
    let (own, sender) = (ours.certify(), ours.certify());
    ours.write(&host.path("ca"));
    own.write_certificate(&host.path("cert"));
    own.write_key(&host.path("key"));
    sender.write_certificate(&host.path("sender.cert"));
    sender.write_key(&host.path("sender.key"));
    host.start(&format!(
        "[[input]]\nkind = \"syslog\"\ntcp = \"{address}\"\nlabels = {{ service = \"s\" }}\n{TLS}\n[output]\nurl = \"{}\"",
        receiver.url()
    ));
    let base = host.path("").display().to_string();
    std::fs::write(host.path("in.txt"), (0..200).map(|n| format!("строка {n}\n")).collect::<String>()).unwrap();
    let config = format!(
        "global(workDirectory=\"{base}\" DefaultNetstreamDriver=\"ossl\" DefaultNetstreamDriverCAFile=\"{base}/ca\"\n\
         DefaultNetstreamDriverCertFile=\"{base}/sender.cert\" DefaultNetstreamDriverKeyFile=\"{base}/sender.key\")\n\
         module(load=\"imfile\")\ninput(type=\"imfile\" file=\"{base}/in.txt\" tag=\"shop\" freshStartTail=\"off\")\n\
         action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{}\" protocol=\"tcp\" TCP_Framing=\"octet-counted\"\n\
         StreamDriver=\"ossl\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/certvalid\"\n\
         template=\"RSYSLOG_SyslogProtocol23Format\")\n",
        address.port()
    );
    std::fs::write(host.path("rsyslog.conf"), config).unwrap();
    let mut rsyslog = rsyslog(&root, &host.path(""));
    receiver.wait_for(200).await;
    drop(rsyslog.kill());
    until(|| rsyslog.try_wait().unwrap().is_some()).await;
    assert_eq!(receiver.lines(), (0..200).map(|n| format!("строка {n}")).collect::<Vec<_>>());
    host.stop().await;
}

//! What keeps a server from starting is said in one place, in words that name the remedy.

use std::net::TcpListener;
use std::process::Command;

use super::harness::{Server, program, run};

fn serve(args: &[&str]) -> (Option<i32>, String) {
    run(Command::new(program("lapidary")).arg("serve").args(args))
}

#[test]
fn a_bad_configuration_lists_all_its_problems_with_key_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lapidary.toml");
    let text = "listen = \"0.0.0.0:3100\"\ndata_dri = \"./x\"\n[storage]\nmemory = \"lots\"\n[[auth.token]]\nname = \"ops\"\ntoken = \"short\"\npermissions = [\"push\", \"fly\"]\n";
    std::fs::write(&config, text).unwrap();
    let (code, said) = serve(&["--config", config.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    for part in [
        "line 1: `listen`",
        "tls = \"terminated\"",
        "line 2: `data_dri`",
        "did you mean `data_dir`",
        "line 4: `storage.memory`",
        "line 8: `auth.token[0].permissions` names `fly`",
        "token `ops` is too short",
    ] {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
    let (code, checked) = run(Command::new(program("lapidary")).args(["check", "--config"]).arg(&config));
    assert_eq!((code, checked), (Some(2), said));
}

#[test]
fn a_port_in_use_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = serve(&["--auth", "none", "--listen", &address, "--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("cannot listen on {address}")) && said.contains("in use"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let below = file.join("data");
    let (code, said) = serve(&["--auth", "none", "--listen", "127.0.0.1:0", "--data-dir", below.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot") && said.contains(file.to_str().unwrap()), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn open_doors_are_for_loopback_only() {
    let (code, said) = serve(&["--auth", "none", "--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("loopback"), "{said}");
}

#[tokio::test]
async fn without_a_token_nothing_but_the_door_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lapidary.toml");
    std::fs::write(&config, format!("data_dir = {:?}\n", folder.path().join("data"))).unwrap();
    let server = Server::configured(&config);
    assert_eq!(server.get("/ready").await.0, 200);
    assert_eq!(server.get("/").await.0, 200);
    for path in ["/metrics", "/loki/api/v1/labels", "/loki/api/v1/query?query=1", "/api/v1/orders", "/api/v1/status"] {
        assert_eq!(server.get(path).await.0, 401, "{path}");
    }
}

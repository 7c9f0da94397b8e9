//! The audit trail of a server that really runs: what stands in it, that it survives a kill, that a change of it is
//! found; and that nothing secret stands in it, nor in logs, metrics, errors or settings.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::{Server, eventually, files, program, run};

const OPS: &str = "ops-token-plantedsecret";
const READER: &str = "reader-token-plantedsecret";
const PHONE: &str = "+79161234567";
const KEY: &str = "mask-key-planted-secret";

fn config(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let (path, key) = (folder.join("lapidary.toml"), folder.join("mask.key"));
    std::fs::write(&key, KEY).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "data_dir = {:?}\n[access]\ntoken_keys = [{:?}]\n\
         [[auth.token]]\nname = \"ops\"\ntoken = \"{OPS}\"\nservices = [\"*\"]\npermissions = [\"read\", \"push\", \"status\", \"audit\", \"reveal\", \"operate\", \"export\"]\n\
         [[auth.token]]\nname = \"reader\"\ntoken = \"{READER}\"\nservices = [\"shop-api\"]\npermissions = [\"read\"]\n",
        folder.join("data"),
        format!("1:{}", key.display()),
    );
    std::fs::write(&path, text).unwrap();
    path
}

async fn ask(server: &Server, token: &str, path: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    server.request(client.get(format!("{}{path}", server.url)).bearer_auth(token)).await
}

fn lapidary(server: &Server, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program("lapidary"));
    command.args(args).env("LAPIDARY_ADDR", &server.url).env("LAPIDARY_TOKEN", OPS).env("LAPIDARY_LANG", "en");
    run(&mut command)
}

async fn records(server: &Server) -> Vec<Value> {
    let (status, text) = ask(server, OPS, "/api/v1/audit?limit=1000").await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["records"].as_array().unwrap().clone()
}

fn is_there(records: &[Value], principal: &str, action: &str, outcome: &str, detail: &str) -> bool {
    records.iter().any(|record| {
        record["principal"] == principal
            && record["action"] == action
            && record["outcome"] == outcome
            && record["detail"].as_str().unwrap().contains(detail)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_did_stands_in_the_trail_and_nothing_secret_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::configured(&config(folder.path()));
    let query =
        "/loki/api/v1/query_range?query=%7Bservice_name%3D%22shop-api%22%7D%20%7C%3D%20%22ivan%40planted.example%22";
    assert_eq!(ask(&server, READER, query).await.0, 200);
    assert_eq!(ask(&server, READER, "/api/v1/audit?principal=somebody").await.0, 403);
    assert_eq!(ask(&server, "wrong-token-plantedsecret", query).await.0, 401);
    let token = mask::Masker::tokens(
        &mask::Config { token_keys: vec![mask::TokenKey::new(1, KEY.as_bytes()).unwrap()], ..mask::Config::default() },
        "phone",
        PHONE,
    );
    let token = token.unwrap().unwrap().remove(0);
    let reveal = |guess: &str, reason: &str| {
        lapidary(&server, &["access", "reveal", "--masked", &token, "--guess", guess, "--reason", reason])
    };
    assert_eq!(reveal("8 916 123-45-67", "ticket 4711"), (Some(0), "yes\n".to_owned()));
    assert_eq!(reveal("8 916 123-45-68", "ticket 4711"), (Some(0), "no\n".to_owned()));
    assert_eq!(reveal(PHONE, "").0, Some(1));
    let key = format!("1:{}", folder.path().join("mask.key").display());
    let local = lapidary(&server, &["access", "reveal", "--masked", &token, "--guess", PHONE, "--token-key", &key]);
    assert_eq!(local, (Some(0), "yes\n".to_owned()));

    // A guess in the URL is refused, and does not stand in the trail either.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v1/access/reveal?guess=guess-in-the-url", server.url);
    let body = serde_json::json!({"token": token, "guess": PHONE, "reason": "ticket 4711"}).to_string();
    for (token, status) in [(OPS, 400), (READER, 403)] {
        let asked = client.post(&url).bearer_auth(token).header("content-type", "application/json").body(body.clone());
        assert_eq!(server.request(asked).await.0, status);
    }
    let twice = client.get(format!("{}/loki/api/v1/labels", server.url)).bearer_auth(OPS);
    let twice = twice.header("X-Scope-OrgID", "fake").header("X-Scope-OrgID", "other");
    let (status, text) = server.request(twice).await;
    assert!(status == 400 && text.contains("headers that differ"), "{status} {text}");

    let masked = |answer: &str| format!("masked={token} answer={answer} reason=ticket 4711");
    let (yes, no) = (masked("yes"), masked("no"));
    let wanted = [
        ("reader", "query", "allowed", "shop-api"),
        ("reader", "audit", "denied", "/api/v1/audit scope: shop-api; principal=somebody"),
        ("reader", "reveal", "denied", "/api/v1/access/reveal"),
        ("ops", "reveal", "allowed", yes.as_str()),
        ("ops", "reveal", "allowed", no.as_str()),
        ("ops", "reveal", "failed", ""),
    ];
    eventually("everything stands in the trail", async || {
        let records = records(&server).await;
        wanted.iter().all(|(who, what, how, detail)| is_there(&records, who, what, how, detail))
    })
    .await;
    let records = records(&server).await;
    let queried = records.iter().find(|record| record["action"] == "query").unwrap();
    assert!(queried["detail"].as_str().unwrap().contains("<email>") && queried["cost"].is_object(), "{queried}");
    assert_eq!(queried["address"], "127.0.0.1");

    let (code, table) = lapidary(&server, &["audit", "--principal", "reader"]);
    assert!(code == Some(0) && table.contains("denied") && !table.contains(" ops "), "{table}");
    let (_, metrics) = ask(&server, OPS, "/metrics").await;
    let (_, settings) = ask(&server, OPS, "/config").await;
    let (_, error) = ask(&server, READER, "/loki/api/v1/query_range?query=%7Bplantedsecret").await;
    let trail = serde_json::to_string(&records).unwrap();
    let shown = [server.log(), metrics, settings, trail, table];
    for (index, text) in shown.iter().enumerate() {
        for secret in ["plantedsecret", KEY, "9161234567", "916 123-45-67", "ivan@planted", "guess-in-the-url"] {
            assert!(!text.contains(secret), "`{secret}` stands in {index}: {text}");
        }
    }
    assert!(!error.contains(READER), "{error}");
    drop(server);
    no_file_has(&folder.path().join("data"), &[OPS, READER, KEY, "9161234567", "ivan@planted"]);
}

#[track_caller]
fn no_file_has(folder: &Path, secrets: &[&str]) {
    for file in files(folder) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "`{secret}` stands in {}", file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_survives_a_kill_goes_on_behind_it_and_names_the_first_record_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let server = Server::configured(&config);
    assert_eq!(ask(&server, READER, "/loki/api/v1/labels").await.0, 200);
    eventually("it is written", async || is_there(&records(&server).await, "reader", "labels", "allowed", "")).await;
    // The first record is anchored at once.
    eventually("it is anchored", async || {
        let (_, text) = ask(&server, OPS, "/api/v1/audit/verify").await;
        let verdict: Value = serde_json::from_str(&text).unwrap();
        verdict["intact"] == true && 0 < verdict["chains"]["local"]["anchored"].as_u64().unwrap_or(0)
    })
    .await;
    server.kill();
    let server = Server::configured(&config);
    assert!(is_there(&records(&server).await, "reader", "labels", "allowed", ""));
    let (code, said) = lapidary(&server, &["audit", "verify"]);
    assert!(code == Some(0) && said.contains("local"), "{said}");
    // Nobody pushes to the trail or asks for it as for lines.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let forged = client.get(format!("{}/loki/api/v1/labels", server.url)).header("X-Scope-OrgID", "lapidary.audit");
    assert_eq!(server.request(forged.bearer_auth(OPS)).await.0, 403);
    assert!(server.terminate().success());

    // Somebody takes the files of the trail away, from disk and from the table.
    let audit = files(&folder.path().join("data"))
        .into_iter()
        .filter(|path| path.components().any(|part| part.as_os_str() == "audit"));
    audit.for_each(|path| std::fs::remove_file(path).unwrap());
    let server = Server::configured(&config);
    assert!(server.log().contains("the end of the audit trail is missing"), "{}", server.log());
    let (code, said) = lapidary(&server, &["audit", "verify"]);
    assert!(code == Some(1) && said.contains("of node `local` is missing"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_old_file_of_the_trail_is_told_and_does_not_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let parts = || {
        let all = files(&folder.path().join("data/tables/audit")).into_iter();
        all.filter(|path| path.extension().is_some_and(|end| end == "parquet")).collect::<Vec<_>>()
    };
    let server = Server::configured(&config);
    assert_eq!(ask(&server, READER, "/loki/api/v1/labels").await.0, 200);
    eventually("it is written", async || is_there(&records(&server).await, "reader", "labels", "allowed", "")).await;
    assert!(ask(&server, OPS, "/flush").await.0 < 300);
    eventually("a file is there", async || !parts().is_empty()).await;
    let old = parts();
    assert_eq!(ask(&server, READER, "/loki/api/v1/series?match[]=%7Ba%3D%22b%22%7D").await.0, 200);
    eventually("more is written", async || is_there(&records(&server).await, "reader", "series", "allowed", "")).await;
    assert!(server.terminate().success());
    let damages: [fn(&Path); 3] = [
        |path| {
            let length = usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap();
            std::fs::write(path, vec![0x5a; length]).unwrap();
        },
        |path| std::fs::write(path, "").unwrap(),
        |path| std::fs::remove_file(path).unwrap(),
    ];
    for damage in damages {
        old.iter().for_each(|path| damage(path));
        let server = Server::configured(&config);
        let (code, said) = lapidary(&server, &["audit", "verify"]);
        assert!(code == Some(1) && said.contains("a part of the trail cannot be read"), "{said}");
        assert!(
            said.contains("parquet") && said.contains("of node `local`"),
            "the file and the records around: {said}"
        );
        let (code, said) = lapidary(&server, &["audit", "--action", "series"]);
        assert!(code == Some(0) && said.contains("reader") && said.contains("cannot be read"), "{said}");
        assert_eq!(ask(&server, READER, "/loki/api/v1/labels").await.0, 200);
        assert!(server.terminate().success());
    }
    // The newest of all: it is what the start looks at.
    let newest = parts().into_iter().max_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap()).unwrap();
    std::fs::remove_file(newest).unwrap();
    let server = Server::configured(&config);
    eventually("the break is told", async || {
        is_there(&records(&server).await, "system", "break", "failed", "goes on behind")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_state_is_told_in_the_trail() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let server = Server::configured(&config);
    assert_eq!(ask(&server, READER, "/loki/api/v1/labels").await.0, 200);
    assert!(server.terminate().success());
    let server = Server::configured(&config);
    assert_eq!(lapidary(&server, &["audit", "verify"]).0, Some(0));
    assert!(!records(&server).await.iter().any(|record| record["action"] == "break"), "a restart is no break");
    assert!(server.terminate().success());
    let state = files(&folder.path().join("data")).into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("state.")
    });
    assert!(0 < state.map(|path| std::fs::remove_file(path).unwrap()).count());
    let server = Server::configured(&config);
    eventually("the missing anchors are told", async || {
        is_there(&records(&server).await, "system", "break", "failed", "anchors are missing since record 1:")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_in_the_middle_of_a_list_stands_in_the_trail_with_what_it_cost() {
    const LINES: usize = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::configured(&config(folder.path()));
    let begin = 1_767_225_600_000_000_000_usize;
    // More than the buffers of a connection hold.
    let filler = "list ".repeat(400);
    for part in 0..10 {
        let values = (0..LINES / 10).map(|n| serde_json::json!([(begin + n).to_string(), format!("{part} {filler}")]));
        let stream = serde_json::json!({"stream": {"service_name": "shop-api"}, "values": values.collect::<Vec<_>>()});
        let body = serde_json::json!({ "streams": [stream] }).to_string();
        let authorization = format!("Bearer {OPS}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        assert_eq!(server.push_raw(&headers, body.into_bytes()).await.0, 204);
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let list = "/loki/api/v1/query_range?query=%7Bservice_name%3D%22shop-api%22%7D&start=1767225600&end=1767229200";
    let list = client.get(format!("{}{list}", server.url)).bearer_auth(OPS).header("Accept", "application/x-ndjson");
    let mut answer = list.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);
    eventually("it stands in the trail as failed", async || {
        let records = records(&server).await;
        let query = records.iter().find(|record| record["action"] == "query");
        query.is_some_and(|record| record["outcome"] == "failed" && 0 < record["cost"]["rows"].as_u64().unwrap_or(0))
    })
    .await;
}

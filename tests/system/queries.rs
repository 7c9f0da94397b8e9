//! `lapidary query | tail | labels | series | stats | volume`, as people and scripts use them; lists without a limit.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use logline::Timestamp;
use serde_json::{Value, json};

use super::harness::{Server, escape, now, program};

const SECOND: i64 = 1_000_000_000;

/// Twelve thousand lines, more than any answer may hold; many share their time.
async fn filled(folder: &std::path::Path) -> (Server, Vec<String>) {
    let server = Server::open(folder);
    let base = now().0 - 600 * SECOND;
    let lines: Vec<_> =
        (0..12_000_i64).map(|n| (Timestamp(base + n / 500 * SECOND), format!("order_id={n} stored"))).collect();
    server.push(r#"{service="shop-api", env="test"}"#, &lines).await;
    server.push(r#"{service="crm-api", env="test"}"#, &[(Timestamp(base), "one error".to_owned())]).await;
    (server, lines.into_iter().map(|(_, line)| line).collect())
}

/// A command against a server: exit code, output, what it says beside it.
fn lapidary(server: &Server, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(program("lapidary"));
    let done = command.args(args).args(["--addr", &server.url]).env("LAPIDARY_LANG", "en").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_lines_has_no_limit_and_goes_on_where_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (server, lines) = filled(folder.path()).await;
    let query = r#"{service="shop-api"}"#;
    let windows = ["--forward", "--parallel", "3", "--parallel-duration", "1m"];
    for more in [&["--forward"][..], &["--forward", "--parallel-max-workers", "3"], &windows] {
        let args = [&["query", query, "--limit", "0", "--output", "raw"], more].concat();
        let (code, out, said) = lapidary(&server, &args);
        assert_eq!(code, 0, "{said}");
        assert!(out.lines().eq(lines.iter()), "{more:?}: {} lines", out.lines().count());
    }
    let (_, out, _) = lapidary(&server, &["query", query, "--limit", "0", "--output", "raw"]);
    assert!(out.lines().eq(lines.iter().rev()), "newest first, unless asked otherwise");

    // The same over HTTP, page by page, each cut among lines of one time.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..20 {
        let url = format!(
            "{}/loki/api/v1/query_range?query={}&direction=forward&limit=1300&cursor={cursor}",
            server.url,
            escape(query)
        );
        let (status, body) = server.request(client.get(url).header("Accept", "application/x-ndjson")).await;
        assert_eq!(status, 200, "{body}");
        cursor.clear();
        for line in body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            match line["cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => found.push(line["line"].as_str().unwrap().to_owned()),
            }
        }
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(found, lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_a_parallel_download_may_hold_more_than_is_kept_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let base = now().0 - 600 * SECOND;
    let lines: Vec<_> = (0..60_000_i64).map(|n| (Timestamp(base + n / 500 * SECOND), format!("n={n}"))).collect();
    server.push(r#"{service="large"}"#, &lines).await;
    let window = ["--parallel", "2", "--parallel-duration", "1h", "--limit", "0", "--forward", "--output", "raw"];
    let (code, out, said) = lapidary(&server, &[&["query", r#"{service="large"}"#][..], &window].concat());
    assert_eq!(code, 0, "{said}");
    assert!(out.lines().eq(lines.iter().map(|(_, line)| line.as_str())), "{} lines", out.lines().count());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_printed_for_people_and_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = filled(folder.path()).await;
    let query = r#"{env="test"} |~ "order_id=1199[89]|error""#;
    let (code, out, said) = lapidary(&server, &["query", query, "--forward", "--zone", "UTC"]);
    assert_eq!(code, 0, "{said}");
    let rows: Vec<_> = out.lines().collect();
    assert_eq!(rows.len(), 3, "{out}");
    assert!(rows[0].contains("Z {") || rows[0].contains("+00:00 {"), "{out}");
    assert!(rows[0].contains(r#"service="crm-api""#) && rows[0].ends_with("} one error"), "{out}");
    assert!(said.contains(r#"labels of all lines: {env="test"}"#), "{said}");
    let (_, out, _) = lapidary(&server, &["query", query, "--output", "jsonl", "--forward"]);
    let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((&first["line"], &first["labels"]["service"]), (&json!("one error"), &json!("crm-api")));
    let (_, out, _) = lapidary(&server, &["query", query, "--output", "json"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&out).unwrap().len(), 3);
    let (_, out, _) = lapidary(&server, &["query", query, "--output", "csv", "--include-label", "env"]);
    assert_eq!(out.lines().next().unwrap(), "timestamp,labels,line");
    assert!(out.lines().nth(1).unwrap().contains(r#","{env=""test""}","order_id=11999 stored""#), "{out}");
    let (_, out, said) = lapidary(&server, &["query", query, "--limit", "2", "--histogram"]);
    assert!(out.contains('█') && out.lines().count() >= 4, "{out}");
    assert!(said.contains("there are more: --limit 0"), "{said}");
    let (_, _, said) = lapidary(&server, &["query", query, "--limit", "2", "--lang", "ru"]);
    assert!(said.contains("строк: 2, есть ещё: --limit 0"), "{said}");
    let count = r#"sum by (service) (count_over_time({env="test"}[1h]))"#;
    let (code, out, said) = lapidary(&server, &["query", count, "--instant", "--stats"]);
    assert_eq!((code, out.as_str()), (0, "{service=\"crm-api\"} 1\n{service=\"shop-api\"} 12000\n"), "{said}");
    assert!(said.contains("lines"), "{said}");
    let (_, out, _) = lapidary(&server, &["query", count, "--step", "10m", "--output", "csv"]);
    assert_eq!(out.lines().next().unwrap(), "labels,timestamp,value");

    let (code, out, _) = lapidary(&server, &["query", query, "--explain"]);
    assert_eq!(code, 0);
    for part in ["ScanExec", "lines ruled out unread", "text decoded"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (code, _, said) = lapidary(&server, &["query", "{env="]);
    assert_eq!(code, 1);
    assert!(said.starts_with("lapidary: parse error at line 1, col"), "{said}");
    assert_eq!(lapidary(&server, &["query", query, "--since", "soon"]).0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_of_queries_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = filled(folder.path()).await;
    let query = |args: &[&str]| {
        let (code, out, said) = lapidary(&server, &[&["query"], args].concat());
        assert_eq!(code, 0, "{args:?}: {said}");
        (out, said)
    };
    // Five hundred lines a second for 24 seconds, of two streams.
    let all = r#"{env="test"}"#;
    let oldest =
        ["one error", "order_id=2500 stored", "order_id=5000 stored", "order_id=7500 stored", "order_id=10000 stored"];
    let newest = [11999, 9499, 6999, 4499, 1999].map(|n| format!("order_id={n} stored"));
    for limit in ["0", "30"] {
        let thinned = [all, "--interval", "5s", "--limit", limit, "--output", "raw"];
        let (out, _) = query(&[&thinned[..], &["--forward"]].concat());
        assert!(out.lines().eq(oldest), "{out}");
        let (out, _) = query(&thinned);
        assert!(out.lines().eq(newest.iter()), "{out}");
    }
    let (out, said) = query(&[all, "--interval", "5s", "--forward", "--output", "jsonl", "--stats"]);
    let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((&first["line"], &first["labels"]["service"]), (&json!("one error"), &json!("crm-api")));
    let time = first["timestamp"].as_str().unwrap();
    assert_eq!(time.split_once('.').unwrap().1.find(['+', '-']), Some(9), "all digits of its nanoseconds: {time}");
    assert!(said.contains(" of text, "), "{said}");
    let (_, said) = query(&[all, "--limit", "5", "--output", "raw", "--quiet", "--stats"]);
    assert!(said.contains(" of text, ") && !said.contains("there are more"), "{said}");
    let (out, _) = query(&[r#"{service="none"}"#, "--output", "csv"]);
    assert_eq!(out, "timestamp,labels,line\n");

    let count = r#"count_over_time({env="test"}[1h])"#;
    let (out, _) = query(&[count, "--explain", "--instant", "--output", "json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert!(told["plan"].as_str().unwrap().contains("points=1 "), "{told}");
    let (code, _, said) = lapidary(&server, &["query", count, "--cursor", "1-1"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--cursor goes on with a list of lines"), "{said}");
    let (out, _) = query(&[all, "--limit", "1", "--color", "always"]);
    assert!(out.starts_with("\u{1b}[2m"), "{out:?}");
    let (code, out, said) = lapidary(&server, &["volume", "--step", "1h", "--zone", "UTC"]);
    assert!(code == 0 && out.lines().next().unwrap().contains("+00:00  "), "{out} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_series_statistics_and_volumes_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = filled(folder.path()).await;
    let out = |args: &[&str]| {
        let (code, out, said) = lapidary(&server, args);
        assert_eq!(code, 0, "{args:?}: {said}");
        out
    };
    assert_eq!(out(&["labels"]), "env\nservice\nservice_name\n");
    assert_eq!(out(&["labels", "service"]), "crm-api\nshop-api\n");
    assert_eq!(
        out(&["labels", "service", "--query", r#"{service=~"s.*"}"#, "--format", "json"]).trim(),
        "[\n  \"shop-api\"\n]"
    );
    assert_eq!(
        out(&["series", r#"{service="crm-api"}"#]),
        "{env=\"test\", service=\"crm-api\", service_name=\"crm-api\"}\n"
    );
    assert_eq!(out(&["series", "--analyze-labels", "--format", "csv"]).lines().next().unwrap(), "label,values,streams");
    assert!(out(&["stats", r#"{env="test"}"#]).contains("lines    12001"));
    let volume = out(&["volume", "--target-labels", "service", "--format", "csv"]);
    assert_eq!(volume.lines().nth(2).unwrap(), r#""{service=""crm-api""}","9""#);
    assert!(out(&["volume", "--aggregate-by", "labels"]).starts_with("{env=\"\"}"));
    let (code, _, said) = lapidary(&server, &["stats", "{"]);
    assert_eq!(code, 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_prints_what_comes_in_and_survives_a_restart_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let address = server.url.trim_start_matches("http://").to_owned();
    let push = async |server: &Server, text: &str| {
        server.push(r#"{service="shop-api"}"#, &[(now(), text.to_owned())]).await;
    };
    push(&server, "first").await;
    let mut tail = Command::new(program("lapidary"))
        .args(["tail", r#"{service="shop-api"}"#, "--output", "raw", "--limit", "1", "--addr", &server.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = move || lines.next().unwrap().unwrap();
    assert_eq!(next(), "first");
    push(&server, "second").await;
    assert_eq!(next(), "second");
    assert!(server.terminate().success(), "a tail does not keep the server from ending");
    let again = Server::start(
        Command::new(program("lapidary"))
            .args(["serve", "--listen", &address, "--auth", "none", "--data-dir"])
            .arg(folder.path()),
    );
    let base = now().0;
    let missed: Vec<_> = (0..50).map(|n| (Timestamp(base + n), format!("missed {n}"))).collect();
    again.push(r#"{service="shop-api"}"#, &missed).await;
    for n in 0..50 {
        assert_eq!(next(), format!("missed {n}"), "neither lost nor twice");
    }
    tail.kill().unwrap();
    tail.wait().unwrap();
}

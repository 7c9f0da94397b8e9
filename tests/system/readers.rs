//! Other programs read a table that was merged, aged and deleted from, and count as we do.

use std::collections::BTreeMap;
use std::process::Command;

use logline::Timestamp;

use super::clients::python;
use super::harness::{Server, eventually, now, run};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
const FLUSHES: i64 = 8;
const LINES: i64 = 300;

/// Counts and the sum of a number in each line, by service, with Polars over `deltalake`.
const SCRIPT: &str = "import sys, os, polars as pl\n\
    rows = pl.read_delta(sys.argv[1]).with_columns(pl.col('line').str.extract(r'n=(\\d+)').cast(pl.Int64).alias('n'))\n\
    for name, count, total in rows.group_by(pl.col('service_name').cast(pl.Utf8)).agg(pl.len(), pl.col('n').sum().alias('total')).sort('service_name').rows():\n    \
    print(name, count, total)\n\
    sys.stdout.flush()\n\
    os._exit(0)";

#[tokio::test]
async fn polars_counts_a_table_with_merges_retention_and_deletes_as_we_do() {
    let Some(python) = python(&["deltalake==1.6.0", "pyarrow", "polars"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("lapidary.toml"));
    let text = format!(
        "data_dir = {data:?}\n[auth]\nmode = \"none\"\n[storage]\nretention_enabled = true\ndelete_request_cancel_period = \"0s\"\n\
         [[limits.retention_stream]]\nselector = '{{env=\"dev\"}}'\npriority = 1\nperiod = \"1d\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let server = Server::configured(&config);
    let start = now().0 - 60 * SECOND;
    let push = async |labels: &str, from: i64, flush: i64| {
        let line = |n: i64| {
            let secret = if n % 3 == 0 { "secret" } else { "plain" };
            (Timestamp(from + flush * SECOND + n), format!("{secret} n={}", flush * LINES + n))
        };
        server.push(labels, &(0..LINES).map(line).collect::<Vec<_>>()).await;
    };
    for flush in 0..FLUSHES {
        push(r#"{service_name="shop", env="prod"}"#, start, flush).await;
        push(r#"{service_name="crm", env="prod"}"#, start, flush).await;
        push(r#"{service_name="crm", env="dev"}"#, start - 3 * DAY, flush).await;
        push(r#"{service_name="mes", env="prod"}"#, start - 3 * DAY, flush).await;
        server.try_flush().await;
    }
    let query = super::harness::escape(r#"{service_name="shop"} |= "secret""#);
    let asked = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = asked.post(format!("{}/loki/api/v1/delete?query={query}&start=1", server.url)).send().await.unwrap();
    assert_eq!(asked.status().as_u16(), 204);
    eventually("merged, aged and deleted", async || {
        let deletes = server.json("/loki/api/v1/delete").await;
        let jobs = server.json("/api/v1/jobs").await.to_string();
        let done = |kind: &str| jobs.contains(&format!("\"kind\":\"{kind}\""));
        deletes[0]["status"] == "processed" && done("compact") && done("retain") && !jobs.contains("\"running\"")
    })
    .await;
    let (from, to) = (Timestamp(start - 4 * DAY), Timestamp(start + DAY));
    let mut own: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for service in ["crm", "mes", "shop"] {
        let lines = server.lines(&format!("{{service_name={service:?}}}"), from, to).await;
        let number = |line: &str| line.split_once("n=").unwrap().1.parse::<i64>().unwrap();
        own.insert(service, (lines.len() as i64, lines.iter().map(|(_, line)| number(line)).sum()));
    }
    assert_eq!(own["shop"].0, FLUSHES * LINES * 2 / 3, "what was to be deleted is gone");
    assert_eq!(
        (own["crm"].0, own["mes"].0),
        (FLUSHES * LINES, FLUSHES * LINES),
        "what was to age is gone, and no more"
    );
    assert!(server.terminate().success());
    let table = data.join("tables/logs");
    let (code, said) = run(Command::new(&python).args(["-c", SCRIPT, table.to_str().unwrap()]));
    assert_eq!(code, Some(0), "{said}");
    let own: String = own.iter().map(|(name, (count, total))| format!("{name} {count} {total}\n")).collect();
    assert_eq!(said, own);
}

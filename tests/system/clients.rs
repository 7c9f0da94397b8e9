//! Real clients of others: Python's Loki handlers push, `deltalake` reads the files. A client that cannot be had is named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::harness::{Server, eventually, files, now, run};
use logline::Timestamp;

const MINUTE: i64 = 60_000_000_000;

/// A Python with these packages, in a folder beside our programs that later runs find again; `None` when it cannot be had.
pub(crate) fn python(packages: &[&str]) -> Option<PathBuf> {
    let folder = super::harness::program("lapidary").with_file_name("python");
    // Tests that run at the same time wait for each other's packages.
    let alone = std::fs::File::create(folder.with_extension("lock")).unwrap();
    alone.lock().unwrap();
    let python = folder.join("bin/python");
    let made = python.exists() || run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).0 == Some(0);
    let mut pip = Command::new(&python);
    let (code, said) = if made {
        run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages))
    } else {
        (None, "no python3 with venv".to_owned())
    };
    if code == Some(0) {
        return Some(python);
    }
    let reason = said.lines().last().unwrap_or_default();
    println!("LEFT OUT: the suite of Python clients ({}) could not be had: {reason}", packages.join(", "));
    None
}

/// Node with these packages, and the folder to find them in; `None` when it cannot be had.
pub(crate) fn node(packages: &[&str]) -> Option<(PathBuf, PathBuf)> {
    let folder = super::harness::program("lapidary").with_file_name("node");
    let alone = std::fs::File::create(folder.with_extension("lock")).unwrap();
    alone.lock().unwrap();
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&folder).args(packages);
    let output = npm.output().map(|output| (output.status.success(), output.stderr));
    match output {
        Ok((true, _)) => Some((PathBuf::from("node"), folder.join("node_modules"))),
        Ok((false, said)) => {
            println!("LEFT OUT: Node's {}: {}", packages.join(", "), String::from_utf8_lossy(&said));
            None
        }
        Err(error) => {
            println!("LEFT OUT: Node's {}: there is no npm: {error}", packages.join(", "));
            None
        }
    }
}

fn script(python: &Path, text: &str, args: &[&str]) -> String {
    let (code, said) = run(Command::new(python).args(["-c", text]).args(args));
    assert_eq!(code, Some(0), "{said}");
    said
}

#[tokio::test]
async fn pythons_loki_handlers_are_understood_and_deltalake_reads_what_they_wrote() {
    let Some(python) =
        python(&["python-logging-loki==0.3.1", "loki-logger-handler==1.1.2", "deltalake==1.6.0", "pyarrow"])
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let url = format!("{}/loki/api/v1/push", server.url);
    script(
        &python,
        "import logging, sys, logging_loki\nlogging_loki.emitter.LokiEmitter.level_tag = 'level'\nh = logging_loki.LokiHandler(url=sys.argv[1], tags={'app': 'py-one'}, version='1')\nl = logging.getLogger('a'); l.addHandler(h)\nfor n in range(20): l.warning('привет number %d', n)",
        &[&url],
    );
    script(
        &python,
        "import logging, sys\nfrom loki_logger_handler.loki_logger_handler import LokiLoggerHandler\nh = LokiLoggerHandler(url=sys.argv[1], labels={'app': 'py-two'}, timeout=1, compressed=True)\nl = logging.getLogger('b'); l.setLevel(logging.INFO); l.addHandler(h)\nfor n in range(20): l.info('compressed number %d', n)\nimport time; time.sleep(3)",
        &[&url],
    );
    let (start, end) = (Timestamp(now().0 - 60 * MINUTE), Timestamp(now().0 + 60 * MINUTE));
    for (query, text) in [(r#"{app="py-one"}"#, "привет number 7"), (r#"{app="py-two"}"#, "compressed number 7")]
    {
        eventually(query, async || server.lines(query, start, end).await.len() == 20).await;
        let found = server.lines(query, start, end).await;
        assert!(found.iter().any(|(_, line)| line.contains(text)), "{found:?}");
    }
    assert!(server.terminate().success());

    let table = folder.path().join("tables/logs");
    let count = script(
        &python,
        "import sys, deltalake\nt = deltalake.DeltaTable(sys.argv[1]).to_pyarrow_table()\nlines = t.column('line').to_pylist()\nprint(t.num_rows, sum('number' in line for line in lines), sorted(set(t.column('service_name').to_pylist())))\nimport os\nsys.stdout.flush()\n# The library's threads may outlive the interpreter, which would abort it.\nos._exit(0)",
        &[table.to_str().unwrap()],
    );
    assert_eq!(count.trim(), "40 40 ['py-one', 'py-two']");
    assert!(files(&table).iter().any(|file| file.extension().is_some_and(|extension| extension == "parquet")));
}

/// Forms that Loki's grammar has and the editor's has not: words in capitals, hexadecimal floats, sizes without `B`, no
/// `and` between label filters, an offset or a range behind `unwrap`, `approx_topk`.
const UNKNOWN_TO_THE_EDITOR: [&str; 12] = [
    "approx topk",
    "approx topk of lines",
    "hexadecimal float",
    "hexadecimal float as a value",
    "juxtaposed",
    "keywords in any case",
    "kilobytes without B",
    "offset and filters",
    "offset behind unwrap",
    "range behind parentheses",
    "range behind parentheses with offset",
    "words side by side then or",
];

#[test]
fn grafanas_query_editor_reads_the_queries_that_we_read() {
    let packages = ["@grafana/lezer-logql@0.3.0", "@lezer/lr@1.4.12", "@lezer/common@1.5.5"];
    let Some((node, modules)) = node(&packages) else { return };
    let script = r#"
        const need = require('module').createRequire(process.argv[1] + '/');
        const { parser } = need('@grafana/lezer-logql');
        const lines = require('fs').readFileSync(process.argv[2], 'utf8').split('\n');
        const isBroken = (query) => {
            let found = false;
            parser.parse(query).iterate({ enter: (node) => { found = found || node.type.isError; } });
            return found;
        };
        for (const line of lines.filter((line) => line && !line.startsWith('#'))) {
            const at = line.indexOf(': ');
            if (isBroken(line.slice(at + 2))) console.log(line.slice(0, at));
        }
        console.log(isBroken('{a="b"} | nothing x') && isBroken('rate({a="b"}[5m]'));
    "#;
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/query/src/tests/queries.txt");
    let (code, said) = run(Command::new(node).args(["-e", script]).arg(modules).arg(table));
    assert_eq!(code, Some(0), "{said}");
    let mut refused: BTreeSet<&str> = said.lines().collect();
    assert!(refused.remove("true"), "it tells what is broken: {said}");
    assert_eq!(refused, UNKNOWN_TO_THE_EDITOR.into());
}

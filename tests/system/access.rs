//! Who may come in and what they see, as people meet it: the first start, the command line as every role, secrets that
//! must stand nowhere.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::harness::{Server, now, program, run};

const SERVICES: [&str; 3] = ["shop", "crm", "mes"];

/// Tokens, what stands with them, and the services whose lines they see.
const TOKENS: [(&str, &str, &[&str]); 7] = [
    ("developer", "permissions = [\"read\", \"orders\", \"export\"]\nservices = [\"shop-api\"]", &["shop"]),
    ("stranger", "roles = [\"developer\"]", &[]),
    ("devops", "roles = [\"devops\"]", &SERVICES),
    ("admin", "roles = [\"admin\"]", &SERVICES),
    ("support", "roles = [\"support\"]", &[]),
    ("auditor", "roles = [\"auditor\"]", &[]),
    ("manager", "permissions = [\"users\", \"read\", \"status\"]\nservices = [\"mes-api\"]", &["mes"]),
];

/// What each command of the program asks of a server. A new command needs a decision: think about what it shows to whom.
fn asks(command: &str) -> Option<Vec<Vec<&'static str>>> {
    let all = r#"{service_name=~".+"}"#;
    Some(match command {
        // These work on this machine, or show only what is followed below by `query`.
        "serve" | "check" | "storage" | "login" | "logout" | "help" | "tail" => Vec::new(),
        // Auditors see what people asked for, in their own words; the leak matrix of the routes looks at that.
        "audit" => Vec::new(),
        "query" => vec![
            vec!["query", all],
            vec!["query", all, "--explain"],
            vec!["query", r#"sum by (service_name) (count_over_time({service_name=~".+"}[1h]))"#],
            vec!["query", r#"{service_name="crm-api"}"#],
        ],
        "labels" => vec![vec!["labels"], vec!["labels", "service_name"], vec!["labels", "owner"]],
        "series" => vec![vec!["series", all], vec!["series", all, "--analyze-labels"]],
        "stats" => vec![vec!["stats", all]],
        "volume" => vec![vec!["volume", all], vec!["volume", all, "--aggregate-by", "labels"]],
        "orders" => {
            let alone = [
                "list",
                "summary",
                "stuck",
                "incidents",
                "funnel",
                "variants",
                "dwell",
                "conformance",
                "sla",
                "throughput",
                "graph",
                "export",
            ];
            let shown = std::iter::once(vec!["orders", "show", "order-of-crm"]);
            shown.chain(alone.map(|command| vec!["orders", command])).collect()
        }
        "rules" => vec![vec!["rules", "list"]],
        "alerts" => vec![vec!["alerts", "list"], vec!["alerts", "deliveries"]],
        "silences" => vec![vec!["silences", "list"]],
        "incidents" => {
            vec![vec!["incidents", "list"], vec!["incidents", "report"], vec!["incidents", "show", "1"]]
        }
        "jobs" => vec![vec!["jobs"]],
        "users" => vec![vec!["users", "list"]],
        "roles" => vec![vec!["roles", "list"]],
        "policies" => vec![vec!["policies", "list"]],
        "groups" => vec![vec!["groups", "list"]],
        "tokens" => vec![vec!["tokens", "list"]],
        "access" => vec![vec!["access", "report"], vec!["access", "explain", "--user", "developer", "--query", all]],
        _ => return None,
    })
}

/// Commands of commands that change something, or read files of this machine, and show no data of a tenant.
fn shows_nothing(command: &str, inner: &str) -> bool {
    let inner_ones: &[&str] = match command {
        // The rules of a file, over lines that the leak matrix of the routes looks at.
        "rules" => &["test", "lint", "unit"],
        "storage" => return true,
        "orders" => &["reread"],
        "alerts" => &["test-send"],
        "silences" => &["add", "expire"],
        "incidents" => &["ack", "resolve", "comment", "assign"],
        "jobs" => &["cancel"],
        "users" => &["add", "change", "reset-password", "remove"],
        "roles" | "policies" | "groups" => &["put", "remove"],
        "tokens" => &["add", "remove"],
        "audit" => &["verify"],
        "access" => &["reveal"],
        _ => &[],
    };
    inner == "help" || inner_ones.contains(&inner)
}

fn secret(name: &str) -> String {
    format!("{name}-0123456789abcdef")
}

/// Names of the commands, as the program itself tells them; or of those within a command.
fn commands(of: &[&str]) -> Vec<String> {
    let (_, help) = run(Command::new(program("lapidary")).args(of).arg("--help"));
    let lines = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let names =
        lines.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

async fn push(server: &Server, token: &str, service: &str) {
    let line = format!(
        "[{}][REQ][POST /pay] order_id=order-of-{service} status=CREATED note=line-of-{service}",
        jiff::Timestamp::from(now())
    );
    let labels = json!({"service_name": format!("{service}-api"), "owner": format!("label-of-{service}")});
    let body = json!({"streams": [{"stream": labels, "values": [[now().0.to_string(), line]]}]});
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let request = client.post(format!("{}/loki/api/v1/push", server.url)).bearer_auth(token).json(&body);
    assert_eq!(server.request(request).await, (204, String::new()));
}

#[tokio::test]
async fn the_command_line_shows_every_role_its_own_services_and_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = TOKENS.iter().map(|(name, rest, _)| (*name, *rest)).chain([("pusher", "permissions = [\"push\"]")]);
    let tokens: String = tokens
        .map(|(name, rest)| format!("[[auth.token]]\nname = \"{name}\"\ntoken = \"{}\"\n{rest}\n", secret(name)))
        .collect();
    let config = folder.path().join("lapidary.toml");
    std::fs::write(&config, format!("data_dir = {:?}\n{tokens}", folder.path().join("data"))).unwrap();
    let server = Server::configured(&config);
    for service in SERVICES {
        push(&server, &secret("pusher"), service).await;
    }
    let commands = commands(&[]);
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let asked =
            asks(&command).unwrap_or_else(|| panic!("decide in `asks` what `lapidary {command}` shows to whom"));
        for inner in self::commands(&[&command]) {
            let is_decided = asked.iter().any(|asked| asked.get(1) == Some(&inner.as_str()));
            assert!(
                is_decided || shows_nothing(&command, &inner),
                "decide in `asks` what `lapidary {command} {inner}` shows to whom"
            );
        }
        for arguments in asked {
            for (name, _, sees) in TOKENS {
                let mut asking = Command::new(program("lapidary"));
                asking.args(&arguments).args(["--addr", &server.url, "--token", &secret(name), "--lang", "en"]);
                let (_, said) = run(&mut asking);
                for service in SERVICES.iter().filter(|service| !sees.contains(service)) {
                    let mut words = vec![format!("line-of-{service}"), format!("label-of-{service}")];
                    // Steps of orders are told with the service that took them; what was asked for may be repeated.
                    if command != "orders" && !arguments.iter().any(|argument| argument.contains("crm-api")) {
                        words.push(format!("{service}-api"));
                    }
                    // Who manages rights sees which services they name.
                    if ["tokens", "policies"].contains(&command.as_str()) {
                        words.retain(|word| !word.ends_with("-api"));
                    }
                    let found: Vec<_> = words.iter().filter(|word| said.contains(word.as_str())).collect();
                    assert!(found.is_empty(), "`lapidary {}` shows {found:?} to `{name}`: {said}", arguments.join(" "));
                }
                if arguments == ["query", r#"{service_name=~".+"}"#] {
                    for service in sees {
                        assert!(
                            said.contains(&format!("line-of-{service}")),
                            "`{name}` does not see {service}: {said}"
                        );
                    }
                }
            }
        }
    }
}

/// Runs a command with lines on its standard input.
fn typed(command: &mut Command, input: &str) -> (Option<i32>, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said)
}

/// Whether any file below a folder has the text in it.
fn is_in_files(folder: &Path, text: &str) -> bool {
    let finder = aho_corasick::AhoCorasick::new([text]).unwrap();
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() { is_in_files(&path, text) } else { finder.is_match(&std::fs::read(&path).unwrap()) }
    })
}

#[tokio::test]
async fn the_first_start_makes_an_admin_who_lets_others_in_and_no_secret_is_kept_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("lapidary.toml"));
    std::fs::write(&config, format!("data_dir = {data:?}\n")).unwrap();
    let server = Server::configured(&config);
    let log = server.log();
    let (_, rest) = log.split_once("log in as `admin` with the password ").unwrap_or_else(|| panic!("{log}"));
    let first = rest.lines().next().unwrap().trim().to_owned();
    let lapidary = |arguments: &[&str]| {
        let mut command = Command::new(program("lapidary"));
        command.args(arguments).args(["--addr", &server.url]).env("LAPIDARY_LANG", "en");
        command.env("XDG_CONFIG_HOME", folder.path().join("config")).env_remove("LAPIDARY_TOKEN");
        command
    };
    let chosen = "correct horse battery";
    let (code, said) = run(&mut lapidary(&["users", "list"]));
    assert!(code == Some(1) && said.contains("lapidary login"), "{said}");
    let (code, said) = typed(&mut lapidary(&["login", "--user", "admin"]), "wrong password here\n");
    assert!(code == Some(1) && said.contains("wrong"), "{said}");
    let (code, said) = typed(&mut lapidary(&["login", "--user", "admin"]), &format!("{first}\n{chosen}\n"));
    assert!(code == Some(0) && said.contains("logged in"), "{said}");

    let (code, anna) = run(&mut lapidary(&["users", "add", "anna", "--roles", "developer"]));
    assert_eq!(code, Some(0), "{anna}");
    let (code, token) = run(&mut lapidary(&["tokens", "add", "agent", "--permissions", "push", "--lasts", "90d"]));
    assert!(code == Some(0) && token.starts_with("lpd_"), "{token}");
    push(&server, token.trim(), "shop").await;
    let policy = folder.path().join("shop.toml");
    std::fs::write(&policy, "roles = [\"developer\"]\ntenants = [\"fake\"]\nservices = [\"shop-*\"]\n").unwrap();
    let (code, said) = run(&mut lapidary(&["policies", "put", "shop", "--file", policy.to_str().unwrap()]));
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let (_, report) = run(&mut lapidary(&["access", "report"]));
    assert!(
        report.lines().any(|line| ["shop-api", "anna", "lines"].iter().all(|word| line.contains(word))),
        "{report}"
    );
    let (_, told) = run(&mut lapidary(&["access", "explain", "--user", "anna", "--query", "{service_name=~\".+\"}"]));
    assert!(told.contains("+shop") && told.contains("developer (own)"), "{told}");
    let (_, russian) = run(lapidary(&["users", "list"]).env("LAPIDARY_LANG", "ru"));
    assert!(russian.contains("нужен новый пароль"), "{russian}");
    let (code, _) = run(&mut lapidary(&["logout"]));
    assert_eq!(code, Some(0));
    let (code, _) = run(&mut lapidary(&["users", "list"]));
    assert_eq!(code, Some(1), "the session has ended");

    let said = server.log();
    server.terminate();
    let again = Server::configured(&config);
    assert!(!again.log().contains("first start"), "{}", again.log());
    let printed_once = said.matches(first.as_str()).count();
    assert_eq!(printed_once, 1, "the password stands on the terminal once: {said}");
    for planted in [chosen, anna.trim(), token.trim()] {
        assert!(!said.contains(planted) && !again.log().contains(planted), "`{planted}` stands in the log");
    }
    for planted in [first.as_str(), chosen, anna.trim(), token.trim()] {
        assert!(!is_in_files(&data, planted), "`{planted}` stands in a file");
    }
}

//! People log in with a provider that really runs (npm `oidc-provider` on Node), without a browser but as one would; and
//! what becomes of a login that somebody tampers with.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a suite that was left out says so")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use auth::{Answer, Begun, Oidc, OidcError, OidcSettings};
use reqwest::{Client, Url, redirect};
use stdx::{Clock, ManualClock, Secret, SystemClock};
use tls::Tls;

const REDIRECT: &str = "http://127.0.0.1:1/auth/oidc/corp/callback";

struct Provider {
    child: Child,
    issuer: String,
}

impl Provider {
    /// Starts it; none where Node or the package is missing.
    fn start() -> Option<Self> {
        let modules = modules()?;
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/provider.mjs");
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut child = Command::new("node")
                .arg(&script)
                .args([&port.to_string(), REDIRECT])
                .arg(&modules)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            let mut line = String::new();
            let mut said = BufReader::new(child.stdout.take().unwrap());
            while said.read_line(&mut line).unwrap() > 0 && !line.ends_with("ready\n") {}
            let provider = Self { child, issuer: format!("http://127.0.0.1:{port}") };
            if line.ends_with("ready\n") {
                // What it says later must not block it.
                std::thread::spawn(move || drop(std::io::copy(&mut said, &mut std::io::sink())));
                return Some(provider);
            }
        }
        panic!("the provider does not start");
    }

    fn settings(&self) -> OidcSettings {
        OidcSettings {
            name: "corp".to_owned(),
            issuer: self.issuer.clone(),
            client_id: "lapidary".to_owned(),
            client_secret: Some(Secret::new("a secret: with/odd+letters".to_owned())),
            redirect: Url::parse(REDIRECT).unwrap(),
            scopes: ["openid", "profile", "groups"].map(str::to_owned).to_vec(),
            name_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            tls: Tls::default(),
            timeout: Duration::from_secs(20),
            skew: Duration::from_secs(60),
            session: Duration::from_secs(3_600),
            after_logout: Some(Url::parse("http://127.0.0.1:1/").unwrap()),
        }
    }

    fn oidc(&self) -> Oidc {
        Oidc::new(self.settings(), Arc::new(SystemClock)).unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where Node's packages are: beside the programs of the build, or installed there now.
fn modules() -> Option<PathBuf> {
    let target = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let (folder, package) = (target.join("test-node-oidc-8.8.1"), "node_modules/oidc-provider");
    if !folder.exists() {
        // Other tests do the same at this moment: each installs for itself, and the first one's is everybody's.
        let own = tempfile::tempdir_in(&target).unwrap();
        let install = ["install", "--no-audit", "--no-fund", "--silent", "oidc-provider@8.8.1"];
        let installed = Command::new("npm").args(install).current_dir(own.path()).status();
        if !installed.is_ok_and(|status| status.success()) || !own.path().join(package).exists() {
            eprintln!("left out: oidc-provider cannot be installed");
            return None;
        }
        drop(std::fs::rename(own.path(), &folder));
    }
    Some(folder)
}

/// What a browser would do: goes where it is sent, fills in the form, and stops where it would come back to us.
async fn visit(url: &Url, account: &str) -> Answer {
    // A browser keeps cookies; this one keeps them by hand.
    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
    let mut cookies: Vec<(String, String)> = Vec::new();
    let (mut next, mut form): (Url, Option<String>) = (url.clone(), None);
    for _ in 0..20 {
        let request = match form.take() {
            Some(form) => {
                client.post(next.clone()).header("content-type", "application/x-www-form-urlencoded").body(form)
            }
            None => client.get(next.clone()),
        };
        let header = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let answer = request.header("cookie", header).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        if let Some(location) = answer.headers().get("location") {
            next = next.join(location.to_str().unwrap()).unwrap();
            if next.as_str().starts_with(REDIRECT) {
                return came_back(&next);
            }
            continue;
        }
        assert!(answer.status().is_success(), "{} {next}", answer.status());
        let page = answer.text().await.unwrap();
        let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
        next = next.join(action).unwrap();
        form = Some(if page.contains("name=\"login\"") {
            format!("prompt=login&login={account}&password=x")
        } else {
            "prompt=consent".to_owned()
        });
    }
    panic!("the provider sends people in circles");
}

fn came_back(url: &Url) -> Answer {
    let mut answer = Answer::default();
    for (name, value) in url.query_pairs() {
        match &*name {
            "state" => answer.state = Some(value.into_owned()),
            "code" => answer.code = Some(Secret::new(value.into_owned())),
            "error" => answer.error = Some(value.into_owned()),
            "iss" => answer.issuer = Some(value.into_owned()),
            _ => {}
        }
    }
    answer
}

fn of_browser(begun: &Begun) -> Option<&str> {
    Some(begun.browser.reveal())
}

#[tokio::test]
async fn a_person_logs_in_with_their_groups() {
    let Some(provider) = Provider::start() else { return };
    let oidc = provider.oidc();
    let begun = oidc.begin("/orders/4711?lines=true").await.unwrap();
    let query: std::collections::HashMap<_, _> = begun.url.query_pairs().into_owned().collect();
    assert_eq!((query["code_challenge_method"].as_str(), query["response_type"].as_str()), ("S256", "code"));
    assert!(query["state"].len() >= 43 && query["nonce"].len() >= 43);
    let answer = visit(&begun.url, "anna").await;
    let finished = oidc.finish(answer.clone(), of_browser(&begun)).await.unwrap();
    assert_eq!(finished.identity.provider, "corp");
    assert_eq!((finished.identity.subject.as_str(), finished.identity.name.as_str()), ("anna", "ANNA"));
    assert_eq!(finished.identity.groups, ["developers", "shop"]);
    assert_eq!(finished.return_to, "/orders/4711?lines=true");
    assert_eq!(finished.session, Duration::from_secs(3_600));
    // A code is good for once.
    assert_eq!(oidc.finish(answer, of_browser(&begun)).await.unwrap_err(), OidcError::Code);
    assert!(!format!("{finished:?}").contains("eyJ"), "a token shows itself to nobody");
}

#[tokio::test]
async fn a_login_may_end_on_another_node_than_the_one_where_it_was_begun() {
    let Some(provider) = Provider::start() else { return };
    let begun = provider.oidc().begin("/orders/4711").await.unwrap();
    let answer = visit(&begun.url, "anna").await;
    let finished = provider.oidc().finish(answer, of_browser(&begun)).await.unwrap();
    assert_eq!((finished.identity.name.as_str(), finished.return_to.as_str()), ("ANNA", "/orders/4711"));
    assert!(begun.browser.reveal().len() < 4_000, "a cookie");
    let long = provider.oidc().begin(&format!("/{}", "x".repeat(5_000))).await.unwrap();
    assert!(long.browser.reveal().len() < 4_000, "what fits into no cookie is not kept");
    // What the provider and the address know of a login does not tell the cookie, and so not the verifier.
    assert!(!begun.url.as_str().contains(begun.browser.reveal().split('.').next().unwrap()));
}

#[tokio::test]
async fn who_logs_out_is_sent_to_the_provider_and_back_if_that_is_wanted() {
    let Some(provider) = Provider::start() else { return };
    let url = provider.oidc().logout().await.unwrap();
    let page = Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap();
    let (status, page) = (page.status(), page.text().await.unwrap());
    // It knows us and the place to come back to, and goes on; of a client or place that it does not know it says so.
    assert!(status.is_success() && page.contains("/session/end/confirm"), "{status} {page}");
    let nowhere = Url::parse("http://127.0.0.1:1/elsewhere").unwrap();
    let wrong = OidcSettings { after_logout: Some(nowhere), ..provider.settings() };
    let url = Oidc::new(wrong, Arc::new(SystemClock)).unwrap().logout().await.unwrap();
    let page = Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap();
    assert_eq!(page.status(), 400, "{}", page.text().await.unwrap());
    let kept = Oidc::new(OidcSettings { after_logout: None, ..provider.settings() }, Arc::new(SystemClock)).unwrap();
    assert_eq!(kept.logout().await, None);
}

#[tokio::test]
async fn a_login_ends_only_where_and_while_it_was_begun() {
    let Some(provider) = Provider::start() else { return };
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let oidc = Oidc::new(provider.settings(), Arc::clone(&clock) as _).unwrap();
    // Another browser, as when somebody is lured into another's account.
    let theirs = oidc.begin("/").await.unwrap();
    for stranger in [None, Some("x"), Some(".."), Some("x.1700000000.Lw"), of_browser(&theirs)] {
        let begun = oidc.begin("/").await.unwrap();
        let answer = visit(&begun.url, "anna").await;
        assert_eq!(oidc.finish(answer, stranger).await.unwrap_err(), OidcError::Unknown);
    }
    // Whoever changes where it leads, or when it was begun, has another cookie.
    let begun = oidc.begin("/").await.unwrap();
    let parts: Vec<_> = begun.browser.reveal().split('.').collect();
    let answer = visit(&begun.url, "anna").await;
    for changed in [format!("{}.{}.L3g", parts[0], parts[1]), format!("{}.9999999999.{}", parts[0], parts[2])] {
        assert_eq!(oidc.finish(answer.clone(), Some(&changed)).await.unwrap_err(), OidcError::Unknown);
    }
    // A provider of another name does not take what was begun with this one.
    let named = OidcSettings { name: "other".to_owned(), ..provider.settings() };
    let elsewhere = Oidc::new(named, Arc::clone(&clock) as _).unwrap();
    assert_eq!(elsewhere.finish(answer, of_browser(&begun)).await.unwrap_err(), OidcError::Unknown);
    let begun = oidc.begin("/").await.unwrap();
    let other = oidc.begin("/").await.unwrap();
    let (answer, code) = (visit(&begun.url, "anna").await, visit(&other.url, "anna").await.code);
    // Another login's code: the verifier does not fit.
    let mixed = Answer { code, ..answer };
    assert_eq!(oidc.finish(mixed, of_browser(&begun)).await.unwrap_err(), OidcError::Code);
    let begun = oidc.begin("/").await.unwrap();
    let answer = Answer { issuer: Some("https://evil.example".to_owned()), ..visit(&begun.url, "anna").await };
    assert!(matches!(oidc.finish(answer, of_browser(&begun)).await, Err(OidcError::Invalid(_))));
    let begun = oidc.begin("/").await.unwrap();
    let state = visit(&begun.url, "anna").await.state;
    let refused = Answer { state, error: Some("access_denied".to_owned()), ..Answer::default() };
    assert_eq!(
        oidc.finish(refused, of_browser(&begun)).await.unwrap_err(),
        OidcError::Refused("access_denied".to_owned())
    );
    let begun = oidc.begin("/").await.unwrap();
    let answer = visit(&begun.url, "anna").await;
    clock.advance(Duration::from_secs(601));
    assert_eq!(oidc.finish(answer, of_browser(&begun)).await.unwrap_err(), OidcError::Unknown);
}

#[tokio::test]
async fn new_keys_are_fetched_and_a_wrong_secret_or_issuer_lets_nobody_in() {
    let Some(provider) = Provider::start() else { return };
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let oidc = Oidc::new(provider.settings(), Arc::clone(&clock) as _).unwrap();
    let login = async |oidc: &Oidc| {
        let begun = oidc.begin("/").await?;
        let answer = visit(&begun.url, "boris").await;
        oidc.finish(answer, of_browser(&begun)).await
    };
    assert!(login(&oidc).await.unwrap().identity.groups.is_empty());
    let rotated = Client::builder().no_proxy().build().unwrap().get(format!("{}/rotate", provider.issuer));
    assert_eq!(rotated.send().await.unwrap().text().await.unwrap(), "rotated");
    // Keys are not asked for again for every token that names one nobody knows.
    assert!(matches!(login(&oidc).await.unwrap_err(), OidcError::Invalid(_)));
    clock.advance(Duration::from_secs(61));
    assert_eq!(login(&oidc).await.unwrap().identity.name, "BORIS");

    let secret = Some(Secret::new("another secret".to_owned()));
    let wrong =
        Oidc::new(OidcSettings { client_secret: secret, ..provider.settings() }, Arc::new(SystemClock)).unwrap();
    let error = login(&wrong).await.unwrap_err();
    assert!(matches!(error, OidcError::Provider(_)) && !error.to_string().contains("another secret"), "{error}");
    let issuer = format!("{}/", provider.issuer);
    let other = Oidc::new(OidcSettings { issuer, ..provider.settings() }, Arc::new(SystemClock)).unwrap();
    assert!(matches!(other.begin("/").await.unwrap_err(), OidcError::Provider(_)));
}

#[tokio::test]
async fn a_provider_that_is_away_or_silent_lets_nobody_in() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = OidcSettings {
        issuer: format!("http://{}", silent.local_addr().unwrap()),
        timeout: Duration::from_millis(300),
        ..offline()
    };
    let oidc = Oidc::new(settings.clone(), Arc::new(SystemClock)).unwrap();
    assert!(matches!(oidc.begin("/").await.unwrap_err(), OidcError::Provider(_)));
    drop(silent);
    assert!(matches!(oidc.begin("/").await.unwrap_err(), OidcError::Provider(_)));
    let unknown = Answer { state: Some("x".to_owned()), ..Answer::default() };
    assert_eq!(oidc.finish(unknown, Some("x")).await.unwrap_err(), OidcError::Unknown);
}

fn offline() -> OidcSettings {
    OidcSettings {
        name: "corp".to_owned(),
        issuer: String::new(),
        client_id: "lapidary".to_owned(),
        client_secret: None,
        redirect: Url::parse(REDIRECT).unwrap(),
        scopes: Vec::new(),
        name_claim: "name".to_owned(),
        groups_claim: "groups".to_owned(),
        tls: Tls::default(),
        timeout: Duration::from_secs(1),
        skew: Duration::ZERO,
        session: Duration::from_secs(3_600),
        after_logout: None,
    }
}

//! The pages in a real browser: both languages, wide and on a phone, with the keyboard.

use super::browser::Browser;
use super::harness::{Server, now};
use super::orders::{MINUTE, order};

/// Opens a server with one stuck order and a browser; says so when there is no browser.
async fn start(folder: &std::path::Path) -> Option<(Server, Browser)> {
    let Some(browser) = Browser::open() else {
        println!("left out: no chromium on this machine (Debian package `chromium`)");
        return None;
    };
    let server = Server::open(folder);
    order(&server, now().0 - 30 * 24 * 60 * MINUTE).await;
    Some((server, browser))
}

const DRAWN: &str = "!!document.querySelector('main section')";
/// Nothing sticks out to the right.
const FITS: &str = "document.documentElement.scrollWidth <= innerWidth";
/// Every field has a name, every table a caption and no heading without text.
const NAMED: &str = "[...document.querySelectorAll('input, select')].every((field) => field.labels.length) \
    && [...document.querySelectorAll('table')].every((table) => table.caption) \
    && [...document.querySelectorAll('th, button, a, summary')].every((node) => node.textContent.trim())";

#[tokio::test]
async fn an_order_is_told_in_two_languages_and_fits_a_phone() {
    let folder = tempfile::tempdir().unwrap();
    let Some((server, mut browser)) = start(folder.path()).await else { return };
    let at = |days: i64| now().0 - days * 24 * 60 * MINUTE;
    let query = "%7Bservice_name%3D~%22.%2B%22%7D%20%7C%3D%20%224711%22";
    let explore = format!("/explore?query={query}&start={}&end={}", at(30) - MINUTE, at(29));
    let pages = ["/", "/orders", "/orders?state=stuck", "/orders/4711", "/analysis", &explore];
    for (language, words) in [("en", ["Orders by status", "Waits for"]), ("ru", ["Заказы по статусам", "Ждёт сервис"])]
    {
        for (width, page) in [1280, 360].into_iter().flat_map(|width| pages.map(|page| (width, page))) {
            browser.resize(width);
            let sign = if page.contains('?') { '&' } else { '?' };
            browser.go(&format!("{}{page}{sign}lang={language}", server.url));
            browser.until(DRAWN).await;
            assert_eq!(browser.value(FITS), true, "{page} is too wide for {width}");
            assert_eq!(browser.value(NAMED), true, "something on {page} has no name");
            assert_eq!(browser.value("document.documentElement.lang"), language);
            let text = browser.text();
            assert!(text.contains("4711") || ["/", "/orders", "/analysis"].contains(&page), "{page}: {text}");
            assert!(page != "/" || words.iter().all(|word| text.contains(word)), "{text}");
        }
    }
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[tokio::test]
async fn a_story_on_the_page_says_what_the_command_line_says() {
    let folder = tempfile::tempdir().unwrap();
    let Some((server, mut browser)) = start(folder.path()).await else { return };
    browser.resize(1280);
    browser.go(&format!("{}/orders/4711?lang=en", server.url));
    browser.until(DRAWN).await;
    let text = browser.text();
    for part in [
        "STUCK",
        "waits for mes-api",
        "limit 1 d",
        "total",
        "1 error",
        "MANUFACTURING_STARTED",
        "CLOSED",
        "no free machine",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    assert_eq!(text.matches("no free machine").count(), 1, "a failure stands there once:\n{text}");
    let lanes =
        browser.value("[...document.querySelectorAll('.path thead .lane')].map((lane) => lane.textContent).join()");
    assert_eq!(lanes, "shop,mes,crm");
    assert!(!text.contains("request_id=r1"), "lines are shown when they are asked for");
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    assert!(browser.text().contains("request_id=r1"));
}

#[tokio::test]
async fn the_page_of_analysis_shows_every_part_and_draws_the_graph() {
    let folder = tempfile::tempdir().unwrap();
    let Some((server, mut browser)) = start(folder.path()).await else { return };
    browser.resize(1280);
    browser.go(&format!("{}/analysis?lang=en&days=all", server.url));
    browser.until(DRAWN).await;
    let text = browser.text();
    for part in ["Promises (SLA)", "Funnel", "Status graph", "Variants: 1", "Keep to the graph", "Time in status"] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    assert_eq!(browser.value("document.querySelectorAll('.picture svg rect').length > 20"), true);
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[tokio::test]
async fn the_keyboard_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let Some((server, mut browser)) = start(folder.path()).await else { return };
    browser.go(&format!("{}/?lang=en", server.url));
    browser.until(DRAWN).await;
    // A status leads to the list of those in it, a number to its story.
    browser
        .value("[...document.querySelectorAll('a')].find((a) => a.textContent === 'MANUFACTURING_APPROVED').focus()");
    browser.press("Enter", 13);
    browser
        .until(
            "location.search.includes('MANUFACTURING_APPROVED') && document.querySelectorAll('tbody tr').length === 1",
        )
        .await;
    browser.value("[...document.querySelectorAll('a')].find((a) => a.textContent === '4711').focus()");
    browser.press("Enter", 13);
    browser
        .until("location.pathname === '/orders/4711' && document.querySelector('h1')?.textContent === 'Order 4711'")
        .await;
    browser.value("document.querySelector('#languages [lang=ru]').focus()");
    browser.press("Enter", 13);
    browser.until("document.querySelector('h1').textContent === 'Заказ 4711'").await;
    browser.value("document.getElementById('id').focus(); document.getElementById('id').value = 'no-such'");
    browser.press("Enter", 13);
    browser.until("document.querySelector('main').innerText.includes('нет ни одной строки')").await;
}

#[tokio::test]
async fn people_come_in_by_the_door_and_go_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::open() else { return };
    let config = folder.path().join("lapidary.toml");
    // The provider is asked only when somebody goes there.
    let oidc = "[[auth.oidc]]\nname = \"corp\"\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"lapidary\"\n";
    let data = folder.path().join("data");
    let text = format!("data_dir = {data:?}\nexternal_url = \"http://127.0.0.1:3100\"\n{oidc}");
    std::fs::write(&config, text).unwrap();
    let server = Server::configured(&config);
    let log = server.log();
    let first = log.split_once("log in as `admin` with the password ").unwrap().1.lines().next().unwrap().trim();
    browser.resize(1280);
    browser.go(&format!("{}/orders?state=stuck&lang=en", server.url));
    browser.until("!!document.querySelector('#password')").await;
    assert_eq!(browser.value(NAMED), true, "something at the door has no name");
    assert_eq!(
        browser.value("document.querySelector('a.button').getAttribute('href')"),
        "/auth/oidc/corp?return_to=%2Forders%3Fstate%3Dstuck%26lang%3Den"
    );
    assert_eq!(browser.value("document.querySelector('a.button').textContent"), "Log in with corp");
    assert_eq!(browser.value("document.querySelector('#leave')"), serde_json::Value::Null, "nobody is here yet");
    let fill = |id: &str, value: &str| format!("document.querySelector('#{id}').value = {value:?};");
    let enter = |id: &str| format!("document.querySelector('#{id}').form.requestSubmit(); true");
    browser.value(&format!("{}{}{}", fill("name", "admin"), fill("password", first), enter("password")));
    browser.until("!!document.querySelector('#new-password')").await;
    browser.value(&format!("{}{}", fill("new-password", "correct horse battery"), enter("new-password")));
    browser.until("document.querySelector('#who').innerText.includes('admin')").await;
    for width in [1280, 360] {
        browser.resize(width);
        assert_eq!(browser.value(FITS), true, "{width}");
    }
    browser.value("document.querySelector('#leave').click(); true");
    browser.until("!!document.querySelector('#password')").await;
    assert_eq!(browser.value("document.querySelector('#leave')"), serde_json::Value::Null);
    assert_eq!(browser.value("fetch('/api/v1/me').then((answer) => answer.status)"), 401, "the session has ended");
}

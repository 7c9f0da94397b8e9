//! What the demo tells: progress while it starts, then where to look, one order's story, and what is stuck.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use stdx::Language;

use crate::Error;
use crate::children::{Restart, beside, delivered, lapidary};
use crate::faults::Fault;
use crate::folder::Folder;

/// How often the progress of shipping is asked for.
const LOOK: Duration = Duration::from_millis(400);
/// How long shipping the history may take.
const SHIPPING: Duration = Duration::from_mins(15);
/// How long the server may take to know the orders it has the lines of.
const KNOWN: Duration = Duration::from_secs(20);

/// Writes to the standard output; a reader that went away is no error.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// A bar for something that takes a while; invisible where there is no terminal.
pub fn bar(what: &'static str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:<28} {wide_bar} {percent:>3} %  {elapsed}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_message(what)
}

/// What was done, how much of it, how fast.
pub fn done(what: &str, lines: u64, took: Duration, language: Language) -> String {
    let rate = grouped(lines as f64 / took.as_secs_f64().max(0.001));
    let (lines, seconds) = (grouped(lines as f64), took.as_secs_f64());
    match language {
        Language::English => format!("{what}: {lines} lines in {seconds:.1} s ({rate} lines/s)\n"),
        Language::Russian => format!("{what}: {lines} строк за {seconds:.1} с ({rate} строк/с)\n"),
    }
}

/// Waits until the server holds the history, showing how far it is; false if it was there already.
pub async fn shipped(folder: &Folder, lines: u64, language: Language) -> Result<bool, Error> {
    let before = delivered(folder).await;
    let bar = bar(language.pick("loading the history", "загружаю историю"), lines);
    let all = async {
        let mut now = before;
        while now < lines {
            bar.set_position(now);
            tokio::time::sleep(LOOK).await;
            now = delivered(folder).await;
        }
    };
    let waited = tokio::time::timeout(SHIPPING, all).await;
    bar.finish_and_clear();
    let late = Error::Late { what: "loading the history", seconds: SHIPPING.as_secs() };
    waited.map(|()| before < lines).map_err(|_| late)
}

/// One order's story and the stuck orders, as the command line tells them once the server knows all it has.
pub async fn stories(story: Option<u64>, address: SocketAddr) -> Result<String, Error> {
    let loaded = async {
        let loading = |summary: String| summary.contains("\"loading\": true");
        while lapidary(&["orders", "summary", "--format", "json"], address).await.is_ok_and(loading) {
            tokio::time::sleep(LOOK).await;
        }
    };
    let late = Error::Late { what: "reading the state of orders", seconds: KNOWN.as_secs() };
    tokio::time::timeout(KNOWN, loaded).await.map_err(|_| late)?;
    let mut text = String::new();
    if let Some(order) = story {
        let order = order.to_string();
        let told = known(&["orders", "show", &order, "--no-lines"], address).await?;
        write!(text, "\n$ lapidary orders show {order} --no-lines\n\n{told}")
            .expect("a string takes all that is written to it");
    }
    let stuck = lapidary(&["orders", "stuck"], address).await?;
    write!(text, "\n$ lapidary orders stuck\n\n{stuck}").expect("a string takes all that is written to it");
    Ok(text)
}

/// Asks again while the server does not know the order yet.
async fn known(arguments: &[&str], address: SocketAddr) -> Result<String, Error> {
    let ask = async {
        loop {
            if let Ok(text) = lapidary(arguments, address).await {
                return text;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(KNOWN, ask).await {
        Ok(text) => Ok(text),
        Err(_) => lapidary(arguments, address).await,
    }
}

/// Where to look and what to try; `order` is one there is something to tell about.
pub fn invitation(folder: &Folder, address: SocketAddr, order: Option<u64>, language: Language) -> String {
    let (path, faults) = (folder.path().display(), Fault::ALL.map(Fault::name).join(", "));
    let (lapidary, demo) = (typed("lapidary"), typed("lapidary-demo"));
    let order = order.map_or_else(|| "ID".to_owned(), |order| order.to_string());
    let rows = [
        (language.pick("in the browser", "в браузере"), format!("http://{address}/orders/{order}")),
        (language.pick("on the command line", "в командной строке"), format!("export LAPIDARY_ADDR=http://{address}")),
        ("", format!("{lapidary} orders show {order}")),
        ("", format!("{lapidary} orders stuck")),
        ("", format!("{lapidary} orders list --status shipped --limit 5")),
        (
            language.pick("in Grafana", "в Grafana"),
            language
                .pick("add a Loki data source with the address", "добавьте источник данных Loki с адресом")
                .to_owned()
                + &format!(" http://{address}"),
        ),
        (
            language.pick("make something fail", "сломать что-нибудь"),
            format!("{demo} fault failed-change --dir {}", quoted(folder.path())),
        ),
        ("", format!("{} {faults}", language.pick("faults:", "поломки:"))),
        (language.pick("its files", "её файлы"), path.to_string()),
    ];
    let live = language.pick("is live at", "работает по адресу");
    let goes_on =
        language.pick("services, queue and customers go on", "сервисы, очередь и покупатели продолжают работу");
    let rows = rows.map(|(what, how)| format!("  {what:<21}{how}\n")).concat();
    let end = language.pick(
        "Ctrl-C ends everything; the same command goes on with the same data.",
        "Ctrl-C завершает всё; та же команда продолжит с теми же данными.",
    );
    format!("\nLapidary {live} http://{address}; {goes_on}.\n\n{rows}\n{end}\n")
}

/// That a program was started again, in one line.
pub fn restarted(restart: &Restart, language: Language) -> String {
    let again = language.pick("started again, nothing is lost", "запущен снова, ничего не потеряно");
    let Restart { program, why } = restart;
    match why {
        Error::Ended { status, .. } => {
            let ended = language.pick("ended with", "завершился:");
            format!("{program} {ended} {status}; {again}\n")
        }
        other => format!("{program}: {}; {again}\n", other.text(language)),
    }
}

/// A program beside this one as a person would type it here.
fn typed(name: &str) -> String {
    let program = beside(name);
    let here = std::env::current_dir().ok();
    let short = here.and_then(|here| program.strip_prefix(here).map(Path::to_owned).ok());
    quoted(&short.unwrap_or(program))
}

/// A path as a word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// `1304816.4` as `1,304,816`.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_invitation_names_a_real_order_and_commands_that_can_be_typed() {
        let folder = Folder::at(Path::new("/tmp/a demo")).unwrap();
        let address = "127.0.0.1:3117".parse().unwrap();
        let text = invitation(&folder, address, Some(54_895), Language::English);
        for part in [
            "orders show 54895\n",
            "LAPIDARY_ADDR=http://127.0.0.1:3117\n",
            "fault failed-change --dir '/tmp/a demo'\n",
        ] {
            assert!(text.contains(part), "`{part}` is missing in:\n{text}");
        }
        assert!(invitation(&folder, address, None, Language::Russian).contains("Ctrl-C завершает всё"));
    }

    #[test]
    fn numbers_are_grouped_and_rates_are_told() {
        assert_eq!([7.0, 999.6, 1_304_816.4].map(grouped), ["7", "1,000", "1,304,816"]);
        let text = |language| done("history", 1_200_000, Duration::from_secs(6), language);
        assert_eq!(text(Language::English), "history: 1,200,000 lines in 6.0 s (200,000 lines/s)\n");
        assert_eq!(text(Language::Russian), "history: 1,200,000 строк за 6.0 с (200,000 строк/с)\n");
    }
}

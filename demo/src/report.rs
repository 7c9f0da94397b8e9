//! What the demo tells: progress while it starts, then where to look, one order's story, and what is stuck.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::Error;
use crate::children::{delivered, lapidary};
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
pub fn done(what: &str, lines: u64, took: Duration) -> String {
    let rate = lines as f64 / took.as_secs_f64().max(0.001);
    format!("{what}: {} lines in {:.1} s ({} lines/s)\n", grouped(lines as f64), took.as_secs_f64(), grouped(rate))
}

/// Waits until the server holds the history, showing how far it is; false if it was there already.
pub async fn shipped(folder: &Folder, lines: u64) -> Result<bool, Error> {
    let before = delivered(folder).await;
    let bar = bar("loading the history", lines);
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

/// Where to look and what to try.
pub fn invitation(folder: &Folder, address: SocketAddr) -> String {
    let (path, faults) = (folder.path().display(), Fault::ALL.map(Fault::name).join(", "));
    format!(
        "\nLapidary is live at http://{address}; services, queue and customers go on.\n\
         \n  in the browser       http://{address}\n  in Grafana           add it as a Loki data source\n  \
         on the command line  lapidary orders show ID | stuck | list --addr http://{address}\n  \
         its files            {path}\n  make something fail  lapidary-demo fault NAME --dir {path}\n                       \
         NAME is one of {faults}\n\nCtrl-C ends everything; the same command goes on with the same data.\n",
    )
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
    fn numbers_are_grouped_and_rates_are_told() {
        assert_eq!([7.0, 999.6, 1_304_816.4].map(grouped), ["7", "1,000", "1,304,816"]);
        let text = done("history", 1_200_000, Duration::from_secs(6));
        assert_eq!(text, "history: 1,200,000 lines in 6.0 s (200,000 lines/s)\n");
    }
}

//! Weeks without a fault, of a company of the usual size that begins with nothing to do: nobody is woken. Two weeks
//! always, of which the volume of lines is judged in the second; five, of which it is judged by the hours of past weeks,
//! with `RUN_SLOW=1`. (`volume.rs` judges the volume alone, over all of them.)

use std::time::Duration;

use super::past::{Past, end, first_days, shown};

/// How often it is looked whether anything is stuck.
const LOOK: Duration = Duration::from_hours(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_fires_in_healthy_weeks() {
    let weeks = if std::env::var_os("RUN_SLOW").is_some() { 5 } else { 2 };
    let (start, services) = first_days(7 * weeks);
    let past = Past::new(start).await;
    let mut taken = vec![0; services.len()];
    let mut now = start;
    while now < end() {
        now = now.after(LOOK).min(end());
        past.move_to(now);
        for ((service, lines), taken) in services.iter().zip(&mut taken) {
            let until = lines.partition_point(|(time, _)| *time <= now);
            past.store(service, &lines[*taken..until]).await;
            *taken = until;
        }
        assert_eq!(past.stuck(0).await, 0, "stuck at {}", jiff::Timestamp::from(now));
    }
    let told = past.told(start, end()).await;
    let episodes = told.iter().flat_map(|rule| rule.episodes.iter().map(|one| shown(&rule.rule, one)));
    let episodes: Vec<String> = episodes.collect();
    let lines: usize = services.iter().map(|(_, lines)| lines.len()).sum();
    println!("{lines} lines of {weeks} weeks, {} rules, {} episodes", told.len(), episodes.len());
    assert!(episodes.is_empty(), "{}", episodes.join("\n"));
    assert!(told.iter().all(|rule| rule.error.is_none()), "{told:?}");
    past.close().await;
}

//! Five weeks without a fault: nobody is woken.

use std::collections::BTreeSet;
use std::time::Duration;

use super::past::{Past, end, lines, plan, shown};

/// How often it is looked whether anything is stuck.
const LOOK: Duration = Duration::from_hours(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_fires_in_five_healthy_weeks() {
    let plan = plan(35, BTreeSet::new());
    let services = lines(&plan);
    let past = Past::new(plan.start).await;
    let mut taken = vec![0; services.len()];
    let mut now = plan.start;
    while now < plan.end {
        now = now.after(LOOK).min(plan.end);
        past.move_to(now);
        for ((service, lines), taken) in services.iter().zip(&mut taken) {
            let until = lines.partition_point(|(time, _)| *time <= now);
            past.store(service, &lines[*taken..until]).await;
            *taken = until;
        }
        assert_eq!(past.stuck(0).await, 0, "stuck at {}", jiff::Timestamp::from(now));
    }
    let told = past.told(plan.start, end()).await;
    let episodes = told.iter().flat_map(|rule| rule.episodes.iter().map(|one| shown(&rule.rule, one)));
    let episodes: Vec<String> = episodes.collect();
    let lines: usize = services.iter().map(|(_, lines)| lines.len()).sum();
    println!("{lines} lines of 35 days, {} rules, {} episodes", told.len(), episodes.len());
    assert!(episodes.is_empty(), "{}", episodes.join("\n"));
    assert!(told.iter().all(|rule| rule.error.is_none()), "{told:?}");
    past.close().await;
}

//! Rules about orders, evaluated over live ones.

use std::time::Duration;

use super::super::super::testing::{World, at, by, everything};
use super::super::super::{Config, Evaluator};

const STUCK: &str = "
name: orders
interval: 10s
rules:
  - alert: Stuck
    kind: order_stuck
";

/// Stores that an order was submitted, and waits until so many are known to be stuck.
async fn submitted(world: &World, order: usize, second: i64) {
    let time = jiff::Timestamp::from(at(second));
    let line = format!("[{time}][STATUS][order] order_id={order} from=CREATED to=SUBMITTED");
    world.push("shop-api", [(second, line)]).await;
    let orders = world.orders.as_ref().unwrap();
    for _ in 0..1_000 {
        let page = orders.stuck(&everything(), &orders::Filter::default()).unwrap();
        if !page.loading && page.total == order {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("order {order} is not known");
}

#[tokio::test]
async fn while_old_lines_are_loaded_nobody_is_told_to_be_stuck() {
    let world = World::with_orders().await;
    let config = Config { defaults: false, query_delay: Duration::from_secs(5), ..Config::default() };
    let evaluator = Evaluator::open(world.components("one").await, config).await.unwrap();
    evaluator.keep(&by("anna"), "shop", STUCK).await.unwrap();
    for (order, second, arrives) in [(1, -90_000, 3_600), (2, -60_000, 3_602), (3, -30_000, 3_604)] {
        world.move_to(arrives);
        submitted(&world, order, second).await;
    }
    world.move_to(3_616);
    evaluator.round().await;
    let error = |evaluator: &Evaluator| evaluator.all_reports()[0].rules[0].failure.as_ref().map(ToString::to_string);
    assert_eq!(error(&evaluator).as_deref(), Some(super::CATCHING_UP));
    assert_eq!(world.notified.told(), Vec::<String>::new());
    // No more comes: those who are stuck are.
    world.move_to(3_646);
    evaluator.round().await;
    assert_eq!(error(&evaluator), None);
    let told = world.notified.all.lock().unwrap().clone();
    assert_eq!(
        (told.len(), told[0].evidence.orders.clone()),
        (1, vec!["1".to_owned(), "2".to_owned(), "3".to_owned()])
    );
}

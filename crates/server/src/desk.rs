//! Opens the desk of alerts: who decides who is told, and what lines a message may show.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alert::{Desk, DeskParts, Line, Lines, LinesQuery};
use anyhow::Result;
use async_trait::async_trait;
use auth::{AuditSink, Scope};
use logline::Tenant;
use query::{Data, Direction, Engine, Params};
use state::State;
use stdx::{Clock, Tasks};
use tracing::warn;

use crate::config::Notify;

/// Starts the desk.
pub(crate) async fn open(
    config: Notify,
    state: &State,
    engine: &Arc<Engine>,
    audit: &Arc<dyn AuditSink>,
    clock: &Arc<dyn Clock>,
    tasks: &Tasks,
    node: &str,
) -> Result<Arc<Desk>> {
    for warning in &config.routing.warnings {
        warn!(warning, "a part of the file of routes is left out");
    }
    let lines = MessageLines { engine: Arc::clone(engine), audit: Arc::clone(audit) };
    let parts = DeskParts {
        state: state.clone(),
        routing: config.routing,
        alertmanagers: config.alertmanagers,
        heartbeat: config.heartbeat,
        author: config.author,
        lines: Some(Arc::new(lines)),
        clock: Arc::clone(clock),
        tasks: tasks.clone(),
        node: node.to_owned(),
        deadline: config.deadline,
    };
    Ok(Desk::start(parts).await?)
}

/// Lines for messages, under a scope of the receiver's services.
#[derive(Debug)]
struct MessageLines {
    engine: Arc<Engine>,
    audit: Arc<dyn AuditSink>,
}

/// Longest line of a message, in characters.
const LONGEST_LINE: usize = 300;

#[async_trait]
impl Lines for MessageLines {
    async fn likeliest(&self, tenant: &Tenant, services: &[String], query: &LinesQuery, limit: usize) -> Vec<Line> {
        let reason = "lines of a message to a receiver";
        let all = services.iter().any(|service| service == "*");
        let only = services.iter().filter(|service| *service != "*").cloned().collect::<BTreeSet<_>>();
        let services = if all { auth::Services::All } else { auth::Services::Only(only) };
        let scope = Scope::for_receiver(reason, tenant.clone(), services, &*self.audit);
        let params = Params {
            query: query.query.clone(),
            start: query.start,
            end: query.end,
            step: Duration::from_secs(1),
            interval: Duration::ZERO,
            limit,
            direction: Direction::Backward,
        };
        match self.engine.query_range(&scope, &params).await.map(|answer| answer.data) {
            Ok(Data::Streams(streams)) => {
                let mut lines: Vec<Line> = streams
                    .into_iter()
                    .flat_map(|stream| {
                        let service = stream.labels.get("service_name").unwrap_or_default().to_owned();
                        stream.entries.into_iter().map(move |entry| Line {
                            time: entry.timestamp,
                            service: service.clone(),
                            text: entry.line.chars().take(LONGEST_LINE).collect(),
                        })
                    })
                    .collect();
                lines.sort_by_key(|line| std::cmp::Reverse(line.time));
                lines.truncate(limit);
                lines
            }
            Ok(_) => Vec::new(),
            Err(error) => {
                warn!(%error, "lines for a message cannot be had; it goes without them");
                Vec::new()
            }
        }
    }
}

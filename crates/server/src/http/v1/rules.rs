//! Back-tests: rules are run over what is stored, under the caller's rights, and the answer tells how far they are.

use std::sync::Arc;
use std::time::Duration;

use alert::backtest::{self, Progress};
use alert::eval::{Source, Surroundings};
use alert::rule::parse_file;
use auth::Scope;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream::unfold;
use logline::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use super::params::Parameters;
use crate::app::App;
use crate::http::{Asker, HttpError, Note};
use crate::rules::noted;

/// How far back rules may be run.
const LONGEST: Duration = Duration::from_secs(100 * 86_400);
/// Back-tests at once: each takes a processor.
const AT_ONCE: usize = 2;
/// Pieces of the answer that may wait for a slow client.
const QUEUE: usize = 16;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// Runs the rules of the body over a stretch of time. Each line of the answer is an object: how far it is
/// (`{"done": …, "total": …}`), and at the end `{"rules": […]}` or `{"error": …}`.
pub(in crate::http) async fn test(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
    Extension(note): Extension<Note>,
    body: Bytes,
) -> Result<Response, HttpError> {
    asked.only(&["start", "end"])?;
    let text = std::str::from_utf8(&body).map_err(|_| HttpError::bad_request("the rules are not UTF-8"))?;
    note.say(|| noted(text));
    let groups = parse_file(text).map_err(|error| HttpError::bad_request(error.to_string()))?;
    let end = time(&asked, "end")?.unwrap_or_else(|| app.now());
    let start = time(&asked, "start")?.unwrap_or_else(|| end.before(Duration::from_secs(30 * 86_400)));
    if end < start || LONGEST < end.since(start) {
        return Err(HttpError::bad_request("want a stretch of time of up to 100 days that ends after it begins"));
    }
    let place = PLACES.try_acquire().map_err(|_| {
        HttpError::busy("other back-tests are running; try again when they are done", Duration::from_secs(10))
    })?;
    let (tell, told) = mpsc::channel(QUEUE);
    let scope = caller.scope();
    let groups: Vec<_> = groups.into_iter().map(Arc::new).collect();
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let _place = place;
        let mut shutdown = app.tasks.shutdown();
        tokio::select! {
            last = run(&app, &scope, &groups, (start, end), &tell) => drop(tell.send(last).await),
            // The client went away, or the server goes.
            () = tell.closed() => {}
            () = shutdown.wait() => {}
        }
    });
    let lines = unfold(told, |mut told| async move {
        let value: Value = told.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(format!("{value}\n"))), told))
    });
    let kind = HeaderValue::from_static("application/x-ndjson; charset=UTF-8");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind)], Body::from_stream(lines)).into_response())
}

async fn run(
    app: &App,
    scope: &Scope,
    groups: &[Arc<alert::rule::Group>],
    span: (Timestamp, Timestamp),
    tell: &mpsc::Sender<Value>,
) -> Value {
    let source = || Source::new(Arc::clone(&app.engine), scope.clone(), Some(Arc::clone(&app.orders)));
    let progress = |Progress { done, total }| {
        // A client that is slow to read misses some steps, not the result.
        drop(tell.try_send(json!({"done": done, "total": total})));
    };
    match backtest::run(groups, span, &source, &Surroundings::default(), progress).await {
        Ok(rules) => json!({"rules": rules}),
        Err(failure) => json!({"error": failure.to_string()}),
    }
}

fn time(asked: &Parameters, name: &str) -> Result<Option<Timestamp>, HttpError> {
    let Some(text) = asked.text(name) else { return Ok(None) };
    let nanos = text.parse::<i64>().map(Timestamp).ok();
    let parsed = nanos.or_else(|| text.parse::<jiff::Timestamp>().ok().map(Timestamp::from));
    let wrong = || HttpError::bad_request(format!("`{name}`: want a time in RFC 3339 or nanoseconds, not `{text}`"));
    parsed.map(Some).ok_or_else(wrong)
}

//! Whether a masked value is what somebody thinks it is, with a reason.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::json::Body;
use super::params::Parameters;
use crate::app::App;
use crate::http::{Asker, HttpError, Note};
use crate::reveal::Refused;

/// A reason is a sentence.
const REASON: std::ops::RangeInclusive<usize> = 5..=500;

/// The question.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) token: String,
    pub(crate) guess: String,
    pub(crate) reason: String,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Match {
    pub(crate) matches: bool,
}

/// Answers yes or no. The trail has token, reason and answer, and never the guess.
pub(crate) async fn reveal(
    State(app): State<App>,
    Asker(caller): Asker,
    Extension(note): Extension<Note>,
    asked: Parameters,
    Body(question): Body<Question>,
) -> Result<Json<Match>, HttpError> {
    // Whoever puts the guess into the URL learns that it does not belong there; the trail leaves the query out.
    asked.only(&[])?;
    let language = asked.language;
    if !REASON.contains(&question.reason.trim().chars().count()) {
        let english = "a reason of 5 to 500 letters is wanted; it stands in the audit trail";
        return Err(HttpError::bad_request(
            language.pick(english, "нужна причина от 5 до 500 букв; она останется в журнале"),
        ));
    }
    let answer = app.reveals.ask(caller.principal(), &question.token, &question.guess);
    let told = match &answer {
        Ok(true) => "yes",
        Ok(false) => "no",
        Err(_) => "none",
    };
    note.say(|| format!("masked={} answer={told} reason={}", question.token.trim(), question.reason.trim()));
    let matches = answer.map_err(|refused| match &refused {
        Refused::Often(wait) => HttpError::busy(refused.text(language), *wait),
        Refused::NoKey(_) => HttpError::new(StatusCode::NOT_FOUND, refused.text(language)),
        Refused::NoToken | Refused::Long => HttpError::bad_request(refused.text(language)),
    })?;
    Ok(Json(Match { matches }))
}

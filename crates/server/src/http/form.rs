//! The parameters of a request: those of the URL and, for a POST, those of a form in the body, as Loki merges them.

use std::collections::HashMap;
use std::fmt;

use auth::shorten;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode, header};

use super::connections::Late;
use super::{HttpError, Note};

/// Parameters in the order they were given; the body's come first, as in Go.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

/// Parameters that say what is asked. In the audit trail they come first, so that nothing beside them hides them.
const ASKED: [&str; 20] = [
    "query",
    "match[]",
    "match",
    "regexp",
    "filter",
    "labels",
    "start",
    "end",
    "since",
    "from",
    "until",
    "to",
    "time",
    "limit",
    "step",
    "interval",
    "direction",
    "targetLabels",
    "aggregateBy",
    "delay_for",
];
/// Bytes of parameters in one record: the values of each name have half of what is left.
const NOTED: usize = 32 << 10;
/// Bytes of a name.
const NAME: usize = 64;
/// Bytes of a value under another name.
const VALUE: usize = 256;
/// Less than this is not worth it.
const LEAST: usize = 64;

/// Forms are queries and selectors; nobody needs more.
const MAX_BODY_BYTES: usize = 1 << 20;

impl Form {
    /// The first value of a parameter; an empty one counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter that are not empty.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn add(&mut self, encoded: &[u8]) {
        self.0.extend(form_urlencoded::parse(encoded).into_owned());
    }

    /// The parameters of an encoded query.
    pub(crate) fn of(encoded: &str) -> Self {
        let mut form = Self::default();
        form.add(encoded.as_bytes());
        form
    }
}

impl Form {
    /// What counts comes first: parameters that say what is asked, of each the values that are not empty, in their order.
    /// Of other names the first value of each.
    fn by_weight(&self) -> Vec<(&str, &str)> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let weighed = self.0.iter().map(|(name, value)| {
            let before = seen.entry(name).or_default();
            *before += 1;
            let place = ASKED.iter().position(|asked| asked == name).unwrap_or(ASKED.len());
            ((place, value.is_empty(), *before), (name.as_str(), value.as_str()))
        });
        let mut weighed: Vec<_> = weighed.collect();
        weighed.sort_by_key(|(weight, _)| *weight);
        weighed.into_iter().map(|(_, pair)| pair).collect()
    }
}

/// For the audit trail: never long, each value cut on its own.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.by_weight();
        let mut left = NOTED;
        let mut share = (None, 0);
        for (index, (name, value)) in all.iter().copied().enumerate() {
            if left < LEAST {
                let rest = all.get(index..).unwrap_or_default();
                let text: Vec<String> = rest.iter().map(|(name, value)| format!("{name}={value}")).collect();
                return write!(f, " and {} more: {}", rest.len(), shorten(&text.join("&"), VALUE));
            }
            let is_asked = ASKED.contains(&name);
            if is_asked && share.0 != Some(name) {
                let values = all.iter().filter(|(other, value)| *other == name && !value.is_empty()).count();
                share = (Some(name), left / 2 / values.max(1));
            }
            let most = if is_asked { share.1.max(LEAST) } else { VALUE.min(left / 2) };
            let pair = format!("{}={}", shorten(name, NAME), shorten(value, most));
            write!(f, "{}{pair}", if index == 0 { "" } else { " " })?;
            left = left.saturating_sub(pair.len() + 1);
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        let mut form = Self::default();
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if parts.method == Method::POST && kind.starts_with("application/x-www-form-urlencoded") {
            form.add(&to_bytes(body, MAX_BODY_BYTES).await.map_err(refused)?);
            if let Some(note) = parts.extensions.get::<Note>() {
                note.say(|| form.to_string());
            }
        }
        form.add(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(form)
    }
}

fn refused(error: axum::Error) -> HttpError {
    let error = error.into_inner();
    let late = std::iter::successors(Some(&*error as &(dyn std::error::Error + 'static)), |error| error.source())
        .find(|error| error.is::<Late>());
    match late {
        Some(late) => HttpError::new(StatusCode::REQUEST_TIMEOUT, late.to_string()),
        None => HttpError::bad_request("the form is broken or larger than 1 MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_beside_a_query_keeps_it_out_of_the_trail() {
        let query = "query=%7Ba%3D%22b%22%7D+%7C%3D+%22EVADED%22";
        let padding = "x".repeat(50_000);
        let many = |pair: &str| vec![pair; 5_000].join("&");
        for padded in [
            format!("x={padding}&{query}"),
            format!("{padding}=x&{query}"),
            format!("{}&{query}", many("query=")),
            format!("{}&{query}", many("a=b")),
            format!("match[]={padding}&{query}&{}", many("query=other")),
        ] {
            let told = Form::of(&padded).to_string();
            assert!(told.starts_with("query={a=\"b\"} |= \"EVADED\""), "{}", told.get(..200).unwrap());
            assert!(told.len() < NOTED + 1_024, "{}", told.len());
        }
        let inside = format!("query=%23{padding}%0A%7Ba%3D%22b%22%7D+%7C%3D+%22EVADED%22&limit=5&x={padding}");
        let told = Form::of(&inside).to_string();
        assert!(told.contains("EVADED\" limit=5 x=xx") && told.contains("[50021 bytes, blake3 "), "{}", told.len());
        let long = format!("match[]=%7Ba%3D%22{}%22%7D", "M".repeat(2_000));
        let told =
            Form::of(&format!("{}&match[]=%7Ba%3D%22EVADED%22%7D", vec![long.as_str(); 40].join("&"))).to_string();
        assert!(told.ends_with("match[]={a=\"EVADED\"}") && told.len() < NOTED, "{told}");
        let told = Form::of(&format!("{}&match[]=EVADED", vec![long.as_str(); 400].join("&"))).to_string();
        assert!(
            told.ends_with("EVADED") && told.contains(" more: match[]=") && told.len() < NOTED + 1_024,
            "{}",
            told.len()
        );
        let all = Form::of("match[]=one&start=1&match[]=two&a=3").to_string();
        assert_eq!(all, "match[]=one match[]=two start=1 a=3");
    }
}

//! The parameters of our own API, each read once and checked; what is wrong is told in the asker's language.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use jiff::tz::TimeZone;
use logline::Timestamp;
use orders::{Filter, Select, State};
use stdx::Language;

use crate::http::HttpError;

/// The parameters of a request and the language of its `Accept-Language`, English if that has none of ours.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) language: Language,
    given: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let query = parts.uri.query().unwrap_or_default();
        let wanted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Ok(Self::new(query, wanted.and_then(Language::of).unwrap_or_default()))
    }
}

impl Parameters {
    fn new(query: &str, language: Language) -> Self {
        Self { language, given: form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    /// Refuses what is not among `known`, and what is given twice.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), HttpError> {
        for (index, (name, _)) in self.given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let there = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let none = self.language.pick("is no parameter here", "— нет такого параметра");
                let are = self.language.pick("there are", "есть");
                let hint = if known.is_empty() { String::new() } else { format!("; {are} {there}") };
                return Err(HttpError::bad_request(format!("`{name}` {none}{hint}")));
            }
            if self.given.iter().take(index).any(|(before, _)| before == name) {
                let twice = self.language.pick("is given twice", "указан дважды");
                return Err(HttpError::bad_request(format!("`{name}` {twice}")));
            }
        }
        Ok(())
    }

    /// The text of a parameter; an empty one counts as missing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, HttpError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value);
        let listed = || words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>();
        found.map(Some).ok_or_else(|| self.wrong(name, &listed().join(self.language.pick(" or ", " или ")), text))
    }

    /// Which objects a list shall show.
    pub(crate) fn filter(&self) -> Result<Filter, HttpError> {
        self.only(&["type", "state", "status", "owner", "reason", "limit", "cursor"])?;
        let owned = |name| self.text(name).map(str::to_owned);
        Ok(Filter {
            object: owned("type"),
            state: self.choice("state", &[("open", State::Open), ("stuck", State::Stuck)])?,
            status: owned("status"),
            owner: owned("owner"),
            reasons: self.reasons()?,
            limit: self.limit(1_000)?,
            cursor: owned("cursor"),
        })
    }

    /// Which objects to analyse; `more` are the parameters that the request may have beside.
    pub(crate) fn select(&self, more: &[&str]) -> Result<Select, HttpError> {
        let known: Vec<&str> = ["type", "since", "until", "zone"].into_iter().chain(more.iter().copied()).collect();
        self.only(&known)?;
        let wanted = self.language.pick("a time zone such as Europe/Moscow", "часовой пояс вида Europe/Moscow");
        let zone = self.text("zone").map(|name| TimeZone::get(name).map_err(|_| self.wrong("zone", wanted, name)));
        let zone = zone.transpose()?.unwrap_or(TimeZone::UTC);
        let (since, until) = (self.time("since", &zone)?, self.time("until", &zone)?);
        Ok(Select { object: self.text("type").map(str::to_owned), since, until, zone })
    }

    /// A time, or the day that begins then.
    pub(crate) fn time(&self, name: &str, zone: &TimeZone) -> Result<Option<Timestamp>, HttpError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == "2026-03-01".len());
        let day = day.and_then(|day| zone.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok());
        let wanted = self
            .language
            .pick("a day or a time such as 2026-03-01T09:00:00Z", "день или время вида 2026-03-01T09:00:00Z");
        let time = day.or_else(|| text.parse().ok()).ok_or_else(|| self.wrong(name, wanted, text))?;
        Ok(Some(time.into()))
    }

    /// `limit`: a number from 1 to `most`.
    pub(crate) fn limit(&self, most: usize) -> Result<Option<usize>, HttpError> {
        let Some(text) = self.text("limit") else { return Ok(None) };
        let (from, to) = (self.language.pick("a number from 1 to", "число от 1 до"), most);
        let number = text.parse().ok().filter(|limit| *limit != 0);
        number.map(Some).ok_or_else(|| self.wrong("limit", &format!("{from} {to}"), text))
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, HttpError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wanted = self.language.pick("a whole number", "целое число");
        text.parse().map(Some).map_err(|_| self.wrong(name, wanted, text))
    }

    /// A share from 0 to 1.
    pub(crate) fn share(&self, name: &str) -> Result<Option<f64>, HttpError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wanted = self.language.pick("a share from 0 to 1", "доля от 0 до 1");
        let share = text.parse().ok().filter(|share: &f64| (0.0..=1.0).contains(share));
        share.map(Some).ok_or_else(|| self.wrong(name, wanted, text))
    }

    pub(super) fn wrong(&self, name: &str, wanted: &str, got: &str) -> HttpError {
        let (is, not) = (self.language.pick("is", "—"), self.language.pick("not", "а не"));
        HttpError::bad_request(format!("`{name}` {is} {wanted}, {not} `{got}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str, language: Language) -> Result<Filter, String> {
        Parameters::new(query, language).filter().map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_filter_is_read_from_a_query_string() {
        let got = filter("type=model&state=Stuck&limit=7&status=&owner=mes%20api", Language::English).unwrap();
        let want = Filter {
            object: Some("model".to_owned()),
            state: Some(State::Stuck),
            owner: Some("mes api".to_owned()),
            limit: Some(7),
            ..Filter::default()
        };
        assert_eq!(got, want);
    }

    #[test]
    fn what_is_wrong_is_told_in_the_askers_language() {
        let english = |query: &str| filter(query, Language::English).unwrap_err();
        let russian = |query: &str| filter(query, Language::Russian).unwrap_err();
        let known = "`type`, `state`, `status`, `owner`, `reason`, `limit`, `cursor`";
        assert_eq!(english("stat=open"), format!("`stat` is no parameter here; there are {known}"));
        assert_eq!(russian("stat=open"), format!("`stat` — нет такого параметра; есть {known}"));
        assert_eq!(english("state=shut"), "`state` is `open` or `stuck`, not `shut`");
        assert_eq!(russian("state=shut"), "`state` — `open` или `stuck`, а не `shut`");
        for bad in ["0", "-1", "many", "1e3"] {
            assert_eq!(english(&format!("limit={bad}")), format!("`limit` is a number from 1 to 1000, not `{bad}`"));
        }
        assert_eq!(english("limit=1&limit=2"), "`limit` is given twice");
    }
}

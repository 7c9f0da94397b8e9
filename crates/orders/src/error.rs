//! The one error of this crate; callers act on its [`Kind`].

use std::fmt;
use std::time::Duration;

use crate::list::LARGEST_PAGE;
use stdx::Language;

/// Names that a message lists at most.
const LISTED: usize = 24;

/// Why a question about orders has no answer. The message never holds the text of a line.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Failure>);

/// What a caller should do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fix the request.
    Invalid,
    /// No line speaks of this object.
    NotFound,
    /// Come back later.
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Try again.
    Unavailable,
    /// A bug of ours.
    Internal,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no line speaks of {object} `{id}`")]
    NotFound { object: String, id: String },
    #[error("`{0}` is not a cursor of such a list; start again without one")]
    Cursor(String),
    #[error("no {what} is called `{asked}`; there are {}", listed(known))]
    Unknown { what: Name, asked: String, known: Vec<String> },
    #[error("a page holds 1 to {LARGEST_PAGE} objects, not `0`")]
    EmptyPage,
    #[error("storage keeps no table `{0}`")]
    NoTable(&'static str),
    #[error("rows of `{0}` have other columns than expected")]
    Columns(&'static str),
    #[error("an analysis ended with a fault")]
    Broken,
    #[error("others analyse orders already; try again")]
    Crowded,
    #[error(transparent)]
    Query(#[from] query::Error),
}

/// What a filter calls by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Type,
    Status,
    Owner,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "type of objects",
            Self::Status => "status",
            Self::Owner => "owner",
        })
    }
}

impl Error {
    /// The message for people who read this language; what only the server's log is for stays English.
    pub fn text(&self, language: Language) -> String {
        match (language, &*self.0) {
            (Language::Russian, Failure::NotFound { object, id }) => {
                format!("нет ни одной строки об объекте {object} `{id}`")
            }
            (Language::Russian, Failure::Cursor(cursor)) => {
                format!("`{cursor}` — не метка страницы этого списка; начните без неё")
            }
            (Language::Russian, Failure::Unknown { what, asked, known }) => {
                let none = match what {
                    Name::Type => "нет типа объектов",
                    Name::Status => "нет статуса",
                    Name::Owner => "нет ответственного сервиса",
                };
                format!("{none} `{asked}`; есть {}", listed(known))
            }
            (Language::Russian, Failure::EmptyPage) => {
                format!("на странице от 1 до {LARGEST_PAGE} объектов, а не `0`")
            }
            (Language::Russian, Failure::Crowded) => "заказы уже анализируют другие; повторите".to_owned(),
            (Language::English, _)
            | (_, Failure::NoTable(_) | Failure::Columns(_) | Failure::Broken | Failure::Query(_)) => self.to_string(),
        }
    }

    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match &*self.0 {
            Failure::NotFound { .. } => Kind::NotFound,
            Failure::Cursor(_) | Failure::Unknown { .. } | Failure::EmptyPage => Kind::Invalid,
            Failure::NoTable(_) | Failure::Columns(_) | Failure::Broken => Kind::Internal,
            Failure::Crowded => Kind::Busy { retry_after: Duration::from_secs(5) },
            Failure::Query(error) => match error.kind() {
                query::Kind::TooLarge | query::Kind::Busy => Kind::Busy { retry_after: Duration::from_secs(1) },
                query::Kind::Timeout | query::Kind::Cancelled | query::Kind::Unavailable => Kind::Unavailable,
                query::Kind::Invalid | query::Kind::Internal => Kind::Internal,
            },
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        Failure::Query(error).into()
    }
}

fn listed(names: &[String]) -> String {
    let more = if LISTED < names.len() { " …" } else { "" };
    names.iter().take(LISTED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ") + more
}

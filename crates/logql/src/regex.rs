//! Regular expressions as Go writes them, made ready for the `regex` family of crates.

mod class;
mod translate;

use std::fmt;

use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

/// A Go (RE2) expression that is known to be valid and of bounded size.
///
/// Two expressions are equal when their texts are.
#[derive(Clone)]
pub struct Regex {
    source: String,
    rust: String,
    names: Vec<String>,
}

/// Most memory the automaton of one expression may take.
const SIZE_LIMIT: usize = 10 << 20;

impl Regex {
    /// Reads a Go expression.
    ///
    /// # Errors
    /// Go's text of what is wrong, such as ``error parsing regexp: missing closing ): `(a` ``.
    pub fn new(source: &str) -> Result<Self, String> {
        Self::measured(source).map(|(regex, _)| regex)
    }

    /// As [`Regex::new`], with the bytes that the automaton takes.
    pub(crate) fn measured(source: &str) -> Result<(Self, usize), String> {
        let translated = translate::translate(source).map_err(|error| error.to_string())?;
        // What is left to complain about after the translation is depth.
        let hir = syntax::parse(&translated.pattern)
            .map_err(|_| translate::Error::new("expression nests too deeply", source).to_string())?;
        let automaton = thompson::Compiler::new()
            .configure(thompson::Config::new().nfa_size_limit(Some(SIZE_LIMIT)))
            .build_from_hir(&hir)
            .map_err(|_| translate::Error::new("expression too large", source).to_string())?;
        let regex = Self { source: source.to_owned(), rust: translated.pattern, names: translated.names };
        Ok((regex, automaton.memory_usage()))
    }

    /// As written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The same expression for the `regex` crates, with their default flags; captures keep number and name.
    #[must_use]
    pub fn rust(&self) -> &str {
        &self.rust
    }

    /// Names of the named captures, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Compiles a search that finds the expression anywhere; `.` does not match a newline.
    #[must_use]
    pub fn searcher(&self) -> meta::Regex {
        compile(&self.rust)
    }

    /// Compiles a test of the whole text, as matchers, label filters and `label_replace` want it; `.` matches a newline too.
    #[must_use]
    pub fn full_matcher(&self) -> meta::Regex {
        compile(&format!("^(?s:{})$", self.rust))
    }

    /// Whether the whole expression matches the empty text.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.full_matcher().is_match("")
    }
}

fn compile(pattern: &str) -> meta::Regex {
    // `new` has compiled it under the usual limits; anchors add a few states and levels.
    meta::Regex::builder()
        .syntax(syntax::Config::new().nest_limit(300))
        .configure(meta::Config::new().nfa_size_limit(None))
        .build(pattern)
        .expect("`new` has compiled the expression")
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Regex {}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Regex").field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests;

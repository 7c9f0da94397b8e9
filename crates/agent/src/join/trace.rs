//! Which lines belong to a stack trace, in the languages that services are written in.

/// Whose traces are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Java,
    CSharp,
    Python,
    Go,
}

impl Language {
    /// Names in the settings.
    pub(crate) const ALL: [(&'static str, Self); 4] =
        [("java", Self::Java), ("csharp", Self::CSharp), ("python", Self::Python), ("go", Self::Go)];
}

/// Where in a trace the lines stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trace {
    /// In none, or in one whose lines tell by themselves.
    #[default]
    None,
    /// Behind `Traceback`: frames, then one line with the error.
    Python,
    /// Behind the error of a Python trace, or what closes a group of them: another one may follow.
    PythonEnd,
    /// Behind `panic:` or the head of a goroutine.
    Go,
}

const PYTHON_HEADS: [&str; 2] =
    ["Traceback (most recent call last):", "Exception Group Traceback (most recent call last):"];
const PYTHON_LINKS: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

impl Trace {
    /// Looks at the line that begins an event.
    pub(crate) fn begin(&mut self, line: &str) {
        *self = Self::None;
        if is_python_head(line) {
            *self = Self::Python;
        } else if is_go_head(line) {
            *self = Self::Go;
        }
    }

    /// Whether the next line belongs to the event.
    pub(crate) fn goes_on(&mut self, line: &str, languages: &[Language]) -> bool {
        languages.iter().any(|language| match language {
            Language::Java => is_java(line),
            Language::CSharp => is_csharp(line),
            Language::Python => self.python(line),
            Language::Go => self.go(line),
        })
    }

    fn python(&mut self, line: &str) -> bool {
        if is_python_head(line) {
            *self = Self::Python;
            return true;
        }
        let is_link = line.is_empty() || PYTHON_LINKS.contains(&line);
        match self {
            Self::Python if is_end_of_group(line) => {
                *self = Self::PythonEnd;
                true
            }
            Self::Python if line.is_empty() || line.starts_with([' ', '\t']) => true,
            Self::Python => {
                *self = Self::PythonEnd;
                true
            }
            Self::PythonEnd => is_link || is_of_group(line),
            Self::None | Self::Go => false,
        }
    }

    fn go(&mut self, line: &str) -> bool {
        // The error begins an event; a goroutine may follow whatever line reported it.
        if line.starts_with("goroutine ") && is_go_head(line) {
            *self = Self::Go;
            return true;
        }
        let marks = ["\t", "created by ", "[signal ", "exit status ", "runtime stack:", "goroutine "];
        let is_mark = || line.is_empty() || marks.iter().any(|mark| line.starts_with(mark));
        let is_gap = || line.starts_with("...") && line.ends_with("frames elided...");
        *self == Self::Go && (is_mark() || is_gap() || is_go_call(line))
    }
}

fn is_python_head(line: &str) -> bool {
    PYTHON_HEADS.contains(&line.trim_start_matches([' ', '|', '+']))
}

/// `    | ValueError: 1` or `    +---------------- 2 ----------------`: a group's lines, behind one that was closed in it.
fn is_of_group(line: &str) -> bool {
    line.starts_with(' ') && line.trim_start_matches(' ').starts_with(['|', '+'])
}

/// `    +------------------------------------`.
fn is_end_of_group(line: &str) -> bool {
    let dashes = line.trim_start_matches(' ').strip_prefix('+');
    dashes.is_some_and(|dashes| !dashes.is_empty() && dashes.bytes().all(|byte| byte == b'-'))
}

fn is_go_head(line: &str) -> bool {
    let goroutine = || line.strip_prefix("goroutine ").is_some_and(|rest| rest.ends_with("]:"));
    line.starts_with("panic: ") || line.starts_with("fatal error: ") || goroutine()
}

/// `main.run(0xc000012345, …)`, `main.Map[...](…)`, `gopkg.in/yaml%2ev3.(*Decoder).Decode(…)`, and `panic(…)` itself.
fn is_go_call(line: &str) -> bool {
    let name = line.split('(').next().unwrap_or_default().replace("[...]", "");
    let legal = |c: char| c.is_alphanumeric() || "._/-*·%~+".contains(c);
    line.ends_with(')') && (name == "panic" || name.contains('.') && name.chars().all(legal))
}

/// `at package.Class.method(File.java:1)` and `... 3 more` behind a tab, `Caused by: …`, and the name of an exception by itself.
fn is_java(line: &str) -> bool {
    let text = line.trim_start_matches([' ', '\t']);
    let is_indented = text.len() < line.len();
    let frame = text.starts_with("at ") || text.starts_with("... ") || text.starts_with("- locked ");
    let cause = text.starts_with("Caused by: ") || text.starts_with("Suppressed: ");
    is_indented && frame || cause || is_exception(line)
}

/// `   at Name.Space.Method() in file:line 1`, ` ---> System.Exception: …`, `   --- End of inner exception …`.
fn is_csharp(line: &str) -> bool {
    let text = line.trim_start_matches([' ', '\t']);
    let is_indented = text.len() < line.len();
    let end = text.starts_with("--- End of ");
    is_indented && (text.starts_with("at ") || text.starts_with("---> ")) || end || is_exception(line)
}

/// `java.lang.IllegalStateException: …` or `System.InvalidOperationException: …`: a name with dots that ends in a word
/// for an exception.
fn is_exception(line: &str) -> bool {
    let line = line.strip_prefix("Unhandled exception. ").unwrap_or(line);
    let name = line.split([':', ' ']).next().unwrap_or_default();
    let legal = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '$');
    let ends = ["Exception", "Error", "Throwable"].iter().any(|end| name.ends_with(end));
    let behind = line.get(name.len()..).unwrap_or_default();
    ends && name.contains('.') && name.chars().all(legal) && (behind.is_empty() || behind.starts_with(':'))
}

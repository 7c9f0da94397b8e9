//! How lines and numbers are printed, as flags say it.

use std::borrow::Cow;

use clap::{Args, ValueEnum};

use crate::cli::terminal;

/// How lines are printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Output {
    /// How to print: `default` for people, `raw` is the text alone, `jsonl` an object a line.
    #[arg(long, short, visible_alias = "format", value_enum, default_value_t = Shape::Default)]
    pub(super) output: Shape,
    /// Leaves the labels out.
    #[arg(long)]
    pub(super) no_labels: bool,
    /// Only these labels.
    #[arg(long, value_name = "LABEL")]
    pub(super) include_label: Vec<String>,
    /// All but these labels.
    #[arg(long, value_name = "LABEL")]
    pub(super) exclude_label: Vec<String>,
    /// Says nothing beside the lines.
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Time zone of printed times, such as Europe/Moscow; the machine's if not given.
    #[arg(long, visible_alias = "timezone")]
    pub(super) zone: Option<String>,
}

/// The shape of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    Default,
    Table,
    Raw,
    Jsonl,
    Json,
    Csv,
}

impl Output {
    pub(super) const fn shape(&self) -> Shape {
        self.output
    }

    pub(super) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Whether people read it, and want to be told more than the lines.
    pub(super) const fn is_for_people(&self) -> bool {
        matches!(self.output, Shape::Default | Shape::Table) && !self.quiet
    }

    /// Text in this shape for a terminal, where nothing of others may command it; raw text is what was asked for.
    pub(super) fn for_terminal<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.output {
            Shape::Raw => Cow::Borrowed(text),
            Shape::Json | Shape::Jsonl => terminal::json(text),
            Shape::Default | Shape::Table | Shape::Csv => terminal::printable(text),
        }
    }
}

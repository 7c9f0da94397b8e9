//! The stages after `|`.

use super::Parser;
use crate::ast::parser::FACTS;
use crate::ast::{
    Extraction, Json, LabelFormat, LabelFormats, LabelNames, LabelSource, LineFormat, Logfmt, LogfmtFlags, NamedLabel,
    Parser as ParserStage, Stage,
};
use crate::json_path;
use crate::lex::{Flag, Symbol, Token, Word};
use crate::{Error, Matcher, Pattern, Span};

impl Parser<'_> {
    /// The stage at hand, whose `|` stands at `start`.
    pub(super) fn stage(&mut self, start: Span) -> Result<Stage, Error> {
        let word = match self.token {
            Token::Identifier(FACTS) if !self.is_compared() => {
                self.bump()?;
                if self.take(Symbol::OpenParenthesis)? {
                    self.expect(Symbol::CloseParenthesis)?;
                }
                return Ok(Stage::Parser(ParserStage::Facts(self.since(start))));
            }
            Token::Identifier(_) | Token::Symbol(Symbol::OpenParenthesis) => {
                return self.label_filter().map(Stage::LabelFilter);
            }
            Token::Word(word) => word,
            _ => return Err(self.unexpected(&[])),
        };
        match word {
            Word::Json => self.json(start).map(Stage::Parser),
            Word::Logfmt => self.logfmt(start).map(Stage::Parser),
            Word::Regexp => self.regexp(start).map(Stage::Parser),
            Word::Pattern => self.pattern(start).map(Stage::Parser),
            Word::LineFormat => self.line_format(start).map(Stage::LineFormat),
            Word::LabelFormat => self.label_format(start).map(Stage::LabelFormat),
            Word::Drop => self.label_names(start).map(Stage::Drop),
            Word::Keep => self.label_names(start).map(Stage::Keep),
            Word::Unpack => {
                self.bump()?;
                Ok(Stage::Parser(ParserStage::Unpack(self.since(start))))
            }
            Word::Decolorize => {
                self.bump()?;
                Ok(Stage::Decolorize(self.since(start)))
            }
            _ => Err(self.unexpected(&[])),
        }
    }

    /// Whether the token at hand is the name of a label that is compared with something.
    fn is_compared(&self) -> bool {
        let Token::Symbol(symbol) = self.peek() else { return false };
        matches!(
            symbol,
            Symbol::Equal
                | Symbol::EqualEqual
                | Symbol::NotEqual
                | Symbol::Match
                | Symbol::NotMatch
                | Symbol::Greater
                | Symbol::GreaterOrEqual
                | Symbol::Less
                | Symbol::LessOrEqual
        )
    }

    fn json(&mut self, start: Span) -> Result<ParserStage, Error> {
        self.bump()?;
        let fields = self.extractions(json_path::parse)?;
        Ok(ParserStage::Json(Json { fields, span: self.since(start) }))
    }

    fn logfmt(&mut self, start: Span) -> Result<ParserStage, Error> {
        self.bump()?;
        let mut flags = LogfmtFlags::default();
        while let Token::Flag(flag) = self.token {
            match flag {
                Flag::Strict => flags.strict = true,
                Flag::KeepEmpty => flags.keep_empty = true,
            }
            self.bump()?;
        }
        let fields = self.extractions(json_path::key)?;
        Ok(ParserStage::Logfmt(Logfmt { flags, fields, span: self.since(start) }))
    }

    /// `a, b="c"`, or nothing.
    fn extractions<T>(&mut self, source: impl Fn(&str) -> Result<T, String>) -> Result<Vec<Extraction<T>>, Error> {
        let mut fields = Vec::new();
        if !matches!(self.token, Token::Identifier(_)) {
            return Ok(fields);
        }
        loop {
            let name = self.identifier()?;
            let text = if self.take(Symbol::Equal)? { self.string()? } else { name.clone() };
            let source =
                source(&text).map_err(|error| Error::new(format!("cannot parse expression [{text}]: {error}")))?;
            fields.push(Extraction { name, source, text });
            if !self.take(Symbol::Comma)? {
                return Ok(fields);
            }
        }
    }

    fn regexp(&mut self, start: Span) -> Result<ParserStage, Error> {
        self.bump()?;
        let text = self.string()?;
        let invalid = |error: &str| Error::new(format!("invalid regexp parser: {error}"));
        let regex = self.regex(&text).map_err(|error| invalid(&error))?;
        if regex.names().is_empty() {
            return Err(invalid("at least one named capture must be supplied"));
        }
        Ok(ParserStage::Regexp(regex, self.since(start)))
    }

    fn pattern(&mut self, start: Span) -> Result<ParserStage, Error> {
        self.bump()?;
        let text = self.string()?;
        let pattern =
            Pattern::extracting(&text).map_err(|error| Error::new(format!("invalid pattern parser: {error}")))?;
        Ok(ParserStage::Pattern(pattern, self.since(start)))
    }

    fn line_format(&mut self, start: Span) -> Result<LineFormat, Error> {
        self.bump()?;
        let template = self.string()?;
        Ok(LineFormat { template, span: self.since(start) })
    }

    fn label_format(&mut self, start: Span) -> Result<LabelFormats, Error> {
        self.bump()?;
        let mut labels = Vec::new();
        loop {
            labels.push(self.label_source()?);
            if !self.take(Symbol::Comma)? {
                break;
            }
        }
        let formats = LabelFormats { labels, span: self.since(start) };
        match forbidden_target(&formats.labels) {
            Some(error) => Err(Error::stage(format_args!("| {formats}"), error)),
            None => Ok(formats),
        }
    }

    fn label_source(&mut self) -> Result<LabelFormat, Error> {
        let name = self.identifier()?;
        self.expect(Symbol::Equal)?;
        let source = match self.token {
            Token::Identifier(_) => LabelSource::Rename(self.identifier()?),
            Token::String(_) => LabelSource::Template(self.string()?),
            _ => return Err(self.unexpected(&["IDENTIFIER", "STRING"])),
        };
        Ok(LabelFormat { name, source })
    }

    fn label_names(&mut self, start: Span) -> Result<LabelNames, Error> {
        self.bump()?;
        let mut labels = Vec::new();
        loop {
            let first = self.span;
            let name = self.identifier()?;
            labels.push(match self.value_test()? {
                Some(test) => NamedLabel::Match(Matcher { name, test, span: self.since(first) }),
                None => NamedLabel::Name(name),
            });
            if !self.take(Symbol::Comma)? {
                return Ok(LabelNames { labels, span: self.since(start) });
            }
        }
    }
}

/// Why the labels cannot be written together.
fn forbidden_target(labels: &[LabelFormat]) -> Option<String> {
    let mut seen = std::collections::HashSet::new();
    labels.iter().find_map(|label| match label.name.as_str() {
        "__error__" => Some("__error__ cannot be formatted".to_owned()),
        name if seen.insert(name) => None,
        name => Some(format!("multiple label name '{name}' not allowed in a single format operation")),
    })
}

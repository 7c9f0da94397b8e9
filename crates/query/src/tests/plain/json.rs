//! JSON as far as it goes: a tree of what could be read, which may break off in the middle.

use logql::ast::JsonStep;

/// A value, and whether it was read to its end.
pub(super) struct Node {
    kind: Kind,
    is_whole: bool,
    /// As it stands in the line.
    raw: String,
}

enum Kind {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Text(String),
    Word,
    Null,
    Nothing,
}

/// What a path leads to: nothing, a text, or a place behind a mistake.
pub(super) enum Found {
    Nothing,
    Text(String),
    Broken,
}

pub(super) fn read(line: &str) -> Node {
    Reader { chars: line.chars().collect(), at: 0 }.value()
}

impl Node {
    /// Names and texts of all fields in their order, and whether the object could be read to its end.
    pub(super) fn flat(&self) -> (Vec<(String, String)>, bool) {
        let mut pairs = Vec::new();
        self.flatten("", &mut pairs);
        (pairs, self.is_whole && matches!(self.kind, Kind::Object(_)))
    }

    fn flatten(&self, prefix: &str, pairs: &mut Vec<(String, String)>) {
        match &self.kind {
            Kind::Object(fields) => {
                for (key, value) in fields {
                    let name = super::named_anew(key.trim(), prefix.is_empty());
                    value.flatten(&if prefix.is_empty() { name } else { format!("{prefix}_{name}") }, pairs);
                }
            }
            Kind::Text(text) if self.is_whole => pairs.push((prefix.to_owned(), text.clone())),
            Kind::Word if self.is_whole => pairs.push((prefix.to_owned(), self.raw.clone())),
            Kind::Array(_) | Kind::Null | Kind::Nothing | Kind::Text(_) | Kind::Word => {}
        }
        pairs.retain(|(name, _)| !name.is_empty());
    }

    pub(super) fn at(&self, path: &[JsonStep]) -> Found {
        let Some((step, rest)) = path.split_first() else {
            return match &self.kind {
                _ if !self.is_whole => Found::Broken,
                Kind::Null => Found::Nothing,
                Kind::Text(text) => Found::Text(text.clone()),
                _ => Found::Text(self.raw.clone()),
            };
        };
        let next = match (step, &self.kind) {
            (JsonStep::Field(name), Kind::Object(fields)) => fields.iter().find(|(key, _)| key == name).map(|f| &f.1),
            (JsonStep::Index(index), Kind::Array(values)) => values.get(*index),
            (_, Kind::Nothing) => return Found::Broken,
            _ => return Found::Nothing,
        };
        match next {
            Some(next) => next.at(rest),
            None if self.is_whole => Found::Nothing,
            None => Found::Broken,
        }
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        while self.chars.get(self.at).is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
        self.chars.get(self.at).copied()
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_next = self.next() == Some(wanted);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self) -> Node {
        let first = self.next();
        let start = self.at;
        let (kind, is_whole) = match first {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => self.text().map_or((Kind::Text(String::new()), false), |text| (Kind::Text(text), true)),
            _ => self.word(),
        };
        Node { kind, is_whole, raw: self.chars[start..self.at.min(self.chars.len())].iter().collect() }
    }

    fn object(&mut self) -> (Kind, bool) {
        self.at += 1;
        let mut fields = Vec::new();
        if self.takes('}') {
            return (Kind::Object(fields), true);
        }
        loop {
            let key = if self.next() == Some('"') { self.text() } else { None };
            let Some(key) = key.filter(|_| self.takes(':')) else { return (Kind::Object(fields), false) };
            let value = self.value();
            let goes_on = value.is_whole;
            fields.push((key, value));
            if !goes_on {
                return (Kind::Object(fields), false);
            }
            if self.takes('}') {
                return (Kind::Object(fields), true);
            }
            if !self.takes(',') {
                return (Kind::Object(fields), false);
            }
        }
    }

    fn array(&mut self) -> (Kind, bool) {
        self.at += 1;
        let mut values = Vec::new();
        if self.takes(']') {
            return (Kind::Array(values), true);
        }
        loop {
            let value = self.value();
            let goes_on = value.is_whole;
            values.push(value);
            if !goes_on {
                return (Kind::Array(values), false);
            }
            if self.takes(']') {
                return (Kind::Array(values), true);
            }
            if !self.takes(',') {
                return (Kind::Array(values), false);
            }
        }
    }

    /// A text in quotes, its escapes resolved; `None` if it never ends.
    fn text(&mut self) -> Option<String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.chars.get(self.at)? {
                '"' => break,
                '\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let quoted: String = self.chars[start..self.at].iter().collect();
        Some(serde_json::from_str(&quoted).unwrap_or_default())
    }

    fn word(&mut self) -> (Kind, bool) {
        let rest = self.chars[self.at..].iter();
        let word: String = rest.take_while(|c| !matches!(c, ',' | '}' | ']' | ' ' | '\t')).collect();
        self.at += word.chars().count();
        let is_number = word.parse::<f64>().is_ok() && word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        match word.as_str() {
            "null" => (Kind::Null, true),
            "true" | "false" => (Kind::Word, true),
            _ if is_number => (Kind::Word, true),
            _ => (Kind::Nothing, false),
        }
    }
}

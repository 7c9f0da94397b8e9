//! Names as small numbers, so that many events of many objects fit into memory.

use std::collections::HashMap;
use std::sync::Arc;

/// A name of [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(u16);

impl Symbol {
    /// Its number, and the symbol of a number.
    pub(crate) const fn number(self) -> u16 {
        self.0
    }

    pub(crate) fn from_number(number: u64) -> Option<Self> {
        u16::try_from(number).ok().map(Self)
    }
}

/// Names seen so far: statuses and services.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symbols {
    names: Vec<Arc<str>>,
    index: HashMap<Arc<str>, Symbol, ahash::RandomState>,
}

impl Symbols {
    /// The symbol of a name. None once 65,536 different names were seen: no sound system has that many.
    pub(crate) fn of(&mut self, name: &str) -> Option<Symbol> {
        if let Some(symbol) = self.index.get(name) {
            return Some(*symbol);
        }
        let symbol = Symbol(u16::try_from(self.names.len()).ok()?);
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.index.insert(name, symbol);
        Some(symbol)
    }

    /// The symbol of a name that was seen.
    pub(crate) fn find(&self, name: &str) -> Option<Symbol> {
        self.index.get(name).copied()
    }

    /// How many names there are; symbols are numbered from zero.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The name of a symbol of this table.
    pub(crate) fn name(&self, symbol: Symbol) -> &str {
        self.names.get(usize::from(symbol.0)).map_or("", |name| name)
    }
}

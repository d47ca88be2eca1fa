//! What events name by a number: strings and code, each kept once.
//!
//! The tables are bounded.  What programs are made of fits; what finds no place gets
//! the number 0 and is counted.  So texts that differ from event to event, as labels
//! of tasks do, don't belong here but stand beside their events.

use std::collections::HashMap;

use crate::id::{CodeId, StringId};

/// 4 MiB: the functions of a program with 400,000 lines of Python are 20,000, with
/// some 60 bytes of names each, and files are shared.
const MOST_BYTES: usize = 4 << 20;
/// Bytes that an entry costs besides its text: map, list, allocation.
const ENTRY_BYTES: usize = 64;
/// Bytes of a longer string are cut: it is no name.
const MOST_STRING_BYTES: usize = 4096;

/// A piece of code as the tables know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Code {
    pub(crate) function: StringId,
    pub(crate) file: StringId,
    pub(crate) first_line: u32,
}

/// The tables of a recording that is being made.
#[derive(Default)]
pub(crate) struct Tables {
    string_ids: HashMap<Box<str>, StringId>,
    /// In the order of their numbers, from 1.
    strings: Vec<Box<str>>,
    code_ids: HashMap<Code, CodeId>,
    codes: Vec<Code>,
    bytes: usize,
    homeless: u64,
}

impl Tables {
    pub(crate) fn string(&mut self, text: &str) -> StringId {
        let text = cut(text, MOST_STRING_BYTES);
        if text.is_empty() {
            return StringId::NONE;
        }
        if let Some(&id) = self.string_ids.get(text) {
            return id;
        }
        let Some(number) = self.place(2 * text.len(), self.strings.len()) else {
            return StringId::NONE;
        };
        self.strings.push(text.into());
        self.string_ids.insert(text.into(), StringId(number));
        StringId(number)
    }

    pub(crate) fn code(&mut self, function: &str, file: &str, first_line: u32) -> CodeId {
        let (function, file) = (self.string(function), self.string(file));
        let code = Code { function, file, first_line };
        if let Some(&id) = self.code_ids.get(&code) {
            return id;
        }
        let Some(number) = self.place(0, self.codes.len()) else {
            return CodeId::NONE;
        };
        self.codes.push(code);
        self.code_ids.insert(code, CodeId(number));
        CodeId(number)
    }

    /// The number of a new entry, if there is room for it.
    fn place(&mut self, text_bytes: usize, entries: usize) -> Option<u32> {
        let bytes = self.bytes + text_bytes + ENTRY_BYTES;
        if bytes > MOST_BYTES {
            self.homeless += 1;
            return None;
        }
        self.bytes = bytes;
        Some(u32::try_from(entries + 1).expect("4 MiB hold fewer than 2^32 entries"))
    }

    /// The strings from the one with this index on, with their numbers.
    pub(crate) fn strings_from(&self, index: usize) -> impl Iterator<Item = (StringId, &str)> {
        (1..).map(StringId).zip(&self.strings).skip(index).map(|(id, text)| (id, &**text))
    }

    /// The code from the one with this index on, with its numbers.
    pub(crate) fn codes_from(&self, index: usize) -> impl Iterator<Item = (CodeId, Code)> {
        (1..).map(CodeId).zip(self.codes.iter().copied()).skip(index)
    }

    /// How many strings and how much code there are.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.strings.len(), self.codes.len())
    }

    /// How often something found no place.
    pub(crate) fn homeless(&self) -> u64 {
        self.homeless
    }
}

/// The longest beginning of a text that has at most so many bytes.
pub(crate) fn cut(text: &str, most_bytes: usize) -> &str {
    let mut end = text.len().min(most_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_has_one_number() {
        let mut tables = Tables::default();
        let brew = tables.code("brew", "cafe.py", 7);
        assert_eq!(tables.code("brew", "cafe.py", 7), brew);
        assert_ne!(tables.code("brew", "cafe.py", 8), brew);
        assert_eq!(tables.len(), (2, 2));
        assert_eq!(tables.string(""), StringId::NONE);
    }

    #[test]
    fn what_finds_no_place_is_counted_and_what_is_there_stays() {
        let mut tables = Tables::default();
        let first = tables.string("first");
        let mut number = 0;
        while tables.homeless() == 0 {
            number += 1;
            tables.string(&format!("{number:04000}"));
        }
        assert_eq!(number, MOST_BYTES / (2 * 4000 + ENTRY_BYTES) + 1);
        assert_eq!(tables.string("first"), first);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("Café", 4), "Caf");
        assert_eq!(cut("Café", 5), "Café");
    }
}

//! What the numbers of strings and code stand for, as read from a recording.

use crate::id::{CodeId, StringId};
use crate::tables::Code;

/// The strings and the code of a recording, as far as it has been read.
///
/// Numbers count from 1 in the order of definition, so that a file that lies about
/// them can't make the tables larger than itself.
#[derive(Clone, Debug, Default)]
pub struct Names {
    texts: String,
    /// Where each string ends.
    ends: Vec<usize>,
    codes: Vec<Code>,
}

impl Names {
    /// A string; empty if there is none with this number.
    pub fn string(&self, id: StringId) -> &str {
        let Some(index) = index(id.0) else { return "" };
        let start =
            index.checked_sub(1).map_or(0, |before| self.ends.get(before).copied().unwrap_or(0));
        self.ends.get(index).and_then(|&end| self.texts.get(start..end)).unwrap_or("")
    }

    /// A function's name; empty if it isn't known.
    pub fn function(&self, id: CodeId) -> &str {
        self.code(id).map_or("", |code| self.string(code.function))
    }

    /// The file of a function; empty if it isn't known.
    pub fn file(&self, id: CodeId) -> &str {
        self.code(id).map_or("", |code| self.string(code.file))
    }

    /// The line where a function begins; 0 if it isn't known.
    pub fn first_line(&self, id: CodeId) -> u32 {
        self.code(id).map_or(0, |code| code.first_line)
    }

    fn code(&self, id: CodeId) -> Option<&Code> {
        self.codes.get(index(id.0)?)
    }

    /// Adds a string; false if it isn't its turn.
    pub(crate) fn define_string(&mut self, id: u32, text: &[u8]) -> bool {
        let next = index(id) == Some(self.ends.len());
        if next {
            self.texts.push_str(&String::from_utf8_lossy(text));
            self.ends.push(self.texts.len());
        }
        next
    }

    /// Adds code; false if it isn't its turn.
    pub(crate) fn define_code(&mut self, id: u32, code: Code) -> bool {
        let next = index(id) == Some(self.codes.len());
        if next {
            self.codes.push(code);
        }
        next
    }
}

fn index(number: u32) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

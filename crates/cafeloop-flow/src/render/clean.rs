//! Text from a recording, made harmless where it is shown.

use std::fmt::Write as _;

/// Text that moves no cursor, rings no bell and turns no line round.
pub(crate) fn for_terminal(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) {
            // Writing to a string can't fail.
            let _ = write!(clean, "{}", character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Text that is no markup, in elements and attributes.
pub(crate) fn for_xml(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => clean.push_str("&amp;"),
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            '"' => clean.push_str("&quot;"),
            '\'' => clean.push_str("&#39;"),
            // XML has no way to write most of them.
            _ if is_harmful(character) || is_no_xml(character) => {
                let _ = write!(clean, "{}", character.escape_default());
            }
            _ => clean.push(character),
        }
    }
    clean
}

/// Controls, and characters that change the direction of those around them.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_no_xml(character: char) -> bool {
    matches!(character, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_bells_and_directions_become_text() {
        assert_eq!(for_terminal("a\x1b[31m\r\u{202e}é"), "a\\u{1b}[31m\\r\\u{202e}é");
    }

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            for_xml("<script a='b' c=\"d\">&\0"),
            "&lt;script a=&#39;b&#39; c=&quot;d&quot;&gt;&amp;\\u{0}"
        );
    }
}

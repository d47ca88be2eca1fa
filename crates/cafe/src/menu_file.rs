//! A menu that is read from a TOML file.
//!
//! The parsed document is walked by hand rather than derived onto a struct: here
//! every mistake can name its line and say in the café's words what was expected.

use std::fs;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result};
use crate::menu::{self, Coffee, Flavour, LONGEST_BREW_SECONDS, Menu};

/// Reads the menu in `file`.
pub fn read(file: &Path) -> Result<Menu> {
    let text = fs::read(file).map_err(|cause| Error::unread_menu(file, cause))?;
    Page { file, text: &text }.menu()
}

/// The file, to say where a mistake is.
#[derive(Clone, Copy)]
struct Page<'a> {
    file: &'a Path,
    text: &'a [u8],
}

impl Page<'_> {
    fn menu(self) -> Result<Menu> {
        let text = str::from_utf8(self.text)
            .map_err(|mistake| self.error(mistake.valid_up_to(), "expected UTF-8 text"))?;
        let document = DeTable::parse(text).map_err(|mistake| {
            let offset = mistake.span().map_or(0, |span| span.start);
            // The parser's text can go on in a second line.
            self.error(offset, mistake.message().replace('\n', ", "))
        })?;
        let document = document.get_ref();
        for key in document.keys() {
            if !["flavours", "coffees"].contains(&key.get_ref().as_ref()) {
                let found = format!("expected flavours or coffees, found {:?}", key.get_ref());
                return Err(self.error(key.span().start, found));
            }
        }
        let section = |key, example| {
            document.get_key_value(key).ok_or_else(|| {
                let end = text.trim_end().len();
                self.error(end, format!("expected {key} such as {example}, found the end"))
            })
        };
        let (flavours_key, flavours) = section("flavours", r#"flavours = ["Vanilla"]"#)?;
        let (coffees_key, coffees) = section("coffees", "[coffees] with Latte = 5")?;
        Ok(Menu {
            flavours: self.flavours(flavours)?,
            coffees: self.coffees(coffees)?,
            flavours_stand: format!("at {}", self.place(flavours_key.span().start)),
            coffees_stand: format!("at {}", self.place(coffees_key.span().start)),
        })
    }

    /// `["Vanilla", "Caramel"]`
    fn flavours(self, list: &Spanned<DeValue<'_>>) -> Result<Vec<Flavour>> {
        let items = match list.get_ref().as_array() {
            Some(items) if !items.is_empty() => items,
            _ => return Err(self.unexpected(r#"flavours such as ["Vanilla"]"#, list)),
        };
        let mut flavours: Vec<Flavour> = Vec::with_capacity(items.len());
        for item in items {
            let name = item.get_ref().as_str();
            let Some(name) = name else { return Err(self.unexpected("a flavour's name", item)) };
            self.check_name(name, item.span().start)?;
            if flavours.iter().any(|flavour| *flavour.name == *name) {
                return Err(self.unexpected("each flavour once", item));
            }
            flavours.push(Flavour { name: name.into() });
        }
        Ok(flavours)
    }

    /// `Latte = 5`, one a line; that each is there only once is TOML's own rule.
    fn coffees(self, table: &Spanned<DeValue<'_>>) -> Result<Vec<Coffee>> {
        let entries = match table.get_ref().as_table() {
            Some(entries) if !entries.is_empty() => entries,
            _ => return Err(self.unexpected("coffees such as Latte = 5", table)),
        };
        // The parser sorts a table by its keys; the barista names the coffees as
        // the file does.
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        entries
            .into_iter()
            .map(|(name, value)| {
                self.check_name(name.get_ref(), name.span().start)?;
                let brew = brew(value.get_ref()).ok_or_else(|| {
                    let name = name.get_ref();
                    let expected =
                        format!("the seconds that {name} brews, from 0 to {LONGEST_BREW_SECONDS}");
                    self.unexpected(&expected, value)
                })?;
                Ok(Coffee { name: name.get_ref().as_ref().into(), brew })
            })
            .collect()
    }

    /// A name stands in the middle of the barista's lines, so it must not break
    /// or garble them.
    fn check_name(self, name: &str, offset: usize) -> Result<()> {
        let is_sayable =
            !name.is_empty() && name.trim() == name && !name.contains(char::is_control);
        if is_sayable {
            return Ok(());
        }
        let found = format!("expected a name that can be said in a line, found {name:?}");
        Err(self.error(offset, found))
    }

    fn unexpected(self, expected: &str, found: &Spanned<DeValue<'_>>) -> Error {
        let span = found.span();
        let found = match found.get_ref() {
            DeValue::Array(items) if items.is_empty() => "an empty list".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(entries) if entries.is_empty() => "an empty table".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
            DeValue::String(text) => format!("the text {text:?}"),
            // Numbers, dates and the like are best shown as they were written.
            _ => String::from_utf8_lossy(&self.text[span.clone()]).into_owned(),
        };
        self.error(span.start, format!("expected {expected}, found {found}"))
    }

    fn error(self, offset: usize, what: impl Into<String>) -> Error {
        Error::wrong_menu(self.place(offset), what.into())
    }

    /// "menu.toml:3", which many a terminal makes a link.
    fn place(self, offset: usize) -> String {
        let line = self.text[..offset].split(|byte| *byte == b'\n').count();
        format!("{}:{line}", self.file.display())
    }
}

/// The time that a value stands for, if it is a number and a coffee can brew for
/// so long.
fn brew(value: &DeValue<'_>) -> Option<Duration> {
    let seconds = match value {
        // Whole seconds that don't fit into 32 bits are too many anyhow.
        DeValue::Integer(whole) => u32::from_str_radix(whole.as_str(), whole.radix()).ok()?.into(),
        DeValue::Float(number) => number.as_str().parse().ok()?,
        _ => return None,
    };
    menu::brew(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COFFEES: &str = "[coffees]\nLatte = 5\n";

    fn parse(text: &[u8]) -> Result<Menu> {
        Page { file: Path::new("menu.toml"), text }.menu()
    }

    #[track_caller]
    fn assert_refused(text: impl AsRef<[u8]>, explanation: &str) {
        let error = parse(text.as_ref()).expect_err("the menu is wrong");
        assert_eq!(
            error.to_string(),
            format!("can't serve from the menu at menu.toml:{explanation}")
        );
        assert!(error.is_misuse());
    }

    #[test]
    fn the_sample_is_the_menu_of_the_cafe() {
        let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/menu.toml"));
        let (sample, usual) = (read(sample).expect("it is right"), Menu::default());
        assert_eq!(sample.flavours, usual.flavours);
        assert_eq!(sample.coffees, usual.coffees);
    }

    #[test]
    fn coffees_keep_the_order_of_the_file() {
        let text = b"coffees = { Mocha = 1, Latte = 0.5, Americano = 0x10 }\nflavours = ['None']";
        let coffees = parse(text).expect("it is right").coffees;
        let coffees: Vec<_> =
            coffees.iter().map(|coffee| (&*coffee.name, coffee.brew.as_secs_f64())).collect();
        assert_eq!(coffees, [("Mocha", 1.0), ("Latte", 0.5), ("Americano", 16.0)]);
    }

    #[test]
    fn an_empty_menu_is_refused() {
        for (text, explanation) in [
            ("", r#"1: expected flavours such as flavours = ["Vanilla"], found the end"#),
            (COFFEES, r#"2: expected flavours such as flavours = ["Vanilla"], found the end"#),
            (
                "flavours = []\n[coffees]",
                r#"1: expected flavours such as ["Vanilla"], found an empty list"#,
            ),
            (
                "flavours = ['Vanilla']\n\n",
                "1: expected coffees such as [coffees] with Latte = 5, found the end",
            ),
            (
                "flavours = ['Vanilla']\n[coffees]",
                "2: expected coffees such as Latte = 5, found an empty table",
            ),
        ] {
            assert_refused(text, explanation);
        }
    }

    #[test]
    fn a_bad_number_is_refused() {
        for written in
            ["-1", "nan", "-inf", "1e300", "99999999999999999999", "3600.1", "true", "1999-12-31"]
        {
            assert_refused(
                format!("flavours = ['Vanilla']\n[coffees]\nMocha = 5\nLatte = {written}"),
                &format!(
                    "4: expected the seconds that Latte brews, from 0 to 3600, found {written}"
                ),
            );
        }
        for (written, found) in [
            ("'five'", r#"the text "five""#),
            ("[]", "an empty list"),
            ("[5]", "a list"),
            ("{}", "an empty table"),
            ("{ brew = 5 }", "a table"),
        ] {
            assert_refused(
                format!("flavours = ['Vanilla']\ncoffees = {{ Latte = {written} }}"),
                &format!("2: expected the seconds that Latte brews, from 0 to 3600, found {found}"),
            );
        }
    }

    #[test]
    fn a_name_that_would_garble_the_transcript_is_refused() {
        for name in [r"", r" Latte", r"La\ttte", r"La\ntte", r"\u001b[1mLatte"] {
            let said: String = parse_name(name);
            let explanation = format!("expected a name that can be said in a line, found {said:?}");
            assert_refused(
                format!("flavours = [\n'Vanilla',\n\"{name}\"]\n{COFFEES}"),
                &format!("3: {explanation}"),
            );
            assert_refused(
                format!("flavours = ['Vanilla']\n[coffees]\n\"{name}\" = 5"),
                &format!("3: {explanation}"),
            );
        }
    }

    /// What TOML makes of a quoted name.
    fn parse_name(name: &str) -> String {
        let quoted = format!("\"{name}\"");
        let value = DeValue::parse(&quoted).expect("it is TOML").into_inner();
        value.as_str().expect("it is quoted").to_owned()
    }

    #[test]
    fn what_does_not_belong_on_a_menu_is_refused() {
        for (text, explanation) in [
            (
                "flavours = ['Vanilla']\nteas = 3",
                r#"2: expected flavours or coffees, found "teas""#,
            ),
            (
                "flavours = 'Vanilla'\n[coffees]",
                r#"1: expected flavours such as ["Vanilla"], found the text "Vanilla""#,
            ),
            ("flavours = ['Vanilla',\n7]\n[coffees]", "2: expected a flavour's name, found 7"),
            (
                "flavours = ['Vanilla',\n'Vanilla']\n[coffees]",
                r#"2: expected each flavour once, found the text "Vanilla""#,
            ),
            (
                "flavours = ['Vanilla']\ncoffees = ['Latte']",
                "2: expected coffees such as Latte = 5, found a list",
            ),
        ] {
            assert_refused(text, explanation);
        }
    }

    #[test]
    fn what_is_not_toml_is_refused_at_its_line() {
        for (text, line) in [
            (&b"flavours = ['Vanilla']\n[coffees]\nFlat White = 5\n"[..], 3),
            (b"flavours = ['Vanilla']\n[coffees]\nLatte = 5\nLatte = 6\n", 4),
            (b"flavours = ['Vanilla'\n[coffees]\nLatte = 5\n", 2),
            (b"flavours = ['Vanilla']\n[coffees]\n'\xff' = 5", 3),
        ] {
            let text = parse(text).expect_err("it isn't TOML").to_string();
            let place = format!("can't serve from the menu at menu.toml:{line}: ");
            assert!(text.starts_with(&place) && !text.contains('\n'), "{text}");
        }
    }
}

//! The menu: which flavours and coffees there are, and how long each brews.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// No coffee brews longer than an hour.  Among ten million customers and a
/// single machine that is still far from the end of a clock of nanoseconds.
pub const LONGEST_BREW_SECONDS: u32 = 3600;

/// What the machine takes for a coffee of the café's own menu.
const USUAL_BREW: Duration = Duration::from_secs(5);

/// What can be ordered: neither list is ever empty.
#[derive(Debug)]
pub struct Menu {
    /// In the order in which the barista names them.
    pub flavours: Vec<Flavour>,
    /// In the order in which the barista names them.
    pub coffees: Vec<Coffee>,
    /// Where the flavours stand, for whoever orders one that isn't there:
    /// "on our menu" or "at menu.toml:3".
    pub flavours_stand: String,
    /// Where the coffees stand.
    pub coffees_stand: String,
}

/// A flavour, cheap to clone: every customer has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Flavour {
    /// What it is called.
    pub name: Rc<str>,
}

/// A coffee, cheap to clone: every customer has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Coffee {
    /// What it is called.
    pub name: Rc<str>,
    /// How long the machine takes for one.
    pub brew: Duration,
}

impl Menu {
    /// The same menu from a machine that takes `brew` for every coffee.
    #[must_use]
    pub fn brewing_for(mut self, brew: Duration) -> Menu {
        for coffee in &mut self.coffees {
            coffee.brew = brew;
        }
        self
    }
}

/// The café's own menu; the file `menu.toml` beside this crate says the same.
impl Default for Menu {
    fn default() -> Self {
        let flavours = ["Vanilla", "Chocolate", "Pistachio", "Caramel"];
        let coffees = ["Latte", "Cappuccino", "Flat White", "Mocha"];
        Menu {
            flavours: flavours.map(|name| Flavour { name: name.into() }).into(),
            coffees: coffees.map(|name| Coffee { name: name.into(), brew: USUAL_BREW }).into(),
            flavours_stand: "on our menu".to_owned(),
            coffees_stand: "on our menu".to_owned(),
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Coffee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The time that a number of seconds is, if a coffee can brew for so long.
pub fn brew(seconds: f64) -> Option<Duration> {
    // Not a number is in no range.
    let possible = (0.0..=f64::from(LONGEST_BREW_SECONDS)).contains(&seconds);
    possible.then(|| Duration::from_secs_f64(seconds))
}

/// A list as a sentence has it: "Latte, Mocha".
pub fn listed(items: &[impl fmt::Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brew_is_a_number_of_seconds_up_to_an_hour() {
        for (seconds, brewed) in [
            (0.0, Some(Duration::ZERO)),
            (-0.0, Some(Duration::ZERO)),
            (0.25, Some(Duration::from_millis(250))),
            (3600.0, Some(Duration::from_secs(3600))),
            (3600.1, None),
            (-1.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(brew(seconds), brewed, "{seconds}");
        }
    }

    #[test]
    fn a_given_brew_holds_for_every_coffee() {
        let menu = Menu::default().brewing_for(Duration::from_secs(1));
        assert!(menu.coffees.iter().all(|coffee| coffee.brew == Duration::from_secs(1)));
    }
}

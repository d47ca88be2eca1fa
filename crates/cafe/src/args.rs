//! The command line: what it offers, and what `--help` teaches.
//!
//! Only what one argument alone can get wrong is refused here; an order that
//! isn't on the menu is found later, when there is a menu.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::beans::{Grind, GrindOn};
use crate::menu::{self, LONGEST_BREW_SECONDS};

/// More customers than this are refused: each of them is a task of 550 bytes,
/// so these are 5.5 GB, and ten times as many fit into no ordinary computer.
const MOST_CUSTOMERS: usize = 10_000_000;

/// An hour, as for a brew: whoever means more has mistaken the unit.
const LONGEST_GRIND_MS: i64 = 3_600_000;

const EXAMPLES: &str = "\
Examples, to be run in this order (from the source tree, `cafe` is
`cargo run --release -p cafe --`):
  cafe sync                   One barista who waits for each coffee: 10 seconds
  cafe async                  One barista who serves the next meanwhile: 5 seconds
  cafe async --customers 100  However many they are, they all wait together
  cafe async --customers 100 --machines 10
                              Ten coffee machines, so ten rounds of 5 seconds
  cafe async --grind-ms 1000  Work isn't waiting: while the barista grinds,
                              nobody is served, and each customer costs a second
  cafe async --grind-ms 1000 --grind-on threads
                              Work can be handed to threads; then it takes 6
                              seconds again, one of them grinding
  cafe async --customers 1000000 --clock virtual --quiet
                              A million customers, without the wait
  cafe sync --order \"Caramel Latte\" --order \"Vanilla Flat White\"

A menu is a TOML file:
  flavours = [\"Vanilla\", \"Caramel\"]
  [coffees]                   # each with the seconds that it brews
  Latte = 5
  \"Flat White\" = 4.5

Exit codes: 0 if all were served, 1 if serving failed, 2 if an argument, an order
or the menu is wrong; in the last case nothing is printed on stdout.";

/// Serve coffee, to see what an event loop is for.
///
/// A coffee takes 5 seconds in which the barista only waits for the machine. The
/// synchronous café waits for it; the asynchronous one serves the next customer.
#[derive(Debug, Parser)]
#[command(name = "cafe", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// Which café to open
    #[arg(value_enum, value_name = "CAFÉ")]
    pub cafe: CafeKind,

    /// How many customers come [default: 2, or one for each --order]
    ///
    /// They order from the whole menu, flavours by coffees, alternately from its
    /// front and from its end: Vanilla Latte, Caramel Mocha, Vanilla Cappuccino,
    /// Caramel Flat White and so on, and then from the beginning again. With
    /// --order they repeat the orders given.
    #[arg(long, value_name = "N", value_parser = customers)]
    pub customers: Option<usize>,

    /// At most M coffees brew at once [default: as many as are ordered]
    ///
    /// The synchronous café never uses more than one machine.
    #[arg(long, value_name = "M", value_parser = machines)]
    pub machines: Option<usize>,

    /// How long each coffee brews, whatever the menu says
    #[arg(long, value_name = "SECONDS", value_parser = brew, allow_negative_numbers = true)]
    pub brew: Option<Duration>,

    /// Grind beans with the CPU for N milliseconds before each coffee
    ///
    /// Grinding is real work: it takes real time under the virtual clock too,
    /// and no time by that clock.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=LONGEST_GRIND_MS))]
    pub grind_ms: u32,

    /// Where the beans are ground
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = GrindOn::Loop)]
    pub grind_on: GrindOn,

    /// Serve from the menu in this TOML file
    #[arg(long, value_name = "FILE")]
    pub menu: Option<PathBuf>,

    /// A customer who orders this, such as "Vanilla Latte"; can be repeated
    #[arg(long = "order", value_name = "ORDER")]
    pub orders: Vec<String>,

    /// Which clock the café goes by
    #[arg(long, value_enum, default_value_t = ClockKind::Real)]
    pub clock: ClockKind,

    /// Record what the asynchronous café does, to be drawn by `cafeloop flow FILE`
    ///
    /// The synchronous one has no tasks to record.
    #[arg(long, value_name = "FILE")]
    pub flow: Option<PathBuf>,

    /// Print only the last line
    #[arg(long)]
    pub quiet: bool,
}

/// Which café to open.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CafeKind {
    /// The synchronous café: one customer after the other
    Sync,
    /// The asynchronous café: while a coffee brews, the next customer is served
    Async,
}

/// Which clock the café goes by.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum ClockKind {
    /// The computer's: five seconds take five seconds
    Real,
    /// One that jumps over every wait: the same transcript at once
    Virtual,
}

impl Args {
    /// The grinding that was asked for, if any was.
    pub fn grind(&self) -> Option<Grind> {
        let time = Duration::from_millis(self.grind_ms.into());
        (!time.is_zero()).then_some(Grind { time, on: self.grind_on })
    }
}

fn customers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(customers) if customers <= MOST_CUSTOMERS => Ok(customers),
        _ => Err(format!("expected a whole number from 0 to {MOST_CUSTOMERS}")),
    }
}

fn machines(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(machines) if machines > 0 => Ok(machines),
        _ => Err("expected a whole number from 1: no coffee brews without a machine".to_owned()),
    }
}

fn brew(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(menu::brew)
        .ok_or_else(|| format!("expected seconds from 0 to {LONGEST_BREW_SECONDS}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_examples_are_understood() {
        let examples: Vec<&str> =
            EXAMPLES.lines().filter_map(|line| line.strip_prefix("  cafe ")).collect();
        assert_eq!(examples.len(), 8);
        for example in examples {
            // What it shows is two spaces further.
            let command = example.split("  ").next().unwrap_or_default();
            // Every other piece stood in quotes: it is one argument, spaces and all.
            let args = command.split('"').enumerate().flat_map(|(index, piece)| match index % 2 {
                0 => piece.split_whitespace().collect(),
                _ => vec![piece],
            });
            if let Err(mistake) = Args::try_parse_from(["cafe"].into_iter().chain(args)) {
                panic!("{example}: {mistake}");
            }
        }
    }

    #[test]
    fn no_grinding_is_none_rather_than_grinding_for_no_time() {
        let args = Args::try_parse_from(["cafe", "async"]).expect("it needs no more");
        assert!(args.grind().is_none());
    }
}

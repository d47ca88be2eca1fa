//! The barista: what is said at each step, the same in both cafés.
//!
//! `make_coffee` isn't here: how the barista waits for the machine is what
//! distinguishes the cafés.

use std::time::Duration;

use crate::error::Result;
use crate::menu::{Coffee, Flavour, Menu, listed};
use crate::transcript::Transcript;

/// Who says everything that is said in a café.
pub struct Barista {
    menu: Menu,
    transcript: Transcript,
}

impl Barista {
    /// A barista who knows the menu and whose words go to the transcript.
    pub fn new(menu: Menu, transcript: Transcript) -> Self {
        Barista { menu, transcript }
    }

    /// Welcomes everybody to the "Synchronous" or "Asynchronous" café.
    pub fn explain_menu(&self, cafe: &str) -> Result<()> {
        let coffees = listed(&self.menu.coffees);
        let flavours = listed(&self.menu.flavours);
        writeln!(
            self.transcript,
            "Welcome to the {cafe} Café!\n\
             On our coffee menu we have {coffees}.\n\
             On our flavours menu we have {flavours}.\n"
        )
    }

    /// Asks a customer, and repeats the answer.
    pub fn take_order(&self, flavour: &Flavour, coffee: &Coffee) -> Result<()> {
        writeln!(
            self.transcript,
            "What would you like? - A {flavour} {coffee}.\n\
             One {flavour} {coffee} coming right up!\n"
        )
    }

    /// Says that the beans are being ground.
    pub fn announce_grinding(&self, flavour: &Flavour, coffee: &Coffee) -> Result<()> {
        writeln!(self.transcript, "Grinding the beans for your {flavour} {coffee}...")
    }

    /// Says that the machine is running.
    pub fn announce_making(&self, flavour: &Flavour, coffee: &Coffee) -> Result<()> {
        writeln!(self.transcript, "Making your {flavour} {coffee}...")
    }

    /// Hands the coffee over.
    pub fn serve_order(&self, flavour: &Flavour, coffee: &Coffee) -> Result<()> {
        writeln!(self.transcript, "\nYour {flavour} flavoured {coffee} is ready, enjoy!\n")
    }

    /// Turns to the queue.
    pub fn call_next_customer(&self) -> Result<()> {
        writeln!(self.transcript, "Next customer please!\n")
    }

    /// Says how long it all took.
    pub fn close(&self, customers: usize, took: Duration) -> Result<()> {
        let customers = match customers {
            1 => "1 customer".to_owned(),
            n => format!("{n} customers"),
        };
        let seconds = took.as_secs_f64();
        self.transcript.last_line(format_args!("Serving {customers} took {seconds:.2} seconds"))
    }
}

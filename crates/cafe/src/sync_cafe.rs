//! The synchronous café: one customer after the other.
//!
//! Its twin is `async_cafe`.

use crate::barista::Barista;
use crate::beans::{Grind, grind};
use crate::error::Result;
use crate::menu::{Coffee, Flavour};
use crate::order::Order;
use crate::sync_clock::SyncClock;

/// A café whose barista stares at the machine.
pub struct SyncCafe {
    barista: Barista,
    clock: SyncClock,
    grind: Option<Grind>,
}

impl SyncCafe {
    /// A café that waits by this clock.
    pub fn new(barista: Barista, clock: SyncClock, grind: Option<Grind>) -> Self {
        SyncCafe { barista, clock, grind }
    }

    /// Serves the whole queue.
    pub fn run_cafe(&self, queue: impl Iterator<Item = Order>) -> Result<()> {
        let opened = self.clock.now();
        self.barista.explain_menu("Synchronous")?;

        let mut customers = 0;
        let mut queue = queue.peekable();
        while let Some(Order { flavour, coffee }) = queue.next() {
            self.barista.take_order(&flavour, &coffee)?;
            self.make_coffee(&flavour, &coffee)?;
            self.barista.serve_order(&flavour, &coffee)?;
            customers += 1;
            if queue.peek().is_some() {
                self.barista.call_next_customer()?;
            }
        }

        self.barista.close(customers, self.clock.now().saturating_sub(opened))
    }

    /// Makes one coffee; whoever is next waits as well.
    fn make_coffee(&self, flavour: &Flavour, coffee: &Coffee) -> Result<()> {
        self.grind_beans(flavour, coffee)?;
        self.barista.announce_making(flavour, coffee)?;
        self.clock.sleep(coffee.brew);
        Ok(())
    }

    fn grind_beans(&self, flavour: &Flavour, coffee: &Coffee) -> Result<()> {
        if let Some(Grind { time, .. }) = self.grind {
            self.barista.announce_grinding(flavour, coffee)?;
            grind(time);
        }
        Ok(())
    }
}

//! The asynchronous café: while a coffee brews, the next customer is served.
//!
//! Its twin is `sync_cafe`.

use std::rc::Rc;

use cafeloop::{Semaphore, create_task, now, sleep, to_thread, try_gather};

use crate::barista::Barista;
use crate::beans::{Grind, GrindOn, grind};
use crate::error::Result;
use crate::menu::{Coffee, Flavour};
use crate::order::Order;

/// A café whose barista never stares at a machine.
pub struct AsyncCafe {
    barista: Barista,
    machines: Semaphore,
    grind: Option<Grind>,
}

impl AsyncCafe {
    /// A café with so many machines, or with more than any queue needs.
    pub fn new(barista: Barista, machines: Option<usize>, grind: Option<Grind>) -> Self {
        let machines = Semaphore::new(machines.unwrap_or(usize::MAX));
        AsyncCafe { barista, machines, grind }
    }

    /// Serves the whole queue: a task for each customer, and all of them gathered.
    pub async fn run_cafe(self: Rc<Self>, queue: impl Iterator<Item = Order>) -> Result<()> {
        let opened = now();
        self.barista.explain_menu("Asynchronous")?;

        let customers = queue.map(|Order { flavour, coffee }| {
            create_task(Rc::clone(&self).handle_customer(flavour, coffee))
        });
        let served = try_gather(customers).await?;

        self.barista.close(served.len(), now().saturating_sub(opened))
    }

    /// The three steps of one customer.
    async fn handle_customer(self: Rc<Self>, flavour: Flavour, coffee: Coffee) -> Result<()> {
        self.barista.take_order(&flavour, &coffee)?;
        self.make_coffee(&flavour, &coffee).await?;
        self.barista.serve_order(&flavour, &coffee)
    }

    /// Makes one coffee; at each `await`, other customers are served.
    async fn make_coffee(&self, flavour: &Flavour, coffee: &Coffee) -> Result<()> {
        self.grind_beans(flavour, coffee).await?;
        let _machine = self.machines.acquire().await;
        self.barista.announce_making(flavour, coffee)?;
        sleep(coffee.brew).await;
        Ok(())
    }

    async fn grind_beans(&self, flavour: &Flavour, coffee: &Coffee) -> Result<()> {
        if let Some(Grind { time, on }) = self.grind {
            self.barista.announce_grinding(flavour, coffee)?;
            match on {
                // No `await`, so nobody else is served.
                GrindOn::Loop => grind(time),
                GrindOn::Threads => to_thread(move || grind(time)).await?,
            }
        }
        Ok(())
    }
}

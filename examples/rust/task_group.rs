//! Tasks that begin and end together: an order for a whole table.
//!
//! ```text
//! cargo run -p cafeloop --example task_group
//! ```
//!
//! The coffees of a table brew side by side.  If one can't be made, there is no
//! point in finishing the others: the group drops them, and leaves when none is
//! left.  By a virtual clock the minutes take no time.

#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::time::Duration;

use cafeloop::{Clock, Error, GroupError, Runner, now, sleep, task_group};

/// A coffee that is thrown away if it isn't finished.
struct Cup {
    coffee: &'static str,
    finished: bool,
}

impl Drop for Cup {
    fn drop(&mut self) {
        if !self.finished {
            println!("  {:>3} s  the {} is thrown away", now().as_secs(), self.coffee);
        }
    }
}

async fn brew(coffee: &'static str, seconds: u64) -> Result<&'static str, String> {
    let mut cup = Cup { coffee, finished: false };
    sleep(Duration::from_secs(seconds)).await;
    cup.finished = true;
    if coffee == "Pistachio Mocha" {
        return Err(format!("no pistachios for the {coffee}"));
    }
    println!("  {:>3} s  the {coffee} is ready", now().as_secs());
    Ok(coffee)
}

async fn serve_table(
    order: &[(&'static str, u64)],
) -> Result<Vec<&'static str>, GroupError<String>> {
    task_group(async |group| {
        let cups: Vec<_> = order
            .iter()
            .map(|&(coffee, seconds)| group.create_task(brew(coffee, seconds)))
            .collect();
        let mut tray = Vec::new();
        for cup in cups {
            // A cup that fails has this body dropped here.
            tray.push(cup.await.map_err(|error| error.to_string())?);
        }
        Ok(tray)
    })
    .await
}

async fn serve_tables() {
    let tables: [&[_]; 2] = [
        &[("Vanilla Latte", 50), ("Caramel Mocha", 30)],
        &[("Flat White", 20), ("Pistachio Mocha", 40), ("Cappuccino", 60)],
    ];
    for (number, order) in tables.into_iter().enumerate() {
        println!("Table {}", number + 1);
        match serve_table(order).await {
            Ok(tray) => println!("  {:>3} s  served: {}", now().as_secs(), tray.join(", ")),
            Err(error) => println!("  {:>3} s  {error}", now().as_secs()),
        }
    }
}

fn main() -> Result<(), Error> {
    Runner::new().clock(Clock::virtual_time()).run(serve_tables())
}

//! The café: what an event loop is for, as a program.
//!
//! Two cafés serve the same customers.  In the [synchronous one](sync_cafe) the
//! barista stares at the machine while it brews, and two coffees take 10 seconds;
//! in the [asynchronous one](async_cafe) the next customer is served meanwhile,
//! and two coffees take 5.  Read those two files side by side: they differ by
//! `async`, `await`, [`create_task`](cafeloop::create_task) and
//! [`try_gather`](cafeloop::try_gather), and that is the lesson.
//!
//! The other modules are what any program has: its [arguments](args), its
//! [menu] and the [file it is read from](menu_file), the [orders](order), the
//! words of the [barista], the [beans] and the [transcript].

pub mod args;
pub mod async_cafe;
pub mod barista;
pub mod beans;
pub mod error;
pub mod menu;
pub mod menu_file;
pub mod order;
pub mod sync_cafe;
pub mod sync_clock;
pub mod transcript;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use cafeloop::{Clock, Runner};
use clap::Parser as _;

use crate::args::{Args, CafeKind, ClockKind};
use crate::async_cafe::AsyncCafe;
use crate::barista::Barista;
use crate::menu::Menu;
use crate::sync_cafe::SyncCafe;
use crate::sync_clock::SyncClock;
use crate::transcript::{Pace, Transcript};

pub use crate::error::{Error, Result};

/// What the process ends with if the café could serve.
pub const SERVED: u8 = 0;
/// What the process ends with if serving began and failed.
pub const FAILED: u8 = 1;
/// What the process ends with if it was asked for what it can't do: wrong
/// arguments, a wrong menu, an order that isn't on it.
pub const MISUSED: u8 = 2;

/// Runs the program with the given arguments (the first is its name) and
/// streams; returns the code to end with.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    mut out: impl Write + 'static,
    err: &mut dyn Write,
) -> u8 {
    let served = match Args::try_parse_from(args) {
        Ok(args) => serve(&args, out),
        Err(mistake) if mistake.use_stderr() => {
            // If stderr is closed as well, the code is all that is left to say.
            let _ = write!(err, "{mistake}");
            return MISUSED;
        }
        Err(help) => write!(out, "{help}").map_err(Error::transcript),
    };
    match served {
        Ok(()) => SERVED,
        // Whoever read the transcript has seen enough (`cafe sync | head -1`).
        Err(error) if error.is_closed_pipe() => SERVED,
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            if error.is_misuse() { MISUSED } else { FAILED }
        }
    }
}

/// The file that the café is recorded in.
fn recording(cafe: CafeKind, file: &Path) -> Result<File> {
    match cafe {
        CafeKind::Sync => Err(Error::nothing_to_record()),
        CafeKind::Async => File::create(file).map_err(|cause| Error::recording(file, cause)),
    }
}

/// Opens the café that the arguments ask for, and serves its queue.
fn serve(args: &Args, out: impl Write + 'static) -> Result<()> {
    let menu = match &args.menu {
        Some(file) => menu_file::read(file)?,
        None => Menu::default(),
    };
    let menu = match args.brew {
        Some(brew) => menu.brewing_for(brew),
        None => menu,
    };
    let queue = order::queue(&menu, &args.orders, args.customers)?;
    let pace = match args.clock {
        ClockKind::Real => Pace::Live,
        ClockKind::Virtual => Pace::Buffered,
    };
    let recording = args.flow.as_deref().map(|file| recording(args.cafe, file)).transpose()?;
    let barista = Barista::new(menu, Transcript::new(out, pace, args.quiet));

    match args.cafe {
        CafeKind::Sync => {
            let clock = match args.clock {
                ClockKind::Real => SyncClock::real(),
                ClockKind::Virtual => SyncClock::virtual_time(),
            };
            SyncCafe::new(barista, clock, args.grind()).run_cafe(queue)
        }
        CafeKind::Async => {
            let clock = match args.clock {
                ClockKind::Real => Clock::real(),
                ClockKind::Virtual => Clock::virtual_time(),
            };
            let cafe = Rc::new(AsyncCafe::new(barista, args.machines, args.grind()));
            let runner = Runner::new().clock(clock);
            let runner = match recording {
                Some(file) => runner.record(file),
                None => runner,
            };
            runner.run(cafe.run_cafe(queue))?
        }
    }
}

//! Running a loop from its first task to its last.

use std::cell::RefCell;
use std::io::Write;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use cafeloop_flow::{self as flow, Lane, Metadata, Recorder, Sink, Tap};

use crate::engine::{Clock, Engine};
use crate::error::Error;
use crate::task::{
    BLOCK_THRESHOLD_NS, Entered, Job, Kind, RustHost, WAIT_THRESHOLD_NS, current, spawn,
    try_current,
};

/// Runs a new event loop until `main` is done, and gives its output.
///
/// When `main` is done, the tasks that are left are cancelled (their futures are
/// dropped), threads that still work for [`to_thread`](crate::to_thread) are
/// waited for, and the loop is closed.  A destructor may still make tasks then;
/// they are cancelled in their turn, before they start.  (A task whose destructor
/// always makes another like it keeps the run from ending.)
///
/// The future need not be `Send`: it never leaves this thread.
///
/// # Errors
///
/// [`is_nested`](Error::is_nested) inside a running loop; [`is_io`](Error::is_io)
/// if the system has no descriptors left, or is older than Linux 5.11.
///
/// # Panics
///
/// If `main` panics: with that panic, once everything has been cleared away.
///
/// Source: [`asyncio.run`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.run).
///
/// # Examples
///
/// ```
/// let answer = cafeloop::run(async { 6 * 7 })?;
/// assert_eq!(answer, 42);
/// # Ok::<(), cafeloop::Error>(())
/// ```
///
/// A loop inside a loop would keep the outer one from its other tasks:
///
/// ```
/// let nested = cafeloop::run(async { cafeloop::run(async {}) })?;
/// assert!(nested.is_err_and(|error| error.is_nested()));
/// # Ok::<(), cafeloop::Error>(())
/// ```
pub fn run<F>(main: F) -> Result<F::Output, Error>
where
    F: Future + 'static,
{
    Runner::new().run(main)
}

/// [`run`] with options: by which clock, in which order, and who listens.
///
/// Source: [`asyncio.Runner`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.Runner).
///
/// # Examples
///
/// Ten hours that take no time:
///
/// ```
/// use cafeloop::{Clock, Runner, now, sleep};
/// use std::time::Duration;
///
/// let shift = Duration::from_secs(10 * 60 * 60);
/// let passed = Runner::new().clock(Clock::virtual_time()).run(async move {
///     sleep(shift).await;
///     now()
/// })?;
/// assert_eq!(passed, shift);
/// # Ok::<(), cafeloop::Error>(())
/// ```
#[must_use = "a runner does nothing until it runs"]
pub struct Runner {
    clock: Clock,
    seed: Option<u64>,
    sink: Option<Rc<dyn Sink>>,
    recording: Option<Box<dyn Write + Send>>,
}

impl Runner {
    /// The options that [`run`] has: the real clock, no seed, and nobody listens.
    pub fn new() -> Self {
        Runner { clock: Clock::real(), seed: None, sink: None, recording: None }
    }

    /// Lets the loop go by `clock`.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Has `seed` choose the order of tasks that are ready for different reasons, the
    /// same for the same seed: two that were woken by two others, by two descriptors,
    /// or by timers of one deadline.  What one task wakes keeps its order.
    ///
    /// # Examples
    ///
    /// ```
    /// use cafeloop::{Runner, create_task, gather, yield_now};
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let served = |seed| {
    ///     Runner::new().seed(seed).run(async {
    ///         let served = Rc::new(RefCell::new(String::new()));
    ///         let customers = ["Latte ", "Mocha "].map(|coffee| {
    ///             let served = served.clone();
    ///             create_task(async move {
    ///                 yield_now().await;
    ///                 served.borrow_mut().push_str(coffee);
    ///             })
    ///         });
    ///         gather(customers).await.expect("no customer panics");
    ///         served.take()
    ///     })
    /// };
    /// assert_eq!(served(7)?, served(7)?);
    /// assert!((0..100).any(|seed| served(seed).unwrap() == "Mocha Latte "));
    /// # Ok::<(), cafeloop::Error>(())
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Has `sink` told of everything that the loop does.
    pub fn sink(mut self, sink: Rc<dyn Sink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Records what tasks do, run, wait for and wake, into `out`, in the place of a
    /// [`sink`](Runner::sink).
    ///
    /// It needs no buffer of its own.  What is in it is a flow, which
    /// `cafeloop flow FILE` draws.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cafeloop::{Runner, sleep};
    /// use std::{fs::File, time::Duration};
    ///
    /// let file = File::create("nap.flow")?;
    /// Runner::new().record(file).run(sleep(Duration::from_secs(1)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record(mut self, out: impl Write + Send + 'static) -> Self {
        self.recording = Some(Box::new(out));
        self
    }

    /// Runs a new event loop until `main` is done, as [`run`] does.
    ///
    /// # Errors
    ///
    /// As [`run`]'s; and [`is_io`](Error::is_io) if the [recording](Runner::record)
    /// can't be written.
    pub fn run<F>(self, main: F) -> Result<F::Output, Error>
    where
        F: Future + 'static,
    {
        if try_current().is_some() {
            return Err(Error::nested());
        }
        let recording = self.recording.map(|out| Recording::begin(out, &self.clock)).transpose()?;
        let sink = recording.as_ref().map_or(self.sink, |recording| Some(recording.sink()));
        let engine = Engine::new(RustHost::default(), self.clock.clone(), sink)?;
        if let Some(seed) = self.seed {
            engine.set_seed(seed);
        }
        let entered = Entered::new(engine);
        let main = spawn(&entered, Kind::Own, main, |outcome| {
            // Not at once: what `main` has woken at its end has its turn, too.
            current().push(Job::Stop);
            outcome
        });
        let ran = entered.run(());
        let ended = end_tasks(&entered);
        entered.end_threads();
        drop(entered);
        let recorded = recording.map_or(Ok(()), |recording| recording.end(&self.clock));
        ran.and(ended).map_err(or_resume)?;
        let output = main.take().expect("the loop has run until main was done");
        let output = output.map_err(or_resume)?;
        recorded.map(|()| output)
    }
}

impl Default for Runner {
    fn default() -> Self {
        Runner::new()
    }
}

/// A recording of a run.
struct Recording {
    recorder: Rc<RefCell<Recorder>>,
}

const RECORDING: &str = "write the recording";

impl Recording {
    fn begin(out: Box<dyn Write + Send>, clock: &Clock) -> Result<Self, Error> {
        let since_1970 = UNIX_EPOCH.elapsed().unwrap_or_default();
        let metadata = Metadata {
            command: std::env::args_os().map(|word| word.to_string_lossy().into()).collect(),
            runtime: concat!("cafeloop ", env!("CARGO_PKG_VERSION")).into(),
            pid: std::process::id(),
            clock: if clock.is_virtual() { flow::Clock::Virtual } else { flow::Clock::Monotonic },
            wait_threshold_ns: WAIT_THRESHOLD_NS,
            block_threshold_ns: BLOCK_THRESHOLD_NS,
            start_ns: clock.now_ns(),
            start_unix_ns: u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX),
            ..Metadata::default()
        };
        let recorder =
            Recorder::stream(metadata, out).map_err(|cause| Error::io(RECORDING, cause))?;
        Ok(Recording { recorder: Rc::new(RefCell::new(recorder)) })
    }

    fn sink(&self) -> Rc<dyn Sink> {
        Rc::new(Tap::new(self.recorder.clone(), Lane(0)))
    }

    fn end(self, clock: &Clock) -> Result<(), Error> {
        let empty = Recorder::ring(Metadata::default(), 0);
        let recorder = self.recorder.replace(empty);
        recorder.finish(clock.now_ns()).map_err(|cause| Error::io(RECORDING, cause))
    }
}

/// Cancels tasks until none is left: one that is cancelled may make others.
fn end_tasks(entered: &Entered) -> Result<(), Error> {
    let mut first_panic = Ok(());
    while entered.host().cancel_all() {
        // Stopped before it runs, the loop makes one turn.
        entered.stop();
        match entered.run(()) {
            Err(error) if !error.is_panic() => return Err(error),
            ran => first_panic = first_panic.and(ran),
        }
    }
    first_panic
}

/// A panic belongs to whoever runs the loop; errors are given.
fn or_resume(error: Error) -> Error {
    match error.into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => error,
    }
}

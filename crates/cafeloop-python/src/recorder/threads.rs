//! Threads without a loop: when each works, and where it waits.
//!
//! The kernel says for each thread how long it has run and how long it was ready to,
//! without asking Python.  One that has done neither since it was looked at last has
//! waited for all of it: then its stack is read, once.  One that has run for a little
//! has come back from its wait, worked for that long, and gone into the next: so waits
//! of one line are counted one by one.  If what the program's own frame called last is
//! still at it, the wait goes on, however often the library inside has been woken.
//!
//! The GIL is taken only to read a stack: while a thread waits never, while it works
//! every [`TICKS_OF_WORK`] looks.  A wait that is shorter than the time between two
//! looks may be seen or not.

use std::collections::{HashMap, HashSet};
use std::fs;

use cafeloop::engine::Clock;
use cafeloop::flow::{Event, Frame, Lane, LaneKind};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::awaits::{self, Stack};
use super::recording::Recording;
use crate::names;

/// Less processor time than this between two looks is none: to be woken takes more.
const NO_WORK_NS: u64 = 1_000;
/// How many looks go by between two readings of a working thread's stack: each makes
/// the thread wait for the GIL.
const TICKS_OF_WORK: u32 = 4;
/// A thread that is new to the kernel is looked for among Python's so often, because it
/// tells Python of itself when it first has the GIL; many never do.
const LOOKS_FOR_NEW: u32 = 3;
/// And all that aren't known, for those that took longer, whenever so many looks have
/// gone by.
const TICKS_OF_THREADS: u32 = 20;

/// The threads that are looked at; they belong to the watchdog.
pub(super) struct Threads {
    main: u64,
    watched: Vec<Watched>,
    /// The kernel's numbers of all threads, and how often each has been looked for.
    seen: HashMap<u32, u32>,
    last_mark: u64,
    ticks: u32,
}

/// One thread.
struct Watched {
    /// As `threading.get_ident()` has it.
    thread: u64,
    /// The kernel's number of it.
    number: u32,
    name: String,
    lane: Option<Lane>,
    at_ns: u64,
    used: Used,
    doing: Doing,
    /// Whether it was idle for most of the time before the last look, and worked for
    /// the rest: then waits are shorter than the time between two looks.
    is_mixed: bool,
    /// When its last work was over, as far as that can be told.
    free_ns: u64,
    busy_ticks: u32,
    /// Which call of the program's own it waits in; 0 if that called no Python function.
    call: u64,
    /// What is to be done when the GIL is held.
    needs: Option<Need>,
    is_gone: bool,
    /// What is to be told then.
    told: Vec<(u64, Event, Vec<Frame>)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Doing {
    Working,
    /// In a call of the program's own.
    Waiting,
    /// In something that isn't the program's: a pool's thread waits for work.
    Elsewhere,
}

/// Why a stack is to be read.
#[derive(Clone, Copy)]
enum Need {
    /// It waits, since then.
    Enter(u64),
    /// It was woken from a wait, and waits in the same call or in another one, having
    /// ended the first then.
    Woken(u64),
    /// It works.
    Work,
}

/// Of the processors, in nanoseconds since the thread began.
#[derive(Clone, Copy, Default)]
struct Used {
    worked_ns: u64,
    /// Ready to run, while none was free.
    queued_ns: u64,
    is_ready: bool,
}

impl Between {
    fn passed(&self) -> u64 {
        self.worked + self.queued + self.idle
    }
}

impl Used {
    /// What a recording has as processor time: a thread that is ready and finds no
    /// processor free doesn't wait for anything of the program's.
    fn busy_ns(self) -> u64 {
        self.worked_ns + self.queued_ns
    }
}

/// What a thread has done between two looks, in nanoseconds.
struct Between {
    worked: u64,
    queued: u64,
    idle: u64,
    /// Idle for most of it.
    is_idle: bool,
}

/// A mark on a frame, by which it is known again.  Frames have no identity that lasts:
/// the next one may be at the same address.
///
/// It stands where a trace function would, and does nothing if it is called as one.
#[pyclass(frozen, module = "cafeloop")]
struct Mark(u64);

#[pymethods]
impl Mark {
    #[pyo3(signature = (*_args))]
    fn __call__<'py>(slf: Bound<'py, Self>, _args: &Bound<'py, PyTuple>) -> Bound<'py, Self> {
        slf
    }
}

impl Threads {
    /// The main thread, whose identity this is, is looked at from now on.
    pub(super) fn new(main: u64) -> Self {
        let mut threads =
            Threads { main, watched: Vec::new(), seen: HashMap::new(), last_mark: 0, ticks: 0 };
        threads.watched.extend(Watched::new(main, std::process::id(), "MainThread".into()));
        threads
    }

    /// Looks at all threads but those that are told of otherwise; whether a stack is
    /// to be read.
    pub(super) fn tick(&mut self, is_skipped: impl Fn(u32) -> bool) -> bool {
        self.ticks += 1;
        let mut needs_gil = self.sees_new() || self.ticks % TICKS_OF_THREADS == 1;
        let now_ns = Clock::real().now_ns();
        for watched in &mut self.watched {
            watched.tick(now_ns, is_skipped(watched.number));
            needs_gil |= watched.needs.is_some() || watched.is_gone;
        }
        needs_gil
    }

    /// Whether there are threads that Python may know of by now.
    fn sees_new(&mut self) -> bool {
        let numbers = numbers();
        self.seen.retain(|number, _| numbers.contains(number));
        let mut any = false;
        for number in numbers {
            let looks = self.seen.entry(number).or_default();
            any |= *looks < LOOKS_FOR_NEW;
            *looks = looks.saturating_add(1);
        }
        any
    }

    /// Reads the stacks that are to be read, given the innermost frames of all threads.
    pub(super) fn look(
        &mut self,
        recording: &Recording,
        innermost: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let last_mark = &mut self.last_mark;
        for watched in &mut self.watched {
            if let Some(need) = watched.needs.take()
                && let Some(frame) = innermost.get_item(watched.thread)?
            {
                let stack = awaits::stack(recording, frame);
                let call = stack.callee.as_ref().map_or(0, |callee| mark(callee, last_mark));
                watched.answer(recording, need, stack, call);
            }
            watched.tell(recording);
        }
        self.watched.retain_mut(|watched| {
            watched.forgive();
            if watched.is_gone {
                recording.thread_ended(watched.number);
            }
            !watched.is_gone
        });
        self.meet(innermost)
    }

    /// Looks at threads from now on that are new.
    fn meet(&mut self, innermost: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = innermost.py();
        for thread in innermost.keys() {
            let thread: u64 = thread.extract()?;
            if thread == self.main {
                continue;
            }
            let known = names::known_threads(py)?.cast::<PyDict>()?.get_item(thread)?;
            let Some(known) = known else { continue };
            // Without its number, the kernel can't be asked.
            let Ok(number) = known.getattr(intern!(py, "native_id"))?.extract() else { continue };
            self.seen.insert(number, LOOKS_FOR_NEW);
            if self.watched.iter().any(|it| it.number == number) {
                continue;
            }
            let name = known.getattr(intern!(py, "name"))?.extract().unwrap_or_default();
            self.watched.extend(Watched::new(thread, number, name));
        }
        Ok(())
    }

    /// The lanes of those that wait, and until when they have.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (u64, Lane)> {
        let waits = |watched: &&Watched| watched.doing == Doing::Waiting;
        self.watched.iter().filter(waits).filter_map(|it| Some((it.at_ns, it.lane?)))
    }

    /// Says how the waits end that go on.
    pub(super) fn finish(&mut self, recording: &Recording) {
        let now_ns = recording.now_ns();
        for mut watched in self.watched.drain(..) {
            watched.leave_for_good(now_ns);
            watched.tell(recording);
        }
    }
}

impl Watched {
    /// `None` if the thread is gone.
    fn new(thread: u64, number: u32, name: String) -> Option<Self> {
        let at_ns = Clock::real().now_ns();
        let used = used(number)?;
        Some(Watched {
            thread,
            number,
            name,
            lane: None,
            at_ns,
            used,
            doing: Doing::Working,
            is_mixed: false,
            free_ns: at_ns,
            busy_ticks: 0,
            call: 0,
            needs: None,
            is_gone: false,
            told: Vec::new(),
        })
    }

    /// Sees what it has done since the last look.
    fn tick(&mut self, now_ns: u64, is_skipped: bool) {
        if self.is_gone {
            return;
        }
        let Some(used) = used(self.number) else { return self.end(now_ns) };
        let between = self.until(now_ns, used);
        let before_ns = std::mem::replace(&mut self.at_ns, now_ns);
        self.used = used;
        if is_skipped {
            self.leave(now_ns);
            self.needs = None;
            self.free_ns = now_ns;
        } else {
            self.judge(&between, before_ns);
        }
    }

    /// It is gone, and its stack can't be read any more.
    fn end(&mut self, now_ns: u64) {
        self.is_gone = true;
        self.needs = None;
        self.leave_for_good(now_ns);
        if self.lane.is_some() || !self.told.is_empty() {
            self.told.push((now_ns, Event::LaneEnds, Vec::new()));
        }
    }

    fn until(&self, now_ns: u64, used: Used) -> Between {
        let passed = now_ns.saturating_sub(self.at_ns);
        let worked = used.worked_ns.saturating_sub(self.used.worked_ns).min(passed);
        let queued = used.queued_ns.saturating_sub(self.used.queued_ns).min(passed - worked);
        let idle = passed - worked - queued;
        // One that is ready has nothing to wait for but a processor.
        Between { worked, queued, idle, is_idle: idle > passed / 2 && !used.is_ready }
    }

    fn judge(&mut self, between: &Between, before_ns: u64) {
        let was_mixed = self.is_mixed;
        let has_waited = between.is_idle && between.worked <= NO_WORK_NS;
        self.is_mixed = between.is_idle && !has_waited;
        match self.doing {
            // What is to be read of it is the same as before.
            _ if has_waited && matches!(self.needs, Some(Need::Enter(_))) => {}
            Doing::Working if has_waited => self.needs = Some(Need::Enter(self.free_ns)),
            Doing::Working => {
                self.free_ns = before_ns + between.worked + between.queued;
                if self.is_mixed && was_mixed {
                    self.needs = Some(Need::Enter(before_ns));
                } else if !self.is_mixed {
                    self.busy_ticks += 1;
                    self.needs =
                        self.busy_ticks.is_multiple_of(TICKS_OF_WORK).then_some(Need::Work);
                }
            }
            Doing::Waiting | Doing::Elsewhere if has_waited => {}
            Doing::Elsewhere => {
                self.leave(before_ns + between.idle);
                self.free_ns = before_ns + between.idle + between.worked + between.queued;
            }
            // Between two waits, or woken inside of one; ready to run is not yet at work.
            Doing::Waiting if between.worked <= between.passed() / 2 => {
                let ended_ns = before_ns + between.idle / 2;
                self.free_ns = ended_ns + between.worked + between.queued;
                self.needs = Some(Need::Woken(ended_ns));
            }
            Doing::Waiting => {
                self.leave(before_ns + between.idle);
                self.free_ns = self.at_ns;
            }
        }
    }

    /// Its stack was read.
    fn answer(&mut self, recording: &Recording, need: Need, stack: Stack<'_>, call: u64) {
        let Some(_) = stack.own else { return self.rest(recording, need) };
        let cpu_ns = self.used.busy_ns();
        match need {
            Need::Work => self.told.push((self.at_ns, Event::Sampled { cpu_ns }, stack.frames)),
            Need::Woken(_) if call != 0 && call == self.call => {}
            Need::Woken(ended_ns) => self.leave(ended_ns),
            Need::Enter(from_ns) => {
                self.doing = Doing::Waiting;
                self.call = call;
                self.told.push((from_ns, Event::CallEntered { cpu_ns }, stack.frames));
            }
        }
    }

    /// It is in nothing of the program's that has a frame.
    fn rest(&mut self, recording: &Recording, need: Need) {
        let from_ns = match need {
            Need::Enter(since_ns) | Need::Woken(since_ns) => since_ns,
            Need::Work => self.at_ns,
        };
        self.leave(from_ns);
        if self.is_mixed {
            return;
        }
        self.doing = Doing::Elsewhere;
        // Of one that has done nothing yet there is nothing to tell.
        let has_begun = self.lane.is_some() || recording.has_served(self.number);
        if has_begun || !self.told.is_empty() {
            let cpu_ns = self.used.busy_ns();
            self.told.push((from_ns, Event::CallEntered { cpu_ns }, Vec::new()));
        }
    }

    /// While its stack was read it may have waited for the GIL: that doesn't count.
    fn forgive(&mut self) {
        if self.doing == Doing::Working
            && let Some(used) = used(self.number)
        {
            self.at_ns = Clock::real().now_ns();
            self.used = used;
        }
    }

    /// It waits no more.
    fn leave(&mut self, at_ns: u64) {
        let has_lane = self.lane.is_some() || !self.told.is_empty();
        if self.doing == Doing::Waiting || self.doing == Doing::Elsewhere && has_lane {
            let cpu_ns = self.used.busy_ns();
            self.told.push((at_ns, Event::CallLeft { cpu_ns }, Vec::new()));
        }
        self.doing = Doing::Working;
    }

    /// The same, and does nothing more: one that rests is woken only to end.
    fn leave_for_good(&mut self, at_ns: u64) {
        if self.doing == Doing::Waiting {
            self.leave(at_ns);
        }
    }

    fn tell(&mut self, recording: &Recording) {
        for (at_ns, event, frames) in self.told.drain(..) {
            let lane = *self.lane.get_or_insert_with(|| {
                let (lane, _) = recording.lane_of(self.number);
                recording.name_lane(at_ns, lane, LaneKind::Thread, &self.name);
                lane
            });
            recording.record_with(at_ns, lane, event, "", &frames);
        }
    }
}

/// By what a frame is known again; 0 if a tracer uses the place.
fn mark(frame: &Bound<'_, PyAny>, last: &mut u64) -> u64 {
    let py = frame.py();
    let name = intern!(py, "f_trace");
    let Ok(place) = frame.getattr(name) else { return 0 };
    if let Ok(mark) = place.cast::<Mark>() {
        return mark.get().0;
    }
    if !place.is_none() {
        return 0;
    }
    *last += 1;
    let marked = Bound::new(py, Mark(*last)).and_then(|mark| frame.setattr(name, mark));
    if marked.is_ok() { *last } else { 0 }
}

/// The kernel's numbers of all threads of this process.
fn numbers() -> HashSet<u32> {
    let Ok(entries) = fs::read_dir("/proc/self/task") else { return HashSet::new() };
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries.flatten().filter_map(number).collect()
}

/// What the kernel says of a thread of this process; `None` if it is gone.
fn used(number: u32) -> Option<Used> {
    let file = |name| fs::read_to_string(format!("/proc/self/task/{number}/{name}")).ok();
    // Nanoseconds on a processor, nanoseconds ready for one, turns (proc(5), schedstat).
    let text = file("schedstat")?;
    let mut words = text.split_whitespace().map(|word| word.parse().ok());
    let worked_ns = words.next()??;
    let queued_ns = words.next()??;
    // The state is behind the name, which is in parentheses (proc(5), stat).
    let text = file("stat")?;
    let state = text.rsplit_once(") ")?.1.chars().next()?;
    Some(Used { worked_ns, queued_ns, is_ready: state == 'R' })
}

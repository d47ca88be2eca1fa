//! Threads without a loop, looked at every few milliseconds: when each works, and
//! where it waits.
//!
//! A thread that has used no processor time between two looks has waited for all of it.
//! One that has used a little has come back from its wait, worked for that long, and
//! gone into the next one: so waits of one line are counted one by one.  If what the
//! program's own frame called last is still at it, then the wait goes on, however often
//! the library inside has been woken.
//!
//! A wait that is shorter than the time between two looks may be seen or not.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fs;

use cafeloop::engine::Clock;
use cafeloop::flow::{Event, Frame, Lane, LaneKind};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::awaits;
use super::recording::Recording;
use crate::names;

/// Less processor time than this between two looks is none: to be woken takes more.
const NO_WORK_NS: u64 = 1_000;

/// All threads that are looked at.
pub(super) struct Threads {
    /// Those that run a loop, or jobs of an executor, which are told of otherwise.
    skipped: RefCell<HashSet<u64>>,
    watched: RefCell<HashMap<u64, Watched>>,
    main: u64,
    last_mark: Cell<u64>,
}

/// One thread.
struct Watched {
    thread: u64,
    is_main: bool,
    processor: Processor,
    /// None until there is something to tell.
    lane: Option<Lane>,
    last: Look,
    doing: Doing,
    /// Whether it was idle for the most of the time before the last look, and worked
    /// for the rest: then waits are shorter than the time between two looks.
    is_mixed: bool,
    /// When its last work was over, as far as that can be told.
    free_ns: u64,
    told_ns: u64,
}

/// What was seen of a thread.
struct Look {
    at_ns: u64,
    used: Used,
    frames: Vec<Frame>,
    /// The program's own innermost frame; none if there is nothing of the program in
    /// the stack, as in threads of a pool that wait for work.
    own: Option<Frame>,
    /// Which call out of that frame it was; 0 if it called no Python function.
    call: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Doing {
    Working,
    Waiting,
}

/// Of the processors, in nanoseconds since the thread began.
#[derive(Clone, Copy, Default)]
struct Used {
    worked_ns: u64,
    /// Ready to run, while none was free.
    queued_ns: u64,
    is_queued: bool,
}

/// What a thread has done between two looks, in nanoseconds.
struct Between {
    passed: u64,
    worked: u64,
    queued: u64,
    idle: u64,
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
    pub(super) fn new(py: Python<'_>) -> PyResult<Self> {
        let main = names::main_thread(py)?.call0()?.getattr(intern!(py, "ident"))?.extract()?;
        let threads = Threads {
            skipped: RefCell::default(),
            watched: RefCell::default(),
            main,
            last_mark: Cell::new(0),
        };
        // A wait that is on at the first look began after so much work from here on.
        let processor = Processor::of(py, main, main)?;
        if let Some(used) = processor.used(py) {
            let at_ns = Clock::real().now_ns();
            let last = Look { at_ns, used, frames: Vec::new(), own: None, call: 0 };
            threads.watched.borrow_mut().insert(main, Watched::new(main, true, processor, last));
        }
        Ok(threads)
    }

    /// Looks at a thread no more: somebody else tells what it does.
    pub(super) fn skip(&self, thread: u64) {
        self.skipped.borrow_mut().insert(thread);
    }

    pub(super) fn unskip(&self, thread: u64) {
        self.skipped.borrow_mut().remove(&thread);
    }

    /// Looks at all threads, given their innermost frames.
    pub(super) fn sample(
        &self,
        recording: &Recording,
        innermost: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let mut before = self.watched.take();
        let mut watched = HashMap::new();
        for (thread, frame) in innermost.iter() {
            let thread: u64 = thread.extract()?;
            let state = before.remove(&thread);
            if self.skipped.borrow().contains(&thread) {
                if let Some(mut state) = state {
                    state.stop(recording);
                }
            } else if let Some(state) = self.look_at(recording, thread, state, frame) {
                watched.insert(thread, state);
            }
        }
        // What is left has ended.
        for mut ended in before.into_values() {
            ended.stop(recording);
            if let Some(lane) = ended.lane {
                recording.record(recording.now_ns(), lane, Event::LaneEnds);
            }
        }
        self.watched.replace(watched);
        Ok(())
    }

    /// Says how the waits end that go on.
    pub(super) fn finish(&self, recording: &Recording) {
        for mut thread in self.watched.take().into_values() {
            thread.stop(recording);
        }
    }

    fn look_at(
        &self,
        recording: &Recording,
        thread: u64,
        state: Option<Watched>,
        innermost: Bound<'_, PyAny>,
    ) -> Option<Watched> {
        let py = innermost.py();
        let is_main = thread == self.main;
        let stack = awaits::stack(recording, innermost);
        let own = stack.own;
        let call = stack.callee.map_or(0, |callee| self.mark(&callee));
        let at_ns = recording.now_ns();
        let look = |used| Look { at_ns, used, frames: stack.frames, own, call };
        if let Some(mut state) = state {
            state.go_on(recording, look(state.processor.used(py)?));
            return Some(state);
        }
        let processor = Processor::of(py, thread, self.main).ok()?;
        let used = processor.used(py)?;
        Some(Watched::new(thread, is_main, processor, look(used)))
    }

    /// By what a frame is known again; 0 if a tracer uses the place.
    fn mark(&self, frame: &Bound<'_, PyAny>) -> u64 {
        let py = frame.py();
        let name = intern!(py, "f_trace");
        let Ok(place) = frame.getattr(name) else { return 0 };
        if let Ok(mark) = place.cast::<Mark>() {
            return mark.get().0;
        }
        if !place.is_none() {
            return 0;
        }
        let number = self.last_mark.get() + 1;
        self.last_mark.set(number);
        let marked = Bound::new(py, Mark(number)).and_then(|mark| frame.setattr(name, mark));
        if marked.is_ok() { number } else { 0 }
    }
}

impl Watched {
    fn new(thread: u64, is_main: bool, processor: Processor, last: Look) -> Self {
        let at_ns = last.at_ns;
        let (doing, is_mixed) = (Doing::Working, false);
        let (free_ns, told_ns) = (at_ns, at_ns);
        Watched { thread, is_main, processor, lane: None, last, doing, is_mixed, free_ns, told_ns }
    }

    fn go_on(&mut self, recording: &Recording, now: Look) {
        let between = self.until(&now);
        let was_mixed = self.is_mixed;
        // One that is queued has nothing to wait for but a processor.
        let is_idle = between.idle > between.passed / 2 && !now.used.is_queued;
        let has_waited = is_idle && between.worked <= NO_WORK_NS;
        self.is_mixed = is_idle && !has_waited;
        match self.doing {
            Doing::Working if has_waited => self.enter(recording),
            Doing::Working => {
                self.free_ns = self.last.at_ns + between.worked + between.queued;
                if self.is_mixed && was_mixed {
                    self.last = now;
                    return self.enter(recording);
                }
                if !self.is_mixed {
                    self.tell_work(recording);
                }
            }
            Doing::Waiting if has_waited => {}
            // Woken, but not to go on.
            Doing::Waiting if self.is_mixed && self.is_same_call(&now) => {}
            Doing::Waiting => {
                // In the midst of two waits, or at the end of one.
                let idle_ns = if self.is_mixed { between.idle / 2 } else { between.idle };
                let ended_ns = self.last.at_ns + idle_ns;
                self.leave(recording, ended_ns);
                self.free_ns = (ended_ns + between.worked + between.queued).min(now.at_ns);
                if self.is_mixed && was_mixed {
                    self.last = now;
                    return self.enter(recording);
                }
            }
        }
        self.last = now;
    }

    fn until(&self, now: &Look) -> Between {
        let passed = now.at_ns.saturating_sub(self.last.at_ns);
        let (before, after) = (self.last.used, now.used);
        let worked = after.worked_ns.saturating_sub(before.worked_ns).min(passed);
        let queued = after.queued_ns.saturating_sub(before.queued_ns).min(passed - worked);
        Between { passed, worked, queued, idle: passed - worked - queued }
    }

    /// Whether the program's own frame is still at the same call.
    fn is_same_call(&self, now: &Look) -> bool {
        now.call != 0 && now.call == self.last.call && now.own == self.last.own
    }

    /// It has begun to wait, where it was seen last, when its last work was over.
    fn enter(&mut self, recording: &Recording) {
        if self.last.own.is_none() {
            return;
        }
        self.doing = Doing::Waiting;
        let event = Event::CallEntered { cpu_ns: self.last.used.worked_ns };
        self.tell(recording, self.free_ns, event);
    }

    fn leave(&mut self, recording: &Recording, at_ns: u64) {
        self.doing = Doing::Working;
        let event = Event::CallLeft { cpu_ns: self.last.used.worked_ns };
        if let Some(lane) = self.lane {
            self.told_ns = at_ns.max(self.told_ns);
            recording.record(self.told_ns, lane, event);
        }
    }

    /// It was seen at work.  A thread that only works is of interest if it is the
    /// program's own.
    fn tell_work(&mut self, recording: &Recording) {
        if self.last.own.is_some() && (self.is_main || self.lane.is_some()) {
            let event = Event::Sampled { cpu_ns: self.last.used.worked_ns };
            self.tell(recording, self.last.at_ns, event);
        }
    }

    fn tell(&mut self, recording: &Recording, at_ns: u64, event: Event) {
        self.told_ns = at_ns.max(self.told_ns);
        let at_ns = self.told_ns;
        let lane = *self.lane.get_or_insert_with(|| {
            let (lane, _) = recording.lane_of(self.thread);
            recording.name_lane(at_ns, lane, LaneKind::Thread, &self.processor.name);
            lane
        });
        recording.record_with(at_ns, lane, event, "", &self.last.frames);
    }

    /// It is looked at no more.
    fn stop(&mut self, recording: &Recording) {
        if self.doing == Doing::Waiting {
            self.leave(recording, recording.now_ns());
        }
    }
}

/// Where the kernel says what a thread has used.
struct Processor {
    name: String,
    clock: i32,
    /// The thread's own number, for what `/proc` has of it.
    number: Option<u32>,
}

impl Processor {
    fn of(py: Python<'_>, thread: u64, main: u64) -> PyResult<Self> {
        let clock = names::cpu_clock_of(py)?.call1((thread,))?.extract()?;
        let known = names::known_threads(py)?.cast::<PyDict>()?.get_item(thread)?;
        let part = |name| known.as_ref().and_then(|known| known.getattr(name).ok());
        let name = part("name").and_then(|name| name.extract().ok());
        let number = part("native_id").and_then(|number| number.extract().ok());
        let number = if thread == main { Some(std::process::id()) } else { number };
        Ok(Processor { name: name.unwrap_or_else(|| format!("thread {thread}")), clock, number })
    }

    /// `None` if the thread is gone.
    fn used(&self, py: Python<'_>) -> Option<Used> {
        let worked_ns = names::clock_gettime_ns(py).ok()?.call1((self.clock,)).ok()?;
        let mut used = Used { worked_ns: worked_ns.extract().ok()?, ..Used::default() };
        let Some(number) = self.number else { return Some(used) };
        let file = |name| fs::read_to_string(format!("/proc/self/task/{number}/{name}")).ok();
        // Nanoseconds on a processor, nanoseconds queued, turns (schedstat in proc(5)).
        let queued = file("schedstat");
        let queued = queued.and_then(|text| text.split_whitespace().nth(1)?.parse().ok());
        used.queued_ns = queued.unwrap_or(0);
        // The state is behind the name, which is in parentheses (stat in proc(5)).
        let state = file("stat");
        let state = state.as_ref().and_then(|text| text.rsplit_once(") ")?.1.chars().next());
        used.is_queued = state == Some('R');
        Some(used)
    }
}

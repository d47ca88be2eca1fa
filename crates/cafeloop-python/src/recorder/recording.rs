//! A recording that goes on: what it takes down, and the numbers that it gives.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use cafeloop::engine::Clock;
use cafeloop::flow::{
    CodeId, Event, Frame, Lane, LaneKind, Metadata, Mode, Recorder, Snapshot, StringId, TaskId,
    WorkId,
};
use pyo3::intern;
use pyo3::prelude::*;

use super::codes::{Codes, Whose};
use super::foreign::Foreign;
use super::tap::Tap;
use super::watchdog::Watch;
use super::{awaits, label};
use crate::gil::Gil;
use crate::names;
use crate::object::{self, Future, Task};

/// The number of the task, or other thing, that was numbered last in this process.
static LAST_NUMBER: Gil<Cell<u32>> = Gil::new(Cell::new(0));

/// The lane of the thread on which the recording began.
const FIRST_LANE: Lane = Lane(0);

/// How much is recorded.
#[derive(Clone, Copy)]
pub(super) struct Options {
    /// Whether labels of tasks show arguments.
    pub(super) shows_arguments: bool,
    /// Waits longer than this are explained.
    pub(super) wait_threshold_ns: u64,
    /// Jobs longer than this block the loop.
    pub(super) block_threshold_ns: u64,
    /// How often threads are looked at; 0 if they aren't.
    pub(super) sample_interval_ns: u64,
    /// Whether a thread looks after the recording.
    pub(super) has_watchdog: bool,
}

/// What one recording knows.  It belongs to whoever holds the GIL; no cell stays
/// borrowed while Python code runs.
pub(super) struct Recording {
    pub(super) recorder: RefCell<Recorder>,
    pub(super) codes: Codes,
    pub(super) options: Options,
    pub(super) clock: Clock,
    /// The number before those of this recording.
    numbers_before: u32,
    /// Tasks that aren't ours.
    pub(super) foreign: Foreign,
    /// Since when tasks have been waiting.
    pub(super) waits: Waits,
    /// Lanes of threads, by the kernel's numbers of them: what `threading.get_ident()`
    /// gives is the next one's too when a thread has ended.
    lanes: RefCell<HashMap<u32, Lane>>,
    /// Threads that have run an executor's jobs: what they do in nothing of the program's
    /// may be one of these.
    workers: RefCell<HashSet<u32>>,
    /// The last one is that of all threads beyond as many as there are numbers for.
    next_lane: Cell<Lane>,
    /// The taps of loops that have run.
    taps: RefCell<Vec<std::rc::Weak<Tap>>>,
    /// The latest moment that a loop in virtual time has come to.  The next one begins
    /// there, or it would be told to run, and to wake who waits, before it.
    pub(super) virtual_until_ns: Cell<u64>,
    pub(super) watch: Arc<Watch>,
    has_begun: Cell<bool>,
}

impl Recording {
    pub(super) fn new(py: Python<'_>, recorder: Recorder, options: Options) -> PyResult<Self> {
        let recording = Recording {
            recorder: RefCell::new(recorder),
            codes: Codes::new(py)?,
            options,
            clock: Clock::real(),
            numbers_before: LAST_NUMBER.get(py).get(),
            foreign: Foreign::default(),
            waits: Waits::new(),
            lanes: RefCell::default(),
            workers: RefCell::default(),
            next_lane: Cell::new(FIRST_LANE),
            taps: RefCell::default(),
            virtual_until_ns: Cell::new(0),
            watch: Arc::new(Watch::new(options)),
            has_begun: Cell::new(false),
        };
        recording.lane_here(py)?;
        Ok(recording)
    }

    /// Whether everything is written to a file.
    pub(super) fn is_full(&self) -> bool {
        self.recorder.borrow().mode() == Mode::Full
    }

    pub(super) fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "which event it is should be known inside")]
    pub(super) fn record(&self, at_ns: u64, lane: Lane, event: Event) {
        self.recorder.borrow_mut().record(at_ns, lane, event);
    }

    pub(super) fn record_with(
        &self,
        at_ns: u64,
        lane: Lane,
        event: Event,
        text: &str,
        frames: &[Frame],
    ) {
        self.recorder.borrow_mut().record_with(at_ns, lane, event, text, frames);
    }

    pub(super) fn string(&self, text: &str) -> StringId {
        self.recorder.borrow_mut().string(text)
    }

    // --- lanes

    /// The lane of a thread, and whether it is a new one.
    pub(super) fn lane_of(&self, thread: u32) -> (Lane, bool) {
        let mut lanes = self.lanes.borrow_mut();
        if let Some(lane) = lanes.get(&thread) {
            return (*lane, false);
        }
        let lane = self.next_lane.get();
        self.next_lane.set(Lane(lane.0.saturating_add(1)));
        lanes.insert(thread, lane);
        (lane, true)
    }

    /// A thread of this number runs an executor's jobs.
    pub(super) fn serves(&self, thread: u32) {
        self.workers.borrow_mut().insert(thread);
    }

    pub(super) fn has_served(&self, thread: u32) -> bool {
        self.workers.borrow().contains(&thread)
    }

    /// The thread of this number is gone; the next one that gets it is another.
    pub(super) fn thread_ended(&self, thread: u32) {
        self.lanes.borrow_mut().remove(&thread);
        self.workers.borrow_mut().remove(&thread);
        self.watch.no_longer_skip(thread);
    }

    /// The lane of this thread.
    pub(super) fn lane_here(&self, py: Python<'_>) -> PyResult<Lane> {
        Ok(self.lane_of(thread_number(py)?).0)
    }

    /// Whether anything was seen to run.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.get()
    }

    pub(super) fn name_lane(&self, at_ns: u64, lane: Lane, kind: LaneKind, name: &str) {
        self.has_begun.set(true);
        self.record_with(at_ns, lane, Event::LaneNamed { kind }, name, &[]);
    }

    // --- numbers

    pub(super) fn new_number(py: Python<'_>) -> u32 {
        let last = LAST_NUMBER.get(py);
        // Zero stands for none.  A recording that goes on through four thousand million
        // tasks takes up numbers of tasks that are long gone.
        let number = last.get().checked_add(1).unwrap_or(1);
        last.set(number);
        number
    }

    /// Whether a number was given while this recording went on.
    #[inline]
    fn gave(&self, number: u32) -> bool {
        number != 0 && number.wrapping_sub(self.numbers_before).cast_signed() > 0
    }

    /// A task of ours, if this recording has told of it.
    #[inline]
    pub(super) fn known(&self, task: &Bound<'_, Task>) -> Option<TaskId> {
        let number = object::task_number(task);
        if self.gave(number) { TaskId::new(number.into()) } else { None }
    }

    /// The job that a future of ours stands for.
    #[inline]
    pub(super) fn known_work(&self, number: u32) -> Option<WorkId> {
        if self.gave(number) { WorkId::new(number.into()) } else { None }
    }

    /// A task of ours, which is told of now if it hasn't been; `None` if it is a part
    /// of how a loop works.
    pub(super) fn task(
        &self,
        task: &Bound<'_, Task>,
        lane: Lane,
        parent: Option<TaskId>,
        at_ns: impl FnOnce() -> u64,
    ) -> Option<TaskId> {
        if let Some(known) = self.known(task) {
            return Some(known);
        }
        let py = task.py();
        let coroutine = object::coroutine_of(task);
        if coroutine.as_ref().is_some_and(|coroutine| self.is_ours(coroutine)) {
            return None;
        }
        let number = Recording::new_number(py);
        object::set_task_number(task, number);
        let id = TaskId::new(number.into()).expect("numbers begin with 1");
        let name = object::given_name(task);
        self.created(id, coroutine.as_ref(), name.as_ref(), lane, parent, at_ns());
        Some(id)
    }

    /// Tells of a new task.
    pub(super) fn created(
        &self,
        task: TaskId,
        coroutine: Option<&Bound<'_, PyAny>>,
        name: Option<&Bound<'_, PyAny>>,
        lane: Lane,
        parent: Option<TaskId>,
        at_ns: u64,
    ) {
        let code = coroutine.map_or(CodeId::NONE, |coroutine| self.code_of(coroutine));
        self.record(at_ns, lane, Event::TaskCreated { task, parent, code });
        if let Some(text) = self.label(coroutine, name) {
            self.record_with(at_ns, lane, Event::TaskNamed { task }, &text, &[]);
        }
    }

    fn label(
        &self,
        coroutine: Option<&Bound<'_, PyAny>>,
        name: Option<&Bound<'_, PyAny>>,
    ) -> Option<String> {
        if let Some(name) = name {
            return name.extract().ok();
        }
        if !self.options.shows_arguments {
            return None;
        }
        coroutine.and_then(|coroutine| label::of_call(coroutine).ok().flatten())
    }

    /// Whether a coroutine is a loop's own, as those are with which `asyncio.run` ends.
    pub(super) fn is_ours(&self, coroutine: &Bound<'_, PyAny>) -> bool {
        let code = coroutine.getattr_opt(intern!(coroutine.py(), "cr_code"));
        code.ok()
            .flatten()
            .is_some_and(|code| self.codes.of_code(&self.recorder, &code).whose == Whose::Ours)
    }

    /// What a coroutine runs.
    pub(super) fn code_of(&self, coroutine: &Bound<'_, PyAny>) -> CodeId {
        let py = coroutine.py();
        for name in [intern!(py, "cr_code"), intern!(py, "gi_code")] {
            if let Ok(Some(code)) = coroutine.getattr_opt(name) {
                return self.codes.of_code(&self.recorder, &code).id;
            }
        }
        self.codes.of_callable(&self.recorder, coroutine.get_type().as_any())
    }

    // --- what is told without a loop at hand

    pub(super) fn named(&self, task: &Bound<'_, Task>) {
        if let Some(id) = self.known(task)
            && let Some(name) = object::given_name(task)
            && let Ok(name) = name.extract::<String>()
            && let Ok(lane) = self.lane_here(task.py())
        {
            self.record_with(self.now_ns(), lane, Event::TaskNamed { task: id }, &name, &[]);
        }
    }

    pub(super) fn cancel_taken_back(&self, task: &Bound<'_, Task>) {
        if let Some(id) = self.known(task)
            && let Ok(lane) = self.lane_here(task.py())
        {
            self.record(self.now_ns(), lane, Event::CancelTakenBack { task: id });
        }
    }

    pub(super) fn task_lost(&self, task: &Bound<'_, Task>) {
        if let Some(id) = self.known(task)
            && let Ok(lane) = self.lane_here(task.py())
        {
            self.record(self.now_ns(), lane, Event::TaskLost { task: id });
        }
    }

    pub(super) fn exception_lost(
        &self,
        future: &Bound<'_, Future>,
        error: Option<&Bound<'_, PyAny>>,
    ) {
        let class = error.map_or(StringId::NONE, |error| self.class_of(error));
        let task = object::as_task(future.as_any()).and_then(|task| self.known(task));
        if let Ok(lane) = self.lane_here(future.py()) {
            self.record(self.now_ns(), lane, Event::ExceptionLost { task, class });
        }
    }

    /// The name of an exception's class.
    pub(super) fn class_of(&self, error: &Bound<'_, PyAny>) -> StringId {
        let name = error.get_type().qualname();
        name.map_or(StringId::NONE, |name| self.string(&name.to_string_lossy()))
    }

    // --- its end

    pub(super) fn keep_tap(&self, tap: &Rc<Tap>) {
        let mut taps = self.taps.borrow_mut();
        taps.retain(|tap| tap.strong_count() > 0);
        taps.push(Rc::downgrade(tap));
    }

    /// No loop is to tell anything any more.
    pub(super) fn detach(&self, py: Python<'_>) {
        for tap in self.taps.take().iter().filter_map(std::rc::Weak::upgrade) {
            tap.detach(py);
        }
    }

    /// What living tasks wait for, and who they are.
    pub(super) fn snapshot(&self, py: Python<'_>) -> PyResult<Snapshot> {
        let mut snapshot = Snapshot::default();
        let now_ns = self.now_ns();
        self.for_each_waiting(py, |id, coroutine, name, frames| {
            let code = self.code_of(coroutine);
            let event = Event::TaskCreated { task: id, parent: None, code };
            snapshot.before(0, FIRST_LANE, event, "");
            if let Some(name) = name {
                snapshot.before(0, FIRST_LANE, Event::TaskNamed { task: id }, &name);
            }
            snapshot.after(now_ns, FIRST_LANE, Event::Waited { task: id }, frames);
        })?;
        Ok(snapshot)
    }

    /// Says what tasks wait for that will go on to.
    pub(super) fn tell_last_waits(&self, py: Python<'_>) -> PyResult<()> {
        let now_ns = self.now_ns();
        let lane = self.lane_here(py)?;
        self.for_each_waiting(py, |task, _, _, frames| {
            self.record_with(now_ns, lane, Event::Waited { task }, "", frames);
        })
    }

    fn for_each_waiting(
        &self,
        py: Python<'_>,
        mut each: impl FnMut(TaskId, &Bound<'_, PyAny>, Option<String>, &[Frame]),
    ) -> PyResult<()> {
        let taps: Vec<_> = self.taps.borrow().iter().filter_map(std::rc::Weak::upgrade).collect();
        let mut tasks = Vec::new();
        for tap in taps {
            for task in names::all_tasks(py)?.call1((tap.owner(py),))?.try_iter()? {
                tasks.push(task?);
            }
        }
        for task in tasks {
            let (id, coroutine, name) = match object::as_task(&task) {
                Some(ours) => {
                    let name = object::given_name(ours).and_then(|name| name.extract().ok());
                    (self.known(ours), object::coroutine_of(ours), name)
                }
                None => (self.foreign.known(&task), super::foreign::coroutine_of(&task), None),
            };
            let (Some(id), Some(coroutine)) = (id, coroutine) else { continue };
            let frames = awaits::chain(self, &coroutine);
            // One that runs, or is about to, waits for nothing.
            each(id, &coroutine, name, &frames);
        }
        Ok(())
    }
}

/// What a recording is to begin with.
pub(super) fn metadata(options: Options, parent_pid: u32, command: Vec<String>) -> Metadata {
    let version = Python::version_str().split_whitespace().next().unwrap_or_default();
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    Metadata {
        command,
        runtime: format!("CPython {version}"),
        pid: std::process::id(),
        parent_pid,
        wait_threshold_ns: options.wait_threshold_ns,
        block_threshold_ns: options.block_threshold_ns,
        sample_interval_ns: options.sample_interval_ns,
        start_ns: Clock::real().now_ns(),
        start_unix_ns: u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX),
        ..Metadata::default()
    }
}

/// This thread, as `threading.get_ident()` has it.
pub(super) fn thread_id(py: Python<'_>) -> PyResult<u64> {
    names::current_thread_id(py)?.call0()?.extract()
}

/// The kernel's number of this thread.
pub(super) fn thread_number(py: Python<'_>) -> PyResult<u32> {
    names::current_thread_number(py)?.call0()?.extract()
}

/// Since when tasks have been waiting: of the last that began to, as many as there is
/// room for.  Of one that has lost its place it isn't known, and it is looked into when
/// it wakes as if it had waited for long.
pub(super) struct Waits(Box<[Cell<Wait>]>);

/// A task's last wait.
#[derive(Clone, Copy, Default)]
pub(super) struct Wait {
    task: u32,
    /// The number of the future that is waited for; 0 if it has none.
    pub(super) future: u32,
    pub(super) since_ns: u64,
}

impl Waits {
    /// Two hundred and fifty-six KiB: places that a task's number falls into.
    const PLACES: usize = 1 << 14;

    fn new() -> Self {
        Waits((0..Waits::PLACES).map(|_| Cell::default()).collect())
    }

    #[inline]
    fn place(&self, task: TaskId) -> (u32, &Cell<Wait>) {
        // As `new_number` gives it.
        let number = u32::try_from(task.get()).unwrap_or(u32::MAX);
        (number, &self.0[number as usize % Waits::PLACES])
    }

    /// A task begins to wait, for a future of this number.
    #[inline]
    pub(super) fn begin(&self, task: TaskId, future: u32, since_ns: u64) {
        let (task, place) = self.place(task);
        place.set(Wait { task, future, since_ns });
    }

    /// The wait of a task, if it is known and hasn't ended yet; it ends now.
    #[inline]
    pub(super) fn end(&self, task: TaskId) -> Option<Wait> {
        let (task, place) = self.place(task);
        let wait = Some(place.get()).filter(|wait| wait.task == task)?;
        place.set(Wait::default());
        Some(wait)
    }
}

//! One loop as a recording hears it: its jobs, the steps of its tasks, who wakes whom.
//!
//! The engine says when a job begins and ends, and reads the clock once for both; what
//! kind of job it is, is seen here.  Whatever happens in between is the running job's
//! doing.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use cafeloop::engine::{Clock, Moment};
use cafeloop::flow::{
    Awaited, Event, FlowChange, Frame, Lane, LaneKind, Sink, StepEnd, TaskEnd, TaskId, TransportId,
    Waker,
};
use pyo3::prelude::*;

use super::recording::{Recording, Wait, thread_id, thread_number};
use super::watchdog::Pulse;
use super::{awaits, foreign};
use crate::event_loop::EventLoop;
use crate::host::Job;
use crate::names;
use crate::object::{self, Awaits, Handle, Outcome, Task};
use crate::transport::{Endpoint, Watching as _};

/// Callbacks from other threads whose origin is remembered until they run: more than
/// wait at once in any program, and a limit for those that never run.
const MOST_POSTED: usize = 4096;

/// The place in a loop's host where its tap is, while a recording goes on.
#[derive(Default)]
pub(crate) struct Heard(RefCell<Option<Rc<Tap>>>);

impl Heard {
    fn tap(&self) -> Option<Rc<Tap>> {
        self.0.borrow().clone()
    }

    fn set(&self, tap: Option<Rc<Tap>>) {
        let before = self.0.replace(tap);
        drop(before);
    }

    /// A job begins.
    pub(crate) fn job_begins(&self, py: Python<'_>, moment: Moment<'_>, job: &Job) {
        if let Some(tap) = self.tap() {
            tap.job_begins(py, tap.shifted(moment.at_ns), job);
        }
    }

    /// The job that began last has ended.
    pub(crate) fn job_ends(&self, py: Python<'_>, moment: Moment<'_>) {
        if let Some(tap) = self.tap() {
            tap.job_ends(py, tap.shifted(moment.at_ns));
        }
    }
}

/// What runs in a loop.
enum Running {
    Nothing,
    /// A job that isn't told of by itself.
    Other,
    Callback,
    Job,
    Step(TaskId, Py<Task>),
    ForeignStep(TaskId, Py<PyAny>),
}

/// What hears of one loop.
pub(super) struct Tap {
    recording: Rc<Recording>,
    owner: Py<EventLoop>,
    lane: Lane,
    clock: Clock,
    /// From the loop's clock to the recording's, if that is a virtual one: its time then
    /// begins at the moment at which the loop did, and goes on as it likes.  It may have
    /// begun later than the recording's, so sums wrap around.
    shift_ns: u64,
    pub(super) pulse: Arc<Pulse>,
    running: RefCell<Running>,
    /// Who wakes whoever is woken now.
    wakes: Cell<Waker>,
    began_ns: Cell<u64>,
    /// Callbacks that came from other threads, by their addresses.
    posted: RefCell<HashSet<usize>>,
}

/// Has a recording hear of a loop that runs, or is about to, in this thread.
pub(super) fn attach(recording: &Rc<Recording>, owner: &Bound<'_, EventLoop>) {
    let py = owner.py();
    let Some(engine) = owner.get().try_engine(py) else { return };
    let (Ok(thread), Ok(number)) = (thread_id(py), thread_number(py)) else { return };
    let (lane, _) = recording.lane_of(number);
    recording.name_lane(recording.now_ns(), lane, LaneKind::Loop, &name_of_thread(py));
    let pulse = Arc::new(Pulse::new(thread, number, lane));
    recording.watch.add(&pulse);
    let clock = engine.clock().clone();
    let shift_ns = if clock.is_virtual() {
        let begins_ns = recording.now_ns().max(recording.virtual_until_ns.get());
        begins_ns.wrapping_sub(clock.now_ns())
    } else {
        0
    };
    let tap = Rc::new(Tap {
        recording: recording.clone(),
        owner: owner.clone().unbind(),
        lane,
        clock,
        shift_ns,
        pulse,
        running: RefCell::new(Running::Nothing),
        wakes: Cell::new(Waker::Unknown),
        began_ns: Cell::new(0),
        posted: RefCell::default(),
    });
    recording.keep_tap(&tap);
    engine.host().heard.set(Some(tap.clone()));
    drop(engine.set_sink(Some(tap)));
}

/// The tap of a loop.
pub(super) fn of(owner: &Bound<'_, EventLoop>) -> Option<Rc<Tap>> {
    owner.get().try_engine(owner.py())?.host().heard.tap()
}

fn name_of_thread(py: Python<'_>) -> String {
    let name = names::current_thread(py).and_then(|current| current.call0()?.getattr("name"));
    name.and_then(|name| name.extract()).unwrap_or_default()
}

impl Sink for Tap {
    #[inline]
    fn record(&self, at_ns: u64, event: Event) {
        let event = match event {
            Event::TimerSet { deadline_ns } => {
                Event::TimerSet { deadline_ns: self.shifted(deadline_ns) }
            }
            other => other,
        };
        self.tell(self.shifted(at_ns), event);
    }
}

impl Tap {
    fn now_ns(&self) -> u64 {
        self.shifted(self.clock.now_ns())
    }

    /// A moment of the loop's clock by the recording's; one that is never stays so.
    #[inline]
    fn shifted(&self, at_ns: u64) -> u64 {
        if at_ns == u64::MAX { at_ns } else { at_ns.wrapping_add(self.shift_ns) }
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "which event it is should be known inside")]
    fn tell(&self, at_ns: u64, event: Event) {
        self.recording.record(at_ns, self.lane, event);
    }

    pub(super) fn owner<'py>(&self, py: Python<'py>) -> &Bound<'py, EventLoop> {
        self.owner.bind(py)
    }

    /// The loop runs no more, or in another thread the next time.
    pub(super) fn stop(&self, py: Python<'_>) {
        self.recording.watch.remove(&self.pulse);
        self.detach(py);
    }

    /// The loop is to tell nothing any more.
    pub(super) fn detach(&self, py: Python<'_>) {
        let running = self.running.replace(Running::Nothing);
        drop(running);
        if self.clock.is_virtual() {
            let until_ns = &self.recording.virtual_until_ns;
            until_ns.set(until_ns.get().max(self.now_ns()));
        }
        if let Some(engine) = self.owner.get().try_engine(py) {
            drop(engine.set_sink(None));
            engine.host().heard.set(None);
        }
    }

    /// The task that runs, if one does.
    pub(super) fn running_task(&self) -> Option<TaskId> {
        match &*self.running.borrow() {
            Running::Step(task, _) | Running::ForeignStep(task, _) => Some(*task),
            _ => None,
        }
    }

    fn begin(&self, running: Running, wakes: Waker) {
        self.wakes.set(wakes);
        let before = self.running.replace(running);
        drop(before);
    }

    // --- jobs

    fn job_begins(&self, py: Python<'_>, at_ns: u64, job: &Job) {
        self.began_ns.set(at_ns);
        self.pulse.begin(at_ns);
        match job {
            Job::Step(task) | Job::Throw(task, _) | Job::Wake(task) => {
                self.step_begins(task.bind(py), at_ns);
            }
            Job::Handle(handle) => self.handle_begins(handle.bind(py), at_ns),
            Job::End(ending) => {
                self.transport_begins(py, ending.stream.get().endpoint(py));
            }
            Job::Begin(stream, _) | Job::Read(stream) | Job::Send(stream) => {
                self.transport_begins(py, stream.get().endpoint(py));
            }
            Job::Receive(datagram) | Job::SendDatagrams(datagram) => {
                self.transport_begins(py, datagram.get().endpoint(py));
            }
            Job::Slept(..) => self.begin(Running::Other, Waker::Timer),
            Job::Operate(operation) => {
                let number = u32::try_from(operation.fd(py));
                let waker = number.map_or(Waker::Unknown, Waker::Descriptor);
                self.begin(Running::Other, waker);
            }
            Job::Done(callback, future) => {
                let callable = callback.function.bind(py);
                let code = self.recording.codes.of_callable(&self.recording.recorder, callable);
                self.tell(at_ns, Event::HandleBegins { code });
                self.begin(Running::Callback, self.by_future(future.bind(py).as_any()));
            }
            Job::Gathered(_, child) => {
                self.begin(Running::Other, self.by_future(child.bind(py).as_any()));
            }
        }
    }

    fn step_begins(&self, task: &Bound<'_, Task>, at_ns: u64) {
        let Some(id) = self.recording.task(task, self.lane, None, || at_ns) else {
            self.tell(at_ns, Event::JobBegins);
            return self.begin(Running::Job, Waker::Callback);
        };
        // Nobody has told that it was woken if that was while the loop stood still.
        if let Some(wait) = self.recording.waits.end(id) {
            self.wait_ends(id, Some(wait), at_ns, || object::coroutine_of(task));
        }
        self.tell(at_ns, Event::StepBegins { task: id });
        self.begin(Running::Step(id, task.clone().unbind()), Waker::Task(id));
    }

    fn handle_begins(&self, handle: &Bound<'_, Handle>, at_ns: u64) {
        let was_posted = self.posted.borrow_mut().remove(&(handle.as_ptr() as usize));
        let Some(callback) = Handle::callback(handle) else {
            return self.begin(Running::Other, Waker::Unknown);
        };
        let callback = &callback;
        let task = foreign::task_of_step(callback);
        // A future that isn't ours wakes a task of ours by a handle.
        if let Some(ours) = task.as_ref().and_then(object::as_task) {
            return self.step_begins(ours, at_ns);
        }
        if let Some(task) = task
            && let Some(id) = self.foreign_task(&task, at_ns)
        {
            #[cfg(not(Py_3_13))]
            if let Some(name) = self.recording.foreign.late_name(id, &task) {
                let named = Event::TaskNamed { task: id };
                self.recording.record_with(at_ns, self.lane, named, &name, &[]);
            }
            if let Some(wait) = self.recording.waits.end(id) {
                self.wait_ends(id, Some(wait), at_ns, || foreign::coroutine_of(&task));
            }
            self.tell(at_ns, Event::StepBegins { task: id });
            self.begin(Running::ForeignStep(id, task.unbind()), Waker::Task(id));
            return;
        }
        let code = self.recording.codes.of_callable(&self.recording.recorder, callback);
        self.tell(at_ns, Event::HandleBegins { code });
        let wakes = if was_posted {
            Waker::Thread
        } else if Handle::as_timer(handle).is_some() {
            Waker::Timer
        } else {
            Waker::Callback
        };
        self.begin(Running::Callback, wakes);
    }

    fn job_ends(&self, py: Python<'_>, at_ns: u64) {
        self.pulse.end();
        let running = self.running.replace(Running::Nothing);
        let task = match running {
            Running::Nothing | Running::Other => None,
            Running::Job => {
                self.tell(at_ns, Event::JobEnds);
                None
            }
            Running::Callback => {
                self.tell(at_ns, Event::HandleEnds);
                None
            }
            Running::Step(id, task) => {
                self.step_ends(id, task.bind(py), at_ns);
                Some(id)
            }
            Running::ForeignStep(id, task) => {
                self.foreign_step_ends(id, task.bind(py), at_ns);
                Some(id)
            }
        };
        self.wakes.set(Waker::Unknown);
        let since_ns = self.began_ns.get();
        if at_ns.saturating_sub(since_ns) >= self.recording.options.block_threshold_ns {
            self.blocked(since_ns, at_ns, task);
        }
    }

    /// One job has held the loop for long.
    #[cold]
    fn blocked(&self, since_ns: u64, at_ns: u64, task: Option<TaskId>) {
        let frames = self.pulse.take_stack(since_ns);
        let event = Event::LoopBlocked { since_ns, task };
        self.recording.record_with(at_ns, self.lane, event, "", &frames);
    }

    fn step_ends(&self, id: TaskId, task: &Bound<'_, Task>, at_ns: u64) {
        let (end, done) = match object::outcome(task) {
            Outcome::Pending => {
                let (awaited, future) = self.awaited(task, at_ns);
                if awaited != Awaited::Turn {
                    self.recording.waits.begin(id, future, at_ns);
                }
                (StepEnd::Suspended(awaited), None)
            }
            Outcome::Returned => (StepEnd::Returned, Some(TaskEnd::Returned)),
            Outcome::Cancelled => (StepEnd::Raised, Some(TaskEnd::Cancelled)),
            Outcome::Raised(error) => {
                let class = error.map_or_else(Default::default, |it| self.recording.class_of(&it));
                (StepEnd::Raised, Some(TaskEnd::Raised(class)))
            }
        };
        self.tell(at_ns, Event::StepEnds { task: id, end });
        if let Some(end) = done {
            self.tell(at_ns, Event::TaskDone { task: id, end });
        }
    }

    /// What a task waits for, and the number of that future, if it has one.
    fn awaited(&self, task: &Bound<'_, Task>, at_ns: u64) -> (Awaited, u32) {
        let awaited = match object::awaits(task) {
            Awaits::Turn => Awaited::Turn,
            Awaits::Sleep(seconds) => {
                let delay = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
                let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
                Awaited::Sleep { until_ns: at_ns.saturating_add(delay_ns) }
            }
            Awaits::Task(other) => {
                let task = self.recording.task(&other, self.lane, None, || at_ns);
                task.map_or(Awaited::Future, Awaited::Task)
            }
            Awaits::Gathered(children) => Awaited::Gathered { children: children as u64 },
            Awaits::Future(number) => {
                let work = self.recording.known_work(number);
                return (work.map_or(Awaited::Future, Awaited::Work), number);
            }
            Awaits::Foreign => Awaited::Future,
        };
        (awaited, 0)
    }

    fn foreign_step_ends(&self, id: TaskId, task: &Bound<'_, PyAny>, at_ns: u64) {
        let outcome = foreign::outcome(&self.recording, task);
        let (end, done) = outcome.unwrap_or((StepEnd::Suspended(Awaited::Unknown), None));
        self.tell(at_ns, Event::StepEnds { task: id, end });
        match done {
            None if end == StepEnd::Suspended(Awaited::Turn) => {}
            None => self.recording.waits.begin(id, foreign::future_number(task), at_ns),
            Some(end) => {
                self.tell(at_ns, Event::TaskDone { task: id, end });
                self.recording.foreign.forget(task);
            }
        }
    }

    /// The number of a task that isn't ours, which is told of now if it hasn't been.
    fn foreign_task(&self, task: &Bound<'_, PyAny>, at_ns: u64) -> Option<TaskId> {
        if let Some(known) = self.recording.foreign.known(task) {
            return Some(known);
        }
        let coroutine = foreign::coroutine_of(task);
        if coroutine.as_ref().is_some_and(|coroutine| self.recording.is_ours(coroutine)) {
            return None;
        }
        let id = self.recording.foreign.number(task)?;
        let name = foreign::given_name(task);
        let parent = self.running_task();
        self.recording.created(id, coroutine.as_ref(), name.as_ref(), self.lane, parent, at_ns);
        Some(id)
    }

    // --- what happens meanwhile

    pub(super) fn queued(&self, py: Python<'_>, job: &Job) {
        let (task, is_wake) = match job {
            Job::Step(task) | Job::Throw(task, _) => (task.bind(py), false),
            Job::Wake(task) => (task.bind(py), true),
            _ => return,
        };
        let Some(id) = self.recording.known(task) else {
            self.recording.task(task, self.lane, self.running_task(), || self.now_ns());
            return;
        };
        // One that lets the others run is ready all the time.
        if !is_wake {
            return;
        }
        self.woken(id, || object::coroutine_of(task));
    }

    fn woken<'py>(&self, task: TaskId, coroutine: impl FnOnce() -> Option<Bound<'py, PyAny>>) {
        let wait = self.recording.waits.end(task);
        self.wait_ends(task, wait, self.now_ns(), coroutine);
    }

    fn wait_ends<'py>(
        &self,
        task: TaskId,
        wait: Option<Wait>,
        now_ns: u64,
        coroutine: impl FnOnce() -> Option<Bound<'py, PyAny>>,
    ) {
        // Another thread's news of a job come by a callback.
        let work = wait.and_then(|wait| self.recording.known_work(wait.future));
        let by = work.map_or(self.wakes.get(), Waker::Work);
        self.tell(now_ns, Event::Woken { task, by });
        let threshold_ns = self.recording.options.wait_threshold_ns;
        if wait.is_none_or(|wait| now_ns.saturating_sub(wait.since_ns) > threshold_ns)
            && let Some(coroutine) = coroutine()
        {
            let frames = awaits::chain(&self.recording, &coroutine);
            self.waited(now_ns, task, &frames);
        }
    }

    #[cold]
    fn waited(&self, at_ns: u64, task: TaskId, frames: &[Frame]) {
        self.recording.record_with(at_ns, self.lane, Event::Waited { task }, "", frames);
    }

    pub(super) fn handle_queued(&self, handle: &Bound<'_, Handle>) {
        let Some(callback) = Handle::callback(handle) else { return };
        let Some(task) = foreign::task_of_step(&callback) else { return };
        if let Some(ours) = object::as_task(&task) {
            if let Some(id) = self.recording.known(ours) {
                self.woken(id, || object::coroutine_of(ours));
            }
            return;
        }
        match self.recording.foreign.known(&task) {
            None => drop(self.foreign_task(&task, self.now_ns())),
            Some(id) if self.running_task() != Some(id) => {
                self.woken(id, || foreign::coroutine_of(&task));
            }
            Some(_) => {}
        }
    }

    pub(super) fn handle_posted(&self, handle: &Bound<'_, Handle>) {
        let mut posted = self.posted.borrow_mut();
        if posted.len() < MOST_POSTED {
            posted.insert(handle.as_ptr() as usize);
        }
    }

    /// Who has made a future done: the task or the executor's job that it is, or the
    /// running job.
    fn by_future(&self, future: &Bound<'_, PyAny>) -> Waker {
        if let Some(task) = object::as_task(future).and_then(|task| self.recording.known(task)) {
            return Waker::Task(task);
        }
        let work = self.recording.known_work(object::future_number(future));
        work.map_or(Waker::Callback, Waker::Work)
    }

    /// Whoever is woken by the running job from now on is woken by the end of a process.
    pub(super) fn process_wakes(&self, pid: u32) {
        self.wakes.set(Waker::Process(pid));
    }

    /// An eager task runs inside of whatever ran: what is to go on afterwards.
    pub(super) fn eager_begins(&self, task: &Bound<'_, Task>) -> Outer {
        let now_ns = self.now_ns();
        let id = self.recording.task(task, self.lane, self.running_task(), || now_ns);
        let (inner, wakes) = match id {
            Some(id) => {
                self.tell(now_ns, Event::StepBegins { task: id });
                (Running::Step(id, task.clone().unbind()), Waker::Task(id))
            }
            None => (Running::Other, Waker::Callback),
        };
        Outer { running: self.running.replace(inner), wakes: self.wakes.replace(wakes) }
    }

    pub(super) fn eager_ends(&self, task: &Bound<'_, Task>, outer: Outer) {
        let running = self.running.replace(outer.running);
        self.wakes.set(outer.wakes);
        if let Running::Step(id, _) = &running {
            self.step_ends(*id, task, self.now_ns());
        }
        drop(running);
    }

    pub(super) fn cancel_asked(&self, task: &Bound<'_, Task>) {
        if let Some(id) = self.recording.known(task) {
            let by = self.running_task();
            self.tell(self.now_ns(), Event::CancelAsked { task: id, by });
        }
    }

    // --- transports

    /// A transport's job says nothing of itself: what it receives and sends is told.
    fn transport_begins(&self, py: Python<'_>, endpoint: &Endpoint) {
        let transport = self.transport(py, endpoint);
        self.begin(Running::Other, Waker::Transport(transport));
    }

    fn transport(&self, py: Python<'_>, endpoint: &Endpoint) -> TransportId {
        let number = endpoint.recorded_as();
        if let Some(known) = self.known_transport(endpoint) {
            return known;
        }
        number.set(Recording::new_number(py));
        let transport = TransportId::new(number.get().into()).expect("numbers begin with 1");
        let fd = u32::try_from(endpoint.fd(py)).unwrap_or(u32::MAX);
        let event = Event::TransportOpened { transport, fd };
        let peer = peer_of(py, endpoint).unwrap_or_default();
        self.recording.record_with(self.now_ns(), self.lane, event, &peer, &[]);
        transport
    }

    fn known_transport(&self, endpoint: &Endpoint) -> Option<TransportId> {
        let number = endpoint.recorded_as().get();
        self.recording.known_work(number).and_then(|known| TransportId::new(known.get()))
    }

    pub(super) fn bytes_in(&self, py: Python<'_>, endpoint: &Endpoint, bytes: usize) {
        let transport = self.transport(py, endpoint);
        // To receive is the first that a job does.
        self.tell(self.began_ns.get(), Event::BytesIn { transport, bytes: bytes as u64 });
    }

    pub(super) fn bytes_out(&self, py: Python<'_>, endpoint: &Endpoint, bytes: usize) {
        let transport = self.transport(py, endpoint);
        self.tell(self.now_ns(), Event::BytesOut { transport, bytes: bytes as u64 });
    }

    pub(super) fn flow_changed(&self, py: Python<'_>, endpoint: &Endpoint, change: FlowChange) {
        let transport = self.transport(py, endpoint);
        self.tell(self.now_ns(), Event::Flow { transport, change });
    }

    pub(super) fn transport_closed(&self, _: Python<'_>, endpoint: &Endpoint) {
        if let Some(transport) = self.known_transport(endpoint) {
            self.tell(self.now_ns(), Event::TransportClosed { transport });
        }
    }
}

/// What ran when an eager task began.
pub(super) struct Outer {
    running: Running,
    wakes: Waker,
}

/// With whom a transport talks, as its socket has it.
fn peer_of(py: Python<'_>, endpoint: &Endpoint) -> Option<String> {
    let transport = endpoint.transport(py)?;
    let peer = transport.bind(py).call_method1("get_extra_info", ("peername",)).ok()?;
    if peer.is_none() {
        return None;
    }
    if let Ok((host, port)) = peer.extract::<(String, u16)>() {
        return Some(if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        });
    }
    peer.str().ok().map(|text| text.to_string_lossy().into_owned())
}

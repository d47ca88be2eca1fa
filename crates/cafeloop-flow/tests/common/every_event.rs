//! One event of each kind and tag, with numbers that differ.

use cafeloop_flow::{
    Awaited, CodeId, Event, FlowChange, LaneKind, StepEnd, StringId, TaskEnd, TaskId, TransportId,
    Waker, WorkId, WorkPlace,
};

fn task(number: u64) -> TaskId {
    TaskId::new(number).expect("tasks count from 1")
}

fn transport(number: u64) -> TransportId {
    TransportId::new(number).expect("transports count from 1")
}

fn work(number: u64) -> WorkId {
    WorkId::new(number).expect("jobs count from 1")
}

pub(crate) fn every_event(code: CodeId, class: StringId) -> Vec<Event> {
    let mut events = vec![
        Event::TurnBegins { ready: 3 },
        Event::PollBegins { wait_ns: None },
        Event::PollBegins { wait_ns: Some(4) },
        Event::PollEnds { events: 5 },
        Event::Posted { jobs: 6 },
        Event::TimerSet { deadline_ns: 7 },
        Event::TimerFired { late_ns: 8 },
        Event::TimerCancelled,
        Event::JobBegins,
        Event::JobEnds,
        Event::TaskCreated { task: task(9), parent: Some(task(10)), code },
        Event::TaskCreated { task: task(9), parent: None, code },
        Event::TaskNamed { task: task(11) },
        Event::StepBegins { task: task(12) },
        Event::Waited { task: task(13) },
        Event::CancelAsked { task: task(14), by: Some(task(15)) },
        Event::TaskDone { task: task(16), end: TaskEnd::Returned },
        Event::TaskDone { task: task(16), end: TaskEnd::Raised(class) },
        Event::TaskDone { task: task(16), end: TaskEnd::Cancelled },
        Event::TaskLost { task: task(17) },
        Event::ExceptionLost { task: Some(task(18)), class },
        Event::NeverAwaited { code },
        Event::HandleBegins { code },
        Event::HandleEnds,
        Event::TransportOpened { transport: transport(19), fd: 20 },
        Event::BytesIn { transport: transport(21), bytes: 22 },
        Event::BytesOut { transport: transport(23), bytes: 24 },
        Event::TransportClosed { transport: transport(25) },
        Event::WorkQueued { work: work(26), by: Some(task(27)), code, place: WorkPlace::Thread },
        Event::WorkBegins { work: work(28) },
        Event::WorkEnds { work: work(29) },
        Event::GcPaused { took_ns: 30, generation: 31 },
        Event::LoopBlocked { since_ns: 32, task: Some(task(33)) },
        Event::LaneEnds,
        Event::Sampled { cpu_ns: 34 },
        Event::CallEntered { cpu_ns: 35 },
        Event::CallLeft { cpu_ns: 36 },
        Event::ProcessStarted { pid: 37 },
        Event::ProcessEnded { pid: 38, status: -39 },
        Event::Dropped { events: 40 },
    ];
    let awaited = [
        Awaited::Unknown,
        Awaited::Turn,
        Awaited::Sleep { until_ns: 41 },
        Awaited::Task(task(42)),
        Awaited::Gathered { children: 43 },
        Awaited::Future,
        Awaited::Descriptor(44),
        Awaited::Transport(transport(45)),
        Awaited::Work(work(46)),
    ];
    let ends = [StepEnd::Returned, StepEnd::Raised];
    let ends = ends.into_iter().chain(awaited.map(StepEnd::Suspended));
    events.extend(ends.map(|end| Event::StepEnds { task: task(47), end }));
    let wakers = [
        Waker::Unknown,
        Waker::Task(task(48)),
        Waker::Timer,
        Waker::Descriptor(49),
        Waker::Transport(transport(50)),
        Waker::Thread,
        Waker::Work(work(51)),
        Waker::Signal(52),
        Waker::Callback,
    ];
    events.extend(wakers.map(|by| Event::Woken { task: task(53), by }));
    let changes = [
        FlowChange::ReadingPaused,
        FlowChange::ReadingResumed,
        FlowChange::WritingPaused,
        FlowChange::WritingResumed,
    ];
    events.extend(changes.map(|change| Event::Flow { transport: transport(54), change }));
    let kinds = [LaneKind::Loop, LaneKind::Thread, LaneKind::Worker];
    events.extend(kinds.map(|kind| Event::LaneNamed { kind }));
    let place = WorkPlace::Elsewhere;
    events.push(Event::WorkQueued { work: work(55), by: None, code, place });
    events.push(Event::CancelTakenBack { task: task(58) });
    events.push(Event::Woken { task: task(56), by: Waker::Process(57) });
    events
}

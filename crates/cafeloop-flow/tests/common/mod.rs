//! Any event, and a recording read as a whole.

#![allow(dead_code, reason = "not every test needs all of it")]

pub(crate) mod every_event;
pub(crate) mod story;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use cafeloop_flow::{
    Awaited, CodeId, Ending, Event, FlowChange, Frame, Lane, LaneKind, Losses, Reader, StepEnd,
    StringId, TaskEnd, TaskId, TransportId, Waker, WorkId, WorkPlace,
};
use proptest::prelude::*;

/// An event as it is read, without borrowing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) at_ns: u64,
    pub(crate) lane: Lane,
    pub(crate) event: Event,
    pub(crate) text: String,
    pub(crate) frames: Vec<Frame>,
}

/// Reads a recording to its end.
pub(crate) fn read(file: &[u8]) -> (Vec<Heard>, Ending, Losses) {
    let mut reader = Reader::new(file).expect("it is a recording");
    let mut heard = Vec::new();
    while let Some(entry) = reader.next_entry().expect("a slice can be read") {
        heard.push(Heard {
            at_ns: entry.at_ns,
            lane: entry.lane,
            event: entry.event,
            text: entry.text.into_owned(),
            frames: entry.frames.to_vec(),
        });
    }
    (heard, reader.ending(), reader.losses())
}

/// A file that somebody else can look at while it is written.
#[derive(Clone, Default)]
pub(crate) struct SharedFile(Arc<Mutex<Vec<u8>>>);

impl SharedFile {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("nobody panics meanwhile").clone()
    }
}

impl Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics meanwhile").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn task() -> impl Strategy<Value = TaskId> {
    (1u64..).prop_map(|number| TaskId::new(number).expect("it isn't 0"))
}

fn transport() -> impl Strategy<Value = TransportId> {
    (1u64..).prop_map(|number| TransportId::new(number).expect("it isn't 0"))
}

fn work() -> impl Strategy<Value = WorkId> {
    (1u64..).prop_map(|number| WorkId::new(number).expect("it isn't 0"))
}

fn awaited() -> impl Strategy<Value = Awaited> {
    prop_oneof![
        Just(Awaited::Unknown),
        Just(Awaited::Turn),
        any::<u64>().prop_map(|until_ns| Awaited::Sleep { until_ns }),
        task().prop_map(Awaited::Task),
        any::<u64>().prop_map(|children| Awaited::Gathered { children }),
        Just(Awaited::Future),
        any::<u32>().prop_map(Awaited::Descriptor),
        transport().prop_map(Awaited::Transport),
        work().prop_map(Awaited::Work),
    ]
}

fn waker() -> impl Strategy<Value = Waker> {
    prop_oneof![
        Just(Waker::Unknown),
        task().prop_map(Waker::Task),
        Just(Waker::Timer),
        any::<u32>().prop_map(Waker::Descriptor),
        transport().prop_map(Waker::Transport),
        Just(Waker::Thread),
        work().prop_map(Waker::Work),
        any::<u32>().prop_map(Waker::Signal),
        Just(Waker::Callback),
        any::<u32>().prop_map(Waker::Process),
    ]
}

/// Any event; numbers of strings and code are 0, since only a recorder gives others.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let of_the_loop = prop_oneof![
        any::<usize>().prop_map(|ready| Event::TurnBegins { ready }),
        proptest::option::of(0..u64::MAX).prop_map(|wait_ns| Event::PollBegins { wait_ns }),
        any::<usize>().prop_map(|events| Event::PollEnds { events }),
        any::<usize>().prop_map(|jobs| Event::Posted { jobs }),
        any::<u64>().prop_map(|deadline_ns| Event::TimerSet { deadline_ns }),
        any::<u64>().prop_map(|late_ns| Event::TimerFired { late_ns }),
        Just(Event::TimerCancelled),
        Just(Event::JobBegins),
        Just(Event::JobEnds),
        Just(Event::HandleBegins { code: CodeId::NONE }),
        Just(Event::HandleEnds),
        (any::<u64>(), proptest::option::of(task()))
            .prop_map(|(since_ns, task)| Event::LoopBlocked { since_ns, task }),
        (any::<u64>(), any::<u32>())
            .prop_map(|(took_ns, generation)| Event::GcPaused { took_ns, generation }),
    ];
    let step_end = prop_oneof![
        Just(StepEnd::Returned),
        Just(StepEnd::Raised),
        awaited().prop_map(StepEnd::Suspended),
    ];
    let task_end = prop_oneof![
        Just(TaskEnd::Returned),
        Just(TaskEnd::Raised(StringId::NONE)),
        Just(TaskEnd::Cancelled),
    ];
    let of_tasks = prop_oneof![
        (task(), proptest::option::of(task())).prop_map(|(task, parent)| Event::TaskCreated {
            task,
            parent,
            code: CodeId::NONE
        }),
        task().prop_map(|task| Event::TaskNamed { task }),
        task().prop_map(|task| Event::StepBegins { task }),
        (task(), step_end).prop_map(|(task, end)| Event::StepEnds { task, end }),
        (task(), waker()).prop_map(|(task, by)| Event::Woken { task, by }),
        task().prop_map(|task| Event::Waited { task }),
        (task(), proptest::option::of(task()))
            .prop_map(|(task, by)| Event::CancelAsked { task, by }),
        (task(), task_end).prop_map(|(task, end)| Event::TaskDone { task, end }),
        task().prop_map(|task| Event::TaskLost { task }),
        task().prop_map(|task| Event::CancelTakenBack { task }),
        proptest::option::of(task())
            .prop_map(|task| Event::ExceptionLost { task, class: StringId::NONE }),
        Just(Event::NeverAwaited { code: CodeId::NONE }),
    ];
    let change = prop_oneof![
        Just(FlowChange::ReadingPaused),
        Just(FlowChange::ReadingResumed),
        Just(FlowChange::WritingPaused),
        Just(FlowChange::WritingResumed),
    ];
    let of_transports = prop_oneof![
        (transport(), any::<u32>())
            .prop_map(|(transport, fd)| Event::TransportOpened { transport, fd }),
        (transport(), any::<u64>())
            .prop_map(|(transport, bytes)| Event::BytesIn { transport, bytes }),
        (transport(), any::<u64>())
            .prop_map(|(transport, bytes)| Event::BytesOut { transport, bytes }),
        (transport(), change).prop_map(|(transport, change)| Event::Flow { transport, change }),
        transport().prop_map(|transport| Event::TransportClosed { transport }),
    ];
    let of_executors = prop_oneof![
        (work(), proptest::option::of(task()), any::<bool>()).prop_map(|(work, by, is_here)| {
            let place = if is_here { WorkPlace::Thread } else { WorkPlace::Elsewhere };
            Event::WorkQueued { work, by, code: CodeId::NONE, place }
        }),
        work().prop_map(|work| Event::WorkBegins { work }),
        work().prop_map(|work| Event::WorkEnds { work }),
    ];
    let kind = prop_oneof![Just(LaneKind::Loop), Just(LaneKind::Thread), Just(LaneKind::Worker)];
    let of_threads = prop_oneof![
        kind.prop_map(|kind| Event::LaneNamed { kind }),
        Just(Event::LaneEnds),
        any::<u64>().prop_map(|cpu_ns| Event::Sampled { cpu_ns }),
        any::<u64>().prop_map(|cpu_ns| Event::CallEntered { cpu_ns }),
        any::<u64>().prop_map(|cpu_ns| Event::CallLeft { cpu_ns }),
        any::<u32>().prop_map(|pid| Event::ProcessStarted { pid }),
        (any::<u32>(), any::<i32>()).prop_map(|(pid, status)| Event::ProcessEnded { pid, status }),
        any::<u64>().prop_map(|events| Event::Dropped { events }),
        Just(Event::RecordingEnds),
    ];
    prop_oneof![of_the_loop, of_tasks, of_transports, of_executors, of_threads]
}

/// Any event with what stands beside it.
pub(crate) fn heard() -> impl Strategy<Value = Heard> {
    let frame = any::<u32>().prop_map(|line| Frame { code: CodeId::NONE, line });
    let frames = prop_oneof![4 => Just(Vec::new()), 1 => proptest::collection::vec(frame, 0..=48)];
    let text = prop_oneof![4 => Just(String::new()), 1 => "\\PC{0,60}"];
    (any::<u64>(), any::<u16>(), event(), text, frames).prop_map(
        |(at_ns, lane, event, text, frames)| Heard { at_ns, lane: Lane(lane), event, text, frames },
    )
}

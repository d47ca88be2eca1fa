//! Recordings made up in a test, told in milliseconds.

use cafeloop_flow::{
    Awaited, CodeId, Event, Frame, Lane, LaneKind, Metadata, Recorder, Run, StepEnd, TaskEnd,
    TaskId, Waker,
};

use super::SharedFile;

const MS: u64 = 1_000_000;
/// When stories begin; clocks don't begin at 0.
const START_MS: u64 = 1_000_000;
const FILE: &str = "/home/me/cafe/";

/// A recording that is being told.
pub(crate) struct Story {
    recorder: Recorder,
    file: SharedFile,
    program: String,
    now_ns: u64,
    lane: Lane,
}

pub(crate) fn task(number: u64) -> TaskId {
    TaskId::new(number).expect("tasks count from 1")
}

impl Story {
    pub(crate) fn new(program: &str) -> Story {
        Story::with(Metadata { command: vec![format!("{FILE}{program}")], ..Metadata::default() })
    }

    pub(crate) fn with(metadata: Metadata) -> Story {
        let program = metadata.command[0].rsplit('/').next().expect("it has one").to_owned();
        let metadata = Metadata {
            runtime: "CPython 3.13.0".into(),
            wait_threshold_ns: MS,
            block_threshold_ns: 50 * MS,
            start_ns: START_MS * MS,
            ..metadata
        };
        let file = SharedFile::default();
        let recorder = Recorder::stream(metadata, Box::new(file.clone())).expect("memory");
        Story { recorder, file, program, now_ns: START_MS * MS, lane: Lane(0) }
    }

    /// Goes on at this time, in milliseconds since the beginning.
    pub(crate) fn at(&mut self, ms: u64) -> &mut Story {
        self.now_ns = (START_MS + ms) * MS;
        self
    }

    /// Goes on so much later.
    pub(crate) fn later_us(&mut self, us: u64) -> &mut Story {
        self.now_ns += us * 1000;
        self
    }

    pub(crate) fn on(&mut self, lane: u16) -> &mut Story {
        self.lane = Lane(lane);
        self
    }

    /// This time, in milliseconds since the beginning, on the recording's clock.
    pub(crate) fn ns(ms: u64) -> u64 {
        (START_MS + ms) * MS
    }

    pub(crate) fn code(&mut self, function: &str) -> CodeId {
        self.recorder.code(function, &format!("{FILE}{}", self.program), 1)
    }

    pub(crate) fn code_of(&mut self, file: &str, function: &str) -> CodeId {
        self.recorder.code(function, file, 1)
    }

    pub(crate) fn string(&mut self, text: &str) -> cafeloop_flow::StringId {
        self.recorder.string(text)
    }

    pub(crate) fn event(&mut self, event: Event) -> &mut Story {
        self.recorder.record(self.now_ns, self.lane, event);
        self
    }

    /// An event with a text.
    pub(crate) fn said(&mut self, event: Event, text: &str) -> &mut Story {
        self.recorder.record_with(self.now_ns, self.lane, event, text, &[]);
        self
    }

    /// An event with frames, each as "function:line", outermost first; one of another
    /// file as "file/function:line".
    pub(crate) fn seen(&mut self, event: Event, frames: &[&str]) -> &mut Story {
        let frames: Vec<Frame> = frames.iter().map(|frame| self.frame(frame)).collect();
        self.recorder.record_with(self.now_ns, self.lane, event, "", &frames);
        self
    }

    fn frame(&mut self, frame: &str) -> Frame {
        let (name, line) = frame.rsplit_once(':').expect("a frame has a line");
        let line = line.parse().expect("a line is a number");
        let code = match name.rsplit_once('/') {
            Some((file, function)) => self.recorder.code(function, file, 1),
            None => self.code(name),
        };
        Frame { code, line }
    }

    pub(crate) fn lane(&mut self, kind: LaneKind, name: &str) -> &mut Story {
        self.said(Event::LaneNamed { kind }, name)
    }

    pub(crate) fn create(&mut self, number: u64, parent: u64, call: &str) -> &mut Story {
        let code = self.code(call.split('(').next().expect("a call has a name"));
        self.event(Event::TaskCreated { task: task(number), parent: TaskId::new(parent), code });
        self.said(Event::TaskNamed { task: task(number) }, call)
    }

    pub(crate) fn begin(&mut self, number: u64) -> &mut Story {
        self.event(Event::StepBegins { task: task(number) })
    }

    pub(crate) fn suspend(&mut self, number: u64, awaited: Awaited) -> &mut Story {
        let end = StepEnd::Suspended(awaited);
        self.event(Event::StepEnds { task: task(number), end })
    }

    /// A step that takes no time, and then a sleep until this millisecond.
    pub(crate) fn sleep(&mut self, number: u64, until_ms: u64) -> &mut Story {
        self.suspend(number, Awaited::Sleep { until_ns: Story::ns(until_ms) })
    }

    /// Wakes a task that has waited there.
    pub(crate) fn wake(&mut self, number: u64, by: Waker, frames: &[&str]) -> &mut Story {
        self.event(Event::Woken { task: task(number), by });
        if !frames.is_empty() {
            self.seen(Event::Waited { task: task(number) }, frames);
        }
        self
    }

    pub(crate) fn done(&mut self, number: u64) -> &mut Story {
        self.event(Event::TaskDone { task: task(number), end: TaskEnd::Returned });
        self.event(Event::StepEnds { task: task(number), end: StepEnd::Returned })
    }

    /// The whole file.
    pub(crate) fn file(self) -> Vec<u8> {
        self.recorder.finish(self.now_ns).expect("memory");
        self.file.bytes()
    }

    /// What comes of it.
    pub(crate) fn run(self) -> Run {
        Run::read(&self.file()[..]).expect("it is a recording")
    }
}

/// The asynchronous café with its two customers.
pub(crate) fn async_cafe() -> Story {
    let mut story = Story::new("async_cafe.py");
    story.lane(LaneKind::Loop, "MainThread").event(Event::TurnBegins { ready: 1 });
    story.create(1, 0, "run_cafe()").begin(1);
    story.later_us(20).create(2, 1, "handle_customer('Vanilla', 'Latte')");
    story.later_us(20).create(3, 1, "handle_customer('Caramel', 'Mocha')");
    story.suspend(1, Awaited::Gathered { children: 2 });
    for customer in [2, 3] {
        story.begin(customer).later_us(80).sleep(customer, 5_000);
        story.event(Event::TimerSet { deadline_ns: Story::ns(5_000) });
    }
    story.event(Event::PollBegins { wait_ns: Some(5_000 * MS) });
    story.at(5_000).event(Event::PollEnds { events: 0 });
    let chain = ["handle_customer:41", "make_coffee:32"];
    for customer in [2, 3] {
        story.event(Event::TimerFired { late_ns: 0 }).wake(customer, Waker::Timer, &[]);
        story.seen(Event::Waited { task: task(customer) }, &chain);
    }
    for customer in [2, 3] {
        story.begin(customer).later_us(50).done(customer);
    }
    story.wake(1, Waker::Task(task(3)), &["run_cafe:47"]).begin(1).later_us(10).done(1);
    story
}

/// The synchronous café with its two customers.
pub(crate) fn sync_cafe() -> Story {
    let mut story = Story::new("sync_cafe.py");
    story.lane(LaneKind::Thread, "MainThread");
    let stack = ["<module>:52", "run_cafe:42", "make_coffee:29"];
    story.event(Event::Sampled { cpu_ns: 0 });
    for (customer, cpu_ns) in [(0, MS), (1, 2 * MS)] {
        story.at(customer * 5_000).later_us(200).seen(Event::CallEntered { cpu_ns }, &stack);
        story.at(customer * 5_000 + 5_000).event(Event::CallLeft { cpu_ns });
    }
    story.later_us(400);
    story
}

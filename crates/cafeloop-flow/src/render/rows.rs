//! What a picture shows, row by row: threads, then tasks in the order of creation, or
//! groups of tasks where they are too many.
//!
//! Whatever isn't drawn is said in a note.

use std::collections::HashMap;

use crate::event::{LaneKind, TaskEnd};
use crate::id::CodeId;
use crate::quantity::{Time, count, thousands};
use crate::render::groups::groups;
use crate::run::{
    ChainId, Doing, End, Interval, Run, State, Stretch, Task, Thread, Totals, What as Awaited,
    is_of_the_program,
};

/// A row of a picture.
pub(crate) struct Row<'a> {
    pub(crate) run: &'a Run,
    pub(crate) label: String,
    pub(crate) what: What<'a>,
}

/// What a row shows.
pub(crate) enum What<'a> {
    Thread(&'a Thread),
    Task(&'a Task),
    /// Tasks that run the same, or all that are left.
    Tasks(Vec<&'a Task>),
    /// Threads of one kind, or all that are left.
    Threads(Vec<&'a Thread>),
    /// A heading, for a process of its own.
    Process,
}

/// What is shown of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shade {
    Running,
    Ready,
    Waiting,
    /// Waiting for other tasks of the run, or for other threads.
    Inner,
    Unknown,
}

impl Shade {
    pub(crate) const ALL: [Shade; 5] =
        [Shade::Running, Shade::Ready, Shade::Waiting, Shade::Inner, Shade::Unknown];

    pub(crate) fn noun(self) -> &'static str {
        match self {
            Shade::Running => "running",
            Shade::Ready => "ready",
            Shade::Waiting => "waiting",
            Shade::Inner => "waiting for others",
            Shade::Unknown => "unknown",
        }
    }
}

/// A time in which a row has one shade, and what to write on it.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    pub(crate) shade: Shade,
    pub(crate) chain: ChainId,
    /// What is waited for, in a word; empty if that isn't known.
    pub(crate) noun: &'static str,
}

/// The rows of a picture, and what isn't in them.
pub(crate) struct Rows<'a> {
    pub(crate) all: Vec<Row<'a>>,
    pub(crate) notes: Vec<String>,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

/// The rows of a run and of its children, with so many for tasks at most, and for threads.
pub(crate) fn rows(run: &Run, most: usize) -> Rows<'_> {
    let (from_ns, to_ns) = (run.start_ns, run.end_ns);
    let mut rows = Rows { all: Vec::new(), notes: Vec::new(), from_ns, to_ns };
    rows.add(run, most.max(1));
    rows
}

impl<'a> Rows<'a> {
    fn add(&mut self, run: &'a Run, most: usize) {
        self.from_ns = self.from_ns.min(run.start_ns);
        self.to_ns = self.to_ns.max(run.end_ns);
        self.add_threads(run, most);
        self.add_tasks(run, most);
        let (empty, children): (Vec<&Run>, Vec<&Run>) =
            run.children.iter().partition(|child| child.is_empty());
        for child in children {
            let label = run.child_title(child);
            self.all.push(Row { run: child, label, what: What::Process });
            self.add(child, most);
        }
        self.tell_of_empty(&empty);
    }

    /// Says which processes have nothing to show.
    fn tell_of_empty(&mut self, empty: &[&Run]) {
        /// More numbers than three say nothing.
        const NAMED: usize = 3;
        let numbers: Vec<String> =
            empty.iter().take(NAMED).map(|child| child.metadata.pid.to_string()).collect();
        let numbers = numbers.join(", ");
        let note = match empty.len() {
            0 => return,
            1 => format!("process {numbers} isn't drawn: nothing that it did was seen"),
            2..=NAMED => {
                format!("processes {numbers} aren't drawn: nothing that they did was seen")
            }
            all => format!(
                "processes {numbers} and {} more aren't drawn: nothing that they did was seen",
                all - NAMED
            ),
        };
        self.notes.push(note);
    }

    fn add_threads(&mut self, run: &'a Run, most: usize) {
        let shown: Vec<&Thread> = run.threads.iter().filter(|thread| is_shown(thread)).collect();
        if shown.len() <= most {
            self.all.extend(shown.into_iter().map(|thread| Row {
                run,
                label: run.thread_label(thread),
                what: What::Thread(thread),
            }));
        } else {
            let all = shown.len();
            self.share(run, all, "thread", rows_of_threads(run, shown, most));
        }
    }

    /// Adds rows that stand for several each, and says so.
    fn share(&mut self, run: &'a Run, all: usize, noun: &str, rows: Vec<(String, What<'a>)>) {
        self.notes.push(format!(
            "{} in {}: each row shows what most of its {noun}s did",
            count(all, noun),
            count(rows.len(), "row")
        ));
        self.all.extend(rows.into_iter().map(|(label, what)| Row { run, label, what }));
    }

    fn add_tasks(&mut self, run: &'a Run, most: usize) {
        let (mut shown, mut watching, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        let libraries = time_of_libraries(run);
        for task in &run.tasks {
            let part = match part(run, task, &libraries) {
                Part::Own => &mut shown,
                Part::Watches => &mut watching,
                Part::Foreign => &mut foreign,
            };
            part.push(task);
        }
        if shown.is_empty() {
            (shown, watching) = (watching, shown);
        }
        if shown.is_empty() {
            (shown, foreign) = (foreign, shown);
        }
        for (tasks, one, more) in [
            (
                watching,
                "isn't drawn: it waits for other tasks",
                "aren't drawn: they wait for other tasks",
            ),
            (
                foreign,
                "isn't drawn: it is none of the program's",
                "aren't drawn: they are none of the program's",
            ),
        ] {
            if !tasks.is_empty() {
                let names = run.labels(tasks.iter().copied());
                let why = if tasks.len() == 1 { one } else { more };
                let ran = Time(ran_ns(run, &tasks));
                self.notes.push(format!("{names} {why}, and ran for {ran}"));
            }
        }
        if shown.len() <= most {
            self.all.extend(shown.into_iter().map(|task| Row {
                run,
                label: run.label(task),
                what: What::Task(task),
            }));
            return;
        }
        let all = shown.len();
        self.share(run, all, "task", rows_of_tasks(run, shown, most));
    }
}

/// A loop's thread is shown by its tasks, and a pool's thread by its jobs.
pub(crate) fn is_shown(thread: &Thread) -> bool {
    let alone = thread.kind == LaneKind::Thread && !thread.has_loop() && thread.did_anything();
    thread.waited_or_served() || alone
}

/// What part a task has in the picture.
enum Part {
    /// It has something to show.
    Own,
    /// It only waits for others, as whoever gathers them does.
    Watches,
    /// It is none of the program's own, and such tasks took no time to speak of: what a
    /// loop does at its end, for example.
    Foreign,
}

/// For how long tasks were there that run a library's code, by that code.  A server's
/// requests are such tasks, and call the program's own.
fn time_of_libraries(run: &Run) -> HashMap<CodeId, u64> {
    let mut times: HashMap<CodeId, Option<u64>> = HashMap::new();
    for task in &run.tasks {
        let time = times.entry(task.code).or_insert_with(|| {
            let file = run.names().file(task.code);
            (!file.is_empty() && !is_of_the_program(file)).then_some(0)
        });
        if let Some(time_ns) = time {
            let (from_ns, to_ns) = run.lifetime(task);
            *time_ns = time_ns.saturating_add(to_ns.saturating_sub(from_ns));
        }
    }
    times.into_iter().filter_map(|(code, time)| Some((code, time?))).collect()
}

fn part(run: &Run, task: &Task, libraries: &HashMap<CodeId, u64>) -> Part {
    /// A hundredth can't be seen.
    const SHARE: u64 = 100;
    /// Starting others takes time too.
    const WORK_SHARE: u64 = 10;
    let (mut totals, mut jobs_ns) = (Totals::default(), 0u64);
    for interval in run.intervals(task) {
        totals.add(&interval);
        // Its own, though a thread does it.
        if let State::Waiting { what: Awaited::Work(_), inner: true, .. } = interval.state {
            jobs_ns = jobs_ns.saturating_add(interval.ns());
        }
    }
    let others_ns = totals.inner_ns.saturating_sub(jobs_ns);
    let outside_ns = totals.waiting_ns.saturating_add(totals.unknown_ns).saturating_add(jobs_ns);
    let work_ns = totals.running_ns.saturating_add(totals.ready_ns);
    if others_ns > 0 && outside_ns < others_ns / SHARE && work_ns < others_ns / WORK_SHARE {
        Part::Watches
    } else if libraries.get(&task.code).is_some_and(|&time_ns| time_ns < run.wall_ns() / SHARE) {
        Part::Foreign
    } else {
        Part::Own
    }
}

fn ran_ns(run: &Run, tasks: &[&Task]) -> u64 {
    let intervals = tasks.iter().flat_map(|task| run.intervals(task));
    let running = intervals.filter(|interval| interval.state == State::Running);
    running.fold(0, |sum, interval| sum.saturating_add(interval.ns()))
}

/// The rows of tasks that are too many: those that run the same share one.
fn rows_of_tasks<'a>(run: &Run, tasks: Vec<&'a Task>, most: usize) -> Vec<(String, What<'a>)> {
    let groups = groups(tasks, most, |task| task.code);
    let alike = groups.alike.into_iter().map(|tasks| (group_label(run, &tasks), tasks));
    let rest = groups.rest.map(|(functions, rest)| {
        let functions = count(functions, "other function");
        (format!("{} of {functions}", count(rest.len(), "task")), rest)
    });
    alike.chain(rest).map(|(label, tasks)| (label, What::Tasks(tasks))).collect()
}

/// The rows of threads that are too many: those that are named the same but for a number
/// share one.
fn rows_of_threads<'a>(
    run: &Run,
    threads: Vec<&'a Thread>,
    most: usize,
) -> Vec<(String, What<'a>)> {
    let groups = groups(threads, most, |thread| kind_of_name(&run.thread_label(thread)));
    let alike = groups.alike.into_iter().map(|threads| {
        let label = match &*threads {
            [thread] => run.thread_label(thread),
            threads => {
                let name = threads.first().map_or(String::new(), |it| run.thread_label(it));
                format!("{} × {}", thousands(threads.len() as u64), kind_of_name(&name))
            }
        };
        (label, threads)
    });
    let rest = groups.rest.map(|(_, rest)| (count(rest.len(), "other thread"), rest));
    alike.chain(rest).map(|(label, threads)| (label, What::Threads(threads))).collect()
}

/// What is the same in the names of threads of one kind: `Thread-7 (serve)` and
/// `ThreadPoolExecutor-0_1` are called so by Python, with numbers of their own.
fn kind_of_name(name: &str) -> String {
    let function = name.strip_prefix("Thread-").and_then(|name| name.split_once(" ("));
    if let Some((_, function)) = function {
        return function.trim_end_matches(')').to_owned();
    }
    let is_number = |letter: char| letter.is_ascii_digit() || " -_.#".contains(letter);
    match name.trim_end_matches(is_number) {
        "" => name.to_owned(),
        kind => kind.to_owned(),
    }
}

fn group_label(run: &Run, tasks: &[&Task]) -> String {
    match tasks {
        [task] => run.label(task),
        tasks => {
            let function = tasks.first().map_or("", |task| run.names().function(task.code));
            let function = if function.is_empty() { "unknown code" } else { function };
            format!("{} × {function}", thousands(tasks.len() as u64))
        }
    }
}

impl<'a> Row<'a> {
    /// Calls back with each piece of the row; pieces of a group overlap.
    pub(crate) fn for_each_piece(&self, mut piece: impl FnMut(Piece)) {
        match &self.what {
            What::Process => {}
            What::Thread(thread) => {
                self.run.stretches(thread).filter_map(stretch_piece).for_each(piece);
            }
            What::Threads(threads) => {
                for thread in threads {
                    self.run.stretches(thread).filter_map(stretch_piece).for_each(&mut piece);
                }
            }
            What::Task(task) => self.run.intervals(task).map(interval_piece).for_each(piece),
            What::Tasks(tasks) => {
                for task in tasks {
                    self.run.intervals(task).map(interval_piece).for_each(&mut piece);
                }
            }
        }
    }

    /// Whether it stands for several, whose pieces overlap.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.what, What::Tasks(_) | What::Threads(_))
    }

    /// The only task of the row, or none.
    pub(crate) fn task(&self) -> Option<&'a Task> {
        match self.what {
            What::Task(task) => Some(task),
            _ => None,
        }
    }

    /// How its task ended, if not as one hopes.
    pub(crate) fn mishap(&self) -> Option<String> {
        mishap(self.run, self.task()?)
    }
}

/// How a task ended, if not as one hopes.
pub(crate) fn mishap(run: &Run, task: &Task) -> Option<String> {
    let (_, end) = task.end?;
    match end {
        End::Done(TaskEnd::Returned) => None,
        End::Done(TaskEnd::Cancelled) => Some("cancelled".to_owned()),
        End::Done(TaskEnd::Raised(class)) => Some(match run.names().string(class) {
            "" => "raised".to_owned(),
            class => format!("raised {class}"),
        }),
        End::Lost => Some("vanished".to_owned()),
    }
}

pub(crate) fn interval_piece(interval: Interval) -> Piece {
    let (shade, chain, noun) = match interval.state {
        State::Running => (Shade::Running, ChainId::NONE, ""),
        State::Ready { .. } => (Shade::Ready, ChainId::NONE, ""),
        State::Waiting { inner: false, chain, what } => (Shade::Waiting, chain, what.noun()),
        State::Waiting { inner: true, chain, what } => (Shade::Inner, chain, what.noun()),
        State::Unknown => (Shade::Unknown, ChainId::NONE, ""),
    };
    Piece { from_ns: interval.from_ns, to_ns: interval.to_ns, shade, chain, noun }
}

pub(crate) fn stretch_piece(stretch: Stretch) -> Option<Piece> {
    let (shade, chain) = match stretch.doing {
        Doing::Working | Doing::Job(_) => (Shade::Running, ChainId::NONE),
        Doing::Calling(chain) | Doing::Waiting(chain) => (Shade::Waiting, chain),
        Doing::Joining(chain) => (Shade::Inner, chain),
        Doing::Unknown | Doing::Resting | Doing::Turning | Doing::Idle => return None,
    };
    Some(Piece { from_ns: stretch.from_ns, to_ns: stretch.to_ns, shade, chain, noun: "" })
}

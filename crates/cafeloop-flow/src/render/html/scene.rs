//! What of a run the page is given: numbers in columns, texts once each.

use std::collections::HashMap;

use serde::Serialize;

use crate::findings::{Finding, find};
use crate::id::Frame;
use crate::quantity::{Time, thousands};
use crate::render::rows::{Piece, Shade, interval_piece, is_shown, mishap, stretch_piece};
use crate::render::terminal::warnings;
use crate::run::{By, ChainId, Interval, Run, State, Stretch, Task, TaskIndex, Thread, Whom};

/// So many lines stand in the table of where the time went; one more sums up the rest.
const MOST_LINES: usize = 100;

/// No chain, and nobody who woke.
const NONE: i64 = -1;

#[derive(Serialize)]
pub(super) struct Scene {
    begin: u64,
    end: u64,
    notes: Vec<String>,
    totals: Vec<(&'static str, String)>,
    findings: Vec<FindingForm>,
    lines: Vec<Line>,
    lanes: Vec<Lane>,
    /// Chains of awaits and what is awaited at their end, as texts; outermost first.
    chains: Vec<Vec<usize>>,
    /// What to write on a bar, for each chain.
    sites: Vec<usize>,
    texts: Vec<String>,
}

#[derive(Serialize)]
struct FindingForm {
    name: &'static str,
    saw: String,
    why: &'static str,
    todo: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<usize>,
    /// When to look at, if not at all of the lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    sight: Option<(u64, u64)>,
}

/// A line of the program, or several, and what it did.
#[derive(Serialize)]
struct Line {
    did: &'static str,
    ns: u64,
    count: u64,
    place: String,
}

/// A task or a thread: what it did one thing after another, without a gap.
#[derive(Serialize)]
struct Lane {
    label: usize,
    place: usize,
    outcome: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<usize>,
    begin: u64,
    lengths: Vec<u64>,
    /// A digit each.
    states: String,
    /// Places among the chains.
    whats: Vec<i64>,
    /// The lane of who ended a wait, or made ready; below [`NONE`] a text.
    wakers: Vec<i64>,
}

/// A scene that is being made.
struct Maker<'a> {
    scene: Scene,
    origin_ns: u64,
    texts: HashMap<String, usize>,
    chains: HashMap<(ChainId, &'static str), i64>,
    /// Where the lanes of the tasks begin of the run that is being added.
    first_task: usize,
    run: &'a Run,
}

impl Scene {
    pub(super) fn of(run: &Run) -> Scene {
        let scene = Scene {
            begin: 0,
            end: run.wall_ns(),
            notes: warnings(run),
            totals: totals(run),
            findings: Vec::new(),
            lines: lines(run),
            lanes: Vec::new(),
            chains: Vec::new(),
            sites: Vec::new(),
            texts: Vec::new(),
        };
        let mut maker = Maker {
            scene,
            origin_ns: run.start_ns,
            texts: HashMap::new(),
            chains: HashMap::new(),
            first_task: 0,
            run,
        };
        maker.add("");
        for child in &run.children {
            maker.add_child(child);
        }
        maker.scene
    }
}

impl<'a> Maker<'a> {
    fn add_child(&mut self, child: &'a Run) {
        self.run = child;
        self.chains.clear();
        self.scene.end = self.scene.end.max(child.end_ns.saturating_sub(self.origin_ns));
        self.add(&format!("process {}: ", child.metadata.pid));
        for grandchild in &child.children {
            self.add_child(grandchild);
        }
    }

    fn add(&mut self, prefix: &str) {
        let run = self.run;
        for thread in run.threads.iter().filter(|thread| is_shown(thread)) {
            let lane = self.thread(thread, prefix);
            self.scene.lanes.push(lane);
        }
        self.first_task = self.scene.lanes.len();
        for task in &run.tasks {
            let lane = self.task(task, prefix);
            self.scene.lanes.push(lane);
        }
        for finding in find(run) {
            let form = self.finding(finding, prefix);
            self.scene.findings.push(form);
        }
    }

    fn finding(&self, finding: Finding, prefix: &str) -> FindingForm {
        let Finding { name, saw, why, advice, tasks, sight, .. } = finding;
        let task = match sight {
            Some(sight) => sight.task,
            None => tasks.first().copied(),
        };
        let since = |at_ns: u64| at_ns.saturating_sub(self.origin_ns);
        FindingForm {
            name,
            saw: format!("{prefix}{saw}"),
            why,
            todo: advice,
            lane: task.map(|task| self.first_task + task.get()),
            sight: sight.map(|sight| (since(sight.from_ns), since(sight.to_ns))),
        }
    }

    fn thread(&mut self, thread: &Thread, prefix: &str) -> Lane {
        let label = format!("{prefix}{}", self.run.thread_label(thread));
        let mut lane = self.lane(&label, "", "");
        let mut end_ns = None;
        for stretch in self.run.stretches(thread) {
            let Stretch { from_ns, to_ns, .. } = stretch;
            lane.begin_at(&mut end_ns, from_ns.saturating_sub(self.origin_ns));
            match stretch_piece(stretch) {
                Some(piece) => self.push(&mut lane, piece, NONE),
                None => lane.push(to_ns.saturating_sub(from_ns), '4', NONE, NONE),
            }
        }
        lane
    }

    fn task(&mut self, task: &Task, prefix: &str) -> Lane {
        let run = self.run;
        let code = Frame { code: task.code, line: run.names().first_line(task.code) };
        let outcome = mishap(run, task).unwrap_or_default();
        let mut lane =
            self.lane(&format!("{prefix}{}", run.label(task)), &run.place(code), &outcome);
        lane.parent = task.parent.map(|parent| self.first_task + parent.get());
        let mut end_ns = None;
        for interval in run.intervals(task) {
            let Interval { from_ns, state, .. } = interval;
            lane.begin_at(&mut end_ns, from_ns.saturating_sub(self.origin_ns));
            let waker = match state {
                State::Ready { by } => self.waker(by),
                _ => NONE,
            };
            // Whoever makes it ready has ended the wait before.
            if let Some(before) = lane.wakers.last_mut().filter(|_| waker != NONE) {
                *before = waker;
            }
            self.push(&mut lane, interval_piece(interval), waker);
        }
        lane
    }

    fn lane(&mut self, label: &str, place: &str, outcome: &str) -> Lane {
        Lane {
            label: self.text(label),
            place: self.text(place),
            outcome: self.text(outcome),
            parent: None,
            begin: 0,
            lengths: Vec::new(),
            states: String::new(),
            whats: Vec::new(),
            wakers: Vec::new(),
        }
    }

    fn push(&mut self, lane: &mut Lane, piece: Piece, waker: i64) {
        let what = self.chain(piece.chain, piece.noun);
        let state = match piece.shade {
            Shade::Running => '0',
            Shade::Ready => '1',
            Shade::Waiting => '2',
            Shade::Inner => '3',
            Shade::Unknown => '4',
        };
        lane.push(piece.to_ns.saturating_sub(piece.from_ns), state, what, waker);
    }

    fn waker(&mut self, by: By) -> i64 {
        let text = match by {
            By::Unknown => return NONE,
            By::Task(TaskIndex(index)) => return place(self.first_task + index as usize),
            By::Creation => "whoever created it".to_owned(),
            By::Itself => "itself: it only let others run".to_owned(),
            By::Timer => "a timer".to_owned(),
            By::Descriptor(fd) => format!("descriptor {fd}"),
            By::Transport(index) => {
                let transport = self.run.transports.get(index as usize);
                match transport.map_or("", |transport| transport.peer.as_str()) {
                    "" => "a transport".to_owned(),
                    peer => format!("a transport: {peer}"),
                }
            }
            By::Thread => "another thread".to_owned(),
            By::Work(_) => "a job of an executor".to_owned(),
            By::Signal(signal) => format!("signal {signal}"),
            By::Callback => "a callback".to_owned(),
            By::Process(index) => match self.run.processes.get(index as usize) {
                Some(process) if !process.program.is_empty() => {
                    format!("the end of process {}: {}", process.pid, process.program)
                }
                Some(process) => format!("the end of process {}", process.pid),
                None => "the end of a process".to_owned(),
            },
        };
        NONE - 1 - place(self.text(&text))
    }

    fn chain(&mut self, chain: ChainId, noun: &'static str) -> i64 {
        if chain == ChainId::NONE && noun.is_empty() {
            return NONE;
        }
        if let Some(&known) = self.chains.get(&(chain, noun)) {
            return known;
        }
        let run = self.run;
        let mut texts: Vec<usize> =
            run.frames(chain).iter().map(|&frame| self.text(&run.place(frame))).collect();
        if !noun.is_empty() {
            texts.push(self.text(noun));
        }
        let site = match chain {
            ChainId::NONE => self.text(noun),
            _ => self.text(run.names().function(run.site(chain).code)),
        };
        let number = place(self.scene.chains.len());
        self.scene.chains.push(texts);
        self.scene.sites.push(site);
        self.chains.insert((chain, noun), number);
        number
    }

    fn text(&mut self, text: &str) -> usize {
        if let Some(&known) = self.texts.get(text) {
            return known;
        }
        let number = self.scene.texts.len();
        self.scene.texts.push(text.to_owned());
        self.texts.insert(text.to_owned(), number);
        number
    }
}

impl Lane {
    /// The next piece begins at `at`: the first one's is the lane's, and others follow
    /// without a gap.
    fn begin_at(&mut self, begun: &mut Option<u64>, at: u64) {
        if begun.replace(at).is_none() {
            self.begin = at;
        }
    }

    fn push(&mut self, ns: u64, state: char, what: i64, waker: i64) {
        self.lengths.push(ns);
        self.states.push(state);
        self.whats.push(what);
        self.wakers.push(waker);
    }
}

fn place(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

fn totals(run: &Run) -> Vec<(&'static str, String)> {
    let mut totals = vec![
        ("Wall", Time(run.wall_ns()).to_string()),
        ("Running", Time(run.totals.running_ns).to_string()),
        ("Ready", Time(run.totals.ready_ns).to_string()),
        ("Waiting", Time(run.totals.waiting_ns).to_string()),
        ("Overlap", format!("{:.1}×", run.overlap())),
    ];
    if !run.tasks.is_empty() {
        totals.push(("Tasks", thousands(run.tasks.len() as u64)));
    }
    if !run.metadata.runtime.is_empty() {
        totals.push(("Recorded on", run.metadata.runtime.clone()));
    }
    totals
}

fn lines(run: &Run) -> Vec<Line> {
    let waits = run.waits.iter().map(|wait| {
        let place = run.place(wait.site);
        Line {
            did: match wait.whom {
                Whom::Outside => "waiting",
                Whom::Tasks => "waiting for tasks",
                Whom::Threads => "waiting for threads",
            },
            ns: wait.total_ns,
            count: wait.count,
            place: if wait.noun.is_empty() { place } else { format!("{place} · {}", wait.noun) },
        }
    });
    let busy = run.busy.iter().map(|busy| Line {
        did: "running",
        ns: busy.total_ns,
        count: busy.count,
        place: run.place(busy.site),
    });
    let mut lines: Vec<Line> = waits.chain(busy).collect();
    lines.sort_by_key(|line| u64::MAX - line.ns);
    let rest = lines.split_off(lines.len().min(MOST_LINES));
    if !rest.is_empty() {
        lines.push(Line {
            did: "",
            ns: rest.iter().map(|line| line.ns).sum(),
            count: rest.iter().map(|line| line.count).sum(),
            place: format!("{} other lines", thousands(rest.len() as u64)),
        });
    }
    lines
}

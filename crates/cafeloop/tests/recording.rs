//! What a recorded run says of its threads.

use std::io::{self, Write};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cafeloop::engine::thread_time_ns;
use cafeloop::{Runner, create_task, sleep, to_thread};
use cafeloop_flow::Run;
use cafeloop_flow::run::{Doing, Whom};

const MS: u64 = 1_000_000;

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn record(main: impl Future<Output = ()> + 'static) -> Run {
    let memory = Memory::default();
    Runner::new().record(memory.clone()).run(main).expect("a loop can be opened");
    Run::read(&memory.0.lock().expect("nobody panics")[..]).expect("it is a recording")
}

/// What the only thread was at, and for how long.
fn did(run: &Run) -> Vec<(Doing, u64)> {
    let mut threads = run.threads.iter().filter(|thread| !thread.has_loop());
    let thread = threads.next().expect("it has a lane");
    assert!(threads.next().is_none());
    run.stretches(thread).map(|it| (it.doing, it.ns())).collect()
}

#[test]
fn a_thread_that_waits_is_the_one_that_waits_and_not_the_task() {
    let run = record(async {
        let (release, released) = mpsc::channel();
        let drink = create_task(to_thread(move || released.recv()));
        sleep(Duration::from_millis(50)).await;
        release.send(()).expect("somebody waits");
        drink.await.expect("it ends").expect("it doesn't panic").expect("it was released");
    });
    assert!(
        did(&run).iter().any(|(doing, ns)| matches!(doing, Doing::Calling(_)) && *ns > 40 * MS)
    );
    let code = run.works[0].code;
    let names = run.names();
    assert_eq!(names.function(code), "a_thread_that_waits_is_the_one_that_waits_and_not_the_task");
    assert!(names.file(code).ends_with("tests/recording.rs"));
    let waits = run.waits.iter().filter(|wait| wait.site.code == code);
    assert_eq!(waits.map(|wait| wait.whom).collect::<Vec<_>>(), [Whom::Outside]);
    assert!(run.waits.iter().any(|wait| wait.whom == Whom::Threads));
}

#[test]
fn a_thread_that_computes_works() {
    let run = record(async {
        let grind = || while thread_time_ns() < 20 * MS {};
        to_thread(grind).await.expect("it doesn't panic");
    });
    let worked = did(&run).into_iter().filter(|(doing, _)| *doing == Doing::Working);
    assert!(worked.map(|(_, ns)| ns).sum::<u64>() > 10 * MS);
    assert!(run.busy.iter().any(|busy| busy.site.code == run.works[0].code));
}

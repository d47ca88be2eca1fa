//! Work for threads.

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::task::Poll;
use std::thread;

use cafeloop::{create_task, gather, now, sleep, to_thread, try_gather, yield_now};
use common::{Log, run, seconds};

/// Threads that a loop has at most.
fn limit() -> usize {
    thread::available_parallelism().map_or(1, usize::from).saturating_add(4).min(32)
}

/// Work that says when it begins and waits until it is let go on.
fn gated() -> (impl FnOnce() + Send, Receiver<()>, Sender<()>) {
    let ((report, begun), (release, gate)) = (channel(), channel());
    let work = move || {
        report.send(()).expect("the test waits");
        gate.recv().expect("the test lets it go on");
    };
    (work, begun, release)
}

#[test]
fn the_result_comes_back_to_the_loop() {
    let (here, there) = run(async {
        let there = to_thread(|| thread::current().id()).await;
        (thread::current().id(), there.expect("it ends"))
    });
    assert_ne!(here, there);
}

#[test]
fn a_panic_of_the_work_is_kept() {
    let error = run(async { to_thread(|| panic!("spilt")).await });
    let error = error.map(|never: ()| never).expect_err("it panicked");
    assert_eq!(error.to_string(), "the task panicked: spilt");
    assert_eq!(error.into_panic().expect("it is a panic").downcast_ref(), Some(&"spilt"));
}

#[test]
fn nothing_happens_until_it_is_awaited() {
    let (report, reports) = channel::<()>();
    run(async move {
        drop(to_thread(move || report.send(())));
        sleep(seconds(1)).await;
    });
    assert!(reports.try_recv().is_err());
}

#[test]
fn as_many_threads_work_side_by_side_as_there_may_be_and_no_more() {
    let working = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let jobs = (0..3 * limit()).map(|_| {
        let working = working.clone();
        to_thread(move || {
            let (count, changed) = &*working;
            let mut count = count.lock().expect("no work panics");
            count.0 += 1;
            count.1 = count.1.max(count.0);
            changed.notify_all();
            // Until there have once been as many as there may be.
            let mut count = changed.wait_while(count, |count| count.1 < limit()).expect("as above");
            count.0 -= 1;
        })
    });
    let jobs: Vec<_> = jobs.collect();
    run(async { try_gather(jobs).await }).expect("all end");
    assert_eq!(working.0.lock().expect("no work panics").1, limit());
}

#[test]
fn a_virtual_clock_stands_still_while_a_thread_works_for_somebody() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let (work, begun, release) = gated();
        let slept = noted.clone();
        let nap = create_task(async move {
            sleep(seconds(1)).await;
            slept.note("slept");
        });
        let worked = create_task(async move {
            to_thread(work).await.expect("it ends");
            noted.note(format_args!("worked at {:?}", now()));
        });
        yield_now().await;
        begun.recv().expect("a thread begins");
        // The nap would end now, if the clock went on.
        for _ in 0..100 {
            yield_now().await;
        }
        release.send(()).expect("the work waits");
        gather([nap, worked]).await.expect("both end");
    });
    assert_eq!(log.take(), ["worked at 0ns", "slept"]);
}

#[test]
fn a_virtual_clock_goes_on_when_nobody_waits_for_the_thread_any_more() {
    let (work, begun, release) = gated();
    run(async move {
        let task = create_task(to_thread(work));
        yield_now().await;
        begun.recv().expect("a thread begins");
        task.cancel();
        sleep(seconds(1)).await;
        assert_eq!(now(), seconds(1));
        release.send(()).expect("the work waits");
    });
}

#[test]
fn a_result_that_is_not_fetched_at_once_holds_no_clock() {
    run(async {
        let mut work = pin!(to_thread(|| "served"));
        poll_fn(|context| {
            assert!(work.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        sleep(seconds(1)).await;
        assert_eq!(work.await.expect("it ends"), "served");
    });
}

#[test]
fn work_that_no_thread_has_begun_is_left_undone_when_nobody_waits() {
    let (report, reports) = channel();
    run(async move {
        let (works, gates): (Vec<_>, Vec<_>) = (0..limit())
            .map(|_| {
                let (work, begun, release) = gated();
                (create_task(to_thread(work)), (begun, release))
            })
            .unzip();
        yield_now().await;
        for (begun, _) in &gates {
            begun.recv().expect("a thread begins");
        }
        let late = create_task(to_thread(move || report.send(()).expect("the test listens")));
        yield_now().await;
        late.cancel();
        assert!(late.await.expect_err("it was cancelled").is_cancelled());
        yield_now().await; // and the loop has let go of it
        for (_, release) in &gates {
            release.send(()).expect("the work waits");
        }
        gather(works).await.expect("all end");
    });
    assert!(reports.recv().is_err(), "it was dropped, not run");
}

#[test]
fn the_end_of_a_run_waits_for_the_work_that_has_begun() {
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = ended.clone();
    let (work, begun, release) = gated();
    let releaser = run(async move {
        drop(create_task(to_thread(move || {
            work();
            counted.fetch_add(1, Ordering::SeqCst);
        })));
        yield_now().await;
        begun.recv().expect("a thread begins");
        thread::spawn(move || release.send(()).expect("the work waits"))
    });
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    releaser.join().expect("it doesn't panic");
}

#[test]
fn a_result_that_nobody_waits_for_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    let (work, begun, release) = gated();
    run(async move {
        let task = create_task(to_thread(move || {
            work();
            Bomb
        }));
        yield_now().await;
        begun.recv().expect("a thread begins");
        task.cancel();
        yield_now().await;
        yield_now().await;
        release.send(()).expect("the work waits");
        to_thread(|| ()).await.expect("the pool is whole");
    });
}

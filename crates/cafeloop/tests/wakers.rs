//! Wakers in other hands: other threads', other executors', after the end.

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use cafeloop::{Event, create_task, gather, now, sleep, yield_now};
use common::{Log, forever, run, seconds};

/// Gives its waker away and waits to be woken.
async fn lend(give: impl Fn(Waker)) {
    let mut given = false;
    poll_fn(|context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        give(context.waker().clone());
        Poll::Pending
    })
    .await;
}

#[test]
fn a_task_can_be_woken_from_another_thread() {
    let (give, wakers) = channel::<Waker>();
    let other = thread::spawn(move || {
        for waker in wakers {
            waker.wake();
        }
    });
    cafeloop::run(async move {
        for _ in 0..1_000 {
            lend(|waker| give.send(waker).expect("the thread listens")).await;
        }
    })
    .expect("a loop can be opened");
    other.join().expect("it doesn't panic");
}

#[test]
fn a_burst_of_wakes_from_many_threads_loses_none() {
    const THREADS: usize = 4;
    const TASKS: usize = 200;
    let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
    let all_lent = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (wakers, all_lent) = (wakers.clone(), all_lent.clone());
            thread::spawn(move || {
                all_lent.wait();
                let next = || wakers.lock().expect("nobody panics").pop();
                while let Some(waker) = next() {
                    waker.wake_by_ref();
                    waker.wake();
                }
            })
        })
        .collect();
    cafeloop::run(async move {
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let wakers = wakers.clone();
                create_task(async move {
                    lend(|waker| wakers.lock().expect("nobody panics").push(waker)).await;
                })
            })
            .collect();
        yield_now().await;
        all_lent.wait();
        gather(tasks).await
    })
    .expect("a loop can be opened")
    .expect("all are woken");
    for thread in threads {
        thread.join().expect("it doesn't panic");
    }
}

#[test]
fn a_waker_may_be_woken_and_dropped_after_the_end_wherever_it_is() {
    let (give, wakers) = channel::<Waker>();
    run(async move {
        for _ in 0..2 {
            let give = give.clone();
            drop(create_task(async move {
                lend(|waker| give.send(waker).expect("the test listens")).await;
            }));
        }
        yield_now().await;
    });
    let [first, second] = [(); 2].map(|()| wakers.recv().expect("both were given"));
    let third = first.clone();
    thread::spawn(move || {
        first.wake_by_ref();
        drop(first);
    })
    .join()
    .expect("it doesn't panic");
    second.wake();
    drop(third);
}

#[test]
fn a_wake_during_the_end_of_a_run_is_harmless() {
    for _ in 0..100 {
        let (give, wakers) = channel::<Waker>();
        let other = thread::spawn(move || {
            for waker in wakers {
                waker.wake();
            }
        });
        cafeloop::run(async move {
            drop(create_task(async move {
                loop {
                    lend(|waker| give.send(waker).expect("the thread listens")).await;
                }
            }));
            yield_now().await;
        })
        .expect("a loop can be opened");
        other.join().expect("it doesn't panic");
    }
}

/// A waker that counts.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_sleep_wakes_whoever_polled_it_last() {
    run(async {
        let (early, late) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut nap = pin!(sleep(seconds(1)));
        for count in [&early, &late, &late] {
            let waker = Waker::from(count.clone());
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        sleep(seconds(2)).await;
        assert_eq!((early.get(), late.get()), (0, 1));
        nap.await;
        assert_eq!(now(), seconds(2));
    });
}

#[test]
fn a_join_a_gathering_and_an_event_wake_whoever_polled_them_last() {
    run(async {
        let task = create_task(yield_now());
        let event = Event::new();
        let mut join = pin!(task.into_future());
        let mut gathering = pin!(gather([yield_now()]));
        let mut wait = pin!(event.wait());
        let counts: [Arc<Count>; 6] = Default::default();
        for (number, count) in counts.iter().enumerate() {
            let waker = Waker::from(count.clone());
            let mut context = Context::from_waker(&waker);
            let pending = match number % 3 {
                0 => join.as_mut().poll(&mut context).is_pending(),
                1 => gathering.as_mut().poll(&mut context).is_pending(),
                _ => wait.as_mut().poll(&mut context).is_pending(),
            };
            assert!(pending);
        }
        event.set();
        for _ in 0..4 {
            yield_now().await;
        }
        assert_eq!(counts.map(|count| count.get()), [0, 0, 0, 1, 1, 1]);
    });
}

#[test]
fn a_task_that_is_woken_many_times_in_a_turn_runs_once() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let (give, wakers) = channel::<Waker>();
        drop(create_task(async move {
            poll_fn(|context| {
                noted.note("polled");
                let _ = give.send(context.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        }));
        yield_now().await;
        let waker = wakers.recv().expect("it was given");
        for _ in 0..5 {
            waker.wake_by_ref();
        }
        yield_now().await;
    });
    assert_eq!(log.take(), ["polled", "polled"]);
}

#[test]
fn a_waker_of_one_loop_can_be_woken_inside_another() {
    let (give, wakers) = channel::<Waker>();
    let other = thread::spawn(move || {
        cafeloop::run(async move {
            let waker = wakers.recv().expect("it is given");
            waker.wake();
        })
        .expect("a loop can be opened");
    });
    cafeloop::run(lend(move |waker| give.send(waker).expect("the thread listens")))
        .expect("a loop can be opened");
    other.join().expect("it doesn't panic");
}

#[test]
fn a_main_that_nothing_wakes_is_woken_by_a_thread_that_comes_late() {
    let (give, wakers) = channel::<Waker>();
    let (ready, readies) = channel();
    let other = thread::spawn(move || {
        let waker: Waker = wakers.recv().expect("it is given");
        ready.send(()).expect("the loop listens");
        waker.wake();
    });
    run(async move {
        drop(create_task(forever()));
        lend(|waker| {
            give.send(waker).expect("the thread listens");
            readies.recv().expect("the thread is there");
        })
        .await;
    });
    other.join().expect("it doesn't panic");
}

//! Locks and semaphores: who gets in, in which order, and what a cancelled
//! waiter leaves behind.

mod common;

use std::cell::Cell;
use std::rc::Rc;

use cafeloop::{Lock, Semaphore, Task, create_task, gather, now, sleep, timeout, yield_now};
use common::{Log, forever, run, seconds};

/// A task that gets in, notes it, and stays for a second.
fn visitor(semaphore: &Rc<Semaphore>, log: &Log, name: &'static str) -> Task<()> {
    let (semaphore, log) = (semaphore.clone(), log.clone());
    create_task(async move {
        let _permit = semaphore.acquire().await;
        log.note(name);
        sleep(seconds(1)).await;
    })
}

#[test]
fn at_most_as_many_get_in_as_there_are_permits() {
    run(async {
        let semaphore = Rc::new(Semaphore::new(3));
        let (inside, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let visits = (0..10).map(|_| {
            let (semaphore, inside, most) = (semaphore.clone(), inside.clone(), most.clone());
            async move {
                let _permit = semaphore.acquire().await;
                inside.set(inside.get() + 1);
                most.set(most.get().max(inside.get()));
                sleep(seconds(1)).await;
                inside.set(inside.get() - 1);
            }
        });
        gather(visits).await.expect("all end");
        assert_eq!(most.get(), 3);
        assert_eq!(now(), seconds(4));
        assert!(!semaphore.locked());
    });
}

#[test]
fn a_permit_goes_to_whoever_has_waited_longest_and_not_to_who_comes_along() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire().expect("it is free");
        assert!(semaphore.locked());
        let tasks = ["a", "b"].map(|name| visitor(&semaphore, &noted, name));
        yield_now().await;
        drop(permit);
        // "a" has been promised the permit, but hasn't had its turn.
        assert!(semaphore.locked());
        assert!(semaphore.try_acquire().is_none());
        let late = visitor(&semaphore, &noted, "late");
        gather(tasks.into_iter().chain([late])).await.expect("all end");
    });
    assert_eq!(log.take(), ["a", "b", "late"]);
}

#[test]
fn a_permit_that_was_promised_to_a_task_that_is_cancelled_goes_to_the_next() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = semaphore.acquire().await;
        let [a, b, c] = ["a", "b", "c"].map(|name| visitor(&semaphore, &noted, name));
        yield_now().await;
        drop(permit);
        a.cancel();
        b.await.expect("it ends");
        c.await.expect("it ends");
        assert!(semaphore.try_acquire().is_some());
    });
    assert_eq!(log.take(), ["b", "c"]);
}

#[test]
fn a_permit_that_was_promised_to_the_last_who_waits_is_free_again_if_it_is_cancelled() {
    run(async {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = semaphore.acquire().await;
        let task = visitor(&semaphore, &Log::default(), "a");
        yield_now().await;
        drop(permit);
        task.cancel();
        yield_now().await;
        assert!(!semaphore.locked());
    });
}

#[test]
fn whoever_gives_up_waiting_takes_no_permit() {
    run(async {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        timeout(seconds(1), semaphore.acquire()).await.expect_err("it is taken");
        drop(permit);
        assert!(semaphore.try_acquire().is_some());
    });
}

#[test]
fn a_cancelled_task_gives_its_permit_back() {
    run(async {
        let semaphore = Rc::new(Semaphore::new(1));
        let its = semaphore.clone();
        let task = create_task(async move {
            let _permit = its.acquire().await;
            forever().await;
        });
        yield_now().await;
        assert!(semaphore.locked());
        task.cancel();
        task.await.expect_err("it was cancelled");
        assert!(!semaphore.locked());
    });
}

#[test]
fn a_semaphore_without_permits_lets_nobody_in() {
    run(async {
        let semaphore = Semaphore::new(0);
        assert!(semaphore.locked());
        timeout(seconds(1), semaphore.acquire()).await.expect_err("there is none");
    });
}

#[test]
fn a_lock_lets_one_in_at_a_time() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let lock = Rc::new(Lock::new());
        assert!(!lock.locked());
        let tasks = ["a", "b"].map(|name| {
            let (lock, noted) = (lock.clone(), noted.clone());
            create_task(async move {
                let _guard = lock.acquire().await;
                noted.note(format_args!("{name} in"));
                sleep(seconds(1)).await;
                noted.note(format_args!("{name} out"));
            })
        });
        yield_now().await;
        assert!(lock.locked());
        assert!(lock.try_acquire().is_none());
        gather(tasks).await.expect("both end");
        assert!(lock.try_acquire().is_some());
    });
    assert_eq!(log.take(), ["a in", "a out", "b in", "b out"]);
}

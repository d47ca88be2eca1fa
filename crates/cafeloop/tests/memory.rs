//! What a sleeping task costs.  Alone in its binary, since it counts every byte
//! that the process allocates.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cafeloop::{create_task, sleep, yield_now};
use common::{run, seconds};

/// What a task may cost beyond its future.
const BYTES_PER_TASK: usize = 400;

/// A million; fewer where nothing is optimised, to be quick.
const TASKS: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };

/// Held by the test that counts.
static COUNT: Mutex<()> = Mutex::new(());

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's duty is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's duty is the same, and the pointer is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

async fn sleeper() {
    sleep(seconds(3600)).await;
}

/// A sleeper that carries a kilobyte.
async fn porter() -> [u8; 1024] {
    let load = [0; 1024];
    sleep(seconds(3600)).await;
    load
}

/// What a task of such a future costs beyond it, with so many asleep.
fn overhead<F: Future + 'static>(future: fn() -> F, tasks: usize) -> usize {
    let _alone = COUNT.lock();
    let per_task = run(async move {
        let before = ALLOCATED.load(Ordering::Relaxed);
        for _ in 0..tasks {
            drop(create_task(future()));
        }
        yield_now().await; // all lie down
        (ALLOCATED.load(Ordering::Relaxed) - before) / tasks
    });
    per_task - size_of::<F>()
}

#[test]
fn a_sleeping_task_costs_less_than_400_bytes_beyond_its_future() {
    let bytes = overhead(sleeper, TASKS);
    assert!(bytes < BYTES_PER_TASK, "{bytes} bytes a task");
}

#[test]
fn a_task_holds_its_future_once() {
    // Lists that grow by doubling have more room to spare when there are few.
    let bytes = overhead(porter, 1 << 14);
    assert!(bytes < BYTES_PER_TASK + size_of::<[u8; 1024]>(), "{bytes} bytes a task");
}

#[test]
fn tasks_that_have_ended_leave_nothing_behind() {
    let _alone = COUNT.lock();
    let churned = run(async {
        let churn = async || {
            let task = create_task(sleeper());
            task.cancel();
            drop(task.await);
            create_task(yield_now()).await.expect("it ends");
        };
        churn().await;
        let before = ALLOCATED.load(Ordering::Relaxed);
        for _ in 0..1_000 {
            churn().await;
        }
        ALLOCATED.load(Ordering::Relaxed).saturating_sub(before)
    });
    // The lists of tasks and timers keep their room.
    assert!(churned < 1_000, "{churned} bytes are left of a thousand tasks");
}

//! The objects that a loop hands out: handles, futures, tasks, gatherings, sleeps.
//!
//! ```text
//! handle           callbacks that were handed to a loop      call   what they call
//! loop_methods     how Python hands them to it
//! future, task     what they are; _face: what Python sees of them
//! waiters          who waits for a future      wakeup    how foreign ones wake a task
//! step             one step of a task          current   the current task
//! stop             how an await ends with a result
//! coroutine        how one is driven           context   what it runs in
//! gather           asyncio.gather              sleep     asyncio.sleep
//! task_group       what asyncio.TaskGroup does for each task (task_in_group: to make it)
//! sleep_future     a sleep as what a task waits for
//! shortcut         how asyncio's functions come to them (stand_in: on 3.11)
//! all_tasks        for asyncio.all_tasks()         task_name
//! class, method    classes made from C structs reference what they hold
//! pool             those of small objects      freed     objects for their next life
//! classes          ours, once they are made
//! descriptors      asyncio's own methods, made to know ours   dispatch  how they tell
//! layout           what is known of the interpreter's own structs
//! ahead            objects of the next jobs, on their way into the cache
//! recorded         what a recorder asks of them
//! published        those of their fields that debuggers read
//! ```
//!
//! Futures and tasks derive from `_asyncio`'s, with storage of their own (`layout` says
//! where); of the base's struct they fill but the published fields.  So they are
//! instances of `asyncio.Future` and `asyncio.Task`, and everything that takes
//! those takes them.

mod ahead;
mod all_tasks;
mod call;
mod class;
mod classes;
mod context;
mod coroutine;
mod current;
mod descriptors;
mod dispatch;
mod freed;
mod future;
mod future_face;
mod future_iterator;
mod gather;
mod handle;
mod handle_face;
mod layout;
mod loop_methods;
mod method;
mod pool;
mod published;
mod recorded;
mod reference;
#[cfg(Py_3_12)]
mod shortcut;
mod sleep;
mod sleep_face;
mod sleep_future;
#[cfg(not(Py_3_12))]
mod stand_in;
mod step;
mod stop;
mod task;
mod task_face;
mod task_group;
#[cfg(Py_3_12)]
mod task_in_group;
mod task_name;
mod waiters;
mod wakeup;

pub(crate) use self::ahead::{fetch, fetch_coroutine};
pub(crate) use self::all_tasks::_native_tasks;
pub(crate) use self::call::{Call, Given};
pub(crate) use self::classes::{
    _refuse_native_tasks, _refuse_unbound_methods, _whose_tasks, _whose_unbound_methods, Classes,
    make as make_classes,
};
pub(crate) use self::context::{Context, Inside};
pub(crate) use self::current::forget as forget_current;
pub(crate) use self::future::{
    Future, create as create_future, finish as finish_future, is_pending, owner as owner_of_future,
    set_result as set_future_result,
};
pub(crate) use self::gather::{Gathering, child_done};
pub(crate) use self::handle::{Handle, Queued, Timer};
pub(crate) use self::handle_face::add_classes as add_handle_classes;
pub(crate) use self::loop_methods::{add_to as add_loop_methods, is_plain as is_plain_method};
pub(crate) use self::method::Arguments;
pub(crate) use self::recorded::{
    Awaits, Outcome, as_task, awaits, coroutine_of, future_number, given_name, is_number, outcome,
    set_number as set_future_number, set_task_number, task_number,
};
pub(crate) use self::reference::{Slot, Strong};
#[cfg(Py_3_12)]
pub(crate) use self::shortcut::{_put_shortcuts, _remove_shortcuts};
pub(crate) use self::sleep::{_seek_origins, Sleep, seek_origins};
#[cfg(not(Py_3_12))]
pub(crate) use self::stand_in::StandIn;
pub(crate) use self::step::{run as run_step, wake as wake_task};
pub(crate) use self::task::{
    Start, Task, context_or_none, create as create_task, owner as owner_of,
};
pub(crate) use self::task_group::task_done as group_task_done;
pub(crate) use self::waiters::Callback;

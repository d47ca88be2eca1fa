//! What is looked up in Python's modules: once, when first needed, so that
//! importing cafeloop costs no imports of its own.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// One function for each name, which gives the object behind it.
macro_rules! names {
    ($($function:ident = $module:literal . $name:literal;)*) => {
        $(pub(crate) fn $function(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
            static OBJECT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            OBJECT.import(py, $module, $name)
        })*
    };
}

/// Looks up what finalizers may need: when modules are taken down, nothing can be
/// imported any more.
pub(crate) fn keep_for_the_end(py: Python<'_>) -> PyResult<()> {
    cancelled_error(py)?;
    invalid_state_error(py)?;
    future_repr(py)?;
    task_repr(py)?;
    Ok(())
}

names! {
    all_tasks = "asyncio.tasks"."all_tasks";
    buffered_protocol = "asyncio.protocols"."BufferedProtocol";
    cancelled_error = "asyncio.exceptions"."CancelledError";
    coroutine_type = "types"."CoroutineType";
    current_frames = "sys"."_current_frames";
    current_tasks = "_asyncio"."_current_tasks";
    current_thread = "threading"."current_thread";
    current_thread_id = "threading"."get_ident";
    current_thread_number = "threading"."get_native_id";
    ensure_future = "asyncio.tasks"."ensure_future";
    extract_stack = "asyncio.format_helpers"."extract_stack";
    file_class = "_io"."FileIO";
    format_callback_source = "asyncio.format_helpers"."_format_callback_source";
    future_add_to_awaited_by = "asyncio.futures"."future_add_to_awaited_by";
    future_class = "asyncio.futures"."Future";
    future_discard_from_awaited_by = "asyncio.futures"."future_discard_from_awaited_by";
    future_repr = "asyncio.base_futures"."_future_repr";
    get_asyncgen_hooks = "sys"."get_asyncgen_hooks";
    get_origin_tracking_depth = "sys"."get_coroutine_origin_tracking_depth";
    get_referents = "gc"."get_referents";
    get_running_loop = "asyncio.events"."_get_running_loop";
    invalid_state_error = "asyncio.exceptions"."InvalidStateError";
    is_coroutine = "asyncio.coroutines"."iscoroutine";
    is_coroutine_function = "inspect"."iscoroutinefunction";
    is_debug_mode = "asyncio.coroutines"."_is_debug_mode";
    is_future = "asyncio.futures"."isfuture";
    known_threads = "threading"."_active";
    logger = "asyncio.log"."logger";
    main_thread = "threading"."main_thread";
    method_class = "types"."MethodType";
    partial_class = "functools"."partial";
    register_at_fork = "os"."register_at_fork";
    run_until_complete_cb = "asyncio.base_events"."_run_until_complete_cb";
    set_asyncgen_hooks = "sys"."set_asyncgen_hooks";
    set_origin_tracking_depth = "sys"."set_coroutine_origin_tracking_depth";
    set_running_loop = "asyncio.events"."_set_running_loop";
    set_signal_handler = "signal"."signal";
    set_wakeup_fd = "signal"."set_wakeup_fd";
    show_native_tasks = "cafeloop._all_tasks"."show_native_tasks";
    siginterrupt = "signal"."siginterrupt";
    sleep = "asyncio.tasks"."sleep";
    socket_class = "_socket"."socket";
    socket_constructor = "socket"."socket";
    ssl_syscall_error = "ssl"."SSLSyscallError";
    ssl_want_read_error = "ssl"."SSLWantReadError";
    strerror = "os"."strerror";
    swap_current_task = "_asyncio"."_swap_current_task";
    task_class = "asyncio.tasks"."Task";
    task_group_is_known = "cafeloop._task_group"."is_known";
    task_get_stack = "asyncio.base_tasks"."_task_get_stack";
    task_print_stack = "asyncio.base_tasks"."_task_print_stack";
    task_repr = "asyncio.base_tasks"."_task_repr";
    valid_signals = "signal"."valid_signals";
}

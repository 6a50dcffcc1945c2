//! The thread pools that predictions run on.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::sync::{Arc, LazyLock};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::ops;

/// A pool with as many threads as rayon's global pool; `None` if the system refuses more threads.
static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| pool(threads()));

thread_local! {
    /// Whether this thread is one of a pool that runs predictions alone.
    static IN_POOL: Cell<bool> = const { Cell::new(false) };
    /// The pool for the predictions of this thread, if it has one of its own.
    static OWN: RefCell<Option<Arc<ThreadPool>>> = const { RefCell::new(None) };
}

/// The number of threads that predictions use together.
pub(crate) fn threads() -> usize {
    // Asked on a new thread: on one of another pool, the answer would be that pool's size.
    thread::spawn(rayon::current_num_threads).join().unwrap_or(1)
}

/// A pool that runs predictions alone; `None` if the system refuses more threads.
fn pool(threads: usize) -> Option<ThreadPool> {
    let builder = ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("ikem-{index}"));
    builder.start_handler(|_| IN_POOL.set(true)).build().ok()
}

/// Runs `f` on a pool that runs predictions alone, and blocks until it is done.
///
/// While a thread of a rayon pool waits for a parallel loop, it runs other tasks of its pool. If one of those waits for a lock that
/// the caller of a prediction holds, such as a `Mutex<Session>` locked inside `par_iter`, neither ever continues. The tasks of this
/// pool take no locks, and the caller blocks instead of running other tasks.
pub(crate) fn isolated<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    if IN_POOL.get() {
        return f();
    }
    let own = OWN.with_borrow(Clone::clone);
    let Some(pool) = own.as_deref().or(POOL.as_ref()) else { return f() };
    let f = ops::on_same_path(f);
    if rayon::current_thread_index().is_none() {
        return pool.install(f);
    }
    // On a thread of another pool, `install` would run that pool's tasks while it waits. A new thread just blocks.
    thread::scope(|scope| scope.spawn(|| pool.install(f)).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs `f` on this thread, with a pool of `threads` for its predictions alone.
pub(crate) fn with_own_pool<R>(threads: usize, f: impl FnOnce() -> R) -> R {
    let before = OWN.replace(pool(threads).map(Arc::new));
    let result = f();
    OWN.set(before);
    result
}

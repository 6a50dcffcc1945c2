//! The thread pool that predictions run on.

use std::panic::resume_unwind;
use std::sync::LazyLock;
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::ops;

/// A pool with as many threads as rayon's global pool; `None` if the system refuses more threads.
static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    // Asked on a new thread: on one of another pool, the answer would be that pool's size.
    let threads = thread::spawn(rayon::current_num_threads).join().unwrap_or_default();
    ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("ikem-{index}")).build().ok()
});

/// Runs `f` on a pool that runs predictions alone, and blocks until it is done.
///
/// While a thread of a rayon pool waits for a parallel loop, it runs other tasks of its pool. If one of those waits for a lock that
/// the caller of a prediction holds, such as a `Mutex<Session>` locked inside `par_iter`, neither ever continues. The tasks of this
/// pool take no locks, and the caller blocks instead of running other tasks.
pub(crate) fn isolated<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    let Some(pool) = &*POOL else { return f() };
    if pool.current_thread_index().is_some() {
        return f();
    }
    let f = ops::on_same_path(f);
    if rayon::current_thread_index().is_none() {
        return pool.install(f);
    }
    // On a thread of another pool, `install` would run that pool's tasks while it waits. A new thread just blocks.
    thread::scope(|scope| scope.spawn(|| pool.install(f)).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

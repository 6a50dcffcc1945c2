//! How work on planes is divided into tasks.

/// Elements that are worth a task.
const TASK: usize = 1 << 14;

/// Planes of `plane` elements that make a task.
#[inline]
pub(crate) fn planes_per_task(plane: usize) -> usize {
    (TASK / plane.max(1)).max(1)
}

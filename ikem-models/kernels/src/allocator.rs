//! The allocator's settings for programs that make and free large tensors all the time.

/// Has the allocator keep freed memory for the next tensor instead of returning it to the operating system.
///
/// Every operation writes into a new tensor, and filling fresh pages takes several times as long as filling used ones.
/// Call it first in `main`; the process then keeps its peak memory until it ends. It has an effect on Linux with glibc
/// only.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    // SAFETY: `mallopt` takes two integers, keeps no pointer, and may be called at any time; it refuses options that it
    // does not know.
    unsafe {
        // One arena, so that a thread can use what another one freed.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn memory_can_be_allocated_and_freed_afterwards() {
        super::keep_freed_memory();
        for round in 0..4_u8 {
            let block = vec![round; 8 << 20];
            assert!(block.iter().all(|&byte| byte == round));
        }
    }
}

/// Tells the allocator to keep freed memory for the next tensor instead of giving it back to the system.
///
/// Every operation writes into a new tensor, and filling fresh pages costs several times filling used ones. Call it
/// first in `main`; the process then holds its peak until it ends. Does nothing but on Linux with glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code)]
    // SAFETY: `mallopt` takes two integers, keeps no pointer, and may be called at any time; options that it does not
    // know it refuses.
    unsafe {
        // One arena: what one thread freed, another can have.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn memory_can_be_had_and_freed_afterwards() {
        super::keep_freed_memory();
        for round in 0..4_u8 {
            let block = vec![round; 8 << 20];
            assert!(block.iter().all(|&byte| byte == round));
        }
    }
}

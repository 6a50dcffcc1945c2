use std::time::Instant;

use anyhow::Result;
use ikem_models::Device;

/// Seconds a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub median: f64,
    pub minimum: f64,
}

/// Times `runs` runs, after one that warms up; each until the device has done its work.
pub(crate) fn time(runs: usize, mut run: impl FnMut() -> Result<()>, device: &Device) -> Result<Times> {
    let mut seconds = Vec::with_capacity(runs);
    for _ in 0..=runs {
        let start = Instant::now();
        run()?;
        device.synchronize()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let mut timed = seconds.split_off(1);
    timed.sort_by(f64::total_cmp);
    let half = timed.len() / 2;
    let median = if timed.len() % 2 == 0 { (timed[half - 1] + timed[half]) / 2.0 } else { timed[half] };
    Ok(Times { median, minimum: timed[0] })
}

/// The most memory that this process ever had, where the system tells (Linux).
pub(crate) fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

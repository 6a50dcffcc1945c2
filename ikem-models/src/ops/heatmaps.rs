use candle_core::{DType, Device, Result, Tensor};
use ikem_core::Size;
use ikem_kernels as kernels;
use ndarray::{Array2, Array3, ArrayView2};
use rayon::prelude::*;

use super::cpu;

/// Calls `f` with the heatmap of every plane of `logits` (B, K, h, w), in order: its sigmoid on a `grid`, resized
/// bilinearly with aligned corners. Each thread holds one heatmap at a time.
///
/// # Errors
/// When the device fails.
pub(crate) fn for_each_heatmap<R: Send>(
    logits: &Tensor,
    grid: Size,
    f: impl Fn(ArrayView2<'_, f32>) -> R + Send + Sync,
) -> Result<Vec<R>> {
    with_planes(logits, |planes, size| {
        let blank = || Array2::zeros((grid.height, grid.width));
        let read = |map: &mut Array2<f32>, plane| {
            heat(plane, size, grid, map.as_slice_mut())?;
            Ok(f(map.view()))
        };
        planes.par_chunks_exact(size.0 * size.1).map_init(blank, read).collect()
    })
}

/// The highest value of the heatmap of every plane of `logits`, as in [`for_each_heatmap`]: 0…1, in a small part of the time.
///
/// # Errors
/// When the device fails.
pub(crate) fn heatmap_peaks(logits: &Tensor, grid: Size) -> Result<Vec<f32>> {
    with_planes(logits, |planes, size| {
        let peak = |plane| kernels::heatmap_peak(plane, size, (grid.height, grid.width)).map_err(cpu::failed);
        planes.par_chunks_exact(size.0 * size.1).map(peak).collect()
    })
}

/// The heatmaps of all planes of `logits` (1, K, h, w), as in [`for_each_heatmap`]: K × H × W.
///
/// # Errors
/// When the device fails.
pub(crate) fn heatmaps(logits: &Tensor, grid: Size) -> Result<Array3<f32>> {
    with_planes(logits, |planes, size| {
        let count = planes.len() / (size.0 * size.1);
        let mut maps = Array3::zeros((count, grid.height, grid.width));
        let Some(values) = maps.as_slice_mut() else { candle_core::bail!("expected a contiguous array") };
        let of_plane =
            values.par_chunks_mut(grid.area().max(1)).zip(planes.par_chunks_exact(size.0 * size.1));
        of_plane.try_for_each(|(map, plane)| heat(plane, size, grid, Some(map)))?;
        Ok(maps)
    })
}

/// Calls `f` with the planes of `logits` and their height and width, neither of which is zero.
fn with_planes<R>(logits: &Tensor, f: impl FnOnce(&[f32], (usize, usize)) -> Result<R>) -> Result<R> {
    let logits = logits.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?;
    let [_, _, h, w] = cpu::extents(logits.shape())?;
    if h * w == 0 {
        candle_core::bail!("logits of {h} x {w} pixels");
    }
    cpu::with_elements(&[&logits], |data| f(data[0], (h, w)))
}

fn heat(plane: &[f32], size: (usize, usize), grid: Size, map: Option<&mut [f32]>) -> Result<()> {
    let Some(map) = map else { candle_core::bail!("expected a contiguous map") };
    kernels::heatmap_into(plane, size, (grid.height, grid.width), map).map_err(cpu::failed)
}

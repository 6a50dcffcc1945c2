//! The bridge between candle's tensors and the kernels' slices: kernels as candle's custom operations.

use std::cell::Cell;

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Error, Layout, Result, Shape, Storage, Tensor,
    WithDType,
};

use ikem_kernels::{Element, KernelError};

thread_local! {
    static PLAIN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` with every operation of this thread composed of candle's own, as on a device without kernels. Tests check
/// the code path of a GPU with it, on the CPU.
pub fn through_candle<R>(f: impl FnOnce() -> R) -> R {
    let before = PLAIN.replace(true);
    let result = f();
    PLAIN.set(before);
    result
}

/// Runs `f` on a thread of rayon's pool. Parallel loops started there need not wait for a thread to wake up, which
/// takes longer than a small convolution.
pub(crate) fn in_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    if rayon::current_thread_index().is_some() {
        return f();
    }
    let f = on_same_path(f);
    rayon::scope(|_| f())
}

/// `f` for another thread, where operations take the same path, kernels or candle, as on this one.
pub(crate) fn on_same_path<R>(f: impl FnOnce() -> R + Send) -> impl FnOnce() -> R + Send {
    let plain = PLAIN.get();
    move || {
        let before = PLAIN.replace(plain);
        let result = f();
        PLAIN.set(before);
        result
    }
}

/// Whether the kernels can compute with `x`: an f32 or f64 tensor on the CPU. Operations on other tensors are composed
/// of candle's.
#[must_use]
pub fn has_kernels(x: &Tensor) -> bool {
    x.device().is_cpu() && matches!(x.dtype(), DType::F32 | DType::F64) && !PLAIN.get()
}

/// The numbers that kernels compute with, f32 and f64, as candle knows them.
pub(super) trait Number: Element + WithDType {}

impl Number for f32 {}
impl Number for f64 {}

/// An operation on N contiguous tensors: slices in, a vector out; its gradient in terms of tensors.
pub(super) trait CpuOp<const N: usize>: Send + Sync + 'static {
    const NAME: &'static str;

    /// The result and its shape.
    fn forward<T: Number>(&self, inputs: [&[T]; N], shapes: [&Shape; N]) -> Result<(Vec<T>, Shape)>;

    /// The gradient of each input, given the result's gradient `dy`, which is contiguous. Operations that are
    /// themselves part of a backward pass have none.
    fn backward(&self, _inputs: [&Tensor; N], _dy: &Tensor) -> Result<[Option<Tensor>; N]> {
        Err(Error::BackwardNotSupported { op: Self::NAME })
    }
}

/// Applies `op` with a gradient.
pub(super) fn apply1(op: impl CpuOp<1>, a: &Tensor) -> Result<Tensor> {
    a.contiguous()?.apply_op1(Applied(op))
}

/// Applies `op` with gradients.
pub(super) fn apply2(op: impl CpuOp<2>, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.contiguous()?.apply_op2(&b.contiguous()?, Applied(op))
}

/// Applies `op` with gradients.
pub(super) fn apply3(op: impl CpuOp<3>, a: &Tensor, b: &Tensor, c: &Tensor) -> Result<Tensor> {
    a.contiguous()?.apply_op3(&b.contiguous()?, &c.contiguous()?, Applied(op))
}

/// A [`CpuOp`] as a custom operation of candle.
struct Applied<O>(O);

impl<O> Applied<O> {
    fn run<const N: usize>(
        &self,
        storages: [&CpuStorage; N],
        layouts: [&Layout; N],
    ) -> Result<(CpuStorage, Shape)>
    where
        O: CpuOp<N>,
    {
        match storages.first() {
            Some(CpuStorage::F32(_)) => self.run_on::<f32, N>(storages, layouts),
            Some(CpuStorage::F64(_)) => self.run_on::<f64, N>(storages, layouts),
            _ => candle_core::bail!("{}: expected f32 or f64", O::NAME),
        }
    }

    fn run_on<T: Number, const N: usize>(
        &self,
        storages: [&CpuStorage; N],
        layouts: [&Layout; N],
    ) -> Result<(CpuStorage, Shape)>
    where
        O: CpuOp<N>,
    {
        let mut inputs: [&[T]; N] = [&[]; N];
        for (input, (storage, layout)) in inputs.iter_mut().zip(storages.into_iter().zip(layouts)) {
            *input = contiguous_elements(storage, layout)?;
        }
        let (values, shape) = self.0.forward(inputs, layouts.map(Layout::shape))?;
        Ok((T::to_cpu_storage_owned(values), shape))
    }
}

impl<O: CpuOp<1>> CustomOp1 for Applied<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        self.run([s], [l])
    }

    fn bwd(&self, a: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        self.0.backward([a], &dy.contiguous()?).map(|[da]| da)
    }
}

impl<O: CpuOp<2>> CustomOp2 for Applied<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.run([s1, s2], [l1, l2])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.0.backward([a, b], &dy.contiguous()?).map(|[da, db]| (da, db))
    }
}

impl<O: CpuOp<3>> CustomOp3 for Applied<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.run([s1, s2, s3], [l1, l2, l3])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        self.0.backward([a, b, c], &dy.contiguous()?).map(|[da, db, dc]| (da, db, dc))
    }
}

fn contiguous_elements<'a, T: Number>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    let all = T::cpu_storage_as_slice(storage)?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&all[start..end]),
        None => candle_core::bail!("expected a contiguous tensor"),
    }
}

/// Calls `f` with the elements of contiguous CPU tensors.
pub(super) fn with_elements<T: Number, R>(
    tensors: &[&Tensor],
    f: impl FnOnce(&[&[T]]) -> Result<R>,
) -> Result<R> {
    let held: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let slices = held.iter().map(|(storage, layout)| match &**storage {
        Storage::Cpu(storage) => contiguous_elements(storage, layout),
        _ => candle_core::bail!("expected a tensor on the CPU"),
    });
    f(&slices.collect::<Result<Vec<_>>>()?)
}

/// A kernel's error as candle's.
pub(super) fn failed(error: KernelError) -> Error {
    Error::wrap(error)
}

/// Cuts a flat tensor into consecutive pieces of the given shapes.
pub(super) fn split<const N: usize>(flat: &Tensor, shapes: [&[usize]; N]) -> Result<[Tensor; N]> {
    let mut start = 0;
    let mut pieces = [const { None }; N];
    for (piece, shape) in pieces.iter_mut().zip(shapes) {
        let len = shape.iter().product();
        *piece = Some(flat.narrow(0, start, len)?.reshape(shape)?);
        start += len;
    }
    match pieces.into_iter().collect::<Option<Vec<_>>>().map(<[Tensor; N]>::try_from) {
        Some(Ok(pieces)) => Ok(pieces),
        _ => candle_core::bail!("expected {N} pieces"),
    }
}

/// The four extents of an NCHW shape.
pub(super) fn extents(shape: &Shape) -> Result<[usize; 4]> {
    shape.dims4().map(|(n, c, h, w)| [n, c, h, w])
}

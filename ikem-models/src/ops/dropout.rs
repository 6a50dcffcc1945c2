use candle_core::{Result, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Channel dropout: each channel of each image is zeroed with `probability`, and the others are multiplied by 1 / (1 −
/// `probability`). The same `seed` drops the same channels.
///
/// # Errors
/// When the device fails.
pub(crate) fn dropout2d(x: &Tensor, probability: f32, seed: u64) -> Result<Tensor> {
    if probability <= 0.0 {
        return Ok(x.clone());
    }
    let (batch, channels, _, _) = x.dims4()?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let kept = 1.0 / (1.0 - probability);
    let factors: Vec<f32> = (0..batch * channels)
        .map(|_| {
            let unit = (random.next_u32() >> 8) as f32 / (1_u32 << 24) as f32;
            if unit < probability { 0.0 } else { kept }
        })
        .collect();
    let mask = Tensor::from_vec(factors, (batch, channels, 1, 1), x.device())?.to_dtype(x.dtype())?;
    x.broadcast_mul(&mask)
}

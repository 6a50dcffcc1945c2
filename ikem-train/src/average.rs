use ikem_models::{Device, StateDict};

use crate::error::Result;
use crate::moving::{Power, RunningMean};
use crate::trainable::Trainable;

/// A network whose weights and running statistics are the moving averages of another's.
#[derive(Debug)]
pub struct MovingAverage<N> {
    network: N,
    keep: f64,
}

impl<N: Trainable> MovingAverage<N> {
    /// An average that begins as `network` and keeps the part `keep` of itself at each step.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(network: &N, keep: f64, device: &Device) -> Result<Self> {
        Self::resume(network, network.parameters().state_dict(), keep, device)
    }

    /// An average of `network` that goes on from `tensors`.
    ///
    /// # Errors
    /// A tensor missing, left over or of another shape; a device that fails.
    pub fn resume(network: &N, tensors: StateDict, keep: f64, device: &Device) -> Result<Self> {
        Ok(Self { network: network.with_tensors(tensors, device)?, keep })
    }

    /// Takes in `network` as it is after `steps` steps. The first ones count more, so that where it began is soon forgotten:
    /// (1 + n) / (10 + n) is kept, as long as that is less.
    ///
    /// # Errors
    /// When the device fails.
    pub fn update(&self, network: &N, steps: u32) -> Result<()> {
        let n = f64::from(steps);
        let mean = RunningMean { keep: self.keep.min((1.0 + n) / (10.0 + n)), power: Power::One };
        let (averages, newest) = (self.network.parameters(), network.parameters());
        let pairs = averages.trainable().values().zip(newest.trainable().values());
        for (average, value) in pairs.chain(averages.statistics().values().zip(newest.statistics().values()))
        {
            mean.apply(average, value)?;
        }
        Ok(())
    }

    /// The network of the averages.
    #[must_use]
    pub const fn network(&self) -> &N {
        &self.network
    }
}

#[cfg(test)]
mod tests {
    use ikem_models::{ModelConfig, Network, NetworkConfig, UnetConfig};

    use super::*;

    #[test]
    fn averages_follow_at_their_pace() {
        let unet = UnetConfig { width: 1, gate_width: None, ..UnetConfig::default() };
        let network =
            Network::fresh(&ModelConfig::new(NetworkConfig::Unet(unet)), 1, &Device::Cpu).expect("a network");
        let average = MovingAverage::new(&network, 0.5, &Device::Cpu).expect("an average");
        let value = |network: &Network, name: &str| {
            let tensor = network.parameters().state_dict()[name].flatten_all();
            tensor.and_then(|t| t.get(0)?.to_scalar::<f32>()).expect("a number")
        };
        let (weight, statistic) = ("outc.aux_head.1.weight", "outc.aux_head.1.running_mean");
        for name in [weight, statistic] {
            let vars = network.parameters();
            let var = vars.trainable().get(name).or_else(|| vars.statistics().get(name)).expect("a variable");
            var.set(&(var.as_detached_tensor() + 8.0).expect("a sum")).expect("set");
        }
        // A tenth is kept at first.
        average.update(&network, 0).expect("an update");
        assert!((value(average.network(), weight) - 8.2).abs() < 1e-5);
        assert!((value(average.network(), statistic) - 7.2).abs() < 1e-5);
        average.update(&network, 1000).expect("an update");
        assert!((value(average.network(), weight) - 8.6).abs() < 1e-5);
        assert_eq!(value(&network, weight), 9.0);
    }
}

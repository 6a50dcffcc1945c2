use ikem_core::FieldError;

use super::Checkpoint;
use crate::error::Result;

impl Checkpoint {
    /// The weighted mean of two checkpoints of the same network; `share`, 0…1, is the weight of `other`. It is the mean
    /// of weights, running statistics and the standard deviation of Gaussians. Everything else is `self`'s, except for
    /// an error covariance that only `other` has.
    ///
    /// The mean of a network and the same network trained further on other data is often better than the second one on
    /// the old data, and better than the first one on the new data (Wortsman et al. 2022, "Robust fine-tuning of
    /// zero-shot models").
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) if the share is out of range or the checkpoints are not of the same
    /// network.
    pub fn blended(mut self, other: &Self, share: f32) -> Result<Self> {
        let wrong =
            |field, expected: String, found: String| Err(FieldError::new(field, expected, found).into());
        if !(0.0..=1.0).contains(&share) {
            return wrong("share", "a share of 0 to 1".to_owned(), share.to_string());
        }
        if (self.config.network, &self.config.skeleton) != (other.config.network, &other.config.skeleton) {
            let [expected, found] = [&self, other].map(|one| format!("{:?}", one.config.network));
            return wrong("network", expected, found);
        }
        self.config.std += share * (other.config.std - self.config.std);
        self.errors = self.errors.or_else(|| other.errors.clone());
        let share = f64::from(share);
        for (name, tensor) in &mut self.tensors {
            match other.tensors.get(name) {
                Some(theirs) if theirs.shape() == tensor.shape() => {
                    *tensor = ((&*tensor * (1.0 - share))? + (theirs * share)?)?;
                }
                theirs => {
                    let expected = format!("`{name}` of shape {:?}", tensor.dims());
                    let found = theirs.map_or("none".to_owned(), |theirs| format!("{:?}", theirs.dims()));
                    return wrong("tensors", expected, found);
                }
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::config::ModelConfig;

    fn checkpoint(value: f32, std: f32) -> Checkpoint {
        let tensor = Tensor::from_vec(vec![value, 2.0 * value], 2, &Device::Cpu).expect("a tensor");
        let config = ModelConfig { std, ..ModelConfig::default() };
        Checkpoint::new(config, [("weight".to_owned(), tensor)].into())
    }

    #[test]
    fn weights_are_means() {
        let blended = checkpoint(1.0, 3.0).blended(&checkpoint(5.0, 7.0), 0.25).expect("a checkpoint");
        assert_eq!(blended.tensors["weight"].to_vec1::<f32>().expect("values"), [2.0, 4.0]);
        assert_eq!(blended.config.std, 4.0);
    }

    #[test]
    fn what_is_no_mean_is_told() {
        let one = || checkpoint(1.0, 3.0);
        let mut other = one();
        other.tensors.clear();
        for (result, field) in [
            (one().blended(&one(), 1.5), "share"),
            (one().blended(&one(), f32::NAN), "share"),
            (one().blended(&other, 0.5), "tensors"),
        ] {
            let error = result.expect_err(field).to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}

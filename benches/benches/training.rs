//! One training step (forward, loss, backward, Adam) without hints, with the previous logits as previous heatmaps.
#![allow(missing_docs)]
// A benchmark that fails can only stop.
#![allow(clippy::expect_used)]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ikem_benches::{bundled, hrnet_ocr, keypoints, tensor, unet};
use ikem_core::Size;
use ikem_models::{
    Device, HintMaps, ImageInput, Inputs, ModelConfig, Network, PreviousMaps, keep_freed_memory,
};
use ikem_train::{Learner, Loss, LossConfig, OptimiserConfig};

fn steps(criterion: &mut Criterion) {
    keep_freed_memory();
    let mut group = criterion.benchmark_group("training step");
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(5));
    let networks = [("unet", unet(), 2), ("hrnet-ocr", hrnet_ocr(), 2), ("bundled", bundled(), 8)];
    for (name, config, batch) in networks {
        let mut learner = learner(&config);
        let inputs = inputs(&config, batch);
        let targets = vec![keypoints(); batch];
        let mut seed = 0;
        group.bench_function(format!("{name}, batch {batch}"), |b| {
            b.iter(|| {
                seed += 1;
                learner.learn(&inputs, &targets, seed).expect("a loss");
                learner.step(1e-3).expect("a step")
            });
        });
    }
}

fn learner(config: &ModelConfig) -> Learner {
    let network = Network::fresh(config, 0, &Device::Cpu).expect("a network");
    let loss = LossConfig { coordinates: 0.0, ..LossConfig::default() };
    let loss = Loss::new(&loss, config, None).expect("a loss");
    Learner::new(network, loss, OptimiserConfig::default(), &Device::Cpu).expect("a learner")
}

fn inputs(config: &ModelConfig, batch: usize) -> Inputs {
    let Size { width, height } = config.size;
    Inputs {
        hints: HintMaps::none(batch),
        previous: PreviousMaps::OfLogits(tensor(&[batch, config.keypoints(), height / 4, width / 4])),
        image: ImageInput::Pixels(tensor(&[batch, 3, height, width])),
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);

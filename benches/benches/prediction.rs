//! Interactive latency: opening an image, and one correction in a session with three hints.
#![allow(missing_docs)]
// A benchmark that fails can only stop.
#![allow(clippy::expect_used)]

use criterion::{Criterion, criterion_group, criterion_main};
use ikem_benches::{hrnet_ocr, radiograph, unet};
use ikem_core::{Hint, Point};
use ikem_models::{ModelConfig, Predictor, keep_freed_memory};

/// A network with random weights, which do not affect the time.
fn random(config: &ModelConfig) -> Predictor {
    Predictor::builder().untrained(config, 1).expect("a predictor")
}

fn prediction(criterion: &mut Criterion) {
    keep_freed_memory();
    let image = radiograph();
    let mut group = criterion.benchmark_group("prediction");
    group.sample_size(20);
    type Load = fn() -> Predictor;
    let networks: [(&str, Load); 3] = [
        ("bundled", || Predictor::pretrained().expect("the bundled model")),
        ("unet", || random(&unet())),
        ("hrnet-ocr", || random(&hrnet_ocr())),
    ];
    for (name, network) in networks {
        let predictor = network();
        group.bench_function(format!("{name}, open an image"), |b| {
            b.iter(|| predictor.session(&image).expect("a session"))
        });
        let mut session = predictor.session(&image).expect("a session");
        let hints = [3, 17, 41].map(|k| Hint::new(k, Point::new(300.0, 10.0 + 30.0 * k as f32)));
        session.revise_all(hints).expect("a revision");
        group.bench_function(format!("{name}, a click"), |b| {
            let mut y = 500.0;
            b.iter(|| {
                y = if y > 600.0 { 500.0 } else { y + 0.5 };
                session.revise(Hint::new(17, Point::new(300.0, y))).expect("a revision");
            });
        });
    }
}

criterion_group!(benches, prediction);
criterion_main!(benches);

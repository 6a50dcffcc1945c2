//! What a person waits for, with the bundled model: opening an image, and one correction.
#![allow(missing_docs)]
// A benchmark that can't run has nothing better to do than to stop.
#![allow(clippy::expect_used)]

use criterion::{Criterion, criterion_group, criterion_main};
use ikem_benches::radiograph;
use ikem_core::{Hint, Point};
use ikem_models::{Predictor, ops};

fn prediction(criterion: &mut Criterion) {
    ops::keep_freed_memory();
    let predictor = Predictor::pretrained().expect("the bundled model");
    let image = radiograph();
    let mut group = criterion.benchmark_group("prediction");
    group.sample_size(20);
    group.bench_function("bundled, open an image", |b| {
        b.iter(|| predictor.session(&image).expect("a session"))
    });
    let mut session = predictor.session(&image).expect("a session");
    let hints = [3, 17, 41].map(|k| Hint::new(k, Point::new(300.0, 10.0 + 30.0 * k as f32)));
    session.revise_all(hints).expect("a revision");
    group.bench_function("bundled, a click", |b| {
        let mut y = 500.0;
        b.iter(|| {
            y = if y > 600.0 { 500.0 } else { y + 0.5 };
            session.revise(Hint::new(17, Point::new(300.0, y))).expect("a revision");
        });
    });
}

criterion_group!(benches, prediction);
criterion_main!(benches);

//! Every operation's gradient against central differences in f64, by our kernels and by candle's operations: odd and
//! even shapes, batches of more than one, strided inputs.
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

use candle_core::{Device, Result, Tensor, Var};
use ikem_core::{Keypoints, Point, Size};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::{self as ops, Activation, Geometry};

/// Half the distance of the two values that a difference is taken of.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-7;

/// Distinct values in ±1, none within a step of zero, where activations have kinks.
fn values(count: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let unit = |bits: u32| f64::from(bits) / f64::from(u32::MAX);
    (0..count).map(|_| unit(random.next_u32()) * 2.0 - 1.0).map(|v| v + 0.01_f64.copysign(v)).collect()
}

fn var(shape: &[usize], seed: u64) -> Var {
    let tensor =
        Tensor::from_vec(values(shape.iter().product(), seed), shape, &Device::Cpu).expect("a tensor");
    Var::from_tensor(&tensor).expect("a variable")
}

/// Checks the gradient of `op` for inputs of `shapes` on both paths.
fn check(name: &str, shapes: &[&[usize]], op: impl Fn(&[Tensor]) -> Result<Tensor>) {
    check_on(&format!("{name}, our kernels"), shapes, &op);
    ops::through_candle(|| check_on(&format!("{name}, candle's operations"), shapes, &op));
}

fn check_on(name: &str, shapes: &[&[usize]], op: &impl Fn(&[Tensor]) -> Result<Tensor>) {
    let vars: Vec<Var> = shapes.iter().zip(1..).map(|(shape, seed)| var(shape, seed)).collect();
    // A weighted sum of the results, so that every one of them counts differently.
    let loss = |inputs: &[Tensor]| -> Result<Tensor> {
        let y = op(inputs)?;
        let weights = Tensor::from_vec(values(y.elem_count(), 99), y.shape(), &Device::Cpu)?;
        (y * weights)?.sum_all()
    };
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let gradients = loss(&tensors).and_then(|loss| loss.backward()).unwrap_or_else(|e| panic!("{name}: {e}"));
    for (input, var) in vars.iter().enumerate() {
        let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name}: input {input} has no gradient"));
        let gradient = gradient.flatten_all().and_then(|g| g.to_vec1::<f64>()).expect("values");
        let at = var.flatten_all().and_then(|v| v.to_vec1::<f64>()).expect("values");
        for (i, found) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut values = at.clone();
                values[i] += by;
                let mut inputs: Vec<Tensor> = tensors.iter().map(Tensor::detach).collect();
                inputs[input] = Tensor::from_vec(values, var.shape(), &Device::Cpu).expect("a tensor");
                loss(&inputs).and_then(|loss| loss.to_scalar::<f64>()).expect("a loss")
            };
            let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let off = (found - expected).abs();
            assert!(
                off <= TOLERANCE * (1.0 + expected.abs()),
                "{name}: input {input}, element {i}: {found}, {expected}"
            );
        }
    }
}

#[test]
fn convolution() {
    let geometry = |kernel, stride, padding, dilation| Geometry { kernel, stride, padding, dilation };
    for (input, outputs, geometry) in [
        ([2, 3, 5, 4], 2, geometry(1, 1, 0, 1)),
        ([2, 2, 5, 6], 3, geometry(3, 1, 1, 1)),
        ([1, 2, 6, 5], 3, geometry(3, 2, 1, 1)),
        ([2, 1, 7, 4], 2, geometry(3, 2, 1, 1)),
        ([1, 2, 4, 4], 2, geometry(3, 2, 0, 1)),
        ([1, 2, 7, 8], 1, geometry(3, 1, 2, 2)),
        ([1, 1, 9, 6], 2, geometry(5, 3, 2, 1)),
        ([3, 2, 1, 1], 2, geometry(3, 1, 1, 1)),
    ] {
        let weight = [outputs, input[1], geometry.kernel, geometry.kernel];
        let name = format!("{input:?} {geometry:?}");
        check(&name, &[&input, &weight, &[outputs]], |t| ops::conv2d(&t[0], &t[1], Some(&t[2]), geometry));
        check(&name, &[&input, &weight], |t| ops::conv2d(&t[0], &t[1], None, geometry));
    }
}

#[test]
fn convolution_of_strided_inputs() {
    let geometry = Geometry::same(3, 2);
    check("transposed", &[&[2, 2, 4, 5], &[3, 2, 3, 3]], |t| {
        ops::conv2d(&t[0].transpose(2, 3)?, &t[1], None, geometry)
    });
    check("narrowed", &[&[2, 4, 5, 5], &[3, 2, 3, 3]], |t| {
        ops::conv2d(&t[0].narrow(1, 1, 2)?, &t[1], None, geometry)
    });
}

#[test]
fn transposed_convolution() {
    for input in [[2, 3, 3, 2], [1, 2, 1, 1], [3, 1, 2, 5]] {
        let weight = [input[1], 2, 2, 2];
        check(&format!("{input:?}"), &[&input, &weight, &[2]], |t| {
            ops::conv_transpose2x2(&t[0], &t[1], &t[2])
        });
        let turned = [input[0], input[1], input[3], input[2]];
        check(&format!("{input:?} transposed"), &[&turned, &weight, &[2]], |t| {
            ops::conv_transpose2x2(&t[0].transpose(2, 3)?, &t[1], &t[2])
        });
    }
}

#[test]
fn pools() {
    for shape in [[2, 2, 4, 6], [1, 3, 5, 3], [2, 1, 7, 8]] {
        check(&format!("max pool {shape:?}"), &[&shape], |t| ops::max_pool2x2(&t[0]));
        check(&format!("max pool {shape:?} transposed"), &[&shape], |t| {
            ops::max_pool2x2(&t[0].transpose(2, 3)?)
        });
        check(&format!("global max {shape:?}"), &[&shape], |t| ops::global_max(&t[0]));
        check(&format!("global max {shape:?} transposed"), &[&shape], |t| {
            ops::global_max(&t[0].transpose(2, 3)?)
        });
    }
}

#[test]
fn bilinear_resizing() {
    for (shape, height, width) in [
        ([2, 2, 3, 4], 9, 8),
        ([1, 1, 5, 5], 2, 3),
        ([2, 1, 1, 3], 4, 1),
        ([1, 2, 4, 3], 4, 6),
        ([1, 1, 7, 2], 7, 2),
    ] {
        check(&format!("{shape:?} to {height} x {width}"), &[&shape], |t| {
            ops::resize_bilinear(&t[0], height, width)
        });
        check(&format!("{shape:?} transposed"), &[&shape], |t| {
            ops::resize_bilinear(&t[0].transpose(2, 3)?, height, width)
        });
    }
}

#[test]
fn batch_norm_with_its_activation() {
    for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu(0.01)] {
        for shape in [[2, 2, 3, 2], [3, 1, 1, 1], [1, 3, 5, 3]] {
            let name = format!("{shape:?} {activation:?}");
            check(&name, &[&shape, &[shape[1]], &[shape[1]]], |t| {
                Ok(ops::batch_norm(&t[0], &t[1], &t[2], 1e-5, activation)?.y)
            });
        }
        check("transposed", &[&[2, 2, 3, 4], &[2], &[2]], |t| {
            Ok(ops::batch_norm(&t[0].transpose(2, 3)?, &t[1], &t[2], 1e-5, activation)?.y)
        });
    }
}

#[test]
fn activations() {
    for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu(0.2)] {
        check(&format!("{activation:?}"), &[&[2, 3, 3, 5]], |t| ops::activate(&t[0], activation));
    }
}

#[test]
fn sigmoid_and_softmax() {
    check("sigmoid", &[&[2, 3, 2, 2]], |t| ops::sigmoid(&(&t[0] * 5.0)?));
    check("softmax", &[&[2, 3, 4]], |t| ops::softmax(&(&t[0] * 5.0)?));
    check("softmax, transposed", &[&[3, 4]], |t| ops::softmax(&t[0].t()?));
    let huge = Var::new(&[-1e4_f32, 0.0, 1e4], &Device::Cpu).expect("a variable");
    let gradients = |y: &Tensor| y.sum_all().and_then(|sum| sum.backward()).expect("gradients");
    for op in [ops::sigmoid as fn(&Tensor) -> Result<Tensor>, ops::softmax] {
        for y in [op(&huge), ops::through_candle(|| op(&huge))] {
            let y = y.expect("values");
            let values = y.to_vec1::<f32>().expect("values");
            assert_eq!((values[0], values[2]), (0.0, 1.0));
            let gradient =
                gradients(&y).get(&huge).and_then(|g| g.to_vec1::<f32>().ok()).expect("a gradient");
            assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
        }
    }
}

#[test]
fn channel_dropout_and_cross_entropy() {
    check("dropout", &[&[2, 4, 2, 3]], |t| ops::dropout2d(&t[0], 0.5, 7));
    check("cross-entropy", &[&[2, 2, 3, 3]], |t| {
        let target = Tensor::from_vec(values(36, 5), (2, 2, 3, 3), &Device::Cpu)?.abs()?;
        ops::bce_with_logits(&(&t[0] * 30.0)?, &target)
    });
}

#[test]
fn cross_entropy_of_heatmaps() {
    let size = Size::new(9, 7);
    let targets = [[(1.5, 2.0), (8.0, 3.25)], [(4.0, 4.0), (-3.0, 20.0)]]
        .map(|points| points.map(|(x, y)| Point::new(x, y)).into_iter().collect::<Keypoints>());
    check("cross-entropy of heatmaps", &[&[2, 2, 3, 4]], |t| {
        ops::heatmap_cross_entropy(&(&t[0] * 20.0)?, &targets, 1.5, size)
    });
    let logits = var(&[2, 2, 3, 4], 1);
    let loss = |logits: &Tensor| ops::heatmap_cross_entropy(logits, &targets, 1.5, size).expect("a loss");
    let value = |loss: Tensor| loss.to_scalar::<f64>().expect("a scalar");
    let (ours, candles) = (value(loss(&logits)), ops::through_candle(|| value(loss(&logits))));
    assert!((ours - candles).abs() < 1e-7, "{ours}, {candles}");
    assert!(ops::heatmap_cross_entropy(&logits, &targets[..1], 1.5, size).is_err());
}

#[test]
fn expected_points() {
    for (shape, size) in [([2, 2, 3, 4], Size::new(9, 7)), ([1, 3, 1, 2], Size::new(5, 1))] {
        check(&format!("expected points {shape:?}"), &[&shape], |t| {
            ops::expected_points(&(&t[0] * 8.0)?, size)
        });
        let logits = (var(&shape, 1).as_tensor() * 8.0).expect("logits");
        let points = || ops::expected_points(&logits, size).expect("points");
        let (ours, candles) = (points(), ops::through_candle(points));
        assert_eq!(ours.dims(), [shape[0], shape[1], 2]);
        let off = (ours - candles).and_then(|d| d.abs()?.max_all()?.to_scalar::<f64>()).expect("a number");
        assert!(off < 1e-6, "{shape:?}: {off}");
    }
}

/// PyTorch's conventions at the kinks: 0 for ReLU, the slope for LeakyReLU, and one of equal maxima takes it all.
#[test]
fn gradients_at_kinks() {
    let gradient_at_zero = |op: &dyn Fn(&Tensor) -> Result<Tensor>| {
        let zeros = Var::zeros((1, 1, 2, 2), candle_core::DType::F64, &Device::Cpu).expect("zeros");
        let gradients = op(&zeros).and_then(|y| y.sum_all()?.backward()).expect("a backward pass");
        gradients.get(&zeros).and_then(|g| g.flatten_all().ok()?.to_vec1::<f64>().ok()).expect("a gradient")
    };
    let both = |op: &dyn Fn(&Tensor) -> Result<Tensor>, expected: [f64; 4]| {
        assert_eq!(gradient_at_zero(op), expected);
        assert_eq!(ops::through_candle(|| gradient_at_zero(op)), expected);
    };
    both(&|x| ops::activate(x, Activation::Relu), [0.0; 4]);
    let slope = f64::from(0.01_f32);
    both(&|x| ops::activate(x, Activation::LeakyRelu(0.01)), [slope; 4]);
    both(&|x| ops::max_pool2x2(x), [1.0, 0.0, 0.0, 0.0]);
    both(&|x| ops::global_max(x), [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn cross_entropy_of_huge_logits_is_finite() {
    let x = Tensor::new(&[1e4_f32, -1e4, 0.0], &Device::Cpu).expect("a tensor");
    let target = Tensor::new(&[1_f32, 0.0, 0.5], &Device::Cpu).expect("a tensor");
    let loss = ops::bce_with_logits(&x, &target).and_then(|loss| loss.to_scalar::<f32>()).expect("a loss");
    assert!((loss - 2.0_f32.ln() / 3.0).abs() < 1e-6, "{loss}");
}

#[test]
fn dropout_keeps_the_mean_and_repeats_by_seed() {
    let x = Tensor::ones((8, 512, 1, 1), candle_core::DType::F32, &Device::Cpu).expect("ones");
    let dropped = |seed| {
        ops::dropout2d(&x, 0.25, seed).and_then(|y| y.flatten_all()?.to_vec1::<f32>()).expect("values")
    };
    assert_eq!(dropped(3), dropped(3));
    assert_ne!(dropped(3), dropped(4));
    let mean = dropped(3).iter().sum::<f32>() / 4096.0;
    assert!((mean - 1.0).abs() < 0.05, "{mean}");
    assert!(dropped(3).iter().all(|&v| v == 0.0 || (v - 4.0 / 3.0).abs() < 1e-6));
}

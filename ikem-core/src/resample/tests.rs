use proptest::prelude::*;

use super::*;

fn ramp(size: Size) -> GrayImage {
    let pixels = (0..size.area()).map(|i| (i % size.width) as f32 / size.width as f32).collect();
    GrayImage::new(size, pixels).expect("a ramp")
}

#[test]
fn averaging_by_two_is_the_mean_of_four() {
    let image =
        GrayImage::new(Size::new(4, 2), vec![0.0, 0.2, 0.4, 0.8, 0.1, 0.1, 1.0, 1.0]).expect("pixels");
    let half = resample(&image, Size::new(2, 1), Resampling::Area).expect("size");
    let expected = [0.1, 0.8];
    assert!(half.pixels().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{half:?}");
}

#[test]
fn rotated_frames_rotate_the_film() {
    // Three rows of two; rotated clockwise, the frame's top edge is the film's right side.
    let image =
        GrayImage::new(Size::new(2, 3), (1..=6).map(|level| level as f32 / 8.0).collect()).expect("pixels");
    let upright = Frame::whole(Size::new(2, 3));
    let sideways = Frame::new(-0.5, 0.5, 3.0, 2.0).expect("a frame");
    for (frame, grid, expected) in [
        (upright.flipped(), Size::new(2, 3), [2.0, 1.0, 4.0, 3.0, 6.0, 5.0]),
        (upright.turned(180.0), Size::new(2, 3), [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
        (sideways.turned(90.0), Size::new(3, 2), [2.0, 4.0, 6.0, 1.0, 3.0, 5.0]),
        (sideways.turned(-90.0), Size::new(3, 2), [5.0, 3.0, 1.0, 6.0, 4.0, 2.0]),
    ] {
        for resampling in [Resampling::Area, Resampling::Bilinear] {
            let seen = resample_frame(&image, &frame, grid, resampling).expect("a view");
            let levels: Vec<f32> = seen.pixels().iter().map(|value| value * 8.0).collect();
            assert_eq!(levels, expected, "{frame}");
            // A slightly different angle takes the general path.
            let seen = resample_frame(&image, &frame.turned(1e-7), grid, resampling).expect("a view");
            for (value, expected) in seen.pixels().iter().zip(expected) {
                assert!((value * 8.0 - expected).abs() < 1e-4, "{frame}: {seen:?}");
            }
        }
    }
}

#[test]
fn beyond_the_film_is_black() {
    let image = GrayImage::new(Size::new(4, 4), vec![1.0; 16]).expect("pixels");
    let frame = Frame::new(-4.0, 0.0, 8.0, 4.0).expect("a frame");
    let seen = resample_frame(&image, &frame, Size::new(4, 2), Resampling::Area).expect("a view");
    assert_eq!(seen.pixels(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    let across = Frame::new(-1.0, 0.0, 8.0, 4.0).expect("a frame");
    let seen = resample_frame(&image, &across, Size::new(4, 1), Resampling::Area).expect("a view");
    assert_eq!(seen.pixels(), [0.5, 1.0, 0.5, 0.0]);
}

#[test]
fn the_much_cheaper_order_is_chosen() {
    let grid = Size::new(256, 512);
    for (source, across) in [
        (Size::new(65_535, 1), true),
        (Size::new(65_535, 100), true),
        (Size::new(1, 65_535), false),
        (Size::new(900, 2500), false),
        (Size::new(3000, 1500), false),
        (Size::new(40, 60), false),
    ] {
        for taps in [linear, enlarging] {
            let (columns, rows) = (taps(source.width, grid.width), taps(source.height, grid.height));
            assert_eq!(across_first(source, &columns, &rows), across, "{source}");
        }
    }
    let (columns, rows) = (averaging(900, 256), averaging(2500, 512));
    assert!(!across_first(Size::new(900, 2500), &columns, &rows), "ordinary films keep their bits");
}

#[test]
fn both_orders_give_the_same_image() {
    let (source, to) = (Size::new(37, 11), Size::new(9, 20));
    let pixels: Vec<f32> = (0..source.area()).map(|i| (i * 31 % 97) as f32 / 97.0).collect();
    let (columns, rows) = (linear(source.width, to.width), linear(source.height, to.height));
    let down = combine_down_first(source, &pixels, &columns, &rows);
    let across = combine_across_first(source, &pixels, &columns, &rows);
    assert_eq!(down.len(), to.area());
    assert!(down.iter().zip(&across).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn no_pixels_is_an_error() {
    let empty = Size::new(0, 5);
    assert_eq!(resample(&ramp(Size::new(3, 3)), empty, Resampling::Area), Err(Error::EmptySize(empty)));
}

proptest! {
    #[test]
    fn raw_pixels_give_bitwise_equal_results(
        width in 1_usize..60, height in 1_usize..30, to_width in 1_usize..30, to_height in 1_usize..30,
        bytes in prop::collection::vec(any::<u8>(), 60 * 30),
    ) {
        let (size, target) = (Size::new(width, height), Size::new(to_width, to_height));
        let bytes = &bytes[..size.area()];
        let words: Vec<u16> = bytes.iter().map(|&byte| 257 * u16::from(byte)).collect();
        for resampling in [Resampling::Area, Resampling::Bilinear] {
            let eight = resample(&GrayImage::from_u8(size, bytes).expect("pixels"), target, resampling);
            prop_assert_eq!(resample_pixels(size, bytes, target, resampling), eight);
            let sixteen = resample(&GrayImage::from_u16(size, &words).expect("pixels"), target, resampling);
            prop_assert_eq!(resample_pixels(size, &words, target, resampling), sixteen);
        }
    }

    #[test]
    fn pairs_are_the_same_as_taps(
        from in 1_usize..200, to in 1_usize..200, values in prop::collection::vec(0_f32..1.0, 200),
    ) {
        for taps in [linear(from, to), enlarging(from, to)] {
            let line = &values[..from];
            let expected: Vec<f32> = taps.iter().map(|taps| taps.sum(line)).collect();
            let found = pairs(&taps, from).map(|pairs| pairs.iter().map(|pair| pair.sum(line)).collect());
            prop_assert_eq!(found.unwrap_or(expected.clone()), expected);
        }
    }

    #[test]
    fn a_frame_on_a_larger_canvas_shows_the_same(
        left in 0_usize..20, top in 0_usize..20, right in 0_usize..20, bottom in 0_usize..20,
        degrees in prop::sample::select(vec![0.0, 90.0, 180.0, -90.0, 7.0, -33.0]), mirrored in any::<bool>(),
        values in prop::collection::vec(0_f32..1.0, 40 * 60),
    ) {
        let size = Size::new(40, 60);
        let image = GrayImage::new(size, values.clone()).expect("pixels");
        let canvas = Size::new(40 + left + right, 60 + top + bottom);
        let mut pixels = vec![0.0; canvas.area()];
        for (y, row) in values.chunks_exact(40).enumerate() {
            pixels[(top + y) * canvas.width + left..][..40].copy_from_slice(row);
        }
        let larger = GrayImage::new(canvas, pixels).expect("pixels");
        let framed = |image: &GrayImage, x: f64, y: f64| {
            let mut frame = Frame::new(x - 3.5, y + 2.25, 44.0, 51.5).expect("a frame").turned(degrees);
            if mirrored {
                frame = frame.flipped();
            }
            resample_frame(image, &frame, Size::new(12, 16), Resampling::Area).expect("a view")
        };
        let (a, b) = (framed(&image, 0.0, 0.0), framed(&larger, left as f64, top as f64));
        for (a, b) in a.pixels().iter().zip(b.pixels()) {
            prop_assert!((a - b).abs() < 1e-4, "{a} and {b}");
        }
    }

    #[test]
    fn every_weight_is_a_part_of_one(from in 1_usize..3000, to in 1_usize..600) {
        let tables: &[fn(usize, usize) -> Vec<Taps>] =
            if from >= to { &[linear, enlarging, averaging] } else { &[linear, enlarging] };
        for table in tables {
            for taps in table(from, to) {
                let sum: f32 = taps.weights.iter().sum();
                prop_assert!((sum - 1.0).abs() < 2e-3, "weights add up to {sum}");
                prop_assert!(taps.first + taps.weights.len() <= from);
            }
        }
    }

    #[test]
    fn a_flat_image_stays_flat(
        width in 1_usize..90, height in 1_usize..90, to_width in 1_usize..90, to_height in 1_usize..90,
    ) {
        let size = Size::new(width, height);
        let image = GrayImage::new(size, vec![0.7; size.area()]).expect("pixels");
        for resampling in [Resampling::Area, Resampling::Bilinear] {
            let out = resample(&image, Size::new(to_width, to_height), resampling).expect("size");
            prop_assert!(out.pixels().iter().all(|v| (v - 0.7).abs() < 2e-3));
        }
    }
}

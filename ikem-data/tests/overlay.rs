//! Overlays: everything is drawn at the right position, at any size.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use ikem_core::{Frame, GrayImage, Keypoints, Point, Size, Skeleton};
use ikem_data::{
    Annotations, Limits, MarkedAngle, Picture, annotated_overlay, decode_image, film_png, heatmap_overlay,
    overlay, write_gray_png,
};
use ndarray::Array2;

fn grey(size: Size) -> GrayImage {
    GrayImage::new(size, vec![0.4; size.area()]).unwrap()
}

/// A straight spine in the centre of an image of `size`.
fn spine(size: Size) -> Keypoints {
    let (width, height) = (size.width as f32, size.height as f32);
    let corner = |index: usize| {
        let (vertebra, right, bottom) = (index / 4, index % 2, index / 2 % 2);
        let down = 0.05 + 0.053 * vertebra as f32 + 0.036 * bottom as f32;
        Point::new(width * (0.42 + 0.16 * right as f32), height * down)
    };
    (0..68).map(corner).collect()
}

fn pixel(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    let start = 3 * (y * picture.size().width + x);
    picture.rgb()[start..start + 3].try_into().unwrap()
}

fn is_coloured([red, green, blue]: [u8; 3]) -> bool {
    red.abs_diff(green).max(green.abs_diff(blue)).max(red.abs_diff(blue)) > 60
}

#[test]
fn points_have_the_colour_of_their_vertebra_and_hinted_ones_a_ring() {
    for size in [Size::new(140, 300), Size::new(900, 2300), Size::new(1500, 4000)] {
        let (skeleton, points) = (Skeleton::spine(), spine(size));
        let plain = overlay(&grey(size), &skeleton, &points, &[]).unwrap();
        let marked = overlay(&grey(size), &skeleton, &points, &[17]).unwrap();
        let colours: Vec<_> =
            points.iter().map(|p| pixel(&plain, p.x.round() as usize, p.y.round() as usize)).collect();
        for (index, &colour) in colours.iter().enumerate() {
            assert!(is_coloured(colour), "{size}, keypoint {index}: {colour:?}");
            assert_ne!(colour, colours[(index + 4) % 68], "neighbours differ");
        }
        let place = points[17];
        let middle = pixel(&marked, place.x.round() as usize, place.y.round() as usize);
        assert!(middle.iter().all(|&v| v > 200), "{size}: {middle:?}");
        let changed = plain.rgb().iter().zip(marked.rgb()).filter(|(a, b)| a != b).count();
        assert!(changed > 60, "{size}: only {changed} bytes mark the hint");
    }
}

#[test]
fn names_are_beside_the_spine_and_change_sides_without_room() {
    let size = Size::new(400, 1000);
    let near_left: Keypoints = spine(size).iter().map(|p| Point::new(p.x - 160.0, p.y)).collect();
    let touched = |points: &Keypoints, columns: std::ops::Range<usize>| {
        let picture = overlay(&grey(size), &Skeleton::spine(), points, &[]).unwrap();
        (0..1000).any(|y| columns.clone().any(|x| is_coloured(pixel(&picture, x, y))))
    };
    assert!(touched(&spine(size), 100..155) && !touched(&spine(size), 250..400));
    assert!(touched(&near_left, 90..130));
}

#[test]
fn points_far_outside_are_left_out() {
    let size = Size::new(60, 150);
    let mut points = spine(size);
    points[3] = Point::new(f32::NAN, 1.0);
    points[4] = Point::new(f32::INFINITY, 1.0);
    points[5] = Point::new(1e30, -1e30);
    points[6] = Point::new(-20.0, 170.0);
    let picture = overlay(&grey(size), &Skeleton::spine(), &points, &[3, 5, 6]).unwrap();
    assert_eq!(picture.size(), size);
    let nothing =
        overlay(&grey(Size::new(1, 1)), &Skeleton::numbered(1), &vec![Point::default()].into(), &[0]);
    assert_eq!(nothing.unwrap().rgb().len(), 3);
}

#[test]
fn invalid_arguments_are_rejected() {
    let (image, skeleton) = (grey(Size::new(9, 9)), Skeleton::spine());
    let few = overlay(&image, &skeleton, &vec![Point::default(); 67].into(), &[]).unwrap_err();
    assert_eq!(few.to_string(), "keypoints: expected 68 values, found 67");
    let unknown = overlay(&image, &skeleton, &vec![Point::default(); 68].into(), &[68]).unwrap_err();
    assert!(unknown.to_string().contains("there is no keypoint 68"));
    let empty =
        heatmap_overlay(&image, Array2::zeros((0, 4)).view(), &Frame::whole(image.size())).unwrap_err();
    assert!(empty.to_string().contains("0 x 4 values"));
}

#[test]
fn a_heatmap_is_visible_at_its_keypoint() {
    let size = Size::new(128, 256);
    let maps = ikem_core::Heatmaps::gaussian(&vec![Point::new(16.0, 96.0)].into(), Size::new(32, 128), 3.0);
    let picture = heatmap_overlay(&grey(size), maps.map(0).unwrap(), &Frame::whole(size)).unwrap();
    let brightest = (0..size.area())
        .max_by_key(|&i| pixel(&picture, i % 128, i / 128).iter().map(|&v| u32::from(v)).sum::<u32>())
        .unwrap();
    let (x, y) = ((brightest % 128) as f32, (brightest / 128) as f32);
    assert!((x - 64.0).abs() <= 4.0 && (y - 192.0).abs() <= 4.0, "({x}, {y})");
    assert_eq!(pixel(&picture, 64, 10), [102; 3], "the image is unchanged far from the keypoint");
}

#[test]
fn pictures_are_png_files() {
    let folder = tempfile::tempdir().unwrap();
    let size = Size::new(30, 20);
    let values: Vec<f32> = (0..600).map(|i| i as f32 / 599.0).collect();
    let image = GrayImage::new(size, values).unwrap();
    let path = folder.path().join("new/grey.png");
    write_gray_png(&path, &image).unwrap();
    let again = ikem_data::load_image(&path, &Limits::default()).unwrap();
    assert!(again.pixels().iter().zip(image.pixels()).all(|(a, b)| (a - b).abs() <= 0.5 / 255.0 + 1e-6));
    let picture = overlay(&image, &Skeleton::numbered(0), &Keypoints::default(), &[]).unwrap();
    assert_eq!(
        decode_image("overlay", &picture.to_png().unwrap(), &Default::default()).unwrap().size(),
        size
    );
}

#[test]
fn a_twelve_bit_film_is_displayed_with_all_grey_levels() {
    let size = Size::new(256, 4);
    let ramp = |range: f32| (0..size.area()).map(|i| (i % 256) as f32 / 255.0 * range).collect();
    let whole = GrayImage::new(size, ramp(1.0)).unwrap();
    let twelve_bits = GrayImage::new(size, ramp(4095.0 / 65535.0)).unwrap();
    let shown = |image| decode_image("png", &film_png(image).unwrap(), &Limits::default()).unwrap();
    assert_eq!(shown(&whole), whole);
    let found = shown(&twelve_bits);
    let difference = found.pixels().iter().zip(whole.pixels()).map(|(a, b)| (a - b).abs());
    assert!(difference.fold(0.0, f32::max) <= 1.01 / 255.0);
}

#[test]
fn angles_and_a_frame_are_drawn_and_the_caption_hides_nothing_of_the_film() {
    let size = Size::new(600, 1200);
    let (skeleton, points) = (Skeleton::spine(), spine(size));
    let plain = overlay(&grey(size), &skeleton, &points, &[]).unwrap();
    let line = |y: f32, to: f32| [Point::new(252.0, y), Point::new(348.0, to)];
    let annotations = Annotations {
        angles: vec![MarkedAngle {
            lines: [line(300.0, 310.0), line(700.0, 690.0)],
            label: "T5–L2 11.9°".to_owned(),
        }],
        frame: Some(
            [[20.0, 30.0], [580.0, 30.0], [580.0, 1150.0], [20.0, 1150.0]].map(|[x, y]| Point::new(x, y)),
        ),
        caption: vec!["film.png".to_owned(), "Remark: ".to_owned() + &"a long remark ".repeat(40)],
    };
    let marked = annotated_overlay(&grey(size), &skeleton, &points, &[], &annotations).unwrap();
    assert_eq!(marked.size().width, 600);
    assert!(marked.size().height > 1300, "a long caption has several lines: {}", marked.size());
    let grey = pixel(&plain, 5, 5);
    // The frame's left side, and both lines 100 px beyond their right ends, where they come together.
    let bright = |x: usize, y: usize| (y - 3..=y + 3).any(|y| pixel(&marked, x, y) != grey);
    assert!((0..8).any(|x| pixel(&marked, 16 + x, 600) != grey));
    assert!(bright(448, 320) && bright(448, 680), "the lines reach towards each other");
    assert!(!bright(152, 290), "and away from each other by less");
    // Below the film is text on black.
    let below: Vec<[u8; 3]> = (1200..marked.size().height)
        .flat_map(|y| (0..600).map(move |x| (x, y)))
        .map(|(x, y)| pixel(&marked, x, y))
        .collect();
    assert!(below.contains(&[0, 0, 0]) && below.iter().filter(|pixel| pixel[0] > 200).count() > 500);
    // Without annotations it is the plain overlay.
    let none =
        annotated_overlay(&self::grey(size), &skeleton, &points, &[], &Annotations::default()).unwrap();
    assert_eq!(none, plain);
}

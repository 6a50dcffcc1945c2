#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::print_stdout)]
use ikem_core::*;
use ikem_data::*;
use ikem_models::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (manifest, root, weights) = (&a[1], &a[2], &a[3]);
    let m = Manifest::read(manifest, &Skeleton::spine()).unwrap();
    let p = Predictor::load(weights, &Device::Cpu).unwrap();
    let loc = p.locator().unwrap().clone();
    let sk = Skeleton::spine();
    for e in m.of_set(Set::Val).entries {
        let im = load_image(std::path::Path::new(root).join(&e.image_path), &Limits::default()).unwrap();
        let t = e.keypoints();
        let ideal = sk.frame(&t).unwrap().unwrap();
        let mre = |k: &Keypoints| k.distances(&t).sum::<f32>() / 68.0;
        let located = loc.locate(&im).unwrap();
        let (lf, neg, conf) = match located {
            Located::Spine(l) => (l.frame, l.negative, l.confidence),
            Located::Nothing { confidence } => (Frame::whole(im.size()), false, confidence),
        };
        let run = |f: Frame| {
            let q = p.predict_in(&im, View { frame: f, negative: neg, confidence: None }).unwrap();
            (mre(q.keypoints()), q.mean_confidence(), q)
        };
        let (e_ideal, c_ideal, _) = run(ideal);
        let (e_whole, c_whole, _) = run(Frame::whole(im.size()));
        let (e_loc, c_loc, q) = run(lf);
        let f2 = sk.frame(q.keypoints()).unwrap().unwrap();
        let (e_2, c_2, q2) = run(f2);
        let f3 = sk.frame(q2.keypoints()).unwrap().unwrap();
        let (e_3, c_3, _) = run(f3);
        // locator frame error in the ideal frame's coordinates: top, bottom (fractions of height), x center, degrees
        let map = ideal.affine(Size::new(1, 1));
        let c = lf.center();
        let [u, v] = map.apply(c);
        let r = lf.height() / ideal.height();
        println!(
            "{} neg={} conf={:.2} ideal {:.1} {:.3} whole {:.1} {:.3} loc {:.1} {:.3} re {:.1} {:.3} re2 {:.1} {:.3} | top {:+.3} bottom {:+.3} x {:+.3} deg {:+.1} vs {:+.1}",
            e.name().replace(' ', "_"),
            neg,
            conf,
            e_ideal,
            c_ideal,
            e_whole,
            c_whole,
            e_loc,
            c_loc,
            e_2,
            c_2,
            e_3,
            c_3,
            v - r / 2.0,
            v + r / 2.0 - 1.0,
            u - 0.5,
            lf.degrees(),
            ideal.degrees()
        );
    }
}

//! What was seen of each film of a study when it was accepted, and that the exports say the same.

use ikem_core::Skeleton;
use ikem_data::{PredictionRecord, read_coco_predictions};
use serde_json::Value;

use crate::browser::Browser;
use crate::study::{choose, download};
use crate::{SHIFT, distance, points};

/// L5-BR.
const LAST: usize = 67;
/// How far exported coordinates may be from those on the page, in pixels.
const ROUNDED: f64 = 1e-3;

/// What the page showed of a film.
#[derive(Debug)]
pub(crate) struct Seen {
    name: String,
    points: Vec<(f64, f64)>,
    absent: Vec<u64>,
    /// The clinical curves.
    curves: Vec<Value>,
}

/// Marks L5 as not visible.
pub(crate) async fn marks_l5_as_absent(browser: &Browser) {
    choose(browser, LAST).await;
    browser.press(&[&[SHIFT, 'q']]).await;
    browser.until("state.image.absent.length === 4 && !state.busy").await;
}

/// Fixes the end vertebrae of the first curve.
pub(crate) async fn fixes_the_ends(browser: &Browser) {
    browser.until("document.querySelector('#cobb-list .pin') !== null").await;
    browser.click("#cobb-list .pin").await;
    browser.until("state.image.ends.length === 1 && !state.busy").await;
    browser.js("document.getElementById('film').focus()").await;
}

/// What the page shows of the film called `name`.
pub(crate) async fn seen(browser: &Browser, name: &str) -> Seen {
    let list = |value: Value| value.as_array().expect("a list").clone();
    let absent = list(browser.state("state.image.absent").await);
    Seen {
        name: name.to_owned(),
        points: points(browser).await,
        absent: absent.iter().map(|index| index.as_u64().expect("an index")).collect(),
        curves: list(browser.state("state.image.angles.clinical").await),
    }
}

/// Exports the study and reads it again; both files are kept as output of the test.
pub(crate) async fn exports_what_was_seen(browser: &Browser, films: &[Seen]) {
    let vertebrae =
        Skeleton::spine().vertebrae().iter().map(|vertebra| vertebra.name.clone()).collect::<Vec<_>>();
    let mut files = Vec::new();
    for name in ["coco.json", "study.csv"] {
        browser.click("#export-button").await;
        browser.click(&format!("[data-export-all='{name}']")).await;
        let file = download(browser, name).await;
        files.push(std::fs::read_to_string(&file).expect("text"));
        browser.note(&format!("played-{name}"), files.last().expect("a file").trim_end());
    }
    let coco = browser.downloads.path().join("coco.json");
    let records = read_coco_predictions(&coco, &Skeleton::spine()).expect("COCO");
    assert_eq!(records.len(), films.len());
    let rows: Vec<Vec<&str>> = files[1].lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), films.len() + 1);
    for film in films {
        let record = records.iter().find(|record| record.image == film.name).expect("the film's keypoints");
        has_the_points(record, film);
        let row = rows.iter().find(|row| row[0] == film.name).expect("the film's row");
        let cell = |name: &str| row[rows[0].iter().position(|column| *column == name).expect(name)];
        assert_eq!(cell("status"), "accepted");
        assert_eq!(cell("curves"), film.curves.len().to_string(), "{}", film.name);
        for (number, curve) in film.curves.iter().enumerate() {
            let own = |column: &str| cell(&format!("curve_{}_{column}", number + 1));
            let vertebra = |end: &str| &vertebrae[curve[end].as_u64().expect("an index") as usize];
            assert_eq!(
                (own("upper"), own("lower")),
                (vertebra("upper").as_str(), vertebra("lower").as_str())
            );
            assert_eq!(own("ends_fixed"), curve["fixed"].to_string());
            let degrees: f64 = own("degrees").parse().expect("a number");
            assert!((degrees - curve["degrees"].as_f64().expect("degrees")).abs() < 0.006);
        }
    }
    assert!(films.iter().any(|film| film.curves.iter().any(|curve| curve["fixed"] == true)));
    assert!(films.iter().any(|film| film.absent.len() == 4));
}

fn has_the_points(record: &PredictionRecord, film: &Seen) {
    let spine = Skeleton::spine();
    for (index, (name, place)) in spine.names().iter().zip(&film.points).enumerate() {
        let absent = film.absent.contains(&(index as u64));
        assert_eq!(record.absent.contains(name), absent, "{name} of {}", film.name);
        let found = record.keypoints.iter().find(|keypoint| keypoint.name == *name);
        assert_eq!(found.is_none(), absent, "{name} of {}", film.name);
        if let Some(found) = found {
            let off = distance((found.x.into(), found.y.into()), *place);
            assert!(off < ROUNDED, "{name} of {} is off by {off} px", film.name);
        }
    }
}

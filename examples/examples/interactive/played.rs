//! The person, played by labels: corrects the worst point not yet corrected, again and again.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ikem_core::Size;
use ikem_data::{Limits, Manifest, ManifestEntry, load_image};
use ikem_eval::{GroundTruth, Played, Protocol, Rule};
use ikem_models::Predictor;
use indicatif::ProgressBar;

/// The labelled images to play on.
pub struct Films {
    root: PathBuf,
    entries: Vec<ManifestEntry>,
}

impl Films {
    /// The entry of `image`, or without one all entries of the set called `split`.
    pub fn select(
        labels: &Path,
        root: PathBuf,
        image: Option<&Path>,
        split: &str,
        predictor: &Predictor,
    ) -> Result<Self> {
        let manifest = Manifest::read(labels, &predictor.config().skeleton)?;
        let entries: Vec<_> = match image {
            Some(path) => {
                let name = path.to_string_lossy();
                let file = path.file_name().map(|file| file.to_string_lossy());
                let entry = manifest.find(&name).or_else(|| file.and_then(|file| manifest.find(&file)));
                let entry = entry.with_context(|| format!("{}: no entry for {name}", labels.display()))?;
                vec![entry.clone()]
            }
            None => {
                let set = split.parse()?;
                manifest.entries.into_iter().filter(|entry| entry.set == set).collect()
            }
        };
        if entries.is_empty() {
            bail!("{}: no entry of the set {split:?}", labels.display());
        }
        Ok(Self { root, entries })
    }

    /// Plays `clicks` corrections on each image and prints the mean radial error after each.
    pub fn play(&self, predictor: &Predictor, clicks: usize) -> Result<()> {
        let model_size = predictor.config().size;
        let protocol = Protocol { clicks, rule: Rule::WorstNew, model_size, ..Protocol::default() };
        let bar = ProgressBar::new(self.entries.len() as u64);
        let mut games = Vec::new();
        for entry in &self.entries {
            games.push(self.play_one(predictor, entry, &protocol)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mean = |curve: fn(&Played) -> Vec<f64>, click: usize| {
            games.iter().map(|game| curve(game)[click]).sum::<f64>() / games.len() as f64
        };
        println!("mean radial error in image pixels over {} images, rule worst-new", games.len());
        println!("{:>6} {:>8} {:>8}", "clicks", "model", "manual");
        for click in 0..=clicks {
            println!(
                "{click:>6} {:>8.2} {:>8.2}",
                mean(Played::model_mre, click),
                mean(Played::manual_mre, click)
            );
        }
        Ok(())
    }

    fn play_one(&self, predictor: &Predictor, entry: &ManifestEntry, protocol: &Protocol) -> Result<Played> {
        let path = self.root.join(&entry.image_path);
        let image = load_image(&path, &Limits::default())?;
        if image.size() != entry.size() {
            let (found, expected): (Size, Size) = (image.size(), entry.size());
            bail!("{}: the image is {found}; the manifest says {expected}", path.display());
        }
        let truth = GroundTruth::new(&entry.image_path, entry.size(), entry.keypoints())?;
        Ok(protocol.play(&mut predictor.session(&image)?, &truth)?)
    }
}

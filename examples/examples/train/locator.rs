//! The training of the locator.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail};
use ikem_core::Skeleton;
use ikem_data::{
    Film, Limits, Manifest, films_of_manifest, load_image, read_spinal_ai, read_whole_films, take_names,
};
use ikem_examples::{ComputeOptions, say, settle_left_out, take_out_broken};
use ikem_files::FilePlan;
use ikem_train::{Checked, Ending, FilmSets, LocatorData, LocatorTrainConfig, LocatorTrainer};

/// The films to learn from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FilmOptions {
    /// Whole films with boxes around their vertebrae, for a locator: the folder of `boxes.json`
    #[arg(long, value_name = "DIR")]
    whole_films: Option<PathBuf>,
    /// Synthetic torsos, for a locator: the folder of `quads.json`
    #[arg(long, value_name = "DIR")]
    spinal_ai: Option<PathBuf>,
    /// The names of vertebrae on such films and torsos, from which a locator learns the ends of the spine: a manifest, as
    /// `name_films` writes it
    #[arg(long, value_name = "FILE.json")]
    names: Option<PathBuf>,
}

impl FilmOptions {
    fn read(&self, manifest: Option<&Path>, root: Option<&Path>) -> Result<FilmSets> {
        let skeleton = Skeleton::spine();
        let mut films = FilmSets::default();
        if let Some(path) = manifest {
            let root = root.or_else(|| path.parent()).unwrap_or(Path::new(""));
            films.cropped = films_of_manifest(&Manifest::read(path, &skeleton)?, root, &skeleton);
        }
        if let Some(folder) = &self.whole_films {
            films.whole = read_whole_films(folder)?;
        }
        if let Some(folder) = &self.spinal_ai {
            films.synthetic = read_spinal_ai(folder)?;
        }
        if let Some(path) = &self.names {
            let root = path.parent().unwrap_or(Path::new(""));
            let named = films_of_manifest(&Manifest::read(path, &skeleton)?, root, &skeleton);
            let count = take_names(&mut films.whole, &named) + take_names(&mut films.synthetic, &named);
            say!("{count} films have names for their vertebrae");
        }
        Ok(films)
    }
}

/// Takes out the films whose image can't be read; each set is told by itself.
fn take_out(films: &mut FilmSets, skip_broken: bool) -> Result<()> {
    let FilmSets { cropped, whole, synthetic, .. } = films;
    for (name, set) in [("--manifest", cropped), ("--whole-films", whole), ("--spinal-ai", synthetic)] {
        let total = set.len();
        let look = |film: &Film| -> Result<()> {
            load_image(&film.path, &Limits::default())?;
            Ok(())
        };
        let left_out = take_out_broken(set, |film| film.path.display().to_string(), look);
        settle_left_out(&left_out, total, Path::new(name), skip_broken)?;
    }
    Ok(())
}

/// What a training of the locator is told on the command line.
pub(crate) struct Locating<'a> {
    pub config: Checked<LocatorTrainConfig>,
    pub films: &'a FilmOptions,
    pub manifest: Option<&'a Path>,
    pub root: Option<&'a Path>,
    pub folder: &'a Path,
    pub resume: bool,
    pub skip_broken: bool,
    /// The files that are read and written, as far as they are known before the films.
    pub plan: FilePlan,
}

impl Locating<'_> {
    /// Trains until it is done or `stop` is set.
    pub(crate) fn run(self, compute: &ComputeOptions, stop: &AtomicBool) -> Result<()> {
        let Self { config, films, manifest, root, folder, resume, skip_broken, mut plan } = self;
        let device = compute.start()?;
        let mut films = films.read(manifest, root)?;
        if films.cropped.is_empty() && films.whole.is_empty() && films.synthetic.is_empty() {
            bail!("a locator learns from films: expected --manifest, --whole-films or --spinal-ai");
        }
        for film in films.cropped.iter().chain(&films.whole).chain(&films.synthetic) {
            plan.reads("the film", &film.path);
        }
        plan.check()?;
        take_out(&mut films, skip_broken)?;
        let epochs = config.schedule.epochs;
        let data = LocatorData::new(&config, films)?;
        say!("{} films, {} to validate with", data.training().images(), data.validation().images());
        let _lock = crate::lock(folder)?;
        let mut trainer = match resume {
            true => LocatorTrainer::resume(config, data, folder, &device)?,
            false => LocatorTrainer::new(config, data, folder, &device)?,
        };
        let ending = trainer.run(
            |row, best| {
                say!(
                    "epoch {}/{epochs}: loss {:.4}, validation {:.4}; column {:.3}, ends {:.2} px off, right: turns {:.3}, \
                     negative {:.3}, spine {:.3}{}",
                    row.epoch,
                    row.train_loss,
                    row.validation_loss,
                    row.column_iou,
                    row.end_error,
                    row.turns,
                    row.negative,
                    row.spine,
                    if best { ", the best so far" } else { "" }
                );
            },
            stop,
        )?;
        if ending == Ending::Interrupted {
            say!("interrupted; --resume goes on after the last whole epoch");
        }
        say!("checkpoints and log in {}", folder.display());
        Ok(())
    }
}

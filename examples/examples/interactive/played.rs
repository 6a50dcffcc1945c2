//! The person, played by labels: corrects the worst point not yet corrected, again and again.

use anyhow::Result;
use ikem_eval::{Played, Protocol, Rule};
use ikem_examples::{FrameChoice, Labelled, say};
use ikem_models::Predictor;
use indicatif::ProgressBar;

/// Plays `clicks` corrections on each image and prints the mean radial error after each.
pub(crate) fn play(
    predictor: &Predictor,
    frame: FrameChoice,
    labelled: &Labelled,
    clicks: usize,
) -> Result<()> {
    let model_size = predictor.config().size;
    let protocol = Protocol { clicks, rule: Rule::WorstNew, model_size, ..Protocol::default() };
    let bar = ProgressBar::new(labelled.entries().len() as u64);
    let mut games = Vec::new();
    for entry in labelled.entries() {
        let mut session = frame.session(predictor, &labelled.image(entry)?, Some(entry))?;
        games.push(protocol.play(&mut session, &labelled.truth(entry)?)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mean = |curve: fn(&Played) -> Vec<f64>, click: usize| {
        games.iter().map(|game| curve(game)[click]).sum::<f64>() / games.len() as f64
    };
    say!("mean radial error in image pixels over {} images, rule worst-new", games.len());
    say!("{:>6} {:>8} {:>8}", "clicks", "model", "manual");
    for click in 0..=clicks {
        say!("{click:>6} {:>8.2} {:>8.2}", mean(Played::model_mre, click), mean(Played::manual_mre, click));
    }
    Ok(())
}

//! The session in a terminal: a line in, what moved out.

use std::io::{BufRead, Write, stdin, stdout};
use std::path::Path;

use anyhow::{Result, bail};
use ikem_core::{Keypoints, Spacing};
use ikem_data::Radiograph;
use ikem_examples::{FrameChoice, ImageSource, parse_hint, predictions_file, print_keypoints, write_overlay};
use ikem_files::FilePlan;
use ikem_models::{Predictor, Session};

const HELP: &str = "  T5-TL 412.5,803   put a keypoint (name or index) where it belongs; the others follow
  remove T5-TL      take a correction back and predict with the rest
  undo, redo        step through your corrections
  reset             forget all corrections
  list              show all keypoints
  save FILE         write FILE.json (keypoints) or FILE.png (overlay)
  quit              leave";

/// How many of the keypoints that moved are listed.
const LISTED: usize = 8;

/// Takes commands from standard input until it ends or says `quit`. A wrong command is told and changes nothing.
pub fn annotate(predictor: &Predictor, frame: FrameChoice, source: &ImageSource) -> Result<()> {
    let film = source.load_radiograph()?;
    let image = &film.image;
    let mut session = frame.session(predictor, image, None)?;
    print_keypoints(&session);
    println!("{HELP}");
    loop {
        print!("> ");
        stdout().flush()?;
        let mut line = String::new();
        if stdin().lock().read_line(&mut line)? == 0 || line.trim() == "quit" {
            return Ok(());
        }
        let before = session.keypoints();
        let outcome = match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => continue,
            ["save", file] => save(&session, source, &film, Path::new(file)),
            ref words => command(&mut session, words),
        };
        match outcome {
            Ok(()) => print_moves(&session, &before, film.spacing),
            Err(error) => println!("{error:#}"),
        }
    }
}

/// Does what one line says.
fn command(session: &mut Session, words: &[&str]) -> Result<()> {
    let skeleton = session.predictor().config().skeleton.clone();
    match words {
        ["list"] => print_keypoints(session),
        ["help"] => println!("{HELP}"),
        ["undo"] if !session.undo() => bail!("there is nothing to undo"),
        ["redo"] if !session.redo() => bail!("there is nothing to redo"),
        ["undo" | "redo"] => {}
        ["reset"] => session.reset(),
        ["remove", keypoint] => {
            if !session.remove(skeleton.index(keypoint)?)? {
                bail!("{keypoint} has no correction");
            }
        }
        [keypoint, place @ ..] if !place.is_empty() => {
            let hint = parse_hint(&skeleton, keypoint, &place.join(" "))?;
            session.revise(hint)?;
            println!("{} is at {}, {}", skeleton.names()[hint.keypoint], hint.point.x, hint.point.y);
        }
        _ => bail!("{:?} is no command; these are:\n{HELP}", words.join(" ")),
    }
    Ok(())
}

/// Writes the keypoints or, for a picture's name, the overlay.
fn save(session: &Session, source: &ImageSource, film: &Radiograph, file: &Path) -> Result<()> {
    let mut plan = FilePlan::default();
    if let Some(path) = source.path() {
        plan.reads("the image", path);
    }
    plan.writes("save", file, &["json", "png"]).check()?;
    match file.extension() {
        Some(png) if png.eq_ignore_ascii_case("png") => write_overlay(session, &film.image, file)?,
        _ => predictions_file(session, source.name(), film.spacing).write(file)?,
    }
    println!("wrote {}", file.display());
    Ok(())
}

/// Prints which keypoints moved since `before`, the farthest first.
fn print_moves(session: &Session, before: &Keypoints, spacing: Option<Spacing>) {
    let names = session.predictor().config().skeleton.names();
    let now = session.keypoints();
    let mut moves: Vec<(f32, usize)> =
        now.distances(before).zip(0..).filter(|(way, _)| *way > 0.05).collect();
    moves.sort_by(|a, b| b.0.total_cmp(&a.0));
    let Some((farthest, _)) = moves.first() else { return };
    println!("{} keypoints moved, by up to {farthest:.1} px:", moves.len());
    for &(way, k) in moves.iter().take(LISTED) {
        let (from, to) = (before[k], now[k]);
        let length = spacing.and_then(|spacing| spacing.distance(from, to));
        let length = length.map_or_else(String::new, |mm| format!(" {mm:>5.1} mm"));
        println!(
            "  {:>7} {way:>6.1} px{length}  {:.1},{:.1} -> {:.1},{:.1}",
            names[k], from.x, from.y, to.x, to.y
        );
    }
    if moves.len() > LISTED {
        println!("  … and {} more", moves.len() - LISTED);
    }
}

//! The session in a terminal: a line in, what moved out.

use std::io::{BufRead, Read, Write, stdin, stdout};
use std::path::Path;

use anyhow::{Result, bail};
use ikem_core::{Keypoints, Spacing};
use ikem_data::Radiograph;
use ikem_examples::{
    FrameChoice, ImageSource, message, parse_hint, predictions_file, print_keypoints, say, write_overlay,
};
use ikem_files::FilePlan;
use ikem_models::{Predictor, Session};

use crate::server::angles_in_words;

const HELP: &str = "  T5-TL 412.5,803   put a keypoint (name or index) where it belongs; the others follow
  remove T5-TL      remove a correction and predict with the rest
  undo, redo        step through your corrections
  reset             remove all corrections
  list              show all keypoints
  angles            show the Cobb angles
  save FILE         write FILE.json (keypoints) or FILE.png (overlay)
  next, previous    go to the next film of a folder, or back
  quit              leave; like next and previous, it asks once where corrections are not saved";

/// The most that is read of a line, in bytes.
const LONGEST_LINE: u64 = 64 << 10;
/// How many of the keypoints that moved are listed.
const LISTED: usize = 8;

/// How the work on a film ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The person has finished.
    Quit,
    /// Another film is to be shown, this many further in the list.
    Step(isize),
}

impl End {
    /// The end that a command asks for.
    fn of(words: &[&str]) -> Option<Self> {
        match words {
            ["quit"] => Some(Self::Quit),
            ["next"] => Some(Self::Step(1)),
            ["previous"] => Some(Self::Step(-1)),
            _ => None,
        }
    }
}

/// Shows one film after the other, as the person asks for them.
pub(crate) fn annotate(predictor: &Predictor, frame: FrameChoice, films: &[ImageSource]) -> Result<()> {
    let mut at = 0;
    while let Some(source) = films.get(at) {
        if films.len() > 1 {
            say!("film {} of {}: {}", at + 1, films.len(), source.name());
        }
        let by = match film(predictor, frame, films, at) {
            Ok(End::Quit) => return Ok(()),
            Ok(End::Step(by)) => by,
            // Of several films, one that cannot be read does not end the work on the others.
            Err(error) if films.len() > 1 => {
                say!("{}", message(&error));
                1
            }
            Err(error) => return Err(error),
        };
        match at.checked_add_signed(by).filter(|next| *next < films.len()) {
            Some(next) => at = next,
            None => {
                say!("that was the last film");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Takes commands from standard input until it ends, or the film is to be left. A wrong command is told and changes nothing.
fn film(predictor: &Predictor, frame: FrameChoice, films: &[ImageSource], at: usize) -> Result<End> {
    let Some(source) = films.get(at) else { return Ok(End::Quit) };
    let film = source.load_radiograph()?;
    let image = &film.image;
    let mut session = frame.session(predictor, image, None)?;
    print_keypoints(&session);
    print_angles(&session, film.spacing);
    say!("{HELP}");
    let (mut saved, mut asked) = (session.keypoints(), None);
    loop {
        // Where nothing can be printed, commands are still taken.
        let _ = write!(stdout(), "> ").and_then(|()| stdout().flush());
        let mut typed = Vec::new();
        let mut input = stdin().lock().take(LONGEST_LINE);
        if input.read_until(b'\n', &mut typed)? == 0 {
            if is_unsaved(&session, &saved) {
                say!("the corrections of {} are not saved", source.name());
            }
            return Ok(End::Quit);
        }
        let Ok(line) = String::from_utf8(typed) else {
            say!("that is not text in UTF-8; type the command again");
            continue;
        };
        let before = session.keypoints();
        let words: Vec<_> = line.split_whitespace().collect();
        if let Some(end) = End::of(&words) {
            if at == 0 && end == End::Step(-1) {
                say!("this is the first film");
                continue;
            }
            if asked == Some(end) || !is_unsaved(&session, &saved) {
                return Ok(end);
            }
            say!("the corrections are not saved: save FILE.json, or {} again to lose them", words[0]);
            asked = Some(end);
            continue;
        }
        asked = None;
        let outcome = match words[..] {
            [] => continue,
            ["angles"] => {
                print_angles(&session, film.spacing);
                Ok(())
            }
            ["save", file] => {
                let written = save(&session, (source, films), &film, Path::new(file));
                written.map(|kept| {
                    if kept {
                        saved = session.keypoints();
                    }
                })
            }
            ref words => command(&mut session, words),
        };
        match outcome {
            Ok(()) if session.keypoints() != before => {
                print_moves(&session, &before, film.spacing);
                print_angles(&session, film.spacing);
            }
            Ok(()) => {}
            Err(error) => say!("{}", message(&error)),
        }
    }
}

/// Whether there are corrections, and other points than were saved last.
fn is_unsaved(session: &Session, saved: &Keypoints) -> bool {
    !session.hints().is_empty() && session.keypoints() != *saved
}

/// Prints the Cobb angles of both conventions, or why there are none.
fn print_angles(session: &Session, spacing: Option<Spacing>) {
    for line in angles_in_words(session, spacing) {
        say!("{line}");
    }
}

/// Does what one line says.
fn command(session: &mut Session, words: &[&str]) -> Result<()> {
    let skeleton = session.predictor().config().skeleton.clone();
    match words {
        ["list"] => print_keypoints(session),
        ["help"] => say!("{HELP}"),
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
            say!("{} is at {}, {}", skeleton.names()[hint.keypoint], hint.point.x, hint.point.y);
        }
        _ => bail!("{:?} is not a command; the commands are:\n{HELP}", words.join(" ")),
    }
    Ok(())
}

/// Writes the keypoints or, for a picture's name, the overlay. Returns whether the keypoints are kept by that.
fn save(
    session: &Session,
    (source, films): (&ImageSource, &[ImageSource]),
    film: &Radiograph,
    file: &Path,
) -> Result<bool> {
    let mut plan = FilePlan::default();
    // Also those that are shown later.
    for path in films.iter().filter_map(ImageSource::path) {
        plan.reads("the image", path);
    }
    plan.writes("save", file, &["json", "png"]).check()?;
    let is_picture = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    match is_picture {
        true => write_overlay(session, &film.image, file)?,
        false => predictions_file(session, source.name(), film.spacing)?.write(file)?,
    }
    say!("wrote {}", file.display());
    Ok(!is_picture)
}

/// Prints which keypoints moved since `before`, the farthest first.
fn print_moves(session: &Session, before: &Keypoints, spacing: Option<Spacing>) {
    let names = session.predictor().config().skeleton.names();
    let now = session.keypoints();
    let mut moves: Vec<(f32, usize)> =
        now.distances(before).zip(0..).filter(|(way, _)| *way > 0.05).collect();
    moves.sort_by(|a, b| b.0.total_cmp(&a.0));
    let Some((farthest, _)) = moves.first() else { return };
    say!("{} keypoints moved, by up to {farthest:.1} px:", moves.len());
    for &(way, k) in moves.iter().take(LISTED) {
        let (from, to) = (before[k], now[k]);
        let length = spacing.and_then(|spacing| spacing.distance(from, to));
        let length = length.map_or_else(String::new, |mm| format!(" {mm:>5.1} mm"));
        say!(
            "  {:>7} {way:>6.1} px{length}  {:.1},{:.1} -> {:.1},{:.1}",
            names[k],
            from.x,
            from.y,
            to.x,
            to.y
        );
    }
    if moves.len() > LISTED {
        say!("  … and {} more", moves.len() - LISTED);
    }
}

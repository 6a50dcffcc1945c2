use std::str::FromStr;

use anyhow::{Context, Result, bail};
use ikem_core::{Frame, GrayImage, Size};
use ikem_data::ManifestEntry;
use ikem_models::{Locator, Predictor, Session};

/// Which part of a film the network sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FrameChoice {
    /// The frame around the spine that the locator finds.
    Auto,
    /// The whole film.
    Whole,
    /// The frame around the labels: what a perfect locator would find.
    Labels,
    /// This one.
    Given(Frame),
}

impl FromStr for FrameChoice {
    type Err = anyhow::Error;

    /// `auto`, `whole`, `labels`, or `X,Y,W,H` with `,DEGREES` or without: the top left corner of the upright rectangle, its size,
    /// and by how much it is turned clockwise around its middle.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => return Ok(Self::Auto),
            "whole" => return Ok(Self::Whole),
            "labels" => return Ok(Self::Labels),
            _ => {}
        }
        let wrong = || {
            format!("{text:?}: expected auto, whole or X,Y,W,H[,DEGREES] in pixels, such as 120,80,600,1430")
        };
        let numbers: Vec<f64> =
            text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().with_context(wrong)?;
        let (frame, degrees) = match numbers[..] {
            [x, y, width, height] => (Frame::new(x, y, width, height)?, 0.0),
            [x, y, width, height, degrees] => (Frame::new(x, y, width, height)?, degrees),
            _ => bail!(wrong()),
        };
        if !(-360.0..=360.0).contains(&degrees) {
            bail!(wrong());
        }
        Ok(Self::Given(frame.turned(degrees)))
    }
}

impl FrameChoice {
    /// The network with a locator where one is wanted: its own, or else the bundled one. Without a choice, a network that came
    /// without a locator sees whole films, as published checkpoints do.
    ///
    /// # Errors
    /// When the bundled weights can't be used on this device.
    pub fn prepare(choice: Option<Self>, predictor: Predictor) -> Result<(Self, Predictor)> {
        match (choice, predictor.locator()) {
            (None, None) => Ok((Self::Whole, predictor)),
            (None, Some(_)) => Ok((Self::Auto, predictor)),
            (Some(Self::Auto), None) => {
                let locator = Locator::pretrained()?.context("the bundled weights have no locator")?;
                Ok((Self::Auto, predictor.with_locator(Some(locator))))
            }
            (Some(choice), _) => Ok((choice, predictor)),
        }
    }

    /// Checks that a given frame shows some of a film of this size.
    ///
    /// # Errors
    /// When it is beside the film.
    pub fn check(self, film: Size) -> Result<()> {
        match self {
            Self::Given(frame) if !shows_any(&frame, film) => {
                bail!("--frame: {frame} is beyond the film of {film}")
            }
            _ => Ok(()),
        }
    }

    /// Begins to annotate an image in this frame; `labelled` is its entry where it has labels.
    ///
    /// # Errors
    /// When there are no labels to frame, or the device fails.
    pub fn session(
        self,
        predictor: &Predictor,
        image: &GrayImage,
        labelled: Option<&ManifestEntry>,
    ) -> Result<Session> {
        Ok(match self {
            Self::Auto => predictor.session(image)?,
            Self::Whole => predictor.session_in(image, Frame::whole(image.size()))?,
            Self::Given(frame) => {
                self.check(image.size())?;
                predictor.session_in(image, frame)?
            }
            Self::Labels => {
                let entry = labelled.context("--frame labels: this program has no labels")?;
                let frame = predictor.config().skeleton.frame(&entry.keypoints());
                let frame = frame.context("--frame labels: expected a skeleton with vertebrae")??;
                predictor.session_in(image, frame)?
            }
        })
    }
}

/// Whether some of the film is in the frame: two rectangles meet unless an edge of one of them separates them.
fn shows_any(frame: &Frame, film: Size) -> bool {
    let [width, height] = [film.width as f64, film.height as f64];
    let meets = |corners: [[f64; 2]; 4], sides: [f64; 2]| {
        (0..2).all(|axis| {
            let positions = corners.map(|corner| corner[axis]);
            positions.iter().any(|&position| position > 0.0)
                && positions.iter().any(|&position| position < sides[axis])
        })
    };
    let on_frame = frame.affine(Size::new(1, 1));
    let corners = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]];
    meets(frame.corners(), [width, height]) && meets(corners.map(|corner| on_frame.apply(corner)), [1.0, 1.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_are_typed() {
        let given = Frame::new(120.0, 80.0, 600.0, 1430.5).expect("a frame");
        for (text, expected) in [
            ("auto", FrameChoice::Auto),
            ("whole", FrameChoice::Whole),
            ("labels", FrameChoice::Labels),
            ("120,80,600,1430.5", FrameChoice::Given(given)),
            ("120, 80, 600, 1430.5, -4", FrameChoice::Given(given.turned(-4.0))),
        ] {
            assert_eq!(text.parse::<FrameChoice>().expect(text), expected);
        }
        for text in ["", "hole", "1,2,3", "1,2,0,4", "1,2,3,4,5,6", "1,2,3,x", "1,2,3,4,nan"] {
            assert!(text.parse::<FrameChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_frame_beside_the_film_is_refused() {
        let film = Size::new(600, 1400);
        for (text, shown) in [
            ("10,10,100,200", true),
            ("-90,-190,100,200", true),
            ("-120,10,100,200", false),
            ("700,10,100,200", false),
            ("10,1500,100,200,180", false),
            // Only the upright rectangle around it meets the film.
            ("-240,-240,280,280,45", false),
            ("-180,-180,280,280,45", true),
            // Around all of the film.
            ("-1000,-1000,4000,4000,30", true),
        ] {
            let choice: FrameChoice = text.parse().expect(text);
            assert_eq!(choice.check(film).is_ok(), shown, "{text}");
        }
        assert!(FrameChoice::Auto.check(film).is_ok());
    }
}

use anyhow::{Context, Result, bail};
use ikem_core::Point;

/// A place as a person types it: `412.5,803`, also with a blank, a semicolon, or decimal commas, as long as it can be read in
/// one way.
///
/// ```
/// use ikem_core::Point;
/// use ikem_examples::parse_place;
/// for text in ["412.5,803", "412.5 803", "412,5 803", "412,5; 803", "412,5,803,0"] {
///     assert_eq!(parse_place(text)?, Point::new(412.5, 803.0));
/// }
/// assert!(parse_place("412,5,80").is_err(), "412.5 and 80, or 412 and 5.80");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When it is not two numbers, or can be read in two ways; the message names both.
pub fn parse_place(text: &str) -> Result<Point> {
    let wrong = || format!("{text:?} is no place; expected X,Y in pixels, such as 412.5,803");
    let readings = match text.split_once(';') {
        Some((x, y)) => pairs(&numbers(x), &numbers(y)),
        None => match text.replace(" ,", ", ").split_whitespace().collect::<Vec<_>>()[..] {
            [word] => of_word(word),
            // A comma beside a blank separates.
            [x, y] => pairs(&numbers(x.strip_suffix(',').unwrap_or(x)), &numbers(y)),
            _ => Vec::new(),
        },
    };
    match readings[..] {
        [] => bail!(wrong()),
        [[x, y]] => Some(Point::new(x, y)).filter(|point| point.is_finite()).with_context(wrong),
        [[x, y], [other_x, other_y], ..] => bail!(
            "{text:?} can be read as x = {x}, y = {y} and as x = {other_x}, y = {other_y}; \
             write X,Y with decimal points, such as 412.5,803"
        ),
    }
}

/// All places that a word without blanks can mean: its commas separate, or are decimal.
fn of_word(word: &str) -> Vec<[f32; 2]> {
    let parts: Vec<&str> = word.split(',').collect();
    // Two numbers and a comma between them: as documented, and nothing else.
    if let [x, y] = parts[..] {
        return pairs(&point_number(x), &point_number(y));
    }
    let number = |parts: &[&str]| match parts {
        [whole] => point_number(whole),
        [whole, decimals] => comma_number(whole, decimals),
        _ => Vec::new(),
    };
    (1..parts.len()).flat_map(|end| pairs(&number(&parts[..end]), &number(&parts[end..]))).collect()
}

/// All numbers that a word can mean; three digits after a comma may be thousands.
fn numbers(word: &str) -> Vec<f32> {
    let word = word.trim();
    let Some((whole, decimals)) = word.split_once(',') else { return point_number(word) };
    let mut found = comma_number(whole, decimals);
    if decimals.len() == 3 && !found.is_empty() {
        found.extend(point_number(&format!("{whole}{decimals}")));
    }
    found
}

fn point_number(word: &str) -> Vec<f32> {
    word.trim().parse().into_iter().collect()
}

/// The number with a decimal comma.
fn comma_number(whole: &str, decimals: &str) -> Vec<f32> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match digits(whole.trim_start_matches(['-', '+'])) && digits(decimals) {
        true => point_number(&format!("{whole}.{decimals}")),
        false => Vec::new(),
    }
}

fn pairs(xs: &[f32], ys: &[f32]) -> Vec<[f32; 2]> {
    xs.iter().flat_map(|&x| ys.iter().map(move |&y| [x, y])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_in_one_way_or_not_at_all() {
        for (text, expected) in [
            ("412,580", [412.0, 580.0]),
            (" 412.5 , 80 ", [412.5, 80.0]),
            ("412, 80.25", [412.0, 80.25]),
            ("412,5 80", [412.5, 80.0]),
            ("412,5 80,25", [412.5, 80.25]),
            ("412,5, 80,25", [412.5, 80.25]),
            ("412,5;80,25", [412.5, 80.25]),
            ("412,5,80,25", [412.5, 80.25]),
            ("412.5,80,25", [412.5, 80.25]),
            ("-3,5 80", [-3.5, 80.0]),
            ("4e2,80", [400.0, 80.0]),
        ] {
            let point = parse_place(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!([point.x, point.y], expected, "{text}");
        }
        for (text, expected) in [
            ("412,5,80", "x = 412, y = 5.8 and as x = 412.5, y = 80"),
            ("1,412 803", "x = 1.412, y = 803 and as x = 1412, y = 803"),
            ("412.5", "is no place; expected X,Y"),
            ("412 5 80", "is no place"),
            ("412,5 80 3", "is no place"),
            ("412,,80", "is no place"),
            ("1,2,3,4,5", "is no place"),
            ("1.5,2,5,2", "is no place"),
            ("nan,3", "is no place"),
            ("1e99,3", "is no place"),
            ("", "is no place"),
        ] {
            let message = parse_place(text).expect_err(text).to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}

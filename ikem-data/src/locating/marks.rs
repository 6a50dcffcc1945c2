//! Objects on films other than the patient: letters, rulers, implants, collimator edges.

use std::f32::consts::TAU;

use ikem_core::Draw;

use super::SceneConfig;
use super::sheet::Sheet;

/// Draws random marks on a film or its photograph. `spine` is the bounding box of the visible spine: left, top, right,
/// bottom.
pub(super) fn draw_marks(
    sheet: &mut Sheet<'_>,
    config: &SceneConfig,
    spine: Option<[f64; 4]>,
    draw: &mut Draw,
) {
    type Mark = fn(&mut Sheet<'_>, &mut Draw);
    let marks: [(f64, Mark); 4] = [
        (config.implants, implants),
        (config.lines, lines),
        (config.letters, letters),
        (config.ruler, ruler),
    ];
    for (probability, mark) in marks {
        if draw.happens(probability) {
            mark(sheet, draw);
        }
    }
    if draw.happens(config.collimator) {
        collimator(sheet, spine, draw);
    }
    if draw.happens(config.screen) {
        screen(sheet, draw);
    }
}

fn uniform(draw: &mut Draw, low: f32, high: f32) -> f32 {
    draw.within([f64::from(low), f64::from(high)]) as f32
}

fn position(sheet: &Sheet<'_>, draw: &mut Draw) -> [f32; 2] {
    let [left, top, right, bottom] = sheet.edges();
    [uniform(draw, left, right), uniform(draw, top, bottom)]
}

/// A grey that stands out: usually bright, sometimes dark.
fn ink(draw: &mut Draw) -> f32 {
    if draw.happens(0.8) { uniform(draw, 0.75, 1.0) } else { uniform(draw, 0.0, 0.15) }
}

/// Collimator edges on one to four sides, slightly tilted, that do not cover the spine.
fn collimator(sheet: &mut Sheet<'_>, spine: Option<[f64; 4]>, draw: &mut Draw) {
    let edges @ [left, top, right, bottom] = sheet.edges();
    let (width, height) = (right - left, bottom - top);
    let middle = [0.5 * (left + right), 0.5 * (top + bottom)].map(f64::from);
    let spine = spine.unwrap_or([middle[0], middle[1], middle[0], middle[1]]).map(|edge| edge as f32);
    let level = if draw.happens(0.8) { uniform(draw, 0.0, 0.06) } else { uniform(draw, 0.85, 1.0) };
    let alpha = if draw.happens(0.7) { 1.0 } else { uniform(draw, 0.6, 1.0) };
    let all = draw.happens(0.3);
    for side in 0..4 {
        if !(all || draw.happens(0.4)) {
            continue;
        }
        let room = (spine[side] - edges[side]).abs();
        let deep = room * uniform(draw, 0.05, 0.85);
        let along = if side % 2 == 0 { height } else { width };
        let slope = along * uniform(draw, -0.02, 0.02);
        let slope = slope.clamp(-0.15 * room, 0.15 * room);
        let (one, two) = (deep - slope, deep + slope);
        let corners = match side {
            0 => [[left, top], [left + one, top], [left + two, bottom], [left, bottom]],
            1 => [[left, top], [right, top], [right, top + two], [left, top + one]],
            2 => [[right, top], [right - one, top], [right - two, bottom], [right, bottom]],
            _ => [[left, bottom], [right, bottom], [right, bottom - two], [left, bottom - one]],
        };
        sheet.polygon(&corners, level, alpha);
    }
}

const WORDS: [&str; 12] = [
    "R",
    "L",
    "R",
    "L",
    "PA",
    "AP",
    "STANDING",
    "ERECT",
    "WHOLE SPINE",
    "AP STEHEND",
    "Spine 36 in",
    "SCOLIOSIS",
];

/// Side markers and lines of text.
fn letters(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    for _ in 0..1 + draw.below(4) {
        let height = sheet.breadth() * uniform(draw, 0.02, 0.08);
        let level = ink(draw);
        let text = match draw.below(3) {
            0 => random_text(draw),
            _ => WORDS[draw.below(WORDS.len() as u64) as usize].to_owned(),
        };
        let height = if text.len() > 2 { 0.5 * height } else { height }.max(3.0);
        let [x, y] = position(sheet, draw);
        let width = sheet.text_width(&text, height);
        if draw.happens(0.2) {
            // On a plate.
            let (left, right) = (x - 0.4 * height, x + width + 0.4 * height);
            let (top, bottom) = (y - 1.4 * height, y + 0.4 * height);
            sheet.polygon(&[[left, top], [right, top], [right, bottom], [left, bottom]], 1.0 - level, 1.0);
        }
        sheet.text(&text, [x, y], height, level);
    }
}

/// Random text of 3 to 12 capitals, digits and punctuation marks.
pub(super) fn random_text(draw: &mut Draw) -> String {
    const SIGNS: &[u8] = b"0123456789ABCDEFGHIKLMNOPRSTUVWZ0123456789:./- ";
    let count = 3 + draw.below(10);
    (0..count).map(|_| char::from(SIGNS[draw.below(SIGNS.len() as u64) as usize])).collect()
}

/// A ruler along one side.
fn ruler(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    let [left, top, right, bottom] = sheet.edges();
    let upright = draw.happens(0.8);
    let (width, height) = (right - left, bottom - top);
    let (across, along) = if upright { (width, height) } else { (height, width) };
    let near = across * uniform(draw, 0.02, 0.2);
    let off = if draw.happens(0.5) { near } else { across - near };
    let start = along * uniform(draw, 0.0, 0.3);
    let end = along * uniform(draw, 0.7, 1.0);
    let step = along * uniform(draw, 0.012, 0.04);
    let tick = across * uniform(draw, 0.015, 0.05) * if draw.happens(0.5) { 1.0 } else { -1.0 };
    let (level, line) = (ink(draw), uniform(draw, 0.5, 1.3));
    let at =
        |off: f32, along: f32| if upright { [left + off, top + along] } else { [left + along, top + off] };
    if draw.happens(0.7) {
        sheet.line(&[at(off, start), at(off, end)], line, level, 0.9);
    }
    let numbers = draw.happens(0.4);
    for count in 0..((end - start) / step) as usize {
        let along = start + count as f32 * step;
        let long = if count % 5 == 0 { 2.0 } else { 1.0 };
        sheet.line(&[at(off, along), at(off + long * tick, along)], line, level, 0.9);
        if numbers && count % 5 == 0 {
            let height = (0.8 * step).clamp(3.0, 8.0);
            sheet.text(&count.to_string(), at(off + 2.6 * tick, along + 0.5 * height), height, level);
        }
    }
}

/// Thin lines, as drawn for measurements.
fn lines(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    let (level, width) = (ink(draw), uniform(draw, 0.5, 1.6));
    for _ in 0..1 + draw.below(5) {
        let [x, y] = position(sheet, draw);
        let length = sheet.breadth() * uniform(draw, 0.2, 1.0);
        let angle = match draw.below(3) {
            0 => 0.25 * TAU,
            1 => uniform(draw, -0.08, 0.08) * TAU,
            _ => draw.unit() as f32 * TAU,
        };
        let (sin, cos) = (libm::sinf(angle), libm::cosf(angle));
        let (dx, dy) = (0.5 * length * cos, 0.5 * length * sin);
        sheet.line(&[[x - dx, y - dy], [x + dx, y + dy]], width, level, 0.9);
    }
}

/// Rods, screws and square plates.
fn implants(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    for _ in 0..1 + draw.below(4) {
        let [x, y] = position(sheet, draw);
        let size = sheet.breadth() * uniform(draw, 0.02, 0.07);
        let level = uniform(draw, 0.85, 1.0);
        match draw.below(4) {
            0 => {
                let bend = size * uniform(draw, -1.0, 1.0);
                let long = size * uniform(draw, 2.0, 6.0);
                let rod = [[x, y - long], [x + bend, y], [x, y + long]];
                sheet.line(&rod, 0.2 * size, level, 1.0);
            }
            1 => {
                let tip = [x + size * uniform(draw, -2.0, 2.0), y + size * uniform(draw, -0.5, 0.5)];
                sheet.line(&[[x, y], tip], 0.3 * size, level, 1.0);
                sheet.ellipse([x, y], [0.35 * size; 2], 0.0, level, 1.0);
            }
            2 => {
                let half = 0.5 * size;
                let corners = [[-half, -half], [half, -half], [half, half], [-half, half]];
                sheet.polygon(&corners.map(|[a, b]| [x + a, y + b]), level, 1.0);
            }
            _ => sheet.ellipse([x, y], [0.3 * size; 2], 0.0, level, 1.0),
        }
    }
}

/// The effects of photographing a film on a screen or a light box: uneven light, a moiré pattern and a border.
fn screen(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    let edges @ [left, top, right, bottom] = sheet.edges();
    let (width, height) = (right - left, bottom - top);
    let angle = draw.unit() as f32 * TAU;
    let (sin, cos) = (libm::sinf(angle), libm::cosf(angle));
    let (fall, glow) = (uniform(draw, 0.0, 0.4), uniform(draw, 0.0, 0.2));
    let wave = uniform(draw, 0.0, 0.06);
    let frequency = TAU / uniform(draw, 2.5, 12.0);
    let turned = draw.unit() as f32 * TAU;
    let (wave_x, wave_y) = (frequency * libm::cosf(turned), frequency * libm::sinf(turned));
    sheet.shade(|x, y, value| {
        let (u, v) = ((x - left) / width - 0.5, (y - top) / height - 0.5);
        let light = 1.0 - fall * (0.5 + 0.7 * (u * cos + v * sin));
        // A sine wave, bent so that its stripes are not straight.
        let stripes = wave * libm::sinf(wave_x * x + wave_y * y + 6.0 * u * v);
        *value = (*value * light * (1.0 - glow) + glow * light + stripes).clamp(0.0, 1.0);
    });
    if draw.happens(0.7) {
        let level = if draw.happens(0.7) { uniform(draw, 0.0, 0.2) } else { uniform(draw, 0.5, 1.0) };
        let inner = [0, 1, 2, 3].map(|side| {
            let deep = sheet.breadth() * uniform(draw, 0.0, 0.06);
            if side < 2 { edges[side] + deep } else { edges[side] - deep }
        });
        let lean = sheet.breadth() * uniform(draw, -0.01, 0.01);
        let [a, b, c, d] = inner;
        sheet.polygon(&[[left, top], [a + lean, top], [a - lean, bottom], [left, bottom]], level, 1.0);
        sheet.polygon(&[[right, top], [c + lean, top], [c - lean, bottom], [right, bottom]], level, 1.0);
        sheet.polygon(&[[left, top], [right, top], [right, b - lean], [left, b + lean]], level, 1.0);
        sheet.polygon(&[[left, bottom], [right, bottom], [right, d - lean], [left, d + lean]], level, 1.0);
    }
}

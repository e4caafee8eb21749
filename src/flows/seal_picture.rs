//! The picture of a seal for which none was registered: a red ring with a star.
//!
//! The name is not drawn: it stands in the seal's own data, and a picture with text would need a font with all its characters.

use crate::error::Fault;

const SIDE: u16 = 400;
const RED: [u8; 3] = [0xc8, 0x16, 0x1d];
const RING_OUTER: f32 = 196.0;
const RING_INNER: f32 = 184.0;
const STAR_OUTER: f32 = 72.0;
/// Of a regular five-pointed star.
const STAR_INNER: f32 = STAR_OUTER * 0.381_966;
/// Subdivisions of a pixel in each direction, for smooth edges.
const SAMPLES: u16 = 3;

/// The picture, PNG with transparency.
pub(crate) fn draw() -> Result<Vec<u8>, Fault> {
    let star = star();
    let mut pixels = Vec::with_capacity(usize::from(SIDE) * usize::from(SIDE) * 4);
    for y in 0..SIDE {
        for x in 0..SIDE {
            pixels.extend_from_slice(&RED);
            pixels.push(coverage(x, y, &star));
        }
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, u32::from(SIDE), u32::from(SIDE));
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|e| Fault::message(format!("drawing a seal: {e}")))?;
    Ok(out)
}

fn coverage(x: u16, y: u16, star: &[(f32, f32)]) -> u8 {
    let step = 1.0 / f32::from(SAMPLES);
    let centre = f32::from(SIDE) / 2.0;
    let mut inside = 0u16;
    for i in 0..SAMPLES * SAMPLES {
        let px = f32::from(x) + (f32::from(i % SAMPLES) + 0.5) * step - centre;
        let py = f32::from(y) + (f32::from(i / SAMPLES) + 0.5) * step - centre;
        let radius = px.hypot(py);
        let in_ring = (RING_INNER..=RING_OUTER).contains(&radius);
        inside += u16::from(in_ring || (radius <= STAR_OUTER && contains(star, px, py)));
    }
    u8::try_from(inside * 255 / (SAMPLES * SAMPLES)).unwrap_or(u8::MAX)
}

fn star() -> Vec<(f32, f32)> {
    (0..10u8)
        .map(|i| {
            let radius = if i % 2 == 0 { STAR_OUTER } else { STAR_INNER };
            let angle = f32::from(i) * std::f32::consts::PI / 5.0 - std::f32::consts::FRAC_PI_2;
            (radius * angle.cos(), radius * angle.sin())
        })
        .collect()
}

/// Whether the point is inside the polygon: a ray to the right crosses its sides an odd number of times.
fn contains(polygon: &[(f32, f32)], x: f32, y: f32) -> bool {
    let following = polygon.iter().cycle().skip(1);
    let crossings = polygon
        .iter()
        .zip(following)
        .filter(|((ax, ay), (bx, by))| (*ay > y) != (*by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax);
    crossings.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_and_the_star_are_red_and_the_rest_is_clear() {
        let star = star();
        assert_eq!(coverage(200, 200, &star), 255, "the middle of the star");
        assert_eq!(coverage(200, 10, &star), 255, "the ring");
        assert_eq!(coverage(200, 60, &star), 0, "between them");
        assert_eq!(coverage(1, 1, &star), 0, "the corner");
        assert!(draw().unwrap().starts_with(b"\x89PNG"));
    }
}

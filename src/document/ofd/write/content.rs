//! Objects on a page (GB/T 33190-2016, 8 to 11), each in the order of the standard's schema.

use std::fmt::Write;

use super::text::{advance, measure};
use super::{Align, Area, Colour, Stroke, Text};
use crate::ofd::number::mm;
use crate::xml::escape;

/// The height of a line's box, as a multiple of the font size.
const LINE_HEIGHT: f64 = 1.3;
/// Where the baseline lies in it.
const BASELINE: f64 = 1.0;
/// OFD's weight for bold (11.3).
const BOLD_WEIGHT: u32 = 700;

/// A `TextObject` of one `TextCode`.
pub(super) fn text(out: &mut String, id: u32, text: &Text<'_>) {
    let Text { content, x, y, width, font, size, spacing, colour, align } = text;
    let free = width - measure(content, *size, *spacing);
    let start = match align {
        Align::Left => 0.0,
        Align::Centre => free / 2.0,
        Align::Right => free,
    };
    // A line wider than its box begins at the left edge and makes the box wider: readers cut at the box.
    let (start, width) = if free < 0.0 { (0.0, width - free) } else { (start, *width) };
    let area = Area { x: *x, y: *y, width, height: size * LINE_HEIGHT };
    let weight = if font.bold { format!(" Weight=\"{BOLD_WEIGHT}\"") } else { String::new() };
    let _ = write!(
        out,
        "<ofd:TextObject ID=\"{id}\" Boundary=\"{}\" Font=\"{}\" Size=\"{}\"{weight}>",
        boundary(area),
        font.id,
        mm(*size),
    );
    colour_element(out, "FillColor", *colour);
    let _ = write!(out, "<ofd:TextCode X=\"{}\" Y=\"{}\"", mm(start), mm(size * BASELINE));
    let delta = delta_x(content, *size, *spacing);
    if !delta.is_empty() {
        let _ = write!(out, " DeltaX=\"{delta}\"");
    }
    let _ = write!(out, ">{}</ofd:TextCode></ofd:TextObject>", escape(content));
}

/// One advance for each gap between characters, repeated ones as `g count advance` (11.3).
fn delta_x(content: &str, size: f64, spacing: f64) -> String {
    let mut runs: Vec<(String, usize)> = Vec::new();
    let gaps = content.chars().count().saturating_sub(1);
    for c in content.chars().take(gaps) {
        let gap = mm(advance(c, size) + spacing);
        match runs.last_mut() {
            Some((same, count)) if *same == gap => *count += 1,
            _ => runs.push((gap, 1)),
        }
    }
    let runs = runs.into_iter().map(|(gap, count)| if count == 1 { gap } else { format!("g {count} {gap}") });
    runs.collect::<Vec<_>>().join(" ")
}

/// A straight `PathObject`.
pub(super) fn line(out: &mut String, id: u32, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
    let half = stroke.width / 2.0;
    let (left, top) = (from.0.min(to.0) - half, from.1.min(to.1) - half);
    let (width, height) = ((from.0 - to.0).abs() + stroke.width, (from.1 - to.1).abs() + stroke.width);
    let [x1, y1, x2, y2] = [from.0 - left, from.1 - top, to.0 - left, to.1 - top].map(mm);
    path_start(out, id, Area { x: left, y: top, width, height }, Some(stroke.width), false);
    colour_element(out, "StrokeColor", stroke.colour);
    path_end(out, &format!("M {x1} {y1} L {x2} {y2}"));
}

/// A rectangle's outline; its box includes the line, as readers cut at the box.
pub(super) fn outline(out: &mut String, id: u32, area: Area, stroke: Stroke) {
    let half = stroke.width / 2.0;
    let grown = Area {
        x: area.x - half,
        y: area.y - half,
        width: area.width + stroke.width,
        height: area.height + stroke.width,
    };
    path_start(out, id, grown, Some(stroke.width), false);
    colour_element(out, "StrokeColor", stroke.colour);
    path_end(out, &rectangle(half, area.width, area.height));
}

/// A filled rectangle.
pub(super) fn fill(out: &mut String, id: u32, area: Area, colour: Colour) {
    path_start(out, id, area, None, true);
    colour_element(out, "FillColor", colour);
    path_end(out, &rectangle(0.0, area.width, area.height));
}

/// An `ImageObject`; its unit square is stretched to the box (10).
pub(super) fn picture(out: &mut String, id: u32, resource: u32, area: Area) {
    let (width, height) = (mm(area.width), mm(area.height));
    let _ = write!(
        out,
        "<ofd:ImageObject ID=\"{id}\" Boundary=\"{}\" ResourceID=\"{resource}\" CTM=\"{width} 0 0 {height} 0 0\"/>",
        boundary(area),
    );
}

fn path_start(out: &mut String, id: u32, area: Area, line_width: Option<f64>, fill: bool) {
    let _ = write!(out, "<ofd:PathObject ID=\"{id}\" Boundary=\"{}\"", boundary(area));
    match line_width {
        Some(width) => drop(write!(out, " LineWidth=\"{}\"", mm(width))),
        None => out.push_str(" Stroke=\"false\""),
    }
    let _ = write!(out, " Fill=\"{fill}\">");
}

fn path_end(out: &mut String, data: &str) {
    let _ = write!(out, "<ofd:AbbreviatedData>{data}</ofd:AbbreviatedData></ofd:PathObject>");
}

fn rectangle(from: f64, width: f64, height: f64) -> String {
    let [near, right, bottom] = [from, from + width, from + height].map(mm);
    format!("M {near} {near} L {right} {near} L {right} {bottom} L {near} {bottom} C")
}

fn boundary(area: Area) -> String {
    [area.x, area.y, area.width, area.height].map(mm).join(" ")
}

fn colour_element(out: &mut String, name: &str, Colour(red, green, blue): Colour) {
    let _ = write!(out, "<ofd:{name} Value=\"{red} {green} {blue}\"/>");
}

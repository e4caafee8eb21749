//! Where everything stands on the page. Lengths in millimetres, origin at the upper left corner.

use std::collections::BTreeMap;

use document::ofd::seal_layout::StampPlacement;
use document::ofd::write::{
    Align, Area, BLACK, Builder, Colour, Font, ObjectRef, PageHandle, Stroke, Text, measure, wrap,
};

use super::{RenderError, Request};
use crate::certificate_type::{FieldKind, Layout};
use crate::date::Date;
use crate::metadata::Metadata;

const PAPER: Colour = Colour(253, 251, 243);
const RED: Colour = Colour(168, 28, 32);
const GOLD: Colour = Colour(196, 160, 92);
const GREY: Colour = Colour(96, 96, 96);

/// The measures of one page form.
struct Form {
    width: f64,
    height: f64,
    /// From the page's edge to the text.
    margin: f64,
    title_y: f64,
    title_size: f64,
    body_y: f64,
    label_width: f64,
}

const LANDSCAPE: Form = Form {
    width: 297.0,
    height: 210.0,
    margin: 32.0,
    title_y: 24.0,
    title_size: 13.0,
    body_y: 57.0,
    label_width: 46.0,
};
const PORTRAIT: Form = Form {
    width: 210.0,
    height: 297.0,
    margin: 26.0,
    title_y: 34.0,
    title_size: 12.0,
    body_y: 70.0,
    label_width: 46.0,
};

/// The seal's picture is 42 mm wide, the size of most departments' seals.
const SEAL_SIZE: f64 = 42.0;
/// The block of authority and date at the lower right: its height and width, and how far above the page's edge it ends.
const SIGN_OFF: (f64, f64, f64) = (44.0, 100.0, 27.0);
/// Between label and value.
const GUTTER: f64 = 6.0;
/// The sizes of print that are tried, largest first.
const SIZES: [f64; 6] = [5.6, 5.2, 4.8, 4.4, 4.0, 3.6];
/// From one line to the next, as a multiple of the size of print; and from one field to the next.
const LINE_STEP: f64 = 1.4;
const FIELD_GAP: f64 = 0.75;

/// A label and its value, and the name by which the semantic tags call it.
struct Row {
    name: String,
    label: String,
    value: String,
}

/// Draws the page, notes which object shows what, and says where the seal belongs.
pub(super) fn draw(
    builder: &mut Builder,
    request: &Request<'_>,
    tags: &mut BTreeMap<String, Vec<ObjectRef>>,
) -> Result<StampPlacement, RenderError> {
    let form = match request.type_.layout {
        Layout::Landscape => LANDSCAPE,
        Layout::Portrait => PORTRAIT,
    };
    let rows = rows(request);
    let size = fitting_size(&rows, &form)?;
    let page = builder.page(form.width, form.height);
    let mut pen = Pen {
        title_font: builder.font("宋体", true),
        label_font: builder.font("黑体", false),
        value_font: builder.font("宋体", false),
        builder,
        page,
        tags,
    };
    frame(&mut pen, &form);
    heading(&mut pen, &form, request.metadata);
    body(&mut pen, &form, &rows, size);
    footer(&mut pen, &form, request.metadata);
    if let Some(mark) = request.mark {
        corner_mark(&mut pen, &form, mark);
    }
    Ok(sign_off(&mut pen, &form, request.metadata))
}

/// The fields of the page in order: the holder, what the type shows, the period of validity.
fn rows(request: &Request<'_>) -> Vec<Row> {
    let metadata = request.metadata;
    let row = |name: &str, label: &str, value: String| Row {
        name: name.to_owned(),
        label: label.to_owned(),
        value,
    };
    let mut rows = vec![
        row("holderName", "持有人", metadata.holder_name.clone()),
        row("holderCode", metadata.holder_type.name_zh(), metadata.holder_code.clone()),
    ];
    for field in &request.type_.surface {
        if let Some(value) = metadata.surface.get(&field.key) {
            let shown = match (&field.kind, value.parse::<Date>()) {
                (FieldKind::Date, Ok(date)) => date.chinese(),
                _ => value.clone(),
            };
            rows.push(row(&format!("surface.{}", field.key), &field.label_zh, shown));
        }
    }
    let start = metadata.validate_start.chinese();
    let period = match metadata.validate_end {
        Some(end) => format!("自{start}至{}", end.chinese()),
        None => format!("自{start}起长期有效"),
    };
    rows.push(row("validityRange", "有效期限", period));
    rows
}

/// The largest print in which every field fits above the block of authority and date.
fn fitting_size(rows: &[Row], form: &Form) -> Result<f64, RenderError> {
    let (height, _, bottom) = SIGN_OFF;
    let available = form.height - bottom - height - form.body_y;
    let needed = |size: f64| rows.iter().map(|row| row_height(row, form, size)).sum::<f64>();
    let smallest = SIZES.last().copied().unwrap_or_default();
    SIZES.into_iter().find(|size| needed(*size) <= available).ok_or(RenderError::TooMuchText {
        needed_mm: whole(needed(smallest)),
        available_mm: whole(available),
    })
}

fn whole(mm: f64) -> u32 {
    // A page's measures are small and positive, so that nothing is lost but the fraction.
    mm.ceil() as u32
}

fn row_height(row: &Row, form: &Form, size: f64) -> f64 {
    let lines = value_lines(row, form, size).len().max(label_lines(row, form, size).len());
    lines as f64 * size * LINE_STEP + size * FIELD_GAP
}

fn value_lines(row: &Row, form: &Form, size: f64) -> Vec<String> {
    let width = form.width - 2.0 * form.margin - form.label_width - GUTTER;
    wrap(&row.value, width, size)
}

fn label_lines(row: &Row, form: &Form, size: f64) -> Vec<String> {
    wrap(&row.label, form.label_width, size)
}

/// What every drawing step needs.
struct Pen<'a> {
    builder: &'a mut Builder,
    page: PageHandle,
    tags: &'a mut BTreeMap<String, Vec<ObjectRef>>,
    title_font: Font,
    label_font: Font,
    value_font: Font,
}

impl Pen<'_> {
    /// Writes a line and notes it under the tag `name`, unless that is empty.
    fn write(&mut self, name: &str, text: &Text<'_>) {
        let object = self.builder.text(self.page, text);
        if !name.is_empty() {
            self.tags.entry(name.to_owned()).or_default().push(object);
        }
    }
}

/// Paper, a double frame, and a square in each corner.
fn frame(pen: &mut Pen<'_>, form: &Form) {
    let inset = |by: f64| Area { x: by, y: by, width: form.width - 2.0 * by, height: form.height - 2.0 * by };
    pen.builder.fill(pen.page, inset(0.0), PAPER);
    pen.builder.outline(pen.page, inset(10.0), Stroke { width: 1.4, colour: RED });
    pen.builder.outline(pen.page, inset(12.6), Stroke { width: 0.35, colour: GOLD });
    for x in [14.6, form.width - 14.6 - 5.0] {
        for y in [14.6, form.height - 14.6 - 5.0] {
            let corner = Area { x, y, width: 5.0, height: 5.0 };
            pen.builder.outline(pen.page, corner, Stroke { width: 0.35, colour: GOLD });
            let inner = Area { x: x + 1.4, y: y + 1.4, width: 2.2, height: 2.2 };
            pen.builder.fill(pen.page, inner, RED);
        }
    }
}

/// The certificate's name, its number, and a rule below.
fn heading(pen: &mut Pen<'_>, form: &Form, metadata: &Metadata) {
    let width = form.width - 2.0 * form.margin;
    let name = metadata.certificate_name.as_str();
    let (size, spacing) = title_fit(name, width, form.title_size);
    let title = Text {
        content: name,
        x: form.margin,
        y: form.title_y,
        width,
        font: pen.title_font,
        size,
        spacing,
        colour: RED,
        align: Align::Centre,
    };
    pen.write("certificateName", &title);
    let number = format!("证照编号：{}", metadata.certificate_number);
    let number_y = form.title_y + form.title_size * 1.55;
    let number = Text {
        content: &number,
        y: number_y,
        font: pen.value_font,
        size: 4.2,
        spacing: 0.0,
        colour: GREY,
        ..title
    };
    pen.write("certificateNumber", &number);
    let rule_y = form.body_y - 5.0;
    let (left, right) = (form.margin, form.width - form.margin);
    pen.builder.line(pen.page, (left, rule_y), (right, rule_y), Stroke { width: 0.3, colour: GOLD });
}

/// Short names are spread, long ones are made smaller until they fit on one line.
fn title_fit(name: &str, width: f64, size: f64) -> (f64, f64) {
    let spacing = if name.chars().count() <= 10 { size * 0.25 } else { 0.0 };
    let natural = measure(name, size, spacing);
    let shrink = (width / natural).min(1.0);
    (size * shrink, spacing * shrink)
}

/// The fields: labels spread over their column, values beside them.
fn body(pen: &mut Pen<'_>, form: &Form, rows: &[Row], size: f64) {
    let mut y = form.body_y;
    let value_x = form.margin + form.label_width + GUTTER;
    for row in rows {
        let labels = label_lines(row, form, size);
        for (i, line) in labels.iter().enumerate() {
            let spacing = if labels.len() == 1 { spread(line, form.label_width, size) } else { 0.0 };
            let label = Text {
                content: line,
                x: form.margin,
                y: y + i as f64 * size * LINE_STEP,
                width: form.label_width,
                font: pen.label_font,
                size,
                spacing,
                colour: RED,
                align: Align::Left,
            };
            pen.write("", &label);
        }
        for (i, line) in value_lines(row, form, size).iter().enumerate() {
            let value = Text {
                content: line,
                x: value_x,
                y: y + i as f64 * size * LINE_STEP,
                width: form.width - form.margin - value_x,
                font: pen.value_font,
                size,
                spacing: 0.0,
                colour: BLACK,
                align: Align::Left,
            };
            pen.write(&row.name, &value);
        }
        y += row_height(row, form, size);
    }
}

/// The space between a label's characters that fills the column; none for a single one.
fn spread(label: &str, width: f64, size: f64) -> f64 {
    let gaps = label.chars().count().saturating_sub(1);
    if gaps == 0 { 0.0 } else { (width - measure(label, size, 0.0)) / gaps as f64 }
}

/// Authority and date at the lower right, and the seal's place over both.
fn sign_off(pen: &mut Pen<'_>, form: &Form, metadata: &Metadata) -> StampPlacement {
    let (height, width, bottom) = SIGN_OFF;
    let (x, y) = (form.width - form.margin - width, form.height - bottom - height);
    let name = metadata.issuing_authority_name.as_str();
    let size = (width / measure(name, 1.0, 0.0).max(1.0)).min(5.6);
    let authority = Text {
        content: name,
        x,
        y: y + 17.0,
        width,
        font: pen.value_font,
        size,
        spacing: 0.0,
        colour: BLACK,
        align: Align::Centre,
    };
    pen.write("issuingAuthorityName", &authority);
    let date = metadata.issued_date.chinese();
    let date = Text { content: &date, y: y + 27.0, size: 5.2, ..authority };
    pen.write("issuedDate", &date);
    StampPlacement {
        page: 0,
        x: x + (width - SEAL_SIZE) / 2.0,
        y: y + (height - SEAL_SIZE) / 2.0,
        width: SEAL_SIZE,
        height: SEAL_SIZE,
        clip: None,
    }
}

/// The identifier and how to check the certificate, in small print at the lower edge.
fn footer(pen: &mut Pen<'_>, form: &Form, metadata: &Metadata) {
    let width = form.width - 2.0 * form.margin;
    let identifier = metadata.certificate_identifier.to_string();
    let (y, size) = (form.height - 25.5, 2.9);
    let lines = wrap(&format!("电子证照标识：{identifier}"), width, size);
    let count = lines.len() as f64;
    for (i, content) in lines.iter().enumerate() {
        let line = Text {
            content,
            x: form.margin,
            y: y - (count - 1.0 - i as f64) * size * LINE_STEP,
            width,
            font: pen.value_font,
            size,
            spacing: 0.0,
            colour: GREY,
            align: Align::Centre,
        };
        pen.write("certificateIdentifier", &line);
    }
    let note = Text {
        content: "本证照经电子印章签署，凭标识可在线核验，凭文件可离线核验。",
        x: form.margin,
        y: y + size * LINE_STEP,
        width,
        font: pen.value_font,
        size,
        spacing: 0.0,
        colour: GREY,
        align: Align::Centre,
    };
    pen.write("", &note);
}

/// A boxed mark at the upper right, where it cannot be overlooked.
fn corner_mark(pen: &mut Pen<'_>, form: &Form, mark: &str) {
    let size = 4.6;
    let width = measure(mark, size, 0.0) + 6.0;
    let (x, y) = (form.width - 23.0 - width, 16.0);
    let text = Text {
        content: mark,
        x,
        y: y + 1.1,
        width,
        font: pen.label_font,
        size,
        spacing: 0.0,
        colour: RED,
        align: Align::Centre,
    };
    pen.write("", &text);
    let area = Area { x, y, width, height: size * 1.3 + 2.2 };
    pen.builder.outline(pen.page, area, Stroke { width: 0.5, colour: RED });
}

//! The records of a ZIP file, field by field (APPNOTE 4.3); no judgement here.

/// A local file header (4.3.7).
pub(super) const LOCAL: u32 = 0x0403_4b50;
/// A central directory header (4.3.12).
pub(super) const CENTRAL: u32 = 0x0201_4b50;
/// The end of central directory record (4.3.16).
pub(super) const END: u32 = 0x0605_4b50;
/// A data descriptor's optional signature (4.3.9.3).
pub(super) const DESCRIPTOR: u32 = 0x0807_4b50;
/// The ZIP64 end of central directory record (4.3.14).
pub(super) const END64: u32 = 0x0606_4b50;
/// The ZIP64 end of central directory locator (4.3.15).
pub(super) const LOCATOR64: u32 = 0x0706_4b50;

/// The extra field that holds 64-bit sizes (4.5.3).
const EXTRA_ZIP64: u16 = 0x0001;
/// Info-ZIP's Unicode Path (4.6.9): a second name, which some readers prefer to the first.
const EXTRA_UNICODE_PATH: u16 = 0x7075;

/// What local and central headers have in common.
#[derive(Clone)]
pub(super) struct Common<'a> {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) name: &'a [u8],
    pub(super) second_name: bool,
}

/// A central directory header.
pub(super) struct Central<'a> {
    pub(super) common: Common<'a>,
    pub(super) disk: u16,
    pub(super) made_by: u16,
    pub(super) attributes: u32,
    pub(super) local_at: u64,
}

/// Reads little-endian fields one after another; `None` once the bytes are used up.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_le_bytes(*head))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*head))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*head))
    }

    /// Consumes the signature `expected`.
    pub(super) fn signature(&mut self, expected: u32) -> Option<()> {
        (self.u32()? == expected).then_some(())
    }
}

/// Reads a central directory header; `None` when it is cut short or its ZIP64 field does not fit.
pub(super) fn central<'a>(fields: &mut Fields<'a>) -> Option<Central<'a>> {
    fields.signature(CENTRAL)?;
    let made_by = fields.u16()?;
    fields.u16()?; // version needed
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.u32()?; // time and date
    let (crc, compressed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name_len, extra_len, comment_len) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let disk = fields.u16()?;
    fields.u16()?; // internal attributes
    let attributes = fields.u32()?;
    let local_at = fields.u32()?;
    let name = fields.take(name_len.into())?;
    let extra = fields.take(extra_len.into())?;
    fields.take(comment_len.into())?;

    let [size, compressed, local_at] = widen(extra, [size, compressed, local_at])?;
    let second_name = find_extra(extra, EXTRA_UNICODE_PATH)?.is_some();
    let common = Common { flags, method, crc, compressed, size, name, second_name };
    Some(Central { common, disk, made_by, attributes, local_at })
}

/// Reads a local file header; `None` when it is cut short or its ZIP64 field does not fit.
pub(super) fn local<'a>(fields: &mut Fields<'a>) -> Option<Common<'a>> {
    fields.signature(LOCAL)?;
    fields.u16()?; // version needed
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.u32()?; // time and date
    let (crc, compressed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name_len, extra_len) = (fields.u16()?, fields.u16()?);
    let name = fields.take(name_len.into())?;
    let extra = fields.take(extra_len.into())?;
    let [size, compressed] = widen(extra, [size, compressed])?;
    let second_name = find_extra(extra, EXTRA_UNICODE_PATH)?.is_some();
    Some(Common { flags, method, crc, compressed, size, name, second_name })
}

/// Replaces each field that is all ones by the next 64-bit value of the ZIP64 extra field, when there is one (4.5.3).
fn widen<const N: usize>(extra: &[u8], narrow: [u32; N]) -> Option<[u64; N]> {
    let mut wide = narrow.map(u64::from);
    if let Some(values) = find_extra(extra, EXTRA_ZIP64)? {
        let mut values = Fields(values);
        for field in wide.iter_mut().filter(|f| **f == u64::from(u32::MAX)) {
            *field = values.u64()?;
        }
    }
    Some(wide)
}

/// The content of the extra field `id`; the outer `None` when the fields are malformed or `id` comes twice.
fn find_extra(extra: &[u8], id: u16) -> Option<Option<&[u8]>> {
    let mut fields = Fields(extra);
    let mut found = None;
    while !fields.0.is_empty() {
        let (this, len) = (fields.u16()?, fields.u16()?);
        let content = fields.take(len.into())?;
        if this == id && found.replace(content).is_some() {
            return None;
        }
    }
    Some(found)
}

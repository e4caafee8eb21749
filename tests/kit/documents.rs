//! A document to seal, and one that somebody changed afterwards.

use base::Timestamp;
use document::ofd::write::{Align, BLACK, Builder, Info, Text};
use document::zip::{Archive, DosTime, Limits, Writer};

const PAGE: &str = "Doc_0/Pages/Page_0/Content.xml";
const CREATED: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

/// An OFD document of one page with `words` on it.
pub(crate) fn one_page(words: &str) -> Vec<u8> {
    let mut builder = Builder::new(Info {
        doc_id: [7; 16],
        title: words.to_owned(),
        author: "示例省".to_owned(),
        created: CREATED,
        creator: ("yinxin tests".to_owned(), "1".to_owned()),
        custom_data: Vec::new(),
    });
    let font = builder.font("宋体", false);
    let page = builder.page(210.0, 297.0);
    let (x, y, width, size) = (25.0, 40.0, 160.0, 7.0);
    let text =
        Text { content: words, x, y, width, font, size, spacing: 0.0, colour: BLACK, align: Align::Left };
    builder.text(page, &text);
    builder.build().unwrap()
}

/// `document` with its page exchanged for one that says `words`; all else, the seal too, stays.
pub(crate) fn with_another_page(document: &[u8], words: &str) -> Vec<u8> {
    let other = Archive::open(&one_page(words), &Limits::default()).unwrap();
    let other_page = &other.entries().iter().find(|entry| entry.name == PAGE).unwrap().data;
    let mut writer = Writer::new(DosTime::in_china(CREATED));
    for entry in Archive::open(document, &Limits::default()).unwrap().entries() {
        writer.add(&entry.name, if entry.name == PAGE { other_page } else { &entry.data });
    }
    writer.finish().unwrap()
}

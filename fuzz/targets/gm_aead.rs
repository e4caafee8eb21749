//! SM4's modes and key wrap on any key, nonce, tag, additional data and data: what was sealed opens, what was changed does not, pieces
//! are as the whole, and every path of the processor agrees with the portable one.
#![no_main]

use fuzz::cryptography::{PATHS_OF_SM4, on_every_path};
use gm::Rejected;
use gm::sm4::{Block, Key, cbc, ccm, cfb, ctr, gcm, key_wrap, ofb, xts};
use libfuzzer_sys::fuzz_target;

/// The most that data are made longer to, in bytes: several batches of the widest path.
const LONGEST_BYTES: usize = 8192;

/// The most of them that is wrapped as a key, block after block, in bytes.
const LONGEST_KEY_BYTES: usize = 512;

/// The shortest tag that no change meets by chance.
const LEAST_SURE_TAG_BYTES: usize = 8;

fuzz_target!(|data: &[u8]| {
    if let Some(case) = Case::read(data) {
        on_every_path(PATHS_OF_SM4, || case.run());
    }
});

/// What the first bytes of an input say of the rest.
struct Case<'a> {
    mode: u8,
    /// The length of a tag, or of a nonce longer or shorter than the usual.
    tag_bytes: usize,
    nonce: &'a [u8],
    key: [u8; 32],
    /// The nonce or initial value of the modes that have one length of it.
    iv: Block,
    /// How long the pieces are, one after the other, and from the beginning again.
    pieces: [u8; 3],
    /// What the changed byte is changed with, and where it is.
    change: (u8, usize),
    aad: &'a [u8],
    data: Vec<u8>,
}

impl<'a> Case<'a> {
    fn read(input: &'a [u8]) -> Option<Self> {
        let (&[mode, tag, nonce, key, aad, repeat, change, at, one, two, three], rest) =
            input.split_first_chunk()?;
        let (iv, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_at_checked(usize::from(nonce % 32))?;
        let (aad, data) = rest.split_at_checked(usize::from(aad))?;
        let length = (data.len() * (1 + usize::from(repeat))).min(LONGEST_BYTES.max(data.len()));
        Some(Self {
            mode: mode % 8,
            tag_bytes: usize::from(tag % 20),
            nonce,
            // Of the keys 0 and 1 the halves are the same.
            key: if key < 2 { [key; 32] } else { gm::sm3::hash(&[key]) },
            iv: *iv,
            pieces: [one, two, three],
            change: (change, usize::from(at)),
            aad,
            data: data.iter().copied().cycle().take(length).collect(),
        })
    }

    /// What came out of everything that was done, to be compared.
    fn run(&self) -> Vec<Option<Vec<u8>>> {
        let key = Key::new(self.key.first_chunk().unwrap());
        match self.mode {
            0 => self.gcm(&key),
            1 => self.gcm_with_nonce(&key),
            2 => self.ccm(&key),
            3 => self.cbc(&key),
            4 => self.xts(),
            5 => self.key_wrap(
                |data| key_wrap::wrap(&key, data).ok(),
                |wrapping| key_wrap::unwrap(&key, wrapping).ok().map(|unwrapped| unwrapped.to_vec()),
            ),
            6 => self.key_wrap(
                |data| key_wrap::wrap_padded(&key, data).ok(),
                |wrapping| key_wrap::unwrap_padded(&key, wrapping).ok().map(|unwrapped| unwrapped.to_vec()),
            ),
            _ => self.streams(&key),
        }
    }

    fn gcm(&self, key: &Key) -> Vec<Option<Vec<u8>>> {
        let nonce = self.iv.first_chunk().unwrap();
        let sealed = gcm::seal(key, nonce, self.aad, &self.data).unwrap();
        assert!(gcm::open(key, nonce, self.aad, &sealed).as_ref() == Ok(&self.data), "opens");

        let mut sealer = gcm::Sealer::new(key, nonce, self.aad).unwrap();
        let mut pieces = self.data.clone();
        self.in_pieces(&mut pieces, |piece| sealer.update(piece).unwrap());
        pieces.extend(sealer.finish());
        assert!(pieces == sealed, "in pieces");

        let mut in_place = self.data.clone();
        let tag = gcm::seal_in_place(key, nonce, self.aad, &mut in_place).unwrap();
        assert!([in_place.as_slice(), &tag].concat() == sealed, "in place");
        if let Some(changed) = self.changed(&tag) {
            let before = in_place.clone();
            let opened =
                gcm::open_in_place(key, nonce, self.aad, &mut in_place, changed.first_chunk().unwrap());
            assert!((opened, &in_place) == (Err(Rejected), &before), "nothing is decrypted");
        }
        assert_eq!(gcm::open_in_place(key, nonce, self.aad, &mut in_place, &tag), Ok(()));
        assert!(in_place == self.data, "opens in place");

        let open = |sealed: &[u8]| gcm::open(key, nonce, self.aad, sealed).ok();
        self.only_this_opens(&sealed, open);
        vec![Some(sealed), open(&self.data)]
    }

    fn gcm_with_nonce(&self, key: &Key) -> Vec<Option<Vec<u8>>> {
        let open = |sealed: &[u8]| gcm::open_with_nonce(key, self.nonce, self.aad, sealed).ok();
        let sealed = gcm::seal_with_nonce(key, self.nonce, self.aad, &self.data).ok();
        assert_eq!(sealed.is_none(), self.nonce.is_empty());
        if let Some(sealed) = &sealed {
            assert!(open(sealed).as_ref() == Some(&self.data), "opens");
            self.only_this_opens(sealed, open);
            if let Ok(nonce) = self.nonce.try_into() {
                assert!(gcm::seal(key, nonce, self.aad, &self.data).as_ref() == Ok(sealed), "of 12 bytes");
            }
        }
        vec![sealed, open(&self.data)]
    }

    fn ccm(&self, key: &Key) -> Vec<Option<Vec<u8>>> {
        let open = |sealed: &[u8]| ccm::open(key, self.nonce, self.tag_bytes, self.aad, sealed).ok();
        let sealed = ccm::seal(key, self.nonce, self.tag_bytes, self.aad, &self.data).ok();
        let nonce_fits = (7..=13).contains(&self.nonce.len());
        assert_eq!(sealed.is_some(), nonce_fits && matches!(self.tag_bytes, 4 | 6 | 8 | 10 | 12 | 14 | 16));
        if let Some(sealed) = &sealed {
            assert!(open(sealed).as_ref() == Some(&self.data), "opens");
            let (mut in_place, mut tag) = (self.data.clone(), vec![0; self.tag_bytes]);
            assert_eq!(ccm::seal_in_place(key, self.nonce, self.aad, &mut in_place, &mut tag), Ok(()));
            assert!([in_place.as_slice(), &tag].concat() == *sealed, "in place");
            if let Some(changed) = self.changed(&tag) {
                let opened = ccm::open_in_place(key, self.nonce, self.aad, &mut in_place, &changed);
                assert_eq!(opened, Err(Rejected));
                assert!(in_place.iter().all(|byte| *byte == 0), "wiped");
            }
            if self.tag_bytes >= LEAST_SURE_TAG_BYTES {
                self.only_this_opens(sealed, open);
            }
        }
        vec![sealed, open(&self.data)]
    }

    fn cbc(&self, key: &Key) -> Vec<Option<Vec<u8>>> {
        let encrypted = cbc::encrypt(key, &self.iv, &self.data);
        assert!(cbc::decrypt(key, &self.iv, &encrypted).as_ref() == Ok(&self.data), "decrypts");
        let (mut encryptor, mut pieces) = (cbc::Encryptor::new(key, &self.iv), Vec::new());
        self.in_pieces(&mut self.data.clone(), |piece| encryptor.update(piece, &mut pieces));
        encryptor.finish(&mut pieces);
        assert!(pieces == encrypted, "in pieces");

        let decrypted = cbc::decrypt(key, &self.iv, &self.data);
        let (mut decryptor, mut pieces) = (cbc::Decryptor::new(key, &self.iv), Vec::new());
        self.in_pieces(&mut self.data.clone(), |piece| decryptor.update(piece, &mut pieces));
        let finished = decryptor.finish(&mut pieces);
        assert!(finished.map(|()| pieces) == decrypted, "in pieces");
        if let Ok(plaintext) = &decrypted {
            assert!(cbc::encrypt(key, &self.iv, plaintext) == self.data, "one padding for one plaintext");
        }

        let mut whole = self.data.clone();
        let fits = cbc::decrypt_whole(key, &self.iv, &mut whole).is_ok();
        assert_eq!(fits, self.data.len().is_multiple_of(16));
        let decrypted_whole = fits.then(|| whole.clone());
        assert_eq!(cbc::encrypt_whole(key, &self.iv, &mut whole).is_ok(), fits);
        assert!(whole == self.data, "there and back");
        vec![Some(encrypted), decrypted.ok(), decrypted_whole]
    }

    fn xts(&self) -> Vec<Option<Vec<u8>>> {
        let key = xts::Key::new(&self.key);
        assert_eq!(key.is_err(), self.key[..16] == self.key[16..]);
        let Ok(key) = key else { return Vec::new() };
        let ways = [
            (xts::encrypt_gb as Xts, xts::decrypt_gb as Xts),
            (xts::decrypt_gb, xts::encrypt_gb),
            (xts::encrypt_ieee, xts::decrypt_ieee),
            (xts::decrypt_ieee, xts::encrypt_ieee),
        ];
        let crypted = ways.map(|(there, back)| {
            let mut data = self.data.clone();
            let fits = there(&key, &self.iv, &mut data).is_ok();
            let crypted = fits.then(|| data.clone());
            assert_eq!(fits, data.len() >= 16);
            assert_eq!(back(&key, &self.iv, &mut data).is_ok(), fits);
            assert!(data == self.data, "there and back");
            crypted
        });
        crypted.into()
    }

    fn key_wrap(
        &self,
        wrap: impl Fn(&[u8]) -> Option<Vec<u8>>,
        unwrap: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Vec<Option<Vec<u8>>> {
        let data = &self.data[..self.data.len().min(LONGEST_KEY_BYTES)];
        let wrapped = wrap(data);
        if let Some(wrapped) = &wrapped {
            assert_eq!(unwrap(wrapped).as_deref(), Some(data));
            self.only_this_opens(wrapped, &unwrap);
        }
        let unwrapped = unwrap(data);
        if let Some(unwrapped) = &unwrapped {
            assert_eq!(wrap(unwrapped).as_deref(), Some(data));
        }
        vec![wrapped, unwrapped]
    }

    /// The modes that make a stream of the key: the same in pieces and from the middle, and back again.
    fn streams(&self, key: &Key) -> Vec<Option<Vec<u8>>> {
        let mut counted = self.data.clone();
        ctr::apply(key, &self.iv, &mut counted);
        let (mut stream, mut pieces) = (ctr::Stream::new(key, &self.iv), self.data.clone());
        self.in_pieces(&mut pieces, |piece| stream.apply(piece).unwrap());
        assert!(pieces == counted, "in pieces");
        let middle = self.change.1.min(pieces.len());
        stream.seek(middle as u64);
        stream.apply(&mut pieces[middle..]).unwrap();
        assert!(pieces == [&counted[..middle], &self.data[middle..]].concat(), "from the middle");

        let mut fed_back = self.data.clone();
        cfb::encrypt(key, &self.iv, &mut fed_back);
        let mut again = fed_back.clone();
        cfb::decrypt(key, &self.iv, &mut again);
        assert!(again == self.data, "there and back");
        cfb::decrypt(key, &self.iv, &mut again);

        let mut fed_out = self.data.clone();
        ofb::apply(key, &self.iv, &mut fed_out);
        vec![Some(counted), Some(fed_back), Some(again), Some(fed_out)]
    }

    /// `sealed` with one byte changed does not open, nor cut by it or longer.
    fn only_this_opens(&self, sealed: &[u8], open: impl Fn(&[u8]) -> Option<Vec<u8>>) {
        if let Some(changed) = self.changed(sealed) {
            assert_eq!(open(&changed), None);
        }
        assert_eq!(open(&sealed[..sealed.len() - 1]), None);
        assert_eq!(open(&[sealed, &[self.change.0]].concat()), None);
    }

    fn changed(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (change, at) = self.change;
        let mut bytes = bytes.to_vec();
        let at = at % bytes.len();
        bytes[at] ^= change;
        (change != 0).then_some(bytes)
    }

    /// `work` on one piece of `data` after the other.
    fn in_pieces(&self, data: &mut [u8], mut work: impl FnMut(&mut [u8])) {
        let mut rest = data;
        // Pieces of no bytes are pieces too; the last one is never none, so that it ends.
        for length in self.pieces.iter().map(|length| usize::from(*length)).chain([257]).cycle() {
            let (piece, after) = rest.split_at_mut(length.min(rest.len()));
            work(piece);
            rest = after;
            if rest.is_empty() {
                return;
            }
        }
    }
}

/// One way of XTS.
type Xts = fn(&xts::Key, &Block, &mut [u8]) -> Result<(), gm::sm4::Error>;

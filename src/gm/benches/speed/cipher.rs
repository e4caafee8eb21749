//! SM4 in its modes, under each level of the processor, beside RustCrypto (tables) and gmsm.

use std::hint::black_box;

use ::sm4::Sm4;
use aes_gcm::aead::AeadInOut as _;
use aes_gcm::aead::consts::U12;
use aes_gcm::{AesGcm, KeyInit as _};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _, StreamCipher as _};
use gm::cpu::Level;
use gm::sm4::{Key, cbc as our_cbc, ctr as our_ctr, gcm as our_gcm};

use crate::contender::{Contender, Row, Size};

const KEY: [u8; 16] = [7; 16];
const IV: [u8; 16] = [9; 16];
const NONCE: [u8; 12] = [3; 12];

/// A mode, how each does it for so many bytes, and what is asked of ours.
struct Mode {
    name: &'static str,
    gmsm: &'static str,
    ours: fn(usize) -> Contender,
    rustcrypto: fn(usize) -> Contender,
    targets: fn(Level) -> Targets,
}

/// How many times as fast as RustCrypto and as gmsm.
#[derive(Default)]
struct Targets {
    rustcrypto: Option<f64>,
    gmsm: Option<f64>,
}

const MODES: [Mode; 4] = [
    Mode { name: "CTR", gmsm: "sm4-ctr", ours: ctr, rustcrypto: rustcrypto_ctr, targets: side_by_side },
    Mode {
        name: "CBC decrypt",
        gmsm: "sm4-cbc-decrypt",
        ours: cbc_decrypt,
        rustcrypto: rustcrypto_cbc_decrypt,
        targets: side_by_side,
    },
    // Each block waits for the one before: nothing is asked.
    Mode {
        name: "CBC encrypt",
        gmsm: "sm4-cbc-encrypt",
        ours: cbc_encrypt,
        rustcrypto: rustcrypto_cbc_encrypt,
        targets: |_| Targets::default(),
    },
    Mode {
        name: "GCM seal",
        gmsm: "sm4-gcm-seal",
        ours: gcm_seal,
        rustcrypto: rustcrypto_gcm_seal,
        targets: authenticated,
    },
];

/// Modes whose blocks do not wait for each other.
fn side_by_side(level: Level) -> Targets {
    match level {
        Level::Portable => Targets { rustcrypto: Some(1.5), gmsm: None },
        Level::AesNi | Level::Avx2 => Targets { rustcrypto: Some(5.0), gmsm: None },
        Level::Vaes | Level::Avx512 => Targets { rustcrypto: Some(10.0), gmsm: Some(2.5) },
    }
}

fn authenticated(level: Level) -> Targets {
    match level {
        Level::Portable | Level::AesNi | Level::Avx2 => Targets::default(),
        Level::Vaes | Level::Avx512 => Targets { rustcrypto: Some(8.0), gmsm: Some(2.0) },
    }
}

pub(crate) fn rows(highest: Level) -> Vec<Row> {
    let levels = Level::ALL.into_iter().filter(|level| *level <= highest).rev();
    let mut rows = Vec::new();
    for (mode, level) in MODES.iter().flat_map(|mode| levels.clone().map(move |level| (mode, level))) {
        for (length, bytes) in [("1 KiB", 1024), ("16 KiB", 16384)] {
            // Targets are set for long messages.
            let targets = if bytes == 16384 { (mode.targets)(level) } else { Targets::default() };
            let name = format!("SM4-{} {length}, {}", mode.name, level.name());
            let row = Row::new(name, Size::Bytes(bytes), Contender::at(level, || (mode.ours)(bytes)))
                .beside("RustCrypto sm4", targets.rustcrypto, (mode.rustcrypto)(bytes))
                // gmsm takes whatever the processor has: so must we, to be compared.
                .beside_gmsm(targets.gmsm.filter(|_| level == highest), format!("{}-{bytes}", mode.gmsm));
            rows.push(row);
        }
    }
    rows
}

fn plaintext(bytes: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(bytes).collect()
}

fn ctr(bytes: usize) -> Contender {
    let (key, mut data) = (Key::new(&KEY), plaintext(bytes));
    our_ctr::apply(&key, &IV, &mut data);
    assert_eq!(data, their_ctr(&Sm4::new(&KEY.into()), plaintext(bytes)));
    Contender::once(move || our_ctr::apply(&key, black_box(&IV), black_box(&mut data)))
}

fn their_ctr(key: &Sm4, mut data: Vec<u8>) -> Vec<u8> {
    apply_their_ctr(key, &mut data);
    data
}

fn apply_their_ctr(key: &Sm4, data: &mut [u8]) {
    let core = ctr_core(key);
    ::cbc::cipher::StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}

fn ctr_core(key: &Sm4) -> ::ctr::CtrCore<Sm4, ::ctr::flavors::Ctr128BE> {
    ::ctr::CtrCore::inner_iv_init(key.clone(), black_box(&IV).into())
}

fn rustcrypto_ctr(bytes: usize) -> Contender {
    let (key, mut data) = (Sm4::new(&KEY.into()), plaintext(bytes));
    Contender::once(move || apply_their_ctr(&key, black_box(&mut data)))
}

fn cbc_encrypt(bytes: usize) -> Contender {
    let (key, data) = (Key::new(&KEY), plaintext(bytes));
    assert_eq!(our_cbc::encrypt(&key, &IV, &data), their_cbc(&Sm4::new(&KEY.into()), &data));
    Contender::once(move || {
        black_box(our_cbc::encrypt(&key, &IV, black_box(&data)));
    })
}

fn their_cbc(key: &Sm4, data: &[u8]) -> Vec<u8> {
    ::cbc::Encryptor::inner_iv_init(key.clone(), &IV.into()).encrypt_padded_vec::<Pkcs7>(data)
}

fn rustcrypto_cbc_encrypt(bytes: usize) -> Contender {
    let (key, data) = (Sm4::new(&KEY.into()), plaintext(bytes));
    Contender::once(move || {
        black_box(their_cbc(&key, black_box(&data)));
    })
}

fn cbc_decrypt(bytes: usize) -> Contender {
    let (key, data) = (Key::new(&KEY), plaintext(bytes));
    let sealed = their_cbc(&Sm4::new(&KEY.into()), &data);
    assert_eq!(our_cbc::decrypt(&key, &IV, &sealed).unwrap(), data);
    Contender::once(move || {
        black_box(our_cbc::decrypt(&key, &IV, black_box(&sealed)).unwrap());
    })
}

fn rustcrypto_cbc_decrypt(bytes: usize) -> Contender {
    let key = Sm4::new(&KEY.into());
    let sealed = their_cbc(&key, &plaintext(bytes));
    Contender::once(move || {
        let mode = ::cbc::Decryptor::inner_iv_init(key.clone(), &IV.into());
        black_box(mode.decrypt_padded_vec::<Pkcs7>(black_box(&sealed)).unwrap());
    })
}

fn gcm_seal(bytes: usize) -> Contender {
    let (key, mut data) = (Key::new(&KEY), plaintext(bytes));
    let tag = our_gcm::seal_in_place(&key, &NONCE, b"", &mut data).unwrap();
    let mut theirs = plaintext(bytes);
    let their_tag =
        their_gcm().encrypt_inout_detached(&NONCE.into(), b"", theirs.as_mut_slice().into()).unwrap();
    assert_eq!((data.as_slice(), tag.as_slice()), (theirs.as_slice(), their_tag.as_slice()));
    Contender::once(move || {
        black_box(our_gcm::seal_in_place(&key, &NONCE, b"", black_box(&mut data)).unwrap());
    })
}

fn their_gcm() -> AesGcm<Sm4, U12> {
    AesGcm::from(Sm4::new(&KEY.into()))
}

fn rustcrypto_gcm_seal(bytes: usize) -> Contender {
    let (gcm, mut data) = (their_gcm(), plaintext(bytes));
    Contender::once(move || {
        black_box(gcm.encrypt_inout_detached(&NONCE.into(), b"", data.as_mut_slice().into()).unwrap());
    })
}
